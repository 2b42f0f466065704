"""One call of a Web API method: its arguments, scopes and pages."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from sandbox.slack.state import Installation, Json, Refused, Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: the caller and the arguments."""

    method: str
    args: Json
    token: Token
    installation: Installation
    teams: tuple[str, ...]
    """The workspaces in which the token works."""

    def text(self, name: str) -> str:
        """Return an argument as text, or an empty string."""
        value = self.args.get(name)
        return "" if value is None else str(value)

    def needed(self, name: str) -> str:
        """Return a required argument.

        Raises:
            Refused: With `invalid_arguments`: it is missing.

        """
        if not self.text(name):
            raise Refused("invalid_arguments", [f"missing required field: {name} [json-pointer:/{name}]"])
        return self.text(name)

    def flag(self, name: str) -> bool:
        """Return a boolean argument, which forms send as text."""
        return self.text(name).lower() in {"true", "1"}


class RateLimited(Exception):
    """Too many calls; `retry_after` in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


def require_scope(call: Call, scope: str) -> None:
    """Raise Refused with `missing_scope`, which names the needed scope and those of the token, unless it has it."""
    if scope not in call.token.scopes:
        raise Refused("missing_scope", needed=scope, provided=",".join(call.token.scopes))


def paged(found: list[Any], call: Call) -> tuple[list[Any], str]:
    """Return one page and the cursor of the next: https://docs.slack.dev/apis/web-api/pagination."""
    limit, cursor = call.text("limit") or "100", call.text("cursor")
    if not limit.isdigit() or not 1 <= int(limit) <= 1000:
        raise Refused("invalid_limit")
    try:
        start = int(base64.b64decode(cursor, validate=True)) if cursor else 0
    except ValueError:
        raise Refused("invalid_cursor") from None
    end = start + int(limit)
    return found[start:end], base64.b64encode(str(end).encode()).decode() if end < len(found) else ""
