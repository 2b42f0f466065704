"""A post's content as JSON, for the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from adapters.base import Content

_CONTENT = TypeAdapter(Content)


def dump(content: Content) -> dict[str, Any]:
    """Return the content as JSON."""
    stored: dict[str, Any] = _CONTENT.dump_python(content, mode="json")
    return stored


def load(stored: Mapping[str, Any]) -> Content:
    """Return the content that `dump` gave this JSON for.

    Raises:
        ValueError: It is not a content.

    """
    return _CONTENT.validate_python(stored)
