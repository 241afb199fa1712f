"""Stand-ins for what a home meets: Leap, and the devices of a house."""
