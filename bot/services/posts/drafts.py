"""What a member has written so far: the form's content, and what each account would get of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from adapters.base import Content, Format, OptionValue, TextField

if TYPE_CHECKING:
    from adapters.base import FormatRule, PublishingFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What one account needs besides the text: the fields that only its platform has."""

    title: str = ""
    place: str = ""
    """The platform's id of a place in the account."""
    place_name: str = ""
    options: Mapping[str, OptionValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What is in the form."""

    text: str = ""
    accounts: tuple[str, ...] = ()
    """The ids of the chosen accounts."""
    due_at: datetime | None = None
    """None: now."""
    details: Mapping[str, Details] = field(default_factory=dict)
    """By account id."""


_WRITTEN = TypeAdapter(Written)


def dump(written: Written) -> dict[str, Any]:
    """Return what is in the form as JSON."""
    stored: dict[str, Any] = _WRITTEN.dump_python(written, mode="json")
    return stored


def load(stored: Mapping[str, Any]) -> Written:
    """Return what `dump` gave this JSON for.

    Raises:
        ValueError: It is nothing that was in the form.

    """
    return _WRITTEN.validate_python(stored)


def format_for(facts: PublishingFacts) -> Format | None:
    """Return the format in which a platform takes a text alone; None: it takes none."""
    return Format.TEXT if Format.TEXT in facts.formats else None


def content_for(facts: PublishingFacts, written: Written, account_id: str) -> Content | None:
    """Return what one account gets; None: its platform takes no text alone."""
    wanted = format_for(facts)
    if wanted is None:
        return None
    details = written.details.get(account_id, Details())
    rule = facts.formats[wanted]
    return Content(
        format=wanted,
        text=written.text,
        title=details.title if TextField.TITLE in rule.texts else "",
        options=details.options,
        place=details.place,
    )


def needs_title(rule: FormatRule) -> bool:
    """Tell whether the format has a title that it cannot do without."""
    title = rule.texts.get(TextField.TITLE)
    return title is not None and title.required
