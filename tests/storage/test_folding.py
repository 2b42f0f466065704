"""Texts that read the same are the same to a search, however they were typed or copied."""

from __future__ import annotations

import pytest

from storage.folding import fold


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("Cafe\u0301", "Café"),
        ("Café", "CAFÉ"),
        ("Straße", "STRASSE"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("\uff21\uff43\uff4d\uff45", "acme"),
        ("ﬁsh & chips", "Fish & Chips"),
        ("r\u200b@\u200bb", "r@b"),
        ("Sunrise\u00a0 Cafe", " sunrise cafe "),
        ("İstanbul", "i\u0307stanbul"),
        ("👩\u200d🍳 Kitchen", "👩🍳 kitchen"),
        ("한글", "\u1112\u1161\u11ab\u1100\u1173\u11af"),
    ],
)
def test_what_reads_the_same_is_the_same(stored: str, typed: str) -> None:
    assert fold(stored) == fold(typed)
    assert fold(fold(stored)) == fold(stored)


@pytest.mark.parametrize(("one", "other"), [("Cafe", "Café"), ("Acme", "Асме"), ("Acme 1", "Acme 2")])
def test_what_reads_differently_is_not(one: str, other: str) -> None:
    assert fold(one) != fold(other)
