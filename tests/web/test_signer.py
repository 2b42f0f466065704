"""Tokens that prove themselves."""

from __future__ import annotations

import pytest

from bot.web.browsers import SECRET
from bot.web.signer import PAYLOAD_BYTES, Signer

PAYLOAD = bytes(range(PAYLOAD_BYTES))
SIGNING_SECRET = "a-signing-secret-of-some-length"


def signer(secret: str = SIGNING_SECRET, purpose: str = "one") -> Signer:
    return Signer(secret, purpose)


def test_a_token_reads_as_what_it_was_issued_for_by_every_replica() -> None:
    token = signer().issue(PAYLOAD, "a browser")

    assert SECRET.fullmatch(token)
    assert signer().read(token, "a browser") == PAYLOAD


def test_a_token_is_nothing_elsewhere() -> None:
    token = signer().issue(PAYLOAD, "a browser")

    assert signer().read(token, "another browser") is None
    assert signer(purpose="two").read(token, "a browser") is None
    assert signer("another-signing-secret-of-some-length").read(token, "a browser") is None


def test_a_token_with_any_character_changed_is_nothing() -> None:
    token = signer().issue(PAYLOAD)
    changed = [token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :] for i in range(len(token))]

    assert [each for each in changed if signer().read(each) is not None] == []


@pytest.mark.parametrize(
    "token", ["", "short", "a" * 42, "a" * 43, "a" * 44, "é" * 43, "\x00" * 43, "=" * 43]
)
def test_what_has_no_token_s_shape_is_nothing(token: str) -> None:
    assert signer().read(token) is None


def test_the_last_character_counts_although_base64_ignores_some_of_its_bits() -> None:
    token = signer().issue(PAYLOAD)
    others = [
        token[:-1] + each for each in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    ]

    assert [each for each in others if signer().read(each) is not None] == [token]


def test_a_payload_has_one_size() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        signer().issue(b"short")
