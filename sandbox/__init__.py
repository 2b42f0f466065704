"""The whole world offline: a Slack and seven platforms on localhost, faithful enough to build against."""
