"""Holding posts: the form, and what it stops and lets go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.views import kit
from bot.views.kit import Message
from bot.views.publishing.account_select import account_select
from bot.views.times import moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bot.services.accounts.profiles import AccountProfile
    from bot.views.kit import Json
    from storage.holds import Held, Resumed

TITLE = "Hold posts"
UNTIL, ALL = "until", "all"
NONE_CHOSEN = "Choose at least one account."
NOTHING_CONNECTED = (
    "Nothing is connected yet, so nothing can go out. Connect an account with `/octapost connect`."
)


def form(accounts: Sequence[AccountProfile], chosen: Sequence[AccountProfile], metadata: str) -> Json:
    """Return the form that asks whose posts to hold, and until when. `chosen`: beforehand."""
    beforehand = [ALL] if len(chosen) == len(accounts) else [one.account.id for one in chosen]
    everything = kit.option("All accounts", ALL)
    return kit.modal(
        TITLE,
        [
            kit.words(
                "Held posts don't go out. When the hold ends, posts whose time is still to come go out as planned, and"
                " I'll ask about the ones that missed their time."
            ),
            account_select("hold.accounts", accounts, beforehand, first=[everything]),
            kit.entry(
                UNTIL,
                "Until",
                {"type": "datetimepicker", "action_id": "hold.until"},
                hint="In your own time zone. /octapost resume ends it sooner.",
            ),
        ],
        callback_id="hold.decided",
        submit="Hold",
        metadata=metadata,
    )


def held(found: Held, until: datetime) -> Json:
    """Return what is held now."""
    waits = f"{kit.posts(len(found.posts))} {'waits' if len(found.posts) == 1 else 'wait'} until then."
    return kit.modal(
        TITLE, [kit.section(f"⏸️ {_accounts(found.accounts)} on hold until {moment(until)}. {waits}")]
    )


def resumed(found: Resumed) -> Message:
    """Return what goes out again."""
    if not found.accounts:
        text = "Nothing was on hold. Type `/octapost hold` to hold posts."
        return Message(text=text, blocks=[kit.words(text)])
    said = [f"▶️ {_accounts(found.accounts)} no longer on hold."]
    if found.released.scheduled:
        said.append(f"{kit.posts(found.released.scheduled)} will go out as planned.")
    if late := found.released.late:
        its = "its" if late == 1 else "their"
        said.append(f"{kit.posts(late)} missed {its} time. Decide in `/octapost posts held`.")
    text = " ".join(said)
    return Message(text=text, blocks=[kit.words(text)])


def _accounts(count: int) -> str:
    return f"{count} accounts are" if count != 1 else "1 account is"
