"""The sentences for the limits of a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.views import kit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.services.posts.caps import CapReached


def sentences(found: Iterable[CapReached]) -> list[str]:
    """Return which limits a post would pass, and what follows: plain text, each once."""
    return list(dict.fromkeys(map(_sentence, found)))


def _sentence(one: CapReached) -> str:
    name = one.profile.platform.name
    if one.units:
        return (
            f"{name}'s quota of {one.most:,} units a day is used up, so the video's cover may be missing."
            " Your Octapost operator can ask for more."
        )
    whose = "this installation of Octapost" if one.whole_app else one.profile.label
    return (
        f"{name}'s {kit.posts(one.most)} of that day {'is' if one.most == 1 else 'are'} used up for {whose},"
        " so this would go out later."
        " Choose another day to be on time."
    )
