"""Account cards: what an organization can publish to, how each is doing, and what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.base import Capability, Platform, Rotation, Scope
from bot.disconnections import Disconnection, Revocation
from bot.offer import OVER
from bot.views import kit
from bot.views.kit import Json
from storage.models import GrantStatus, Role

if TYPE_CHECKING:
    from storage.models import Account, Grant, Place

PLACE = "place"
CAN = {
    Capability.PUBLISH: "publish",
    Capability.MEDIA: "send media",
    Capability.INSIGHTS: "read how posts did",
    Capability.PLACES: "list subreddits",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One account with everything its card says."""

    account: Account
    grant: Grant | None
    platform: Platform
    organization: str
    can: frozenset[Capability]
    missing: Sequence[Scope]
    connected_by: str
    """A Slack mention of the member, or a word for someone who has left."""


def status(card: Card) -> str:
    """Return how the account is doing, as an icon and words; never the icon alone."""
    grant = card.grant
    if grant is None or is_broken(card):
        return "🔴 needs reconnecting"
    if Capability.PUBLISH not in card.can:
        return "🟠 connected, but can't publish"
    if grant.status == GrantStatus.PENDING:
        return "⏳ finishing"
    if card.missing:
        return "🟡 connected, some permissions missing"
    return "🟢 connected"


def is_broken(card: Card) -> bool:
    """Tell whether nothing can be published until somebody signs in again."""
    return card.grant is None or card.grant.status in OVER or lapsed(card)


def ends_at(card: Card) -> datetime | None:
    """Return when the sign-in ends although nobody does anything, or None: not by the clock."""
    grant = card.grant
    if grant is None:
        return None
    return grant.refresh_expires_at if grant.refresh_sealed is not None else grant.access_expires_at


def lapsed(card: Card, now: datetime | None = None) -> bool:
    """Tell whether the sign-in's time is over."""
    end = ends_at(card)
    return end is not None and end <= (now or datetime.now(UTC))


def expiry(card: Card, now: datetime | None = None) -> str:
    """Return when a person has to do something, in words."""
    grant, platform = card.grant, card.platform
    now = now or datetime.now(UTC)
    if grant is None or grant.status in OVER:
        return "The sign-in is over: reconnect it."
    if lapsed(card, now):
        return "The sign-in has expired: reconnect it."
    end = ends_at(card)
    if grant.refresh_sealed is None and platform.rotation is not Rotation.EXCHANGE:
        if end is None:
            return "Doesn't expire by itself."
        return (
            f"{platform.name} ends this sign-in in {in_words(end - now)}; then somebody has to sign in again."
        )
    if end is None:
        return "Renews itself." if grant.refresh_sealed is not None else "Doesn't expire by itself."
    if grant.refresh_sealed is None:
        return "Renews itself."
    return f"Renews itself for another {in_words(end - now)}; then somebody has to sign in again."


def in_words(span: timedelta) -> str:
    """Return a time span as people say it."""
    hours = span.total_seconds() / 3600
    if hours < 1:
        return "less than an hour"
    if round(hours) < 48:
        return f"{round(hours)} hours" if round(hours) > 1 else "1 hour"
    return f"{round(hours / 24)} days"


def card(one: Card, role: Role) -> list[Json]:
    """Return the blocks of one account card, with the buttons this role may press."""
    account = one.account
    what = " · ".join(filter(None, (one.platform.name, account.kind, account.handle)))
    lines = [kit.cut(what, 300), f"{status(one)}. {expiry(one)}"]
    if one.missing:
        lost = "; ".join(f"{scope.name} (to {scope.reason})" for scope in one.missing)
        lines.append(kit.cut(f"Missing permissions: {lost}.", 1500))
    able = kit.listed(CAN[c] for c in Capability if c in one.can)
    owned = kit.plain(f"Owned by {one.organization}.", 300)
    by = kit.mrkdwn(f"Connected by {one.connected_by}.")
    blocks: list[Json] = [
        kit.titled(account.name, "\n".join(lines)),
        {"type": "context", "elements": [owned, by, *([kit.plain(f"Can {able}.")] if able else [])]},
    ]
    value = f"{account.organization_id}/{account.id}"
    buttons = []
    if account.url:
        buttons.append(kit.button(f"Open on {one.platform.name}", "account.open", url=account.url))
    if Capability.PLACES in one.can:
        buttons.append(kit.button("Where it can post", "account.places", value))
    if role >= Role.ADMIN:
        buttons += [
            kit.button("Reconnect", "account.reconnect", value, label=f"Reconnect {account.name}"),
            kit.button(
                "Disconnect…", "account.disconnect", value, style="danger", label=f"Disconnect {account.name}"
            ),
        ]
    if buttons:
        blocks.append(kit.actions(*buttons))
    return blocks


def cards(found: Sequence[Card], role: Role, *, limit: int) -> list[Json]:
    """Return the cards of several accounts, at most `limit` of them, and a line on the rest."""
    blocks: list[Json] = []
    for one in found[:limit]:
        blocks += [*card(one, role), kit.divider()]
    if len(found) > limit:
        blocks.append(
            kit.fine_print(f"… and {len(found) - limit} more: name a platform, as in /octapost accounts x.")
        )
    return blocks


