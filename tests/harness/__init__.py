"""Tests of what demo, browser test and bench are made of."""
