"""What a platform takes, as data: formats, lengths, files and the fields of its own.

The composer, the checks and the table of formats in the docs are made from these facts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from adapters.base.content import Format, MediaKind, OptionValue

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE


class TextField(StrEnum):
    """A text of a post."""

    TEXT = "text"
    TITLE = "title"
    LINK = "link"
    FIRST_COMMENT = "first_comment"
    ALT_TEXT = "alt_text"


class Unit(StrEnum):
    """What a text's length is counted in."""

    CHARACTERS = "characters"
    """Unicode code points."""
    BYTES = "bytes"
    """Of UTF-8."""
    UTF16 = "utf16"
    """UTF-16 code units: most emoji count two."""
    WEIGHTED = "weighted"
    """By the platform's own rules."""


def utf8_length(text: str) -> int:
    """Return how many bytes `text` takes in UTF-8."""
    return len(text.encode())


def utf16_length(text: str) -> int:
    """Return how many UTF-16 code units `text` takes."""
    return len(text.encode("utf-16-le")) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRule:
    """How long a text may be."""

    most: int
    unit: Unit = Unit.CHARACTERS
    count: Callable[[str], int] = len
    """Returns the length of a text in `unit`, as the platform counts it."""
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRule:
    """Which files of one kind a platform takes as they are. None: not limited."""

    types: frozenset[str]
    """MIME types."""
    most_bytes: int
    fewest_bytes: int = 1
    shortest: timedelta | None = None
    longest: timedelta | None = None
    lowest_ratio: float | None = None
    """Width by height."""
    highest_ratio: float | None = None
    smallest_side: int | None = None
    """Pixels of the shorter side."""
    largest_side: int | None = None
    """Pixels of the longer side."""
    most_pixels: int | None = None
    most_pages: int | None = None
    highest_frame_rate: float | None = None
    converts: bool = False
    """A picture of another type, with more bytes or more pixels is made a JPEG that the platform takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatRule:
    """What one format consists of."""

    texts: Mapping[TextField, TextRule] = field(default_factory=dict)
    """A text that is not named cannot be sent in this format."""
    media: Mapping[MediaKind, MediaRule] = field(default_factory=dict)
    fewest: int = 0
    """Files; in a thread, elements."""
    most: int = 0
    cover: MediaRule | None = None
    """The picture beside a video or a link. None: it takes none."""
    in_first_shape: bool = False
    """All pictures are shown in the shape of the first one: what is beyond it is cut off."""
    part: FormatRule | None = None
    """What one element of a thread consists of."""


class OptionKind(StrEnum):
    """How a member fills a field of the platform's own."""

    CHOICE = "choice"
    SWITCH = "switch"
    WORDS = "words"
    """Several short texts: tags, people."""
    LINE = "line"
    NUMBER = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A field that only this platform has. `bot.views` has its label."""

    key: str
    kind: OptionKind
    formats: frozenset[Format]
    """The formats that have it."""
    choices: tuple[str, ...] = ()
    """The values of a choice. Empty: `Live.choices` has them."""
    default: str | bool | None = None
    """What is chosen beforehand. None: nothing, the member decides."""
    required: bool = False
    within: str = ""
    """The key of a switch. The field counts only while that is on. Empty: always."""
    each_post: bool = False
    """It is decided anew for each post: it is never copied to another one."""
    most: int = 0
    """The greatest length of a line, the greatest number, or how many words. 0: not limited."""
    forbids: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """While this switch is on: the values that other fields can't have, by their keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyCap:
    """How many posts the platform takes within 24 hours."""

    posts: int
    whole_app: bool = False
    """All accounts of this installation share it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishingFacts:
    """Everything about publishing on a platform that is data."""

    formats: Mapping[Format, FormatRule]
    options: tuple[Option, ...] = ()
    daily_cap: DailyCap | None = None
    daily_units: int = 0
    """How many units of its quota all accounts of this installation share within 24 hours. 0: it counts none."""
    step_units: Mapping[str, int] = field(default_factory=dict)
    """What a step costs of them, by its `StepKind`."""
    cap_codes: frozenset[str] = frozenset()
    """Codes with which the platform says that its daily cap is used up."""
    ahead: timedelta = timedelta(minutes=10)
    """How long before a post is due its media may be prepared: what the platform returns lives longer than that."""
    spaced: timedelta = timedelta(0)
    """The shortest time between two posts of one account."""
    places_per_post: int = 1
    """How many places of this platform one post may go to."""
    same_text_once: bool = False
    """The platform forbids the same text on several accounts."""
    missed_apart: timedelta = timedelta(minutes=10)
    """How far apart two looks must be that do not find a live post, before it counts as removed."""
    cents_per_read: float = 0.0
    """What looking at one post costs the operator on each UTC day on which it is looked at, in US cents."""
    readable: bool = True
    """What was published can be read back with the scopes we have; where not, a person is asked."""
    settings_page: bool = False
    """Its rules want settings that can't be chosen to be shown as such, which takes a page in the browser."""
    can_edit: bool = False
    """The text of a live post can be changed."""
    can_delete: bool = False
    """A live post can be deleted."""
    cents_per_post: Callable[[str], float] | None = None
    """Returns what a post with this text costs the operator, in US cents. None: nothing."""

    def counts(self, option: Option, chosen: Mapping[str, OptionValue]) -> bool:
        """Tell whether a field counts beside these values: it belongs to no switch, or to one that is on and counts."""
        if not option.within:
            return True
        switch = next((one for one in self.options if one.key == option.within), None)
        return chosen.get(option.within) is True and (switch is None or self.counts(switch, chosen))

    def forbidden(self, chosen: Mapping[str, OptionValue]) -> dict[str, dict[str, str]]:
        """Return what can't be chosen beside these values: by field, each value with the switch that forbids it."""
        found: dict[str, dict[str, str]] = {}
        for switch in self.options:
            if chosen.get(switch.key) is True and self.counts(switch, chosen):
                for key, values in switch.forbids.items():
                    found.setdefault(key, {}).update(dict.fromkeys(values, switch.key))
        return found
