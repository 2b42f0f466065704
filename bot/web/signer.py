"""Tokens that prove themselves: we recognise what we issued without having stored it.

A token has the shape of our other secrets, 43 characters: 16 bytes of payload and 16 of an HMAC-SHA256 over
the purpose, the payload and what the token is bound to.
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
"""RFC 2104 section 5 allows half of the hash; guessing one has odds of 1 in 2**128."""


class Signer:
    """Issues and recognises tokens for one purpose.

    The key is derived from the Slack signing secret (HKDF, RFC 5869): every replica has it, it is random, and
    no key of ours has to be made, stored or rotated for it. A new signing secret ends all tokens issued
    before. The purpose goes into the derivation, so a token for one purpose is worthless for another, and
    none helps to forge one of Slack's requests.
    """

    def __init__(self, signing_secret: str, purpose: str) -> None:
        derivation = HKDF(
            algorithm=SHA256(), length=32, salt=None, info=f"octapost/1 token: {purpose}".encode()
        )
        self._key = derivation.derive(signing_secret.encode())

    def issue(self, payload: bytes, bound_to: str = "") -> str:
        """Return a token that carries `payload`, 16 bytes, in clear."""
        if len(payload) != PAYLOAD_BYTES:
            raise ValueError("a payload has 16 bytes")
        return urlsafe_b64encode(payload + self._mac(payload, bound_to)).rstrip(b"=").decode()

    def read(self, token: str, bound_to: str = "") -> bytes | None:
        """Return the payload if this signer issued exactly this token, bound to this; else None."""
        try:
            raw = urlsafe_b64decode(token + "=")
        except (ValueError, binascii.Error):
            return None
        payload = raw[:PAYLOAD_BYTES]
        if len(raw) != PAYLOAD_BYTES + MAC_BYTES or not token.isascii():
            return None
        # Compared as text, because base64 can be written in more than one way.
        return payload if hmac.compare_digest(self.issue(payload, bound_to), token) else None

    def _mac(self, payload: bytes, bound_to: str) -> bytes:
        return hmac.digest(self._key, payload + bound_to.encode(), hashlib.sha256)[:MAC_BYTES]
