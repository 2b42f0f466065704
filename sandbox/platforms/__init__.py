"""The seven simulated platforms, each on its own port of this machine."""
