"""Signed tokens: we can verify that we issued one without having stored it.

A token has 43 characters, like our other secrets: 16 bytes of payload, and 16 bytes of an HMAC-SHA256 over the
purpose, the payload and what the token is bound to.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PAYLOAD_BYTES = 16
MAC_BYTES = 16
"""Half of the hash, which RFC 2104 section 5 allows. The odds of guessing one are 1 in 2**128."""


class Signer:
    """Issues and verifies tokens for one purpose.

    The key is derived from the Slack signing secret (HKDF, RFC 5869), which is random and known to every process, so
    that no other key has to be created, stored or rotated. A new signing secret makes all earlier tokens invalid. The
    purpose is part of the derivation: a token for one purpose is invalid for another, and no token helps to forge a
    request of Slack.
    """

    def __init__(self, signing_secret: str, purpose: str) -> None:
        derivation = HKDF(
            algorithm=SHA256(), length=32, salt=None, info=f"octapost/1 token: {purpose}".encode()
        )
        self._key = derivation.derive(signing_secret.encode())

    def issue(self, payload: bytes, bound_to: str = "") -> str:
        """Return a token that contains `payload`, which has 16 bytes and is not encrypted.

        Raises:
            ValueError: The payload has another length.

        """
        if len(payload) != PAYLOAD_BYTES:
            raise ValueError("a payload has 16 bytes")
        return urlsafe_b64encode(payload + self._mac(payload, bound_to)).rstrip(b"=").decode()

    def read(self, token: str, bound_to: str = "") -> bytes | None:
        """Return the payload if this signer issued exactly this token, bound to `bound_to`, else None."""
        try:
            raw = urlsafe_b64decode(token + "=")
        except (ValueError, binascii.Error):
            return None
        payload = raw[:PAYLOAD_BYTES]
        if len(raw) != PAYLOAD_BYTES + MAC_BYTES or not token.isascii():
            return None
        # The whole text is compared, because the same bytes can be written in base64 in more than one way.
        return payload if hmac.compare_digest(self.issue(payload, bound_to), token) else None

    def _mac(self, payload: bytes, bound_to: str) -> bytes:
        return hmac.digest(self._key, payload + bound_to.encode(), hashlib.sha256)[:MAC_BYTES]
