"""Lists that are shown a page at a time: the buttons to the neighbouring pages, and what they carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.views import kit

if TYPE_CHECKING:
    from bot.views.kit import Json

MOST_DIGITS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Turning:
    """Where a page is in its list, and what the buttons to its neighbours carry."""

    number: int
    """From 0."""
    of: int
    story: str
    """The first part of the buttons' action ids."""
    value: str
    """The part of the buttons' values before the page number."""
    about: str = ""
    """The part after it."""

    def blocks(self) -> list[Json]:
        """Return the buttons and the page number; nothing where there is only one page."""
        if self.of < 2:
            return []
        before = [self._button("← Previous", -1)] if self.number else []
        after = [self._button("Next →", 1)] if self.number < self.of - 1 else []
        return [kit.actions(*before, *after), kit.fine_print(f"Page {self.number + 1} of {self.of}")]

    def _button(self, label: str, step: int) -> Json:
        way = "earlier" if step < 0 else "later"
        return kit.button(label, f"{self.story}.{way}", f"{self.value}{self.number + step}{self.about}")


def page_number(word: str) -> int | None:
    """Return the page number that a button carries, from 0; None if it is none."""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= MOST_DIGITS else None
