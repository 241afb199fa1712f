"""Tests of Leap for Home Assistant, one folder per room."""
