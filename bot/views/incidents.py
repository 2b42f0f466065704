"""What people read when a grant needs one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.notices import Message
from bot.views import kit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.base import Platform
    from storage.models import Account

WHY = {
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
    names = kit.listed(account.name for account in accounts[:5])
    more = f" and {len(accounts) - 5} more" if len(accounts) > 5 else ""
    why = WHY.get(code, f"{platform.name} has ended our access")
    text = f"{platform.name}: {names}{more} can't publish for {organization} until somebody reconnects."
    first = accounts[0]
    button = kit.button(
        "Reconnect", "account.reconnect", f"{first.organization_id}/{first.id}", style="primary"
    )
    return Message(
        text=text,
        blocks=[
            kit.words(f"🔴 {text}"),
            kit.fine_print(f"Why: {why}. Nothing that is scheduled is lost."),
            {"type": "context", "elements": [kit.mrkdwn(f"Connected by {by}.")]},
            kit.actions(button),
        ],
    )
