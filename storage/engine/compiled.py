"""What the engines of a process share: statements that SQLAlchemy has written out as text."""

from __future__ import annotations

from typing import Any

from sqlalchemy.util import LRUCache

COMPILED: LRUCache[Any, Any] = LRUCache(1000)
"""Statements as text, for every engine of the process: SQLAlchemy would write each out once per engine."""


class Alike:
    """A dialect that equals every other of its class, so that engines find each other's compiled statements.

    All of ours are configured alike, and what a statement is compiled to depends on nothing else.
    """

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))
