"""A message in Slack becomes plain text: what its author typed, without Slack's markup."""

from __future__ import annotations

from typing import Any

import pytest

from bot.services.posts.sources import SharedFile
from bot.slack.messages import MOST_FILES, chosen_message

PUBLIC = {"id": "C1", "name": "general"}


def chosen(*, channel: dict[str, Any] = PUBLIC, **message: Any) -> Any:
    return chosen_message({"channel": channel, "message": {"user": "U1", **message}})


def typed(*elements: dict[str, Any]) -> str:
    block = {"type": "rich_text", "elements": list(elements)}
    found: str = chosen(text="*not* this", blocks=[block]).text
    return found


def line(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


def test_what_its_author_typed_comes_without_marks() -> None:
    bold = {"type": "text", "text": "New ", "style": {"bold": True}}

    assert typed(line(bold, {"type": "text", "text": "2 * 3 * 4 & more"})) == "New 2 * 3 * 4 & more"


@pytest.mark.parametrize(
    ("element", "shown"),
    [
        ({"type": "link", "url": "https://example.com/a"}, "https://example.com/a"),
        ({"type": "link", "url": "https://example.com/a", "text": "example.com/a"}, "https://example.com/a"),
        (
            {"type": "link", "url": "https://example.com", "text": "Our shop"},
            "Our shop (https://example.com)",
        ),
        ({"type": "emoji", "name": "tada", "unicode": "1f389"}, "🎉"),
        ({"type": "emoji", "name": "flag-ch", "unicode": "1f1e8-1f1ed"}, "🇨🇭"),
        ({"type": "emoji", "name": "our_logo"}, ""),
        ({"type": "user", "user_id": "U2"}, ""),
        ({"type": "broadcast", "range": "here"}, "@here"),
    ],
)
def test_each_element_is_what_a_person_reads_of_it(element: dict[str, Any], shown: str) -> None:
    assert (
        typed(line({"type": "text", "text": "a "}, element, {"type": "text", "text": " b"})) == f"a {shown} b"
    )


def test_lists_quotes_and_code_keep_their_lines() -> None:
    items = [line({"type": "text", "text": text}) for text in ("one", "two")]
    shown = typed(
        line({"type": "text", "text": "Today:\n"}),
        {"type": "rich_text_list", "style": "ordered", "elements": items},
        {"type": "rich_text_list", "style": "bullet", "elements": items[:1]},
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": "said"}]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "code"}]},
    )

    assert shown == "Today:\n1. one\n2. two\n• one\nsaid\ncode"


def test_a_message_without_blocks_is_read_from_its_text() -> None:
    assert (
        chosen(text="See &lt;this&gt; <https://example.com|example.com>").text
        == "See <this> https://example.com"
    )


def test_a_message_of_an_app_has_no_author() -> None:
    assert chosen(text="Deployed", bot_id="B1").user_id == ""


@pytest.mark.parametrize(
    ("channel", "private"),
    [
        (PUBLIC, False),
        ({"id": "C2", "name": "privategroup"}, True),
        ({"id": "D1", "name": "directmessage"}, True),
        ({"id": "C3", "name": "mpdm-ada--bea-1"}, True),
        ({"id": "G1", "name": "old-group"}, True),
        ({}, True),
    ],
)
def test_only_a_public_channel_is_not_private(channel: dict[str, Any], private: bool) -> None:
    assert chosen(channel=channel, text="Hello").private is private


def test_its_files_are_named_up_to_as_many_as_a_post_can_have() -> None:
    files = [{"id": f"F{index}", "name": f"{index}.png", "alt_txt": "A cat"} for index in range(12)]

    found = chosen(text="", files=[{"mode": "tombstone"}, *files]).files

    assert found[0] == SharedFile(id="F0", name="0.png", alt_text="A cat")
    assert len(found) == MOST_FILES


def test_a_payload_without_a_message_has_none() -> None:
    assert chosen_message({"channel": PUBLIC}) is None
