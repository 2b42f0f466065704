"""The seven pretend platforms, each on its own port of this machine."""
