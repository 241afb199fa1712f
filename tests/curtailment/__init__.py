"""Tests of how the home answers."""
