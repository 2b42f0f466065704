"""Texts of any length in Slack's inputs, which take 3,000 characters each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.views import kit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.views.kit import Json

MOST_TEXT = 3000
"""Characters that Slack takes in one field."""
MOST_FIELDS = 30
GAP = "\n\n"
ON_TYPING = {"trigger_actions_on": ["on_character_entered"]}


def pieces(text: str) -> list[str]:
    """Return a text in pieces that each fit a field, divided between two paragraphs where possible."""
    found: list[str] = []
    while len(text) > MOST_TEXT:
        at = text.rfind(GAP, 1, MOST_TEXT)
        end, begin = (at, at + len(GAP)) if at > 0 else (MOST_TEXT, MOST_TEXT)
        found.append(text[:end])
        text = text[begin:]
    return [*found, text]


def joined(found: Sequence[str]) -> str:
    """Return the text of several fields: a paragraph each, but one that fills its field goes on in the next."""
    text = ""
    for index, piece in enumerate(found):
        if piece:
            goes_on = not text or len(found[index - 1]) >= MOST_TEXT
            text += piece if goes_on else GAP + piece
    return text


def fields(name: str, label: str, action_id: str, text: str, *, more: bool = False) -> list[Json]:
    """Return the inputs for a text, named `<name>`, `<name>:1` and so on; `more`: and an empty one."""
    found = [*pieces(text), *([""] if more else [])][:MOST_FIELDS]
    return [
        typed_into(
            f"{name}:{index}" if index else name,
            label if not index else f"{label}, part {index + 1}",
            action_id,
            piece,
        )
        for index, piece in enumerate(found)
    ]


def typed_into(block_id: str, label: str, action_id: str, text: str, *, hint: str = "") -> Json:
    """Return an input that sends what is typed while it is typed."""
    element: Json = {
        "type": "plain_text_input",
        "action_id": action_id,
        "multiline": True,
        "max_length": MOST_TEXT,
        "dispatch_action_config": ON_TYPING,
    }
    initial = {"initial_value": text[:MOST_TEXT]} if text else {}
    return kit.entry(block_id, label, element | initial, hint=hint, optional=True) | {"dispatch_action": True}
