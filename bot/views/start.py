"""The answer to `/octapost` alone: how things stand, in one line, and what this person most likely wants next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.permissions import Permission, allows
from bot.views import accounts as account_views
from bot.views import kit
from bot.views.help import all_commands
from bot.views.kit import Json, Message
from bot.views.roles import article
from storage.models import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.accounts.profiles import AccountProfile
    from storage.standing import Seat

BUTTONS, OPTIONS, OUTAGES = 4, 100, 2
INVITED = "You're invited to Octapost."


def card(seat: Seat, found: Sequence[AccountProfile]) -> Message:
    """Return how the accounts of a person's organization are, with the buttons that fit that and their role."""
    name = seat.organization_name
    text = account_views.summary(found, name) if found else account_views.none_yet(name)
    blocks = [kit.words(text), *account_views.outages(found)[:OUTAGES], kit.actions(*_buttons(seat, found))]
    return Message(text=text, blocks=blocks)


def _buttons(seat: Seat, found: Sequence[AccountProfile]) -> list[Json]:
    """Return up to four buttons; the first is what is needed most."""
    value, may_connect = f"{seat.organization_id}/", allows(seat.role, Permission.CONNECT_ACCOUNTS)
    needy = account_views.in_need(found)
    buttons = []
    if needy and may_connect:
        label = f"Reconnect {needy[0].label}" if len(needy) == 1 else "Reconnect…"
        buttons.append(kit.button(label, "account.needy", value, style="primary"))
    elif not found and may_connect:
        buttons.append(kit.button("Connect an account", "connect.start", style="primary"))
    if found and allows(seat.role, Permission.WRITE_POSTS):
        style = None if buttons else "primary"
        buttons.append(kit.button("New post", "compose.start", value, style=style))
    if found:
        buttons.append(kit.button("Show accounts", "account.list", value))
    if found and may_connect and not needy:
        buttons.append(kit.button("Connect an account", "connect.start"))
    if len(buttons) < BUTTONS - 2:
        buttons.append(kit.button("Members", "org.members", value))
    return [*buttons[: BUTTONS - 1], all_commands()]


def which(seats: Sequence[Seat]) -> Message:
    """Return the question which organization is meant, in a channel that isn't linked to one."""
    text = f"You're in {len(seats)} organizations here. Which one do you mean?"
    select = {
        "type": "static_select",
        "action_id": "start.organization",
        "placeholder": kit.plain("Choose an organization", 150),
        "options": [
            kit.option(
                seat.organization_name, f"{seat.organization_id}/", f"You're {article(Role(seat.role))}"
            )
            for seat in seats[:OPTIONS]
        ],
    }
    return Message(text=text, blocks=[kit.words(text), kit.actions(select, all_commands())])
