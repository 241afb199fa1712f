"""Leap's HTTP API, with nothing of Home Assistant in it."""
