"""A simulated Slack and seven simulated platforms on localhost, accurate enough to develop against offline."""
