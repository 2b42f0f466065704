"""How we speak to the database: connections, transactions, leases, rights and limits of time."""
