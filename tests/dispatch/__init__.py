"""Tests of what Leap asked, and when."""
