"""What people read when a grant needs one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.notices import Message
from bot.views import kit
from bot.views.connect import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.base import Platform
    from storage.models import Account

WHY = {
    "deauthorized": "somebody removed Octapost in the Facebook settings",
    "deletion_requested": "the person asked Facebook to have their data deleted, and it is",
    "authorization_removed": "somebody removed Octapost in the TikTok app",
    "expired": "its time is up, and only a person can renew it",
    "190_458": "somebody removed Octapost in the Facebook settings",
    "190_459": "Facebook wants the person to sign in there first",
    "190_460": "the person's Facebook password was changed",
    "190_463": "the sign-in has expired",
    "190_464": "Facebook wants the person to confirm their account first",
    "190_492": "the person has lost their role on the Page",
}
"""Codes that say more than "it is over"."""


def needs_reconnect(
    platform: Platform, accounts: Sequence[Account], organization: str, code: str, by: str
) -> Message:
    """Return what is said when a sign-in is over for good: what stopped, why, and the one thing to do."""
    why = WHY.get(code, f"{platform.name} has ended our access")
    text = f"{platform.name}: {names(accounts)} can't publish for {organization} until somebody reconnects."
    return _card("🔴", text, f"Why: {why}.", accounts[0], by)


def ends_soon(
    platform: Platform, accounts: Sequence[Account], organization: str, days: int, by: str
) -> Message:
    """Return the warning before a sign-in ends that only a person can renew."""
    left = f"{days} days" if days > 1 else "1 day"
    text = f"{platform.name}: {names(accounts)} of {organization} must be reconnected within {left}."
    why = f"{platform.name} ends this sign-in by itself and lets nobody but a person renew it. It takes a minute."
    return _card("🟡", text, why, accounts[0], by)


def _card(sign: str, text: str, why: str, first: Account, by: str) -> Message:
    value = f"{first.organization_id}/{first.id}"
    return Message(
        text=text,
        blocks=[
            kit.words(f"{sign} {text}"),
            kit.fine_print(why),
            {"type": "context", "elements": [kit.mrkdwn(f"Connected by {by}.")]},
            kit.actions(kit.button("Reconnect", "account.reconnect", value, style="primary")),
        ],
    )
