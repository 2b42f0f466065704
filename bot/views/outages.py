"""What a member reads when Slack, the database or we ourselves failed: what happened, what changed, what to do."""

from __future__ import annotations

from bot.slack.failures import Failure, FailureKind, failure
from storage.engine.outages import is_outage as database_away

DATABASE = "Octapost's database isn't answering right now."
UNTOUCHED = "Nothing was changed; please try again in a minute."
CHECK = "Part of it may have been done: please check before you try again."


def explain_outage(error: Exception, *, changed: bool) -> str:
    """Return the sentence for an error that is an outage; `changed`: something may have been committed."""
    what = DATABASE if database_away(error) else _slack(failure(error))
    return f"{what} {CHECK if changed else UNTOUCHED}"


def our_fault(number: str, *, changed: bool) -> str:
    """Return the sentence for a fault of ours, with the number under which the log has it."""
    return (
        f"Something broke on our side. {CHECK if changed else UNTOUCHED}"
        f" If it stays, tell whoever runs Octapost the number {number}."
    )


def _slack(failed: Failure) -> str:
    if failed.kind is FailureKind.TRANSIENT or failed.may_have_succeeded:
        return "Slack isn't answering me right now."
    if failed.kind is FailureKind.ENDED:
        return "Slack has ended Octapost's access to this workspace. A workspace admin can add it again."
    return (
        f"Slack refused what I asked of it (code `{failed.code}`). If it stays, tell whoever runs Octapost."
    )
