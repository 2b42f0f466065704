"""What a member reads when Slack, the database or we ourselves failed: what happened, what changed, what to do."""

from __future__ import annotations

from bot.slack.failures import Failure, FailureKind, failure
from storage.engine.outages import is_outage as database_away

DATABASE = "Octapost's database isn't answering right now."
UNTOUCHED = "Nothing changed. Please try again in a minute."
SILENT = "Slack isn't answering me right now."
CHECK = "Part of it may be done. Please check before you try again."


def explain_outage(error: Exception, *, changed: bool) -> str:
    """Return the sentence for an error that is an outage; `changed`: something may have been committed."""
    what = DATABASE if database_away(error) else _slack(failure(error))
    return f"{what} {CHECK if changed else UNTOUCHED}"


def our_fault(number: str, *, changed: bool) -> str:
    """Return the sentence for a fault of ours, with the number under which the log has it."""
    return (
        f"Something broke on our side. {CHECK if changed else UNTOUCHED}"
        f" If it keeps happening, tell whoever runs Octapost the number {number}."
    )


def _slack(failed: Failure) -> str:
    if failed.kind is FailureKind.TRANSIENT or failed.may_have_succeeded:
        return SILENT
    if failed.kind is FailureKind.ENDED:
        return "Slack has ended Octapost's access to this workspace. A workspace admin can add it again."
    return (
        f"Slack refused my request (code `{failed.code}`). If it keeps happening, tell whoever runs Octapost."
    )
