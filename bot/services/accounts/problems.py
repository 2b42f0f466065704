"""What can be the matter with an account, how serious each problem is, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much an account needs somebody."""

    GREEN = "green"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"
    """Nothing can be published until somebody signs in again, or the operator has solved it."""
    WAITING = "waiting"
    """Connecting it is not finished yet."""


class Remedy(StrEnum):
    """What a person can do: the button that a diagnosis comes with."""

    NOTHING = "nothing"
    RECONNECT = "reconnect"
    FINISH = "finish"
    """The consent is stored, but the platform did not answer: the message with the button is in Slack."""
    OPERATOR = "operator"
    """Only the person who runs this installation can help."""


class Problem(StrEnum):
    """What is the matter with an account."""

    NONE = "none"
    GRANT_REMOVED = "grant_removed"
    """It was ended here."""
    GRANT_EXPIRED = "grant_expired"
    GRANT_DEAD = "grant_dead"
    """The platform ended it."""
    GRANT_REFUSED = "grant_refused"
    """The platform refuses to renew it for hours, without saying that it has ended."""
    ACCOUNT_LOST = "account_lost"
    """The grant works, but not for this account."""
    ACCOUNT_BLOCKED = "account_blocked"
    """The platform has suspended or locked the account, and only its owner can get it back there."""
    NOT_CONFIGURED = "not_configured"
    """This installation no longer has the app that the account was connected with."""
    UNFINISHED = "unfinished"
    APP_REFUSED = "app_refused"
    """The platform rejects our credentials."""
    PLATFORM_SILENT = "platform_silent"
    PLATFORM_DOUBTED = "platform_doubted"
    """The platform ends so many grants at once that it is probably mistaken."""
    ROLE_FORBIDS = "role_forbids"
    """The role of the person who connected it does not allow publishing."""
    SCOPE_FORBIDS = "scope_forbids"
    """The permission to publish was not granted."""
    ACCOUNT_SUSPECTED = "account_suspected"
    """The platform said once that we lost access to it; a second check follows."""
    ACCOUNTS_ONLY = "accounts_only"
    """The person's grant ended; the account's own token still works."""
    GRANT_SUSPECTED = "grant_suspected"
    """The platform said once that the grant ended; a second check follows."""
    REFRESH_IN_DOUBT = "refresh_in_doubt"
    """The answer to the last refresh was lost."""
    ACCESS_EXPIRED = "access_expired"
    """The person's token expired; the account's own token may still work."""
    ENDING = "ending"
    DATA_ENDING = "data_ending"
    DATA_ENDED = "data_ended"
    """The platform no longer shows its data; publishing works."""
    OVERDUE = "overdue"
    """A refresh or check is late: nothing runs in the background."""
    REFUSED_ALIKE = "refused_alike"
    """The platform refuses to renew the grants of this installation's app for hours: the operator was called."""
    REFUSED = "refused"
    """The platform refused the last refreshes or checks, and does not document why."""
    UNANSWERED = "unanswered"
    """The last refreshes or checks failed."""
    SCOPES_MISSING = "scopes_missing"
    """A permission that publishing does not need was not granted."""


FORBIDDEN = frozenset({Problem.ROLE_FORBIDS, Problem.SCOPE_FORBIDS})
"""Problems of an account that is connected and can't publish, until somebody with more rights signs in."""
CONSEQUENCES: Mapping[Problem, tuple[Severity, Remedy]] = {
    Problem.NONE: (Severity.GREEN, Remedy.NOTHING),
    Problem.GRANT_REMOVED: (Severity.RED, Remedy.RECONNECT),
    Problem.GRANT_EXPIRED: (Severity.RED, Remedy.RECONNECT),
    Problem.GRANT_DEAD: (Severity.RED, Remedy.RECONNECT),
    Problem.GRANT_REFUSED: (Severity.RED, Remedy.RECONNECT),
    Problem.ACCOUNT_LOST: (Severity.RED, Remedy.RECONNECT),
    Problem.ACCOUNT_BLOCKED: (Severity.ORANGE, Remedy.NOTHING),
    Problem.NOT_CONFIGURED: (Severity.ORANGE, Remedy.OPERATOR),
    Problem.UNFINISHED: (Severity.WAITING, Remedy.FINISH),
    Problem.APP_REFUSED: (Severity.ORANGE, Remedy.OPERATOR),
    Problem.PLATFORM_SILENT: (Severity.YELLOW, Remedy.NOTHING),
    Problem.PLATFORM_DOUBTED: (Severity.YELLOW, Remedy.NOTHING),
    Problem.ROLE_FORBIDS: (Severity.ORANGE, Remedy.RECONNECT),
    Problem.SCOPE_FORBIDS: (Severity.ORANGE, Remedy.RECONNECT),
    Problem.ACCOUNT_SUSPECTED: (Severity.YELLOW, Remedy.NOTHING),
    Problem.ACCOUNTS_ONLY: (Severity.YELLOW, Remedy.RECONNECT),
    Problem.GRANT_SUSPECTED: (Severity.YELLOW, Remedy.NOTHING),
    Problem.REFRESH_IN_DOUBT: (Severity.YELLOW, Remedy.NOTHING),
    Problem.ACCESS_EXPIRED: (Severity.YELLOW, Remedy.NOTHING),
    Problem.ENDING: (Severity.YELLOW, Remedy.RECONNECT),
    Problem.DATA_ENDING: (Severity.YELLOW, Remedy.RECONNECT),
    Problem.DATA_ENDED: (Severity.ORANGE, Remedy.RECONNECT),
    Problem.OVERDUE: (Severity.YELLOW, Remedy.OPERATOR),
    Problem.REFUSED_ALIKE: (Severity.RED, Remedy.OPERATOR),
    Problem.REFUSED: (Severity.YELLOW, Remedy.NOTHING),
    Problem.UNANSWERED: (Severity.YELLOW, Remedy.NOTHING),
    Problem.SCOPES_MISSING: (Severity.YELLOW, Remedy.RECONNECT),
}
"""How serious each problem is, and what helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CannotPublish:
    """An account that was connected and can't publish, with what its diagnosis says about that."""

    name: str
    problem: Problem
    scopes: tuple[str, ...] = ()
    """The scopes without which it can't."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedAccount:
    """An account the platform showed and that cannot be used; `reason` is a `Blocker`."""

    name: str
    reason: str
