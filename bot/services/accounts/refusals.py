"""What a platform's refusal means: the code it sends to the callback instead of a consent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters import oauth
from bot.services.notifications import ConsentProblem

if TYPE_CHECKING:
    from adapters.base import Platform

PRINTABLE = re.compile(r"[a-z_]{1,40}|[0-9]{1,9}")
"""The codes of a platform that we repeat; anything else might be somebody's words."""
OUR_FAULT = oauth.OUR_FAULT | {"invalid_scope", "unsupported_response_type"}
"""What RFC 6749 section 4.1.2.1 calls a fault of the app, and what platforms add to it."""


def problem_of(platform: Platform, code: str) -> ConsentProblem:
    """Return why a platform sent `code` instead of a consent."""
    if code in platform.denied_codes:
        return ConsentProblem.DECLINED
    if code in platform.missing_product_codes:
        return ConsentProblem.MISSING_PRODUCT
    if code in platform.our_fault_codes | OUR_FAULT:
        return ConsentProblem.OUR_FAULT
    return ConsentProblem.STOPPED


def printable(code: str) -> str:
    """Return the code if it is one, else an empty string."""
    return code if PRINTABLE.fullmatch(code) else ""
