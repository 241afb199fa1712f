"""Tests of the repository itself: what hassfest, HACS and the house rules want of it."""
