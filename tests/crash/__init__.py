"""What survives when processes, databases, platforms and Slack go: counted."""
