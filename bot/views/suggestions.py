"""What a person probably meant, as buttons that do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.commands import COMMAND
from bot.views import kit
from bot.views.kit import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

INSTEAD = "octapost.instead"
"""What the action_ids of these buttons begin with; a button's value is the command to run."""
SHOWN = 10


def offered(said: Message, commands: Sequence[str]) -> Message:
    """Return a message with a button for each command that its reader may have meant."""
    buttons = [
        kit.button(f"{COMMAND} {command}", f"{INSTEAD}.{number}", command)
        for number, command in enumerate(commands[:SHOWN])
    ]
    return Message(text=said.text, blocks=[*said.blocks, kit.actions(*buttons)]) if buttons else said


def instead(said: str, commands: Sequence[str]) -> Message:
    """Return a sentence with a button for each command that its reader may have meant."""
    return offered(Message(text=said, blocks=[kit.words(said)]), commands)


def reconnect(accounts: Sequence[str], organization: str, commands: Sequence[str]) -> Message:
    """Return the answer to somebody who wants to connect accounts that are connected already."""
    are = "is an account" if len(accounts) == 1 else "are accounts"
    return instead(f"{kit.listed(accounts)} {are} of {organization} already. Reconnect?", commands)
