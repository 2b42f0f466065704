"""The words of a reminder: a sign-in ends on a date, and only a person can renew it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.incidents.reasons import DATA_ACCESS
from bot.views.times import in_days

if TYPE_CHECKING:
    from adapters.base import Platform


def ends_within(platform: Platform, days: int, accounts: str, organization: str) -> str:
    """Return the sentence on a card so many days before the end: plain text, with people's own words in it."""
    return f"{platform.name}: {accounts} of {organization} must be reconnected within {in_days(days)}."


def data_ended(platform: Platform, accounts: str, organization: str) -> str:
    """Return the sentence on a card when the platform stopped showing data, although the sign-in still works."""
    return f"{platform.name} shows us no data of {accounts} for {organization} until somebody reconnects."


def why(platform: Platform, code: str) -> str:
    """Return why it ends, as a sentence; `code` is empty where it is the sign-in itself that ends."""
    if code == DATA_ACCESS:
        how = "shows us its data for 90 days after a person signed in, and only a person can sign in again"
    elif platform.refresh.restarts:
        return f"{platform.name} hasn't renewed this sign-in for weeks; signing in again takes a minute."
    else:
        how = "ends sign-ins after a time, and only a person can renew this one"
    return f"{platform.name} {how}; it takes a minute."


def days_left(days: int) -> str:
    """Return the reply in the card's thread so many days before the end."""
    return f"🟡 {in_days(days)} left."
