"""Meta reports that a person removed our app, or asked for their data to be deleted.

Sources, read 2026-11-23: https://developers.facebook.com, "Data Deletion Request Callback" and "Manually Build a Login
Flow".
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from adapters.base import (
    BadSignature,
    Deauthorization,
    DeletionPage,
    SignedRequest,
    Webhook,
    object_of,
)
from adapters.numbers import moment_of

MAX_FIELDS = 10
"""Of the form, which has one."""


def _removed(request: SignedRequest) -> Deauthorization:
    return _report(request, "deauthorized")


def _deletion(request: SignedRequest) -> Deauthorization:
    return _report(request, "deletion_requested")


WEBHOOKS = (
    Webhook(path="/meta/deauthorize", field="Deauthorize callback URL", read=_removed),
    Webhook(
        path="/meta/data-deletion",
        field="Data deletion request URL",
        read=_deletion,
        deletion=DeletionPage(
            path="/meta/deletion/{code}", site="Facebook", purpose="Meta's deletion requests"
        ),
    ),
)


def _report(request: SignedRequest, code: str) -> Deauthorization:
    facts = _facts(request)
    said = moment_of(facts.get("issued_at"))
    return Deauthorization(
        person=str(facts["user_id"]),
        # The whole second in which it was said.
        said_at=None if said is None else said + timedelta(seconds=1),
        code=code,
        erase=True,
    )


def _facts(request: SignedRequest) -> Mapping[str, Any]:
    """Return what the form's `signed_request` says, which names a person.

    Raises:
        BadSignature: None of our app secrets signed it, or it names nobody.

    """
    signature, dot, payload = _signed_request(request.body).partition(".")
    given = _decoded(signature)
    if not dot or given is None or not payload.isascii():
        raise BadSignature
    if not any(hmac.compare_digest(_mac(each, payload.encode()), given) for each in request.secrets):
        raise BadSignature
    try:
        facts = object_of(json.loads(_decoded(payload) or b""))
    except (ValueError, RecursionError):
        raise BadSignature from None
    person = facts.get("user_id")
    known = str(facts.get("algorithm", "")).upper() == "HMAC-SHA256"
    if not known or not isinstance(person, str | int) or not str(person):
        raise BadSignature
    return facts


def _signed_request(form: bytes) -> str:
    """Return the one field of the form; empty if it is missing or given twice, or if this is no form."""
    try:
        found = parse_qs(form.decode(), max_num_fields=MAX_FIELDS).get("signed_request", [])
    except ValueError:
        return ""
    return found[0] if len(found) == 1 else ""


def _mac(secret: str, message: bytes) -> bytes:
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()


def _decoded(text: str) -> bytes | None:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
