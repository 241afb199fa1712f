"""What Leap asked, and when: pure, without I/O, clock or Home Assistant."""
