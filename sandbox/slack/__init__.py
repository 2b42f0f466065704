"""A Slack on localhost: its Web API, installation and sign-in, signed deliveries, and a small web client."""
