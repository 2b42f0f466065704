"""The words of a reminder: a sign-in expires on a date, and someone has to sign in again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.incidents.reasons import DATA_ACCESS
from bot.views.times import in_days

if TYPE_CHECKING:
    from datetime import timedelta

    from adapters.base import Platform


def ends_within(platform: Platform, days: int, accounts: str, organization: str) -> str:
    """Return the sentence on a card so many days before the end: plain text, with people's own words in it."""
    return f"Reconnect {accounts} ({platform.name}) for {organization} within {in_days(days)}."


def data_ended(platform: Platform, accounts: str, organization: str) -> str:
    """Return the sentence on a card when the platform stopped showing data, although the sign-in still works."""
    return f"{platform.name} has stopped showing us data for {accounts}. Reconnect it for {organization}."


def why(platform: Platform, code: str, lasts: timedelta | None) -> str:
    """Return why someone has to sign in again, as sentences.

    `code` is DATA_ACCESS where only the data ends, and else empty; `lasts` is how long each sign-in lasts, if known.
    """
    if code == DATA_ACCESS and platform.data_access_window is not None:
        days = in_days(platform.data_access_window.days)
        return (
            f"{platform.name} shows us data for {days} after each sign-in. Signing in again takes a minute."
        )
    if platform.refresh.restarts:
        return f"{platform.name} hasn't renewed this sign-in for weeks. Signing in again takes a minute."
    often = f"every {in_days(lasts.days)}" if lasts is not None else "from time to time"
    return f"{platform.name} makes you sign in again {often}. It takes a minute."


def days_left(days: int) -> str:
    """Return the reply in the card's thread so many days before the end."""
    return f"🟡 {in_days(days)} left."
