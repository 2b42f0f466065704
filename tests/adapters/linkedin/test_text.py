"""LinkedIn's little text: what is reserved is escaped, and hashtags stay alive."""

from __future__ import annotations

import pytest

from adapters.linkedin.text import escape, escaped_length, unescape
from sandbox.platforms.linkedin.simulator import shown


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("Bread today", "Bread today"),
        ("Bread (today)", r"Bread \(today\)"),
        (r"a\b", r"a\\b"),
        ("{x} [y] <z> |w| @v *u* _t_ ~s~", r"\{x\} \[y\] \<z\> \|w\| \@v \*u\* \_t\_ \~s\~"),
        ("#bakery and #2026goals", "#bakery and #2026goals"),
        ("#blue_door (open)", r"#blue_door \(open\)"),
        ("#Bäckerei #パン", "#Bäckerei #パン"),
        ("C# and #1 and # and ##x", r"C\# and \#1 and \# and \##x"),
        ("a#b", r"a\#b"),
        ("", ""),
    ],
)
def test_what_is_reserved_is_escaped_and_people_see_the_text_as_written(text: str, escaped: str) -> None:
    assert escape(text) == escaped
    assert unescape(escaped) == text
    assert shown(escaped) == text
    assert escaped_length(text) == len(escaped)


def test_an_unescaped_character_cuts_the_text_at_linkedin() -> None:
    assert shown("Bread (today)") == "Bread "


def test_a_hashtag_may_come_back_as_a_template() -> None:
    assert unescape(r"Fresh {hashtag|\#|bakery} \(new\)") == "Fresh #bakery (new)"
