"""The page in the browser where the settings of one account's post are chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.base import MediaKind, OptionKind
from bot.services.accounts.sign_in_as import picture
from bot.views import kit
from bot.views.publishing.platforms import choice_label, option_label, refusal, words_of
from bot.views.publishing.problems import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.base import Option
    from bot.services.posts.settings_pages import PostSettings
    from bot.views.kit import Json

TITLE = "Settings in the browser"
LINK = re.compile(r"<(https://[^|>]+)\|([^>]+)>")
SHOWN = frozenset({MediaKind.IMAGE, MediaKind.GIF, MediaKind.VIDEO})
SWITCHED_OFF = "Switched off in this account's settings on {name}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value that can be chosen."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of the page."""

    key: str
    label: str
    hint: str
    within: str
    values: tuple[Value, ...] = ()
    """Of a choice; a box has none."""
    ticked: bool = False
    off: str = ""
    """Why it can't be chosen; empty: it can."""
    required: bool = False
    forbids: str = ""
    """What can't be chosen while it is ticked: `field=value` words, and the sentence that says so."""
    forbidden: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file in the preview."""

    number: int
    name: str
    type: str
    video: bool
    shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsPage:
    """What the template shows."""

    platform: str
    organization: str
    name: str
    handle: str
    picture: str
    title: str
    text: str
    files: tuple[File, ...]
    fields: tuple[Field, ...]
    silent: str
    """Why nothing can be chosen; empty: it can."""
    problems: tuple[str, ...]
    saved: bool
    notice: tuple[tuple[str, str], ...]
    """What people must know: pieces of text, and the address that each leads to, if any."""


def page(found: PostSettings, *, saved: bool = False) -> SettingsPage:
    """Return the page. `saved`: the settings were stored a moment ago, so it says what is still missing."""
    one, content, live = found.candidate, found.content, found.live
    platform, account = one.profile.platform, one.profile.account
    said = [refusal(platform.key, platform.name, found.refused)] if found.refused else []
    if saved:
        said += [sentence(problem, platform, one.facts) for problem in found.problems]
    return SettingsPage(
        platform=platform.name,
        organization=found.organization,
        name=(live.name if live is not None else "") or one.profile.label,
        handle=account.handle,
        picture=picture((live.picture if live is not None else "") or account.avatar_url),
        title=content.title,
        text=content.text,
        files=tuple(
            File(
                number=number,
                name=each.name,
                type=each.type,
                video=each.kind is MediaKind.VIDEO,
                shown=each.kind in SHOWN,
            )
            for number, each in enumerate(content.media)
        ),
        fields=tuple(_fields(found)) if live is not None else (),
        silent=""
        if live is not None
        else f"{platform.name} isn't answering. Load the page again in a moment.",
        problems=tuple(said),
        saved=saved,
        notice=tuple(_linked(words_of(platform.key).notice)),
    )


def _linked(mrkdwn: str) -> Iterator[tuple[str, str]]:
    """Yield the pieces of a text of ours with links, each with its address or an empty string."""
    for index, piece in enumerate(LINK.split(mrkdwn)):
        if index % 3 == 0 and piece:
            yield piece, ""
        elif index % 3 == 2:
            yield piece, LINK.split(mrkdwn)[index - 1]


def _fields(found: PostSettings) -> Iterator[Field]:
    one, live = found.candidate, found.live
    platform = one.profile.platform
    chosen = found.details.options
    for option in found.options:
        off = live is not None and option.key in live.off
        yield Field(
            key=option.key,
            label=option_label(platform.key, option.key),
            hint=words_of(platform.key).hints.get(option.key, ""),
            within=option.within,
            values=tuple(_values(found, option)),
            ticked=chosen.get(option.key) is True and not off,
            off=SWITCHED_OFF.format(name=platform.name) if off else "",
            required=option.required,
            forbids=" ".join(
                f"{key}={value}" for key, values in option.forbids.items() for value in sorted(values)
            ),
            forbidden=kit.listed(
                f"“{choice_label(platform.key, key, value)}” can't be chosen with "
                f"“{option_label(platform.key, option.key)}”."
                for key, values in option.forbids.items()
                for value in sorted(values)
            ),
        )


def _values(found: PostSettings, option: Option) -> Iterator[Value]:
    if option.kind is not OptionKind.CHOICE or found.live is None:
        return
    platform = found.candidate.profile.platform.key
    for each in found.live.choices.get(option.key, ()):
        yield Value(
            value=each.value,
            label=each.label or choice_label(platform, option.key, each.value),
            chosen=found.details.options.get(option.key) == each.value,
        )


def link(url: str, platform: str) -> Json:
    """Return the modal with the address of the page."""
    blocks = [
        kit.words(
            f"Choose the settings for {platform} in your browser. It shows what the account can't choose, too."
        ),
        kit.actions(kit.link("Open the page", "compose.settings_page", url, style="primary")),
        kit.fine_print(
            "Only you can use the page, for an hour. What you save there is in the form when you come back."
        ),
    ]
    return kit.modal(TITLE, blocks, close="Back")
