"""The App Home: the accounts, one line each, and what the commands do as buttons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.permissions import Permission, allows
from bot.views import accounts as account_views
from bot.views import alerts as alert_views
from bot.views import invitations, kit
from bot.views.help import TITLE
from bot.views.kit import Json, Message
from bot.views.ownership import accounts, owned_by
from bot.views.roles import article
from storage.models import Role

if TYPE_CHECKING:
    from bot.services.accounts.profiles import AccountProfile
    from bot.services.notifications import InvitationReceived
    from storage.models import AlertSettings
    from storage.organization_summaries import Summary
    from storage.standing import Seat

HOME_CARDS = 15
"""A home tab holds 100 blocks. An account takes at most 3, the agenda 31, and everything else about 17."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A member who looks at their home tab, and which of their organizations it shows."""

    realm: str
    seats: Sequence[Seat]
    seat: Seat
    about: Mapping[str, Summary]
    """Who owns each of them, by the organization's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Addresses that every home tab leads to. Both are this installation's settings."""

    privacy: str
    support: str
    """Empty: the operator named none."""


def home(
    reader: Reader,
    cards: Sequence[AccountProfile],
    alerts: AlertSettings,
    number: int = 0,
    *,
    planned: Sequence[Json] = (),
) -> Json:
    """Return the home tab of a member, about one of their organizations.

    `number` counts the pages of accounts from 0; `planned`: the blocks of the agenda.
    """
    seat = reader.seat
    role = Role(seat.role)
    blocks: list[Json] = [kit.header(seat.organization_name)]
    if shown := reader.about.get(seat.organization_id):
        blocks.append({"type": "context", "elements": [kit.mrkdwn(owned_by(shown, reader.realm))]})
    buttons = []
    may_write = bool(cards) and allows(role, Permission.WRITE_POSTS)
    if may_write:
        buttons.append(kit.button("New post", "compose.start", f"{seat.organization_id}/", style="primary"))
    if allows(role, Permission.CONNECT_ACCOUNTS):
        style = None if may_write else "primary"
        buttons.append(kit.button("Connect an account", "connect.start", style=style))
    buttons += [
        kit.button("Members", "org.members", f"{seat.organization_id}/"),
        kit.button("Refresh", "home.refresh", f"{seat.organization_id}/"),
    ]
    if allows(role, Permission.CHANGE_ALERTS):
        buttons.append(kit.button("Alerts…", "alerts.change", f"{seat.organization_id}/"))
    blocks.append(kit.actions(*buttons))
    if trouble := alert_views.trouble(alerts):
        blocks.append(kit.section(trouble))
    if len(reader.seats) > 1:
        blocks.append(kit.actions(switcher(reader)))
    blocks += planned
    if cards:
        value = f"{seat.organization_id}/"
        part = account_views.page(
            account_views.worst_first(cards), number, size=HOME_CARDS, story="home", value=value
        )
        blocks += [kit.divider(), kit.words(account_views.summary(cards)), *account_views.outages(cards)]
        blocks += account_views.cards(part, role)
    else:
        blocks += [kit.divider(), *account_views.nothing(seat.organization_name, "", role)[:1]]
    blocks.append(
        kit.fine_print(
            f"You're {article(role)} of {seat.organization_name}. Type /octapost help in any channel."
        )
    )
    return {"type": "home", "blocks": blocks[:100], "private_metadata": f"{seat.organization_id}/"}


def switcher(reader: Reader) -> Json:
    """Return the select that shows another of the person's organizations, each with the number of its accounts.

    A select shows no mentions, so the owners of an organization are shown under its name once it is chosen.
    """
    options = []
    for one in reader.seats[:100]:
        role, summary = article(Role(one.role)), reader.about.get(one.organization_id)
        counted = f", {accounts(summary.accounts)}" if summary is not None else ""
        options.append(
            kit.option(one.organization_name, f"{one.organization_id}/", f"You're {role}{counted}")
        )
    chosen = next(o for o in options if o["value"] == f"{reader.seat.organization_id}/")
    return {"type": "static_select", "action_id": "home.switch", "options": options, "initial_option": chosen}


def with_invitations(view: Json, waiting: Sequence[InvitationReceived]) -> Json:
    """Return a home tab with a person's invitations above everything else."""
    return view | {"blocks": [*invitations.cards(waiting), *view["blocks"]][:100]}


def with_footer(view: Json, links: Links) -> Json:
    """Return a home tab with the links to privacy and support below everything else."""
    support = f" · <{links.support}|Support>" if links.support else ""
    footer = {"type": "context", "elements": [kit.mrkdwn(f"<{links.privacy}|Privacy>{support}")]}
    return view | {"blocks": [*view["blocks"][:99], footer]}


def welcome(refusal: Message) -> Json:
    """Return the home tab of a person who is in no organization yet: whom to ask, and what else to do."""
    return {
        "type": "home",
        "blocks": [
            kit.header("Octapost"),
            kit.words(TITLE),
            *refusal.blocks,
        ],
    }
