"""Reddit: sign-in, subreddits and posts."""
