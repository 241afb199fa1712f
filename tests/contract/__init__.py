"""Tests against what Leap publishes of its API."""
