"""The Slack machinery: requests in, answers and messages out."""
