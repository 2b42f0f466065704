"""How connecting begins in Slack: which platform, for which organization, and the private link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.base import App, Platform
from bot.views import kit, sign_in_as
from bot.views.kit import Json, Message
from bot.views.ownership import choice
from storage.account_labels import labels

if TYPE_CHECKING:
    from bot.services.accounts.reconnecting import ReconnectLink
    from bot.settings import PlatformSettings
    from storage.organization_summaries import Summary

TITLE = "Connect an account"
WHICH_PLATFORM = "Which platform do you want to connect?"
ASKING_AGAIN = "Asking again. I'll tell you here how it goes."
FINE_PRINT = "Only you can use this link. It works once, for 10 minutes, and asks you to sign in to Slack."
NO_PLATFORM = "No platform is set up on this installation yet. Whoever runs Octapost has to add one."
ORGANIZATIONS_SHOWN = 90
"""A modal holds 100 blocks."""


def invitation(platform: Platform, app: App, organization: str, url: str) -> Message:
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


def renewal(link: ReconnectLink) -> Message:
    """Return the private message that starts the renewal of a sign-in, and says whose it is."""
    what = f"Reconnect {kit.some(labels(link.accounts).values())} on {link.platform.name}"
    return _leading(
        link.platform,
        link.url,
        text=f"{what}: press the button to go on in your browser.",
        words=f"{what} for {link.organization}.",
        more=sign_in_as.block(link.whose, link.platform, picture=False),
    )


def _leading(platform: Platform, url: str, *, text: str, words: str, more: Sequence[Json] = ()) -> Message:
    return Message(
        text=text,
        blocks=[
            kit.words(words),
            *more,
            kit.actions(kit.link(f"Continue to {platform.name}", "connect.open", url, style="primary")),
            kit.fine_print(FINE_PRINT),
        ],
    )


def platforms(offered: Sequence[PlatformSettings], organization_id: str, organization: str) -> list[Json]:
    """Return the buttons that start a connection, one per app."""
    blocks = [kit.words(f"Which account do you want to connect to {organization}?")]
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
    """Return the button text of an app: the platform, and if it has two apps, which one."""
    if len(found.clients) < 2:
        return platform.name
    part = " ".join(app.connects.replace(platform.name, "").split())
    return f"{platform.name}: {part}"


def which_app(found: PlatformSettings, organization_id: str, organization: str) -> Message:
    """Return the question for a platform with two apps: LinkedIn profile or company pages?"""
    buttons = [
        kit.button(
            capital(client.app.connects),
            f"connect.platform.{client.app.key}",
            f"{organization_id}/{client.app.key}",
        )
        for client in found.clients.values()
    ]
    return Message(
        text=f"What on {found.platform.name}?",
        blocks=[
            kit.words(f"What do you want to connect to {organization} on {found.platform.name}?"),
            kit.actions(*buttons),
        ],
    )


def capital(words: str) -> str:
    """Return words with a capital letter, as at the start of a button or a sentence."""
    return words[:1].upper() + words[1:]


def which_organization(found: Sequence[Summary], realm: str, word: str) -> Json:
    """Return the modal that asks which organization will own the account.

    Nothing is preselected, and each entry says who owns it: names can be alike, and the person who connects has not
    chosen which organization the channel is about.
    """
    blocks = [kit.words("Which organization will own the account?")]
    blocks += [
        choice(one, realm, "connect.organization", f"{one.organization_id}/{word}")
        for one in found[:ORGANIZATIONS_SHOWN]
    ]
    blocks.append(
        kit.fine_print("The account belongs to the organization, not to you: it stays when you leave.")
    )
    return kit.modal(TITLE, blocks, close="Cancel")


def go_on(link: Message) -> Json:
    """Return the same private link, for the modal that asked for the platform or organization."""
    return kit.modal(TITLE, list(link.blocks))
