"""What connecting looks like in Slack: the private link, the picker, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.base import App, Blocker, Hint, Platform
from bot.services.accounts.connecting import ALREADY_HERE
from bot.slack.routes import Say
from bot.views import kit
from bot.views.blockers import BLOCKED, HINTS
from bot.views.errors import explain
from bot.views.kit import Json, Message
from bot.views.ownership import ownership

if TYPE_CHECKING:
    from bot.services.notifications import AccountsConnected, ConsentSettled, ConsentWaiting
    from bot.settings import PlatformSettings
    from storage.models import Account, Discovery, FoundAccount
    from storage.organization_summaries import Summary

FINE_PRINT = "Only you can use this link. It works once, for 10 minutes, and asks you to sign in to Slack."
PICKED = "picked"
ORGANIZATIONS_SHOWN = 90
"""A modal holds 100 blocks."""
PLATFORM = "platform"
BLOCKED_SHOWN = 20


def invitation(platform: Platform, app: App, organization: str, url: str) -> Say:
    """Return the private message that starts a connection.

    `organization` is a member's own words: it goes out as plain text, so it can neither mention
    anyone nor look like a link. `url` is ours and works once, for 10 minutes.
    """
    return _leading(
        platform,
        url,
        text=f"Connect {platform.name}: press the button to go on in your browser.",
        words=f"Connect {app.connects} to {organization}.",
    )


def renewal(platform: Platform, accounts: Sequence[Account], organization: str, url: str) -> Say:
    """Return the private message that starts the renewal of a sign-in, which these accounts share."""
    what = f"Reconnect {names(accounts)} on {platform.name}"
    return _leading(
        platform,
        url,
        text=f"{what}: press the button to go on in your browser.",
        words=f"{what}, so that {organization} can go on publishing there.",
    )


def _leading(platform: Platform, url: str, *, text: str, words: str) -> Say:
    return Say(
        text=text,
        blocks=[
            kit.words(words),
            kit.actions(kit.button(f"Continue to {platform.name}", "connect.open", url=url, style="primary")),
            kit.fine_print(FINE_PRINT),
        ],
    )


def platforms(offered: Sequence[PlatformSettings], organization_id: str, organization: str) -> list[Json]:
    """Return the buttons that start a connection, one per app."""
    blocks = [kit.words(f"Which account should {organization} be able to publish to?")]
    buttons = [
        kit.button(
            label(found.platform, client.app, found),
            f"connect.platform.{client.app.key}",
            f"{organization_id}/{client.app.key}",
        )
        for found in offered
        for client in found.clients.values()
    ]
    return [*blocks, kit.actions(*buttons)]


def label(platform: Platform, app: App, found: PlatformSettings) -> str:
    """Return the button text of an app: the platform, and which part of it where it has two."""
    if len(found.clients) < 2:
        return platform.name
    part = " ".join(app.connects.replace(platform.name, "").split())
    return f"{platform.name}: {part}"


def which_app(found: PlatformSettings, organization_id: str, organization: str) -> list[Json]:
    """Return the question a platform with two apps asks: LinkedIn profile or company pages?"""
    buttons = [
        kit.button(
            capital(client.app.connects),
            f"connect.platform.{client.app.key}",
            f"{organization_id}/{client.app.key}",
        )
        for client in found.clients.values()
    ]
    return [
        kit.words(f"What should {organization} publish to on {found.platform.name}?"),
        kit.actions(*buttons),
    ]


def capital(words: str) -> str:
    """Return words as a button or a sentence begins with them."""
    return words[:1].upper() + words[1:]


def which_organization(found: Sequence[Summary], realm: str, word: str) -> Json:
    """Return the modal that asks which organization will own the account.

    Nothing is chosen beforehand, and each says who owns it: names can be alike, and what a channel is about
    is not for the person who connects to decide.
    """
    blocks = [kit.words("Which organization will own the account?")]
    for one in found[:ORGANIZATIONS_SHOWN]:
        value = f"{one.organization_id}/{word}"
        choose = kit.button("Choose", "connect.organization", value, label=f"Choose {one.name}")
        blocks.append(kit.section(f"*{kit.escape(one.name)}*\n{ownership(one, realm)}", accessory=choose))
    blocks.append(
        kit.fine_print("The account belongs to the organization, not to you: it stays when you leave.")
    )
    return kit.modal("Connect an account", blocks, close="Cancel")


def go_on(platform: Platform, app: App, organization: str, url: str) -> Json:
    """Return the modal's last face: the same private link."""
    return kit.modal("Connect an account", list(invitation(platform, app, organization, url).blocks))


