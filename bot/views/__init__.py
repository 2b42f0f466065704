"""What people see in Slack: pure functions, values in, blocks out; one module per story."""
