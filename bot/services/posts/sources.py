"""Where a post comes from, if it was made from a message in Slack."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFile:
    """A file of a message in Slack."""

    id: str
    """Slack's id."""
    name: str
    alt_text: str = ""

    @property
    def payload(self) -> dict[str, str]:
        """The file as Slack's own payloads name it."""
        return {"id": self.id, "name": self.name, "alt_txt": self.alt_text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The message that a post is made from. It does not name the conversation, which may be private."""

    wrote: str = ""
    """The user id of whoever wrote it; empty: an app did."""
    author: str = ""
    """The membership of whoever wrote it, who is told and can object. Empty: the member who publishes it, or nobody who
    can be told."""
    untold: bool = False
    """Somebody else wrote it, and cannot be told."""
    private: bool = False
    """It is in a private channel or a direct message."""
    files: tuple[SharedFile, ...] = ()
    """The files that it had. Those that were taken in are among the post's own."""
