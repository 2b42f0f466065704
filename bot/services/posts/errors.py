"""Why a post can't be published as it is, or not when it is wanted."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.posts.candidates import AccountProblems, Candidate
    from bot.services.posts.drafts import Written


class ProblemsError(Exception):
    """The post cannot be published as it is."""

    def __init__(self, found: Sequence[AccountProblems], written: Written) -> None:
        super().__init__("problems")
        self.found = tuple(found)
        self.written = written
        """The post, with what the platforms said about it."""


class UnsuitedError(Exception):
    """Accounts that were chosen cannot take the post."""

    def __init__(self, found: Sequence[Candidate]) -> None:
        super().__init__("unsuited")
        self.found = tuple(found)


class TimeFault(StrEnum):
    """What is wrong with a time."""

    PAST = "past"
    TOO_FAR = "too_far"
    NO_SLOT = "no_slot"
    """An account has no weekly times, or none that is free."""


class TimeError(Exception):
    """A post cannot be scheduled for this time."""

    def __init__(self, fault: TimeFault) -> None:
        super().__init__(str(fault))
        self.fault = fault
