"""What an operator sees of a process: logs, metrics, traces; and its one HTTP client."""
