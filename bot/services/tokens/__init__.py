"""Tokens: refreshed in time, in queues that keep within each platform's limits."""
