"""How the home answers a dispatch."""
