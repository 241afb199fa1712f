"""A simulated home: devices that keep their state whatever happens to Home Assistant."""
