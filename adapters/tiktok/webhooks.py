"""TikTok reports that a person removed our access.

Sources, read 2026-11-23: https://developers.tiktok.com, "Webhooks", "Webhook Events" and "Check the signature".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from adapters.base import BadSignature, Deauthorization, SignedRequest, Webhook, object_of
from adapters.numbers import moment_of, number

REPLAY_WINDOW_S = 300
RETRIED_FOR_S = 72 * 3600 + REPLAY_WINDOW_S
"""How long TikTok repeats a report that got no 200. Whether with its first signature is not documented."""
REVOKED_BY_US = 5
"""TikTok's reason "Developer revoke authorization": usually our own disconnect."""
SIGNATURE = re.compile(r"t=(\d{1,12}),s=([0-9a-f]{64})")


def _read(request: SignedRequest) -> Deauthorization | None:
    """Return who removed our access. None: the event is another one.

    A report that was signed long ago may be a repetition by TikTok or by somebody else, and one with the reason
    REVOKED_BY_US may be about what we did ourselves: each is only a hint.
    """
    age_s = _age_s(request)
    event = _object(request.body)
    person, content = event.get("user_openid"), _object(str(event.get("content", "")))
    if event.get("event") != "authorization.removed" or not isinstance(person, str) or not person:
        return None
    said = moment_of(event.get("create_time"))
    return Deauthorization(
        person=person,
        # The whole second in which it was said.
        said_at=None if said is None else said + timedelta(seconds=1),
        code="authorization_removed",
        once=f"tiktok:{hashlib.sha256(request.body).hexdigest()}",
        hint=age_s > REPLAY_WINDOW_S or content.get("reason") == REVOKED_BY_US,
    )


WEBHOOKS = (
    Webhook(
        path="/tiktok/webhook",
        field="Callback URL (Webhooks)",
        read=_read,
        signature_header="TikTok-Signature",
    ),
)


def _age_s(request: SignedRequest) -> float:
    """Return how many seconds lie between our time and that of the signature, whichever is later.

    Raises:
        BadSignature: TikTok did not sign it with one of our secrets, or too long ago.

    """
    found = SIGNATURE.fullmatch(request.signature)
    if found is None or (age_s := abs(time.time() - (number(found[1]) or 0))) > RETRIED_FOR_S:
        raise BadSignature
    signed, given = found[1].encode() + b"." + request.body, bytes.fromhex(found[2])
    made = [hmac.new(secret.encode(), signed, hashlib.sha256).digest() for secret in request.secrets]
    if not any(hmac.compare_digest(each, given) for each in made):
        raise BadSignature
    return age_s


def _object(raw: bytes | str) -> Mapping[str, Any]:
    try:
        return object_of(json.loads(raw))
    except (ValueError, RecursionError):
        return {}
