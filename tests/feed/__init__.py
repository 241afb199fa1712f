"""Tests of how dispatches come in: door, guard, push and the entry around them."""
