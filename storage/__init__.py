"""Tables and the questions we ask them. Imports nothing of ours from outside this package."""
