"""What Graph's refusals of a post mean, for Facebook and Instagram.

Sources, read 2026-11-23: https://developers.facebook.com, "Handle Errors", "Error Codes" of the Instagram Platform and
of the Video API. Subcodes of seven digits that these pages do not name were seen by public projects that post to Pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx

from adapters.base import (
    Busy,
    Misconfigured,
    OutcomeUnknown,
    PlatformError,
    Rejected,
    TokenRefused,
    body_of,
    object_of,
)
from adapters.meta.graph import LIMITS, verdict_on
from adapters.numbers import whole

NO_PERMISSION = "200"
"""Stands for all codes that say that a permission is missing: 3, 10 and 200 to 299."""
DUPLICATE = "duplicate"
DUPLICATES = frozenset({"506", "1366051"})
UPLOAD_FAILED = "upload_failed"
UPLOAD_REJECTED = frozenset({UPLOAD_FAILED, "ProcessingFailedError"})
"""The host for uploads refuses a file for good."""
RESUMABLE = frozenset({"OffsetInvalidError", "PartialRequestError"})
"""It has less than was sent, or something else; it says how much it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a documented code means."""

    error: type[PlatformError]
    wait: timedelta | None = None
    in_doubt: bool = False
    """As the answer to the call that publishes it does not say whether the post went out."""


Table = Mapping[str, Verdict]
"""By `<code>_<subcode>`, by the subcode or by the code; the first one found applies."""

REJECTED = Verdict(error=Rejected)
UNKNOWN = Verdict(error=OutcomeUnknown)
LATER = Verdict(error=Busy, wait=timedelta(minutes=2), in_doubt=True)

EVERYWHERE: Table = {
    "100": REJECTED,
    "100_33": REJECTED,
    NO_PERMISSION: REJECTED,
    "368": REJECTED,
    "506": UNKNOWN,
    "1363047": LATER,
    "1609010": LATER,
}
"""Codes that both platforms send."""


def refusal(response: httpx.Response, table: Table, *, visible: bool) -> PlatformError:
    """Return the error that a refusal means. `visible`: the refused call publishes.

    Its code is the key of `table`, which is what `bot.views` has a sentence for; else Meta's code and subcode.
    """
    found = verdict_on(response)
    if isinstance(found, TokenRefused | Misconfigured):
        return found
    error = object_of(body_of(response).get("error"))
    code, subcode = whole(error.get("code")), whole(error.get("error_subcode"))
    key = next((k for k in (f"{code}_{subcode}", str(subcode), _named(code)) if k in table), None)
    sound = response.status_code < httpx.codes.INTERNAL_SERVER_ERROR
    if key is None or not sound:
        limited = code in LIMITS or response.status_code == httpx.codes.TOO_MANY_REQUESTS
        unclear = isinstance(found, Busy) and not limited
        return OutcomeUnknown(found.code) if visible and unclear else found
    verdict = table[key]
    if verdict.error is OutcomeUnknown or (visible and verdict.in_doubt):
        name = DUPLICATE if key in DUPLICATES else key
        return OutcomeUnknown(name) if visible else Rejected(key)
    return verdict.error(key, retry_after=verdict.wait or found.retry_after)


def _named(code: int | None) -> str:
    """Return the key for a code alone."""
    permission = code in {3, 10} or (code is not None and 200 <= code <= 299)
    return NO_PERMISSION if permission else str(code)
