"""A simulated TikTok."""
