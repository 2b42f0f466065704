"""What runs while nobody waits. Every row of work is claimed by a lease; no replica is special."""
