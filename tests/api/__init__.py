"""Tests of Leap's API."""