def nothing(organization: str, platform: str, role: Role) -> list[Json]:
    """Return what stands where there are no accounts yet."""
    on = f" on {platform}" if platform else ""
    blocks = [kit.words(f"{organization} has no accounts{on} yet.")]
    if role >= Role.ADMIN:
        blocks += [
            kit.actions(kit.button("Connect an account", "connect.start", style="primary")),
            kit.fine_print("Or type /octapost connect in any channel."),
        ]
    else:
        blocks.append(kit.fine_print("An admin of the organization can connect one."))
    return blocks


# Disconnect


def which(found: Sequence[Card], organization_id: str, word: str) -> list[Json]:
    """Return the question which account to disconnect or reconnect; `word` is that command."""
    options = [
        kit.option(
            f"{one.platform.name}: {one.account.name}",
            f"{organization_id}/{one.account.id}",
            " · ".join(filter(None, (one.account.kind, one.account.handle))),
        )
        for one in found[:100]
    ]
    picker = {
        "type": "static_select",
        "action_id": f"account.{word}",
        "placeholder": kit.plain("Choose an account", 150),
        "options": options,
    }
    blocks = [kit.words(f"Which account should be {word}ed?"), kit.actions(picker)]
    if len(found) > len(options):
        rest = f"These are the first {len(options)} of {len(found)}; /octapost {word} NAME finds any of them."
        blocks.append(kit.fine_print(rest))
    return blocks


def confirm_disconnect(one: Card, outlook: Revocation) -> Json:
    """Return the modal that says what disconnecting means before it happens."""
    account, platform = one.account, one.platform.name
    consequence = {
        Revocation.ENDED: f"It is the last use of this sign-in, so we also end our access at {platform}.",
        Revocation.STILL_USED: f"Another account uses the same sign-in, so {platform} keeps our access for that.",
        Revocation.SAME_PERSON: (
            f"The same person connected other accounts here, which ending this sign-in at {platform} could end too."
            f" So {platform} keeps our access until the last of them is disconnected."
        ),
        Revocation.FAILED: f"Its sign-in is over already, so there is nothing to end at {platform}.",
    }
    what = (
        f"{one.organization} will no longer be able to publish to {account.name} on {platform}."
        " Its sign-in is deleted here, for everyone in the organization."
    )
    lines = [what, consequence[outlook]]
    return kit.modal(
        "Disconnect account",
        [kit.words(line) for line in lines] + [kit.fine_print("It can be connected again at any time.")],
        callback_id="account.disconnected",
        submit="Disconnect",
        close="Keep it",
        metadata=f"{account.organization_id}/{account.id}",
    )


def disconnecting(gone: Disconnection) -> Json:
    """Return what the modal says while the platform is being asked."""
    return kit.modal(
        "Disconnect account",
        [kit.words(f"{gone.account.name} is disconnected. Ending our access at {gone.platform.name} …")],
        callback_id="account.gone",
    )


def disconnected(gone: Disconnection, result: Revocation) -> Json:
    """Return what the modal says at the end, including what could not be ended."""
    platform = gone.platform.name
    words = {
        Revocation.ENDED: f"{platform} confirmed that our access has ended.",
        Revocation.STILL_USED: f"Other accounts use the same {platform} sign-in, so that stays.",
        Revocation.SAME_PERSON: (
            "Our tokens for it are deleted. The same person connected other accounts here, which ending this sign-in"
            f" at {platform} could end too, so our access there ends with the last of them."
        ),
        Revocation.FAILED: (
            f"{platform} didn't confirm that our access has ended. Our tokens are deleted, so we can't use it;"
            f" to be sure, remove Octapost under connected apps in the {platform} settings."
        ),
    }
    return kit.modal(
        "Disconnect account",
        [kit.words(f"✅ {gone.account.name} is disconnected."), kit.words(words[result])],
        callback_id="account.gone",
    )


# Places


def loading_places(name: str) -> Json:
    """Return the modal that stands while the places are being read."""
    return kit.modal(
        "Where it can post", [kit.words(f"Reading where {name} may post …")], callback_id="account.places"
    )


def places(name: str, count: int, value: str) -> Json:
    """Return the modal with a typeahead over every place."""
    if not count:
        blocks = [kit.words(f"{name} may not post in any subreddit yet. Join one on Reddit first.")]
    else:
        some = f"{count} subreddits" if count > 1 else "1 subreddit"
        search: Json = {
            "type": "external_select",
            "action_id": "account.place",
            "min_query_length": 0,
            "placeholder": kit.plain("Type to search", 150),
        }
        blocks = [
            kit.words(f"{name} may post in {some}. Only those are offered when you write a post."),
            kit.actions(search, block_id=PLACE),
        ]
    return kit.modal("Where it can post", blocks, callback_id="account.places", metadata=value)


def place_options(found: Sequence[Place]) -> list[Json]:
    """Return the options of the places typeahead."""
    return [kit.option(one.name, one.remote_id[:150], one.detail) for one in found]
