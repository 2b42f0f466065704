"""Incidents: what needs a person, the card that says so, and when it may be said."""
