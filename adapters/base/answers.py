"""Reads a platform's JSON without relying on its shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx


def body_of(response: httpx.Response) -> Mapping[str, Any]:
    """Return the JSON object in `response`, or an empty one: an HTML error page says nothing about us."""
    try:
        parsed = response.json()
    except (ValueError, RecursionError):
        return {}
    return object_of(parsed)


def text_of(raw: object) -> str:
    """Return `raw` if it is a string, else an empty one: platforms omit fields and send null.

    NUL and lone surrogates are removed: JSON can carry them, but no database stores them.
    """
    if not isinstance(raw, str):
        return ""
    return raw.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")


def object_of(raw: object) -> Mapping[str, Any]:
    """Return `raw` if it is a JSON object, else an empty one."""
    return raw if isinstance(raw, dict) else {}


def objects_of(raw: object) -> list[Mapping[str, Any]]:
    """Return the JSON objects in `raw` if it is a list, else an empty list."""
    return [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else []
