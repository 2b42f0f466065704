"""When a grant ends unless a person signs in again, as far as stored dates tell. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from adapters.base import Platform, Refresh
from bot.services.tokens.policy import renewable
from storage.models import Grant

LONGEST_NOTICE = timedelta(days=30)
"""The earliest that an organization can ask to be told before a grant ends."""


class Expiry(StrEnum):
    """How a working grant ends."""

    NEVER = "never"
    RENEWS = "renews"
    """It lasts as long as refreshing works."""
    RENEWAL_LATE = "renewal_late"
    """The same, but it was last refreshed long ago: it ends on a date unless a refresh works before."""
    RENEWS_UNTIL = "renews_until"
    """It is refreshed until a fixed date."""
    DATA_UNTIL = "data_until"
    """It is refreshed, but the platform stops showing its data on a fixed date."""
    NOT_RENEWED = "not_renewed"
    """It can no longer be refreshed; its last token works until a date."""
    ENDS = "ends"
    """It is never refreshed and ends on a date."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How a working grant ends, and when."""

    expiry: Expiry
    left: timedelta = timedelta(0)
    """The time until that date, where there is one."""


RENEWS = Lifetime(Expiry.RENEWS)


def lifetime(platform: Platform, grant: Grant, now: datetime) -> Lifetime:
    """Return how a working grant ends, and how long it still works without a person."""
    end, last = ends_at(platform, grant), works_until(grant)
    if not renewable(platform, grant):
        return Lifetime(Expiry.NEVER) if end is None else Lifetime(Expiry.ENDS, end - now)
    if grant.access_expires_at is None and grant.refresh_sealed is None and end is None:
        return Lifetime(Expiry.NEVER)
    fixed = not platform.refresh.restarts
    if not fixed and end is not None and end == last and end - now <= LONGEST_NOTICE:
        return Lifetime(Expiry.RENEWAL_LATE, end - now)
    if (data := _data_until(platform, grant)) is not None:
        return Lifetime(Expiry.DATA_UNTIL, data - now)
    if not fixed or end is None:
        return RENEWS
    if end <= now and last is not None:
        return Lifetime(Expiry.NOT_RENEWED, last - now)
    return Lifetime(Expiry.RENEWS_UNTIL, end - now)


def ends_at(platform: Platform, grant: Grant) -> datetime | None:
    """Return the date after which only a person can renew the grant; None if there is none.

    A refresh token's end counts before the access token's. The access token's end does not count where accounts
    have tokens of their own, nor where access tokens are so short-lived that they are always about to end.
    """
    if grant.refresh_sealed is not None:
        return grant.refresh_expires_at
    access = None if platform.account_tokens or _short_lived(platform) else grant.access_expires_at
    return min((end for end in (access, _data_until(platform, grant)) if end is not None), default=None)


def fixed_length(platform: Platform, grant: Grant) -> timedelta | None:
    """Return how long each sign-in lasts; None: renewals move the end, or the length is not known."""
    return None if renewable(platform, grant) else platform.access_lifetime


def only_data_ends(platform: Platform, grant: Grant) -> bool:
    """Tell whether at `ends_at` the platform only stops showing data, while the tokens still work."""
    data = _data_until(platform, grant)
    return data is not None and ends_at(platform, grant) == data


def publishes_until(platform: Platform, grant: Grant, now: datetime) -> datetime | None:
    """Return when a working grant stops publishing unless a person signs in again; None if no date is known.

    Not a date that a refresh still moves, and not one after which the platform only stops showing data.
    """
    ends = lifetime(platform, grant, now).expiry in {Expiry.RENEWS_UNTIL, Expiry.NOT_RENEWED, Expiry.ENDS}
    return works_until(grant) if ends and not platform.account_tokens else None


def _data_until(platform: Platform, grant: Grant) -> datetime | None:
    """Return when the platform stops showing data, which no refresh moves; None if it doesn't."""
    limited = platform.data_access_window is not None and grant.refresh_sealed is None
    return grant.data_access_expires_at if limited else None


def _short_lived(platform: Platform) -> bool:
    """Tell whether exchanged tokens are always about to end, so that their end is no reason to warn anybody."""
    life = platform.access_lifetime
    return platform.refresh is Refresh.EXCHANGE and (life is None or life <= LONGEST_NOTICE)


def works_until(grant: Grant) -> datetime | None:
    """Return when the last of the grant's tokens expires; None if no date is known.

    A LinkedIn partner's access token may outlive the refresh token it came from.
    """
    if grant.refresh_sealed is None:
        return grant.access_expires_at
    last = grant.refresh_expires_at
    return None if last is None else max(last, grant.access_expires_at or last)


def lapsed(platform: Platform, grant: Grant, now: datetime) -> bool:
    """Tell whether all tokens have expired.

    False where accounts have tokens of their own: only the platform knows whether those still work.
    """
    end = works_until(grant)
    return not platform.account_tokens and end is not None and end <= now
