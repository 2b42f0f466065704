"""The form of Graph's answers: the error envelope, fields and cursors ("Handle Errors", "Paginated Results")."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

MOST_PER_ANSWER, USUAL_PER_ANSWER = 100, 25
_BRACES = r"\{[^{}]*\}"
_NESTED = rf"\{{(?:[^{{}}]|{_BRACES})*\}}"
FIELD = re.compile(rf"(\w+)(?:\.\w+\([^)]*\))*(?:\{{((?:[^{{}}]|{_NESTED})*)\}})?,?")


class GraphRefusal(Exception):
    """An error in Graph's envelope."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        subcode: int = 0,
        kind: str = "OAuthException",
        status: int = 400,
        data: str = "",
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.subcode, self.kind, self.status = code, message, subcode, kind, status
        self.data = data
        """More about the error, as JSON in a string."""


def missing(node: str) -> GraphRefusal:
    """Return the answer for a node that doesn't exist or that this token may not see; Graph doesn't say which."""
    message = (
        f"Unsupported request. Object with ID '{node}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation"
    )
    return GraphRefusal(100, message, subcode=33, kind="GraphMethodException")


def split_fields(raw: str) -> dict[str, str]:
    """Return `a,b.type(large){c,d}` as {"a": "", "b": "c,d"}."""
    return dict(FIELD.findall(raw))


def pick(node: str, values: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the requested fields, and always `id`. Fields without a value are left out, unknown ones refused."""
    if unknown := next((name for name in fields if name not in values), None):
        raise GraphRefusal(100, f"(#100) Tried accessing nonexistent field ({unknown}) on node type ({node})")
    picked = {name: values[name] for name in (*fields, "id") if values[name] is not None}
    for name, inner in fields.items():
        value = picked.get(name)
        if inner and isinstance(value, dict) and "data" not in value:
            picked[name] = pick(name, value, split_fields(inner))
    return picked


def window(rows: Sequence[Mapping[str, Any]], asked: Mapping[str, str], url: str) -> dict[str, Any]:
    """Return one page of `rows` with cursors, by the parameters `limit` and `after`.

    `paging.next` repeats every parameter, including the token, as Graph's does.
    """
    try:
        limit = int(asked.get("limit", USUAL_PER_ANSWER))
    except ValueError:
        raise GraphRefusal(100, "(#100) param limit must be an integer") from None
    limit = min(max(limit, 1), MOST_PER_ANSWER)
    start = 0
    if after := asked.get("after"):
        start = position(rows, after) + 1
    shown = rows[start : start + limit]
    if not shown:
        return {"data": []}
    paging: dict[str, Any] = {"cursors": {"before": cursor(shown[0]), "after": cursor(shown[-1])}}
    if start + limit < len(rows):
        following = dict(asked) | {"after": cursor(shown[-1])}
        paging["next"] = f"{url}?{urlencode(following)}"
    return {"data": list(shown), "paging": paging}


def cursor(row: Mapping[str, Any]) -> str:
    """Return an opaque cursor for a row."""
    return base64.urlsafe_b64encode(f"c:{row['id']}".encode()).decode().rstrip("=")


def position(rows: Iterable[Mapping[str, Any]], after: str) -> int:
    """Return the position of a cursor's row."""
    try:
        wanted = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)).decode().removeprefix("c:")
    except (binascii.Error, UnicodeDecodeError):
        wanted = ""
    found = next((n for n, row in enumerate(rows) if row["id"] == wanted), None)
    if found is None:
        raise GraphRefusal(100, "(#100) Invalid cursor")
    return found
