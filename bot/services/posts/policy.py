"""What an answer of a platform means for a delivery. Pure: times and states in, a decision out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from adapters.base import (
    Busy,
    Expired,
    Finding,
    GrantDead,
    Misconfigured,
    Outcome,
    PlatformError,
    Rejected,
    TokenRefused,
)

LATE_AFTER = timedelta(minutes=60)
"""What is later than this does not go out by itself: a person decides."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=20), timedelta(minutes=10)
OUR_FAULT_PAUSE = timedelta(minutes=15)
"""When to try again after the platform refused our app: the operator was told."""
LOOKS = (timedelta(seconds=20), timedelta(minutes=5), timedelta(minutes=25))
"""When to look for a step whose answer was lost, each from the one before. After the last one a person is asked."""
PROCESSED_WITHIN = timedelta(hours=24)
"""How long a platform may work on what it has accepted, before a person is asked."""
NO_RECEIPT = "no_receipt"
"""Our own code: a step cannot follow one whose id nobody knows."""
FILE_GONE = "file_gone"
"""Our own code: a file of the post is not stored any more."""
NOT_CONVERTED = "not_converted"
"""Our own code: a picture could not be made the JPEG that the platform takes."""
CAP_REACHED = "cap_reached"
"""Our own code: as many posts as the platform takes within 24 hours went out."""
MONEY_SPENT = "money_spent"
"""Our own code: what the operator lets posts cost within 24 hours is spent."""
TOO_SOON = "too_soon"
"""Our own code: the account's last post went out a moment ago."""
POSTPONED = "Postponed"
"""The outcome of a delivery that got a later time because a limit of the day is used up."""
LINK_WITHIN = timedelta(hours=24)
"""How long the platform is asked for the address of a post that is live."""
MOST_EXPIRED = 5
"""How often in a row what was prepared may expire before it is sent."""


class Move(StrEnum):
    """What becomes of a delivery after a call that certainly published nothing."""

    AGAIN = "again"
    """Try again later."""
    ANEW = "anew"
    """Prepare it from the beginning."""
    FAIL = "fail"
    """A person must change something."""
    PARK = "park"
    """The account's grant has ended: it is held until somebody reconnects."""
    POSTPONE = "postpone"
    """A limit of the day is used up: it gets a later time, and people see it."""
    OPERATOR = "operator"
    """Our app is at fault: the operator is told, and it is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do, and when."""

    move: Move
    again_in: timedelta = timedelta(0)


MARGIN = timedelta(minutes=2)
"""A check or a look that comes this close to another one counts for both."""
CHECKS = (timedelta(hours=24), timedelta(hours=1), timedelta(minutes=10))
"""How long before a delivery is due it is checked whether it can go out."""
WATCHES = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=24))
"""How long after a post was sent it is looked at whether it is still live."""


def first_check_in(due_in: timedelta) -> timedelta | None:
    """Return when a delivery is checked first that is due then; None: not at all, since it goes out at once."""
    return max(due_in - CHECKS[0], timedelta(0)) if due_in > CHECKS[-1] else None


def next_check_in(due_in: timedelta) -> timedelta | None:
    """Return when to check next, after a check this long before the delivery is due; None: that was the last."""
    return next((due_in - ahead for ahead in CHECKS if due_in > ahead + MARGIN), None)


def next_watch_in(age: timedelta) -> timedelta | None:
    """Return when to look next at a post that was sent this long ago; None: that was the last look."""
    return next((after - age for after in WATCHES if age < after - MARGIN), None)


def pause(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(failures, 10)
    return min(doubled, LONGEST_PAUSE)


def after(error: PlatformError, failures: int, cap_codes: Collection[str] = ()) -> Decision:
    """Return what follows an error after which nothing was published; `failures` came before it.

    `cap_codes`: those with which the platform says that its daily cap is used up.
    """
    match error:
        case Busy() if error.retry_after and error.code in {CAP_REACHED, MONEY_SPENT, *cap_codes}:
            return Decision(move=Move.POSTPONE, again_in=error.retry_after)
        case Expired():
            move = Move.ANEW if failures < MOST_EXPIRED else Move.FAIL
            return Decision(move=move, again_in=timedelta(0) if failures == 0 else pause(failures))
        case Rejected():
            return Decision(move=Move.FAIL)
        case GrantDead():
            return Decision(move=Move.PARK)
        case Misconfigured():
            return Decision(move=Move.OPERATOR, again_in=OUR_FAULT_PAUSE)
        case Busy() | TokenRefused() | _:
            return Decision(move=Move.AGAIN, again_in=max(error.retry_after or pause(failures), FIRST_PAUSE))


class Verdict(StrEnum):
    """What becomes of a step after a look at the platform."""

    SENT = "sent"
    LOOK_AGAIN = "look_again"
    SEND_AGAIN = "send_again"
    """The platform proves that it did not happen."""
    FAIL = "fail"
    ASK = "ask"
    """Nobody but a person can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What to do about a step that was sent, and when."""

    verdict: Verdict
    again_in: timedelta = timedelta(0)
    missed: bool = False
    """This look did not find it where it should be."""


def judge(finding: Finding, *, looks: int, since: timedelta) -> Judgement:
    """Return what a finding means for a step that was sent `since` ago; `looks` did not find it before."""
    match finding.outcome:
        case Outcome.LIVE:
            return Judgement(verdict=Verdict.SENT)
        case Outcome.NOT_SENT:
            return Judgement(verdict=Verdict.SEND_AGAIN)
        case Outcome.REFUSED:
            return Judgement(verdict=Verdict.FAIL)
        case Outcome.PROCESSING if since < PROCESSED_WITHIN:
            wait = finding.again_in or max(FIRST_PAUSE, min(since / 4, LONGEST_PAUSE))
            return Judgement(verdict=Verdict.LOOK_AGAIN, again_in=wait)
        case Outcome.NOT_FOUND if looks + 1 < len(LOOKS):
            return Judgement(verdict=Verdict.LOOK_AGAIN, again_in=LOOKS[looks + 1], missed=True)
        case _:
            return Judgement(verdict=Verdict.ASK, missed=finding.outcome is Outcome.NOT_FOUND)
