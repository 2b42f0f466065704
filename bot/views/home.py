"""The App Home: the same truth as the commands, to look at and to press."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.diagnosis import tally
from bot.views import accounts as account_views
from bot.views import alerts as alert_views
from bot.views import kit
from bot.views.kit import Json
from bot.views.organization import article
from storage.models import Role

if TYPE_CHECKING:
    from bot.views.accounts import Card
    from storage.incident_models import AlertSettings
    from storage.tenants import Seat, Standing

HOME_CARDS = 18
"""A home tab holds 100 blocks, a card at most 4; about ten stand around them."""


def home(
    standing: Standing, seat: Seat, cards: Sequence[Card], alerts: AlertSettings, number: int = 0
) -> Json:
    """Return the home tab of a member, about one of their organizations; `number` counts its pages from 0."""
    role = Role(seat.role)
    blocks: list[Json] = [kit.header(seat.organization_name)]
    buttons = []
    if role >= Role.ADMIN:
        buttons.append(kit.button("Connect an account", "connect.start", style="primary"))
    buttons += [
        kit.button("Members", "org.members", f"{seat.organization_id}/"),
        kit.button("Refresh", "home.refresh", f"{seat.organization_id}/"),
    ]
    if role >= Role.ADMIN:
        buttons.append(kit.button("Alerts…", "alerts.change", f"{seat.organization_id}/"))
    blocks.append(kit.actions(*buttons))
    if trouble := alert_views.trouble(alerts):
        blocks.append(kit.section(trouble))
    if len(standing.choices) > 1:
        blocks.append(kit.actions(switcher(standing, seat)))
    if cards:
        value = f"{seat.organization_id}/"
        part = account_views.page(
            account_views.worst_first(cards), number, size=HOME_CARDS, story="home", value=value
        )
        blocks += [
            kit.fine_print(tally([one.diagnosed() for one in cards])),
            *account_views.outages(cards),
            kit.divider(),
        ]
        blocks += account_views.cards(part, role)
    else:
        blocks += [kit.divider(), *account_views.nothing(seat.organization_name, "", role)[:1]]
    blocks.append(
        kit.fine_print(
            f"You are {article(role)} of {seat.organization_name}. Type /octapost help in any channel."
        )
    )
    return {"type": "home", "blocks": blocks[:100], "private_metadata": f"{seat.organization_id}/"}


def switcher(standing: Standing, seat: Seat) -> Json:
    """Return the select that shows another of the person's organizations."""
    options = [kit.option(one.organization_name, f"{one.organization_id}/") for one in standing.choices[:100]]
    chosen = next(o for o in options if o["value"] == f"{seat.organization_id}/")
    return {"type": "static_select", "action_id": "home.switch", "options": options, "initial_option": chosen}


def welcome(sentence: str) -> Json:
    """Return the home tab of somebody who is in no organization yet."""
    return {
        "type": "home",
        "blocks": [
            kit.header("Octapost"),
            kit.words("Octapost publishes to your team's social accounts from Slack."),
            kit.words(sentence),
        ],
    }
