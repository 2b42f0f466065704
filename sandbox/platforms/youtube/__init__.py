"""A simulated Google sign-in and YouTube Data API."""
