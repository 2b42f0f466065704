"""How a platform reports that a person has withdrawn their consent."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime


class BadSignature(Exception):
    """None of our app secrets signed the request, or it was signed too long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request as it arrived, and what its signature may be made with."""

    body: bytes
    signature: str
    """The value of `Webhook.signature_header`; empty where there is none."""
    secrets: Collection[str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deauthorization:
    """A person has withdrawn their consent."""

    person: str
    """Their id at the platform."""
    said_at: datetime | None
    """When the platform said so, by its own clock. None: it does not say."""
    code: str
    """Why, as `bot.views` explains it."""
    erase: bool = False
    """Their tokens have to be destroyed, too."""
    once: str = ""
    """Identifies this report where the platform repeats itself. Empty: a repetition does no harm."""
    hint: bool = False
    """It proves nothing by itself: the platform has to be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionPage:
    """The page on which a person can read what became of their request to delete their data."""

    path: str
    """With `{code}` in it."""
    site: str
    """Where the person made the request, as its name is written."""
    purpose: str
    """Makes a code of this page worthless for any other purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address of ours that a platform posts to."""

    path: str
    field: str
    """Where the operator enters it, as the platform's console calls it."""
    read: Callable[[SignedRequest], Deauthorization | None]
    """Returns the report, or None for a request about something else. Raises BadSignature if none of our secrets
    signed it."""
    signature_header: str = ""
    """Where the signature is; empty: in the body."""
    deletion: DeletionPage | None = None
    """Set where the answer has to name such a page."""
