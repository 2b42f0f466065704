"""Publishing: what was decided, how it goes out exactly once, and what became of it."""
