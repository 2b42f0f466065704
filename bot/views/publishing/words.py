"""The form of a platform's words. Each platform has a module with its `WORDS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformWords:
    """What people read about publishing on one platform."""

    refusals: Mapping[str, str]
    """The code of a `Rejected` or of `Live.refuses` -> what the platform says and what to do, in two sentences."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The key of an `Option` -> its label, at most 48 characters."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """The key of an `Option` -> a sentence below it."""
    notice: str = ""
    """What people must know before they publish there, in mrkdwn."""
    choices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The key of an `Option` -> the value of a choice -> its label, at most 75 characters."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """The note of a `Receipt` -> a sentence."""
    unavailable: Mapping[str, str] = field(default_factory=dict)
    """A format that people ask for and the platform does not give us ("story") -> a sentence that says so."""
