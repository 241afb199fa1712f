"""Leap asks, the home answers, the meter tells."""
