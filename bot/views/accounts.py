"""Accounts, one line each: how each is doing, and what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.base import Capability, Platform
from bot.services.accounts.disconnecting import Disconnection, Outlook
from bot.services.accounts.problems import Remedy, Severity
from bot.services.accounts.profiles import AccountProfile
from bot.services.accounts.revoking import RevocationResult
from bot.services.permissions import Permission, allows
from bot.views import diagnosis, kit
from bot.views.incidents import care
from bot.views.kit import Json, Message
from bot.views.paging import Turning
from storage.models import Role

if TYPE_CHECKING:
    from storage.models import Place

DISCONNECT_TITLE, PLACES_TITLE, DETAILS_TITLE = "Disconnect account", "Where it can post", "Account details"
WORST_FIRST = (Severity.RED, Severity.ORANGE, Severity.YELLOW, Severity.WAITING, Severity.GREEN)
PLACE = "place"
ADMINS_CAN = "An admin of the organization can reconnect it."
ADMINS_RECONNECT = "Admins of the organization can reconnect accounts."
"""Both are shown instead of a button that the reader may not use."""
CAN = {
    Capability.PUBLISH: "publish",
    Capability.MEDIA: "upload media",
    Capability.INSIGHTS: "see stats",
    Capability.PLACES: "list {place}s",
}
"""Capability -> the words after "Can" or "Can't"; `{place}` is the platform's word for a place."""


def ability(platform: Platform, capability: Capability) -> str:
    """Return a capability in the words that follow "Can" or "Can't"."""
    return CAN[capability].format(place=platform.place)


def title_of(one: AccountProfile) -> str:
    """Return platform, kind and handle, as the second line of a card names them."""
    return " · ".join(filter(None, (one.platform.name, one.account.kind, one.account.handle)))


def line(one: AccountProfile) -> str:
    """Return an account in one line: its name, its platform, how it is and until when."""
    found = one.diagnosis
    name = " ".join(one.label.split())
    return f"{diagnosis.DOTS[found.severity]} {name} · {one.platform.name} · {diagnosis.brief(found)}"


def card(one: AccountProfile, role: Role) -> list[Json]:
    """Return the line of one account with what this role may do, in at most three blocks.

    Where a reconnect helps, it is a button; everything rarer is in the menu.
    """
    if one.diagnosis.remedy is not Remedy.RECONNECT or not allows(role, Permission.CONNECT_ACCOUNTS):
        blocks = [kit.words(line(one), accessory=_menu(one, role))]
        reconnect = []
    else:
        blocks = [kit.words(line(one))]
        reconnect = [kit.actions(reconnect_button(one), _menu(one, role, beside_button=True))]
    if one.incident is not None and (done := care(one.incident, kit.named(one.claimed_by))):
        blocks.append({"type": "context", "elements": [kit.mrkdwn(done)]})
    return [*blocks, *reconnect]


def reconnect_button(one: AccountProfile) -> Json:
    """Return the button that reconnects an account that needs it."""
    label = f"Reconnect {one.label}"
    return kit.button("Reconnect", "account.reconnect", one.value, style="primary", label=label)


def _menu(one: AccountProfile, role: Role, *, beside_button: bool = False) -> Json:
    entries = [kit.menu_entry("Details", "account.details", one.value)]
    if one.account.url:
        entries.append(
            kit.menu_entry(f"Open on {one.platform.name}", "account.open", one.value, url=one.account.url)
        )
    if Capability.PLACES in one.can:
        entries.append(kit.menu_entry(PLACES_TITLE, "account.places", one.value))
    if allows(role, Permission.CONNECT_ACCOUNTS) and not beside_button:
        entries.append(kit.menu_entry("Reconnect", "account.reconnect", one.value))
    if allows(role, Permission.DISCONNECT_ACCOUNTS):
        entries.append(kit.menu_entry("Disconnect…", "account.disconnect", one.value))
    return kit.menu(*entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Turning):
    """A page of a list of cards."""

    shown: Sequence[AccountProfile]


