"""What runs while nobody waits."""