# What came of it


def outcome(done: ConsentSettled, platform: Platform) -> Message:
    """Return what the member who consented is told."""
    blocks: list[Json] = []
    if done.wrong:
        expected, got = (name or "someone else" for name in done.wrong)
        as_new = f", or connect {got} as a new account below" if done.discovery_id else ""
        blocks.append(
            kit.words(
                f"You signed in to {platform.name} as {got}, but this connection belongs to {expected}."
                f" Nothing of it was changed. Sign in as {expected} to renew it{as_new}."
            )
        )
    if done.attached:
        blocks.append(
            kit.words(f"✅ Connected to {done.organization}: {some(done.attached)} on {platform.name}.")
        )
    if done.renewed:
        blocks.append(
            kit.words(f"🔁 Renewed for {done.organization}: {some(done.renewed)} on {platform.name}.")
        )
    if done.left_out:
        blocks.append(kit.words(not_renewed(done)))
    if done.discovery_id:
        more = "more " if done.renewed else ""
        choose = f"{done.organization_id}/{done.discovery_id}"
        many = f"{done.to_choose} {more}accounts" if done.to_choose > 1 else f"1 {more}account"
        blocks += [
            kit.words(f"{platform.name} shows {many} you can connect to {done.organization}."),
            kit.actions(kit.button("Choose accounts", "connect.choose", choose, style="primary")),
        ]
    if not (done.attached or done.renewed or done.discovery_id or done.wrong):
        blocks.append(
            kit.words(
                f"{platform.name} didn't give us an account we can use. It has to be {platform.connects}."
            )
        )
    blocks += advice(done, platform)
    if not (done.attached or done.renewed or done.discovery_id or done.wrong):
        blocks.append(kit.actions(kit.button("Connect an account", "connect.start")))
    first = str(blocks[0].get("text", {}).get("text", "")) if blocks else ""
    return Message(text=first or f"{platform.name}: done.", blocks=blocks)


def not_renewed(done: ConsentSettled) -> str:
    """Return which accounts a reconnect left out, and how to get them with the next one."""
    them = "it" if len(done.left_out) == 1 else "them"
    how = "tick everything you want to keep"
    if not (done.renewed or done.blocked or done.discovery_id):
        how = f"sign in there as somebody who manages {them}"
    return (
        f"Not renewed: {kit.listed(done.left_out)}. This sign-in doesn't include {them}; to keep publishing there,"
        f" press Reconnect and {how}."
    )


def advice(done: ConsentSettled, platform: Platform) -> list[Json]:
    """Return what stands in the way of more: reasons, fixes, missing permissions, sharing."""
    lines = [HINTS[Hint(hint)] for hint in done.hints]
    shown = 3 if done.discovery_id else BLOCKED_SHOWN
    lines += [why_not(one.name, one.reason) for one in done.blocked[:shown]]
    if len(done.blocked) > shown:
        where = "; Choose accounts lists them with reasons" if done.discovery_id else ""
        lines.append(f"… and {len(done.blocked) - shown} more that can't be used{where}.")
    if done.missing:
        asked = [scope for app in platform.apps if app.key == done.app for scope in app.scopes]
        missing = [scope for scope in asked if scope.name in done.missing]
        lost = "; ".join(f"{scope.name} (to {scope.reason})" for scope in missing)
        lines.append(f"Not granted: {lost}. Connect again and leave it ticked if you want that.")
    if done.shared:
        lines.append(
            f"Another organization on this installation uses the same {platform.name} sign-in, so both share"
            " one access: renewing it here renews it for both, disconnecting here leaves the other's alone."
        )
    return [kit.fine_print(line) for line in lines]


