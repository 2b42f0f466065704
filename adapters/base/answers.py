"""A platform's JSON, read without trusting its shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx


def body_of(response: httpx.Response) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one: an error page is evidence of nothing."""
    try:
        parsed = response.json()
    except (ValueError, RecursionError):
        return {}
    return object_of(parsed)


def text_of(raw: object) -> str:
    """Return `raw` if it is a string, else an empty one: platforms leave fields out and send null.

    Without the NUL and lone surrogates that JSON can carry and no database keeps.
    """
    if not isinstance(raw, str):
        return ""
    return raw.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")


def object_of(raw: object) -> Mapping[str, Any]:
    """Return `raw` if it is a JSON object, else an empty one."""
    return raw if isinstance(raw, dict) else {}


def objects_of(raw: object) -> list[Mapping[str, Any]]:
    """Return the JSON objects in `raw` if it is a list, else none."""
    return [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else []
