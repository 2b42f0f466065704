"""A simulated Slack on localhost: its Web API, installation and sign-in, signed requests, and a small web client."""
