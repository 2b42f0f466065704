"""Whom to sign in as, wherever a person is asked to reconnect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.views import kit

if TYPE_CHECKING:
    from adapters.base import Platform
    from bot.services.accounts.sign_in_as import SignInAs
    from bot.views.kit import Json


def sentence(one: SignInAs, platform: Platform) -> str:
    """Return the sentence that says it."""
    return f"Sign in at {platform.sign_in_site} as {one.shown}."


def block(one: SignInAs | None, platform: Platform, *, picture: bool = True) -> list[Json]:
    """Return the sentence as a block, with the account's picture; nothing where nobody knows.

    `picture=False` is for answers that can't be sent again without it, if Slack can't load it.
    """
    if one is None:
        return []
    return [kit.pictured(one.picture if picture else "", kit.plain(sentence(one, platform)))]
