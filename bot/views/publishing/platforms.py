"""The words of every platform that Octapost publishes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.posts.policy import FILE_GONE, NO_RECEIPT, NOT_CONVERTED
from bot.views.publishing import facebook, instagram, linkedin, reddit, tiktok, x, youtube
from bot.views.publishing.words import PlatformWords

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS: Mapping[str, PlatformWords] = {
    "facebook": facebook.WORDS,
    "instagram": instagram.WORDS,
    "x": x.WORDS,
    "linkedin": linkedin.WORDS,
    "tiktok": tiktok.WORDS,
    "reddit": reddit.WORDS,
    "youtube": youtube.WORDS,
}
NONE = PlatformWords(refusals={})


def words_of(platform: str) -> PlatformWords:
    """Return a platform's words."""
    return WORDS.get(platform, NONE)


def option_label(platform: str, key: str) -> str:
    """Return what a platform's own field is called."""
    return words_of(platform).options.get(key, key.replace("_", " ").capitalize())


def choice_label(platform: str, key: str, value: str) -> str:
    """Return what a choice of such a field is called."""
    return words_of(platform).choices.get(key, {}).get(value, value)


def refusal(platform: str, name: str, code: str) -> str:
    """Return, in mrkdwn, what the platform refused and what to do; `name` is how the platform is called."""
    if code == NO_RECEIPT:
        return (
            f"I don't know the address of the part that is live, so I can't go on from it. Do it on {name}."
        )
    if code == FILE_GONE:
        return "A file of this post isn't stored any more, so nothing was published. Post it again with the file."
    if code == NOT_CONVERTED:
        return (
            f"A picture of this post couldn't be converted for {name}, so nothing was published."
            " Export it as a JPEG, and post it again."
        )
    known = words_of(platform).refusals.get(code)
    return known or f"{name} refused it (`{code.replace('`', '')}`). Change the post and try again."
