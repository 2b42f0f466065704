"""What a member wants done with what is live, as the ledger stores it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter


class WishKind(StrEnum):
    """What is to be done with a live post."""

    EDIT = "edit"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be done with a live post."""

    kind: WishKind
    text: str = ""
    """What it is to say, for an edit."""


_WISH = TypeAdapter(Wish)


def dump(wish: Wish) -> dict[str, Any]:
    """Return the wish as JSON."""
    stored: dict[str, Any] = _WISH.dump_python(wish, mode="json")
    return stored


def load(stored: Mapping[str, Any]) -> Wish | None:
    """Return the wish that `dump` gave this JSON for; None for an empty one: there is no wish."""
    return _WISH.validate_python(stored) if stored else None
