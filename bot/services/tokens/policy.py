"""When tokens are refreshed, how long to wait after a failure, and when to doubt a platform. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from adapters.base import Platform, Refresh, Tokens
from storage.models import REJECTED, Grant
from storage.rate_limits import RateLimit
from storage.tallies import Tally

SECOND_OPINION = timedelta(minutes=15)
"""After a platform first calls a grant dead, how long until it is asked again."""
KEEP_ALIVE = timedelta(days=7)
DATE_MISSING = timedelta(minutes=5)
"""After a consent for which the platform didn't say until when it shows its data, the first refresh asks again."""
"""How often a single-use grant that nobody needs is refreshed, so that it does not expire unused."""
HEALTH_CHECK = timedelta(hours=24)
CHECK_SHARE = 4
"""Checks of grants that cannot be refreshed take at most one in so many of an app's calls."""
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)
"""Pauses after a failure: full jitter between nothing and a bound that doubles up to the longest.

The longest is how much later than the platform we recover from an outage.
"""
OUR_FAULT_PAUSE = timedelta(minutes=5)
REFUSAL_PAUSE = timedelta(hours=1)
"""After a refusal that no refresh can cure: a check is one of the few calls that a member has in a day."""
REFUSED_AFTER = timedelta(hours=3)
"""How long after the access token's end a platform must have refused to renew it before a person is asked: the same
refusal may be a fault of the platform that passes."""
REFUSED_ALIKE = 3
"""So many grants of an app that are refused alike, while none is renewed, are the operator's matter."""
PATIENT_TRIES = 6
"""After so many failures in a row a refusal is repeated hourly."""
BREAKER_WINDOW_MIN = 10
BREAKER_GRANTS, BREAKER_SHARE = 20, 0.05
BREAKER_HISTORY_MIN = 60
BREAKER_HOLD = timedelta(minutes=60)
OUTAGE_CALLS, OUTAGE_SHARE, OUTAGE_WINDOW_MIN = 20, 0.01, 10
"""So many calls in ten minutes, and such a share of them, without an answer are an outage."""
OUTAGE_HISTORY_MIN = 60
"""Where few accounts make few calls: so many unanswered in an hour in which none was answered."""
LEASE = timedelta(seconds=60)
"""Longer than waiting for a slot, the longest call, 20 s, and its commit."""
COMMIT_FOR_S = 600.0
"""How long new tokens are kept in memory while the database is away."""
SINGLE_USE_LEASE = timedelta(seconds=COMMIT_FOR_S) + LEASE
"""Longer than new tokens may wait in memory: a process that took the grant over sooner would use a spent token."""
ACCOUNTS_ONLY = "accounts_only"
"""The outcome for a grant whose person signed out while its accounts' own tokens still work."""
TESTING_WEEK = "testing_week"
"""The reason of a grant that ended the way the platform ends those of an app in test mode."""
TESTING_MARGIN = timedelta(days=1)
BREAKER_OPEN, OUTAGE, REFUSED = "breaker_open", "outage", "refused"
"""Codes of the alerts that call the operator."""


def next_refresh_in(platform: Platform, tokens: Tokens, *, jitter: float) -> timedelta:
    """Return in how long a grant with these tokens is due next; `jitter` is between 0 and 1.

    Single-use tokens are refreshed just before something needs them, such as the daily look at the account, and at
    least once a week: each refresh has a moment in which a crash would lose them. Others are refreshed ahead of need,
    spread over a fifth of their life; where their refresh token ends before that, refreshing early gains nothing. A
    grant that only a person can renew is checked instead: see `next_check_in`.
    """
    match platform.refresh:
        case Refresh.SINGLE_USE:
            return _sooner(KEEP_ALIVE, tokens.refresh_expires_in, jitter)
        case Refresh.EXCHANGE:
            return _sooner(HEALTH_CHECK, tokens.expires_in, jitter)
        case Refresh.NONE if tokens.refresh_token is None:
            return _sooner(HEALTH_CHECK, None, jitter)
        case _:
            life: timedelta = tokens.expires_in or platform.access_lifetime or KEEP_ALIVE
            ahead, last = life * (0.7 + 0.2 * jitter), tokens.refresh_expires_in
            return ahead if last is None or ahead < last else life


def next_check_in(rate_limit: RateLimit, grants: int, *, jitter: float) -> timedelta:
    """Return in how long a grant that cannot be refreshed is checked again, as one of so many of its app.

    Daily, as long as that leaves three quarters of the app's budget to what people do. LinkedIn allows an app
    100,000 calls a day and a member 150: checks, one call each, are daily up to 20,000 grants and weekly for
    140,000. Publishing finds a dead grant out in between.
    """
    return _sooner(max(HEALTH_CHECK, grants * CHECK_SHARE * rate_limit.interval), None, jitter)


