"""Listings that come in pages. The platform says where the next one begins, so it also decides whether we ever end."""

from __future__ import annotations


class Cursors:
    """The cursors of one listing. One that was seen before ends it: the same pages would come again."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def is_new(self, cursor: str) -> bool:
        """Tell whether there is a cursor, and it is the first time that this listing gave it."""
        if not cursor or cursor in self._seen:
            return False
        self._seen.add(cursor)
        return True
