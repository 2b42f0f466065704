"""One module per thing a member wants."""
