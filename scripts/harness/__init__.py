"""Starts a real Home Assistant, a sandbox of Leap and a simulated home, and talks to them."""
