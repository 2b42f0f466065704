"""Background work. Every row of work is claimed with a lease, so any number of processes may do it."""
