"""What keeps a scheduled delivery from going out, as a check before its time found it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from adapters.base import Problem


class FaultKind(StrEnum):
    """Where the fault is, and so what mends it."""

    ACCOUNT = "account"
    """The account's sign-in: `code` is a `RiskCode`. Somebody reconnects it."""
    REFUSED = "refused"
    """The platform would refuse any post there now: `code` says why."""
    CONTENT = "content"
    """The post has to be changed: `problem` says what, or `code` names a file that is gone."""
    LIMIT = "limit"
    """A limit of the day is used up: it goes out later, by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that keeps a delivery from going out."""

    kind: FaultKind
    code: str = ""
    problem: Problem | None = None

    @property
    def needs_someone(self) -> bool:
        """Tell whether it stays unless a person does something."""
        return self.kind is not FaultKind.LIMIT


_FAULT = TypeAdapter(Fault)


def dump(fault: Fault | None) -> dict[str, Any]:
    """Return a fault as JSON; that of None is empty."""
    stored: dict[str, Any] = {} if fault is None else _FAULT.dump_python(fault, mode="json")
    return stored


def load(stored: Mapping[str, Any]) -> Fault | None:
    """Return the fault that `dump` gave this JSON for."""
    return _FAULT.validate_python(stored) if stored else None
