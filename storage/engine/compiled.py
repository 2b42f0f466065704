"""What the engines of a process share: statements that SQLAlchemy has written out as text."""

from __future__ import annotations

from typing import Any

from sqlalchemy.util import LRUCache

COMPILED: LRUCache[Any, Any] = LRUCache(1000)
"""Compiled statements, shared by all engines of the process: SQLAlchemy would compile each once per engine."""


class Alike:
    """A dialect that equals all others of its class, so that engines share compiled statements.

    All of ours have the same configuration, and the compiled statement depends on nothing else.
    """

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))