def page(
    found: Sequence[AccountProfile], number: int, *, size: int, story: str, value: str, about: str = ""
) -> Page:
    """Return one page of cards; for a number that does not exist, the last page."""
    of = max(1, -(-len(found) // size))
    number = min(max(0, number), of - 1)
    shown = found[number * size : (number + 1) * size]
    return Page(shown=shown, number=number, of=of, story=story, value=value, about=about)


def cards(part: Page, role: Role) -> list[Json]:
    """Return the accounts of a page, and below them the buttons to its neighbours."""
    blocks: list[Json] = []
    for one in part.shown:
        blocks += card(one, role)
    if not allows(role, Permission.CONNECT_ACCOUNTS) and any(
        one.diagnosis.remedy is Remedy.RECONNECT for one in part.shown
    ):
        blocks.append(kit.fine_print(ADMINS_RECONNECT))
    return [*blocks, *part.blocks()]


def worst_first(found: Sequence[AccountProfile]) -> list[AccountProfile]:
    """Return the accounts that need a person most first, otherwise in the given order."""
    return sorted(found, key=lambda one: WORST_FIRST.index(one.diagnosis.severity))


def in_need(found: Sequence[AccountProfile]) -> list[AccountProfile]:
    """Return the accounts that someone should reconnect now: the broken ones, or else those that will break."""
    helped = [one for one in found if one.diagnosis.remedy is Remedy.RECONNECT]
    return [one for one in helped if one.diagnosis.broken] or helped


def summary(found: Sequence[AccountProfile], organization: str = "") -> str:
    """Return how many accounts there are and how many need a person, after the dot of the worst of them."""
    tally = diagnosis.tally([one.diagnosis for one in found])
    said = f"{organization}: {tally}" if organization else tally
    worst = worst_first(found)[:1]
    return " ".join([*(diagnosis.DOTS[one.diagnosis.severity] for one in worst), said])


def outages(found: Sequence[AccountProfile]) -> list[Json]:
    """Return a line for each platform that has a fault as a whole."""
    lines = {
        one.platform.key: diagnosis.health(one.health, one.platform) for one in found if not one.health.fine
    }
    return [kit.words(line) for line in lines.values()]


def none_yet(organization: str) -> str:
    """Return the text of an answer about an organization without accounts."""
    return f"{organization} has no accounts yet."


def none_to_disconnect(organization: str) -> str:
    """Return the same for a person who wants to disconnect one."""
    return f"{organization} has no accounts to disconnect."


def nothing(organization: str, platform: str, role: Role) -> list[Json]:
    """Return the blocks for an organization without accounts."""
    on = f" on {platform}" if platform else ""
    blocks = [kit.words(f"{organization} has no accounts{on} yet.")]
    if allows(role, Permission.CONNECT_ACCOUNTS):
        blocks += [
            kit.actions(kit.button("Connect an account", "connect.start", style="primary")),
            kit.fine_print("Or type /octapost connect in any channel."),
        ]
    else:
        blocks.append(kit.fine_print("An admin of the organization can connect one."))
    return blocks


# Disconnect


def which(found: Sequence[Sequence[AccountProfile]], organization_id: str, word: str) -> Message:
    """Return the question which account to disconnect or reconnect; `word` is that command.

    Accounts that can only be chosen together are one choice.
    """
    options = [
        kit.option(
            f"{together[0].platform.name}: {kit.listed(one.label for one in together)}",
            f"{organization_id}/{together[0].account.id}",
            _told_apart(together),
        )
        for together in found[:100]
    ]
    picker = {
        "type": "static_select",
        "action_id": f"account.{word}",
        "placeholder": kit.plain("Choose an account", 150),
        "options": options,
    }
    text = f"Which account should be {word}ed?"
    blocks = [kit.words(text), kit.actions(picker)]
    if len(found) > len(options):
        rest = f"These are the first {len(options)} of {len(found)}; /octapost {word} NAME finds any of them."
        blocks.append(kit.fine_print(rest))
    return Message(text=text, blocks=blocks)


def _told_apart(together: Sequence[AccountProfile]) -> str:
    """Return what distinguishes a choice from others of the same name."""
    [first, *others] = (one.account for one in together)
    if others:
        return f"{len(together)} accounts on one sign-in"
    return " · ".join(filter(None, (first.kind, first.handle)))


def confirm_disconnect(one: AccountProfile, outlook: Outlook) -> Json:
    """Return the modal that says what disconnecting means before it happens."""
    account, platform = one.account, one.platform.name
    consequence = {
        RevocationResult.REVOKED: f"Nothing else uses this sign-in, so I'll also end our access at {platform}.",
        RevocationResult.STILL_USED: (
            f"Another account uses the same sign-in, so our access at {platform} stays for that one."
        ),
        RevocationResult.SAME_PERSON: (
            "The same person connected other accounts here, and ending this sign-in could disconnect those too."
            f" So our access at {platform} ends with the last of them."
        ),
        RevocationResult.OVER: f"Its sign-in has already ended, so there's nothing to end at {platform}.",
    }
    what = (
        f"{one.organization} will no longer be connected to {one.label} on {platform}."
        " Its sign-in is deleted here, for everyone in the organization."
    )
    lost = f"{kit.posts(outlook.posts, 'waiting')} to it won't be published." if outlook.posts else ""
    lines = filter(None, [what, lost, consequence[outlook.revocation]])
    return kit.modal(
        DISCONNECT_TITLE,
        [kit.words(line) for line in lines] + [kit.fine_print("You can connect it again at any time.")],
        callback_id="account.disconnected",
        submit="Disconnect",
        close="Keep it",
        metadata=f"{account.organization_id}/{account.id}",
    )


def disconnecting(gone: Disconnection) -> Json:
    """Return the modal while the platform is called."""
    return kit.modal(
        DISCONNECT_TITLE,
        [kit.words(f"{gone.account.name} is disconnected. Ending our access at {gone.platform.name} …")],
        callback_id="account.gone",
    )


def disconnected(gone: Disconnection, result: RevocationResult) -> Json:
    """Return the modal at the end, including what could not be ended."""
    platform = gone.platform.name
    by_hand = (
        "Our tokens are deleted, so we can't use it. To be sure, remove Octapost under connected apps in the"
        f" {platform} settings."
    )
    unconfirmed = f"{platform} didn't confirm that our access has ended. {by_hand}"
    words = {
        RevocationResult.REVOKED: f"{platform} confirmed that our access has ended.",
        RevocationResult.STILL_USED: f"Other accounts use the same {platform} sign-in, so that stays.",
        RevocationResult.SAME_PERSON: (
            "Our tokens for it are deleted. The same person connected other accounts here, and ending this sign-in"
            f" could disconnect those too, so our access at {platform} ends with the last of them."
        ),
        RevocationResult.OVER: f"The sign-in had already ended at {platform}, so there was nothing left to end.",
        RevocationResult.PENDING: (
            f"{platform} hasn't confirmed yet that our access has ended. I'll keep trying for 72 hours, then delete"
            f" our tokens. To be sure, remove Octapost under connected apps in the {platform} settings."
        ),
        RevocationResult.NO_ENDPOINT: f"{platform} offers no way to end our access from here. {by_hand}",
        RevocationResult.REFUSED: unconfirmed,
        RevocationResult.UNANSWERED: unconfirmed,
    }
    return kit.modal(
        DISCONNECT_TITLE,
        [kit.words(f"✅ {gone.account.name} is disconnected."), kit.words(words[result])],
        callback_id="account.gone",
    )


# Places


def places(name: str, platform: Platform, count: int, value: str) -> Json:
    """Return the modal with a typeahead over every place."""
    if not count:
        none = f"{name} can't post in any {platform.place} yet. Join one on {platform.name} first."
        blocks = [kit.words(none)]
    else:
        some = f"{count} {platform.place}s" if count > 1 else f"1 {platform.place}"
        search: Json = {
            "type": "external_select",
            "action_id": "account.place",
            "min_query_length": 0,
            "placeholder": kit.plain("Type to search", 150),
        }
        blocks = [
            kit.words(f"{name} can post in {some}. When you write a post, you can choose from these."),
            kit.actions(search, block_id=PLACE),
        ]
    return kit.modal(PLACES_TITLE, blocks, callback_id="account.places", metadata=value)


def place_options(found: Sequence[Place]) -> list[Json]:
    """Return the options of the places typeahead."""
    return [kit.option(one.name, one.remote_id[:150], one.detail) for one in found]