def news(one: AccountsConnected, platform: Platform) -> Message:
    """Return what the other admins are told: a surprising connection is one somebody sees."""
    text = f"New in {one.organization}: {some(one.accounts)} on {platform.name} was connected."
    return Message(
        text=text,
        blocks=[
            kit.words(text),
            kit.fine_print(
                "If that surprises you: /octapost accounts shows who connected it and can disconnect it."
            ),
        ],
    )


def waiting(one: ConsentWaiting, platform: Platform) -> Message:
    """Return what is said when a consent is stored and the platform stopped answering."""
    value = f"{one.organization_id}/{one.grant_id}"
    return Message(
        text=f"I have your consent for {platform.name}, but it isn't answering.",
        blocks=[
            kit.words(f"I have your consent for {platform.name}, but couldn't read your accounts yet."),
            kit.words(explain(one.failure.error, platform.name)),
            kit.actions(kit.button("Finish connecting", "connect.resume", value, style="primary")),
        ],
    )


def names(accounts: Sequence[Account]) -> str:
    """Return accounts by name, the first five of them."""
    return some([account.name for account in accounts])


def some(names: Sequence[str]) -> str:
    """Return the first five of the names, and how many more there are."""
    more = [f"{len(names) - 5} more"] if len(names) > 5 else []
    return kit.listed([*names[:5], *more])


def why_not(name: str, blocker: str | None) -> str:
    """Return why an account is greyed, and the fix."""
    if blocker == ALREADY_HERE:
        return f"{name}: already connected here, so there is nothing to do."
    reason, fix = BLOCKED[Blocker(blocker or "")]
    return f"{name}: {reason}. {fix}"


# The picker


def picker(
    platform: Platform,
    organization: str,
    discovery: Discovery,
    *,
    usable: int,
    blocked: Sequence[FoundAccount],
    blocked_total: int,
    value: str,
) -> Json:
    """Return the modal in which accounts are chosen; the select asks us as the person types."""
    many = f"{usable} accounts" if usable != 1 else "1 account"
    blocks = [
        kit.entry(
            PICKED,
            f"Accounts for {organization}",
            {
                "type": "multi_external_select",
                "action_id": "connect.search",
                "min_query_length": 0,
                "placeholder": kit.plain(f"Type to search {many}", 150),
            },
            hint="They belong to the organization and stay when you leave it.",
        )
    ]
    if blocked_total:
        blocks += [kit.divider(), kit.words("Can't be connected yet, and why:")]
        blocks += [kit.fine_print(why_not(one.name, one.blocker)) for one in blocked[:BLOCKED_SHOWN]]
        if blocked_total > BLOCKED_SHOWN:
            blocks.append(
                kit.fine_print(
                    f"… and {blocked_total - BLOCKED_SHOWN} more. Search a name above to see its reason."
                )
            )
    blocks += [kit.fine_print(HINTS[hint]) for hint in hints_of(discovery)]
    return kit.modal(
        f"{platform.name}: choose",
        blocks,
        callback_id="connect.picked",
        submit="Connect",
        close="Later",
        metadata=value,
    )


def hints_of(discovery: Discovery) -> list[Hint]:
    """Return the hints that were stored with a discovery."""
    return [Hint(hint) for hint in discovery.hints]


def choices(found: Sequence[FoundAccount]) -> list[Json]:
    """Return the options of a typeahead. A greyed one says why; Slack cannot disable an option."""
    made = []
    for one in found:
        if one.blocker:
            reason = (
                "already connected here" if one.blocker == ALREADY_HERE else BLOCKED[Blocker(one.blocker)][0]
            )
            made.append(kit.option(f"⊘ {one.name}", one.id, f"Can't be used: {reason}"))
        else:
            made.append(kit.option(one.name, one.id, " · ".join(filter(None, (one.kind, one.handle)))))
    return made


def picked(accounts: Sequence[Account], platform: Platform, organization: str) -> Json:
    """Return the picker's last face."""
    return kit.modal(
        f"{platform.name}: connected",
        [
            kit.words(f"✅ Connected to {organization}: {names(accounts)} on {platform.name}."),
            kit.fine_print("/octapost accounts lists everything this organization can publish to."),
        ],
    )
