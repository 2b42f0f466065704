"""From a payload to its answer within three seconds, and what is said after that."""
