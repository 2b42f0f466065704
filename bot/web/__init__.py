"""What a browser or a platform sees of us: pages, redirects, and the health of the process."""
