"""Which errors are outages of Slack or of the database, and so no faults of ours."""

from __future__ import annotations

from bot.slack.failures import CALL_FAILED
from storage.engine.outages import is_outage as database_away


def is_outage(error: Exception) -> bool:
    """Tell whether an error is an outage of Slack or of the database."""
    return isinstance(error, CALL_FAILED) or database_away(error)
