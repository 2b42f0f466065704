"""What a file is, or why it is not taken. Shared with the child process, so it imports nothing of ours."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum


class FileFault(StrEnum):
    """Why a file is not taken. `bot.views` has the sentences."""

    EMPTY = "empty"
    TOO_BIG = "too_big"
    UNSUPPORTED = "unsupported"
    """It is nothing that can be published."""
    NAME_LIES = "name_lies"
    """Its name's ending belongs to another type."""
    TRUNCATED = "truncated"
    """It is damaged, or its end is missing."""
    TOO_COMPLEX = "too_complex"
    """It would need more memory or time than a file may."""
    PASSWORD = "password"  # noqa: S105 - a code
    ANIMATED = "animated"
    """An animated picture that is no GIF."""
    UNREADABLE = "unreadable"
    """Slack does not hand it to the app."""


class Change(StrEnum):
    """What was changed in a file before it was stored."""

    CLEANED = "cleaned"
    """Location and device data were removed; what people see is the same."""
    CONVERTED = "converted"
    """It was made a JPEG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found in a file."""

    kind: str
    """A `MediaKind`."""
    type: str
    """The MIME type."""
    width: int = 0
    height: int = 0
    duration_ms: int = 0
    frame_rate: float = 0.0
    pages: int = 0
    change: Change | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A JPEG to make of a file: of a picture, a video's first frame or a document's first page.

    It stands upright, is white where the file is transparent, and says nothing about where or with what it was made.
    """

    most_bytes: int
    most_pixels: int
    largest_side: int = 0
    """Pixels of the longer side. 0: not limited."""
    ratio: float = 0.0
    """Width by height: what is beyond that is cut off on both sides. 0: nothing is cut off."""

    @property
    def recipe(self) -> str:
        """What it is told apart by from other drawings of the same file."""
        return json.dumps(asdict(self), separators=(",", ":"))


class RefusedFileError(Exception):
    """The file is not taken."""

    def __init__(self, fault: FileFault, found: str = "") -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.found = found
        """The MIME type it has, where that is the fault."""


def dump(result: Findings | FileFault) -> str:
    """Return a result as the line that the child process writes."""
    return json.dumps({"fault": str(result)} if isinstance(result, FileFault) else asdict(result))


def load(line: str) -> Findings:
    """Return what the child process found.

    Raises:
        RefusedFileError: It found a fault.
        ValueError: It is no result.

    """
    stored = json.loads(line)
    if not isinstance(stored, dict):
        raise ValueError("no result")  # noqa: TRY004 - any malformed line is a ValueError
    if "fault" in stored:
        raise RefusedFileError(FileFault(stored["fault"]))
    change = stored.pop("change", None)
    try:
        return Findings(**stored, change=Change(change) if change else None)
    except TypeError as error:
        raise ValueError(str(error)) from None
