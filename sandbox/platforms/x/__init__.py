"""X: sign-in, media and posts."""
