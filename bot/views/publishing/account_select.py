"""The select in which members choose accounts for posts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.views import kit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bot.services.accounts.profiles import AccountProfile
    from bot.views.kit import Json

BLOCK = "accounts"
MOST_OPTIONS = 100
MOST_NAME = 30
"""Longer names of a hundred accounts would make the view larger than Slack takes."""
NONE_CONNECTED = "Nothing is connected yet. Connect your first account with `/octapost connect`."


def account_select(
    action_id: str,
    accounts: Sequence[AccountProfile],
    chosen: Collection[str],
    *,
    first: Sequence[Json] = (),
) -> Json:
    """Return the input with the accounts in `chosen` (ids) chosen beforehand.

    `first`: options before the accounts, chosen by their values. Of more accounts than Slack lists, the chosen ones are
    among those that are shown.
    """
    room = MOST_OPTIONS - len(first)
    if len(accounts) > room:
        accounts = sorted(accounts, key=lambda one: one.account.id not in chosen)[:room]
    options = [*first, *map(_option, accounts)]
    picked = [option for option in options if option["value"] in chosen]
    element: Json = {
        "type": "multi_static_select",
        "action_id": action_id,
        "placeholder": kit.plain("Choose accounts", 150),
        "options": options,
    }
    return kit.entry(BLOCK, "Accounts", element | ({"initial_options": picked} if picked else {}))


def _option(one: AccountProfile) -> Json:
    return kit.option(f"{kit.cut(one.label, MOST_NAME)} ({one.platform.name})", one.account.id)