def confirmed(suspected_at: datetime | None, now: datetime) -> bool:
    """Tell whether a bad answer is the second opinion after the one at `suspected_at`."""
    return suspected_at is not None and now - suspected_at >= SECOND_OPINION * 0.9


def renewable(platform: Platform, grant: Grant) -> bool:
    """Tell whether a grant's tokens can be renewed without a person."""
    return grant.refresh_sealed is not None or platform.refresh is Refresh.EXCHANGE


def lease_for(platform: Platform) -> timedelta:
    """Return for how long a grant belongs to the process that refreshes it."""
    return SINGLE_USE_LEASE if platform.refresh is Refresh.SINGLE_USE else LEASE


def end_reason(platform: Platform, grant: Grant, code: str, now: datetime) -> str:
    """Return the code that best says why a grant ended: the platform's, or TESTING_WEEK.

    Google has no code of its own for a grant that ended because the app is in "Testing"; only its age shows
    it (https://developers.google.com/identity/protocols/oauth2#expiration).
    """
    life = platform.testing_lifetime
    age = now - (grant.consented_at or grant.created_at)
    if life is not None and code in platform.dead_grant_codes and abs(age - life) <= TESTING_MARGIN:
        return TESTING_WEEK
    return code


def tripped(tallies: Mapping[int, Tally], minute: int) -> bool:
    """Tell whether a platform called too many grants dead to be believed, in any ten minutes of the last hour.

    The breaker stays open for an hour after the worst of it, so that the second opinions of a mass failure
    find it open too. `tallies` is by minute.
    """
    first = minute - int(BREAKER_HOLD.total_seconds() // 60)
    for end in range(first, minute + 1):
        window = [tallies[m] for m in range(end - BREAKER_WINDOW_MIN + 1, end + 1) if m in tallies]
        dead, total = sum(t.dead for t in window), sum(t.total for t in window)
        if dead >= BREAKER_GRANTS and dead >= BREAKER_SHARE * total:
            return True
    return False


def is_outage(hour: Mapping[int, Tally], minute: int) -> bool:
    """Tell whether a platform leaves more calls unanswered than on any ordinary day; `hour` is by minute."""
    return _unanswered(_recent(hour, minute)) or (_silent(hour.values()) and _unanswered(hour.values()))


def is_silent(hour: Mapping[int, Tally], minute: int) -> bool:
    """Tell whether a platform answered no call in the last ten minutes; `hour` is by minute."""
    return _silent(_recent(hour, minute))


def retry_in(failures: int, retry_after: timedelta | None, *, chance: float) -> timedelta:
    """Return how long to wait after `failures` failures in a row: full jitter, never less than `retry_after`."""
    bound = min(LONGEST_PAUSE, SHORTEST_PAUSE * (1 << min(failures, 10)))
    return max(retry_after or timedelta(0), SHORTEST_PAUSE / 2 + bound * chance)


def refused_for_long(grant: Grant, code: str, now: datetime) -> bool:
    """Tell whether a platform refuses to renew a grant, as it did before, hours after its access token ended."""
    ended = grant.access_expires_at
    repeated = grant.last_outcome == REJECTED and grant.last_error_code == code
    return repeated and ended is not None and now - ended >= REFUSED_AFTER


def at_latest(usual: timedelta, again_in: timedelta | None) -> timedelta:
    """Return the shorter of two spans, of which the second may be missing."""
    return usual if again_in is None else min(usual, again_in)


def _sooner(usual: timedelta, ends_in: timedelta | None, jitter: float) -> timedelta:
    spread = usual * (0.9 + 0.2 * jitter)
    return spread if ends_in is None else min(spread, max(ends_in / 2, timedelta(minutes=5)))


def _recent(hour: Mapping[int, Tally], minute: int) -> list[Tally]:
    return [tally for at, tally in hour.items() if at > minute - OUTAGE_WINDOW_MIN]


def _silent(tallies: Iterable[Tally]) -> bool:
    return not any(tally.fresh or tally.dead for tally in tallies)


def _unanswered(tallies: Collection[Tally]) -> bool:
    unanswered, total = sum(t.busy for t in tallies), sum(t.total for t in tallies)
    return unanswered >= OUTAGE_CALLS and unanswered > OUTAGE_SHARE * total
