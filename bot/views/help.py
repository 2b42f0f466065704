"""The usage text. Every line comes from the table of routes, so it always shows the commands that exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from bot.slack.commands import COMMAND
from bot.views import kit
from bot.views.kit import Message
from storage.models import Role

if TYPE_CHECKING:
    from bot.services.access import Sender
    from storage.standing import Standing


class Command(Protocol):
    """A command, as in the table of routes."""

    @property
    def key(self) -> str:
        """The words after `/octapost`."""
        ...

    @property
    def hint(self) -> str:
        """What follows them."""
        ...

    @property
    def help(self) -> str:
        """What it does."""
        ...

    @property
    def topic(self) -> str:
        """The heading under which it is listed."""
        ...


TITLE = "Octapost keeps your team's social accounts connected."
SHOW_COMMANDS = "All commands"


def usage(
    commands: Sequence[Command], offered: Sequence[str], not_set_up: Sequence[str], *, may_connect: bool
) -> Message:
    """Return the manual: a line per command that its reader may use, and the platforms."""
    blocks = [kit.section(f"*{TITLE}*"), *topics(commands)]
    ready = (
        f"Ready to connect: {kit.listed(offered)}."
        if offered
        else "No platform is set up on this installation yet."
    )
    missing = f"Not set up on this installation: {kit.listed(not_set_up)}." if not_set_up else ""
    if may_connect:
        blocks.append(kit.fine_print(*filter(None, (ready, missing))))
    if may_connect and offered:
        blocks.append(kit.actions(kit.button("Connect an account", "connect.start", style="primary")))
    return Message(text=TITLE, blocks=blocks)


def topics(commands: Sequence[Command]) -> list[kit.Json]:
    """Return the commands in the order of the table, under a heading for each topic."""
    names = list(dict.fromkeys(route.topic for route in commands))
    lines = {name: [line(route) for route in commands if route.topic == name] for name in names}
    return [kit.section("\n".join([f"*{name}*", *lines[name]])) for name in names]


def all_commands() -> kit.Json:
    """Return the button that shows the manual."""
    return kit.button(SHOW_COMMANDS, "help.show")


def unknown(typed: str, nearest: str | None) -> Message:
    """Return the answer to an unknown word, with the most similar command if there is one."""
    word = kit.escape(kit.cut(typed, 40))
    guess = f" Did you mean `{COMMAND} {nearest}`?" if nearest else ""
    text = f"I don't know “{word}”.{guess}"
    return Message(text=text, blocks=[kit.section(text), *([] if nearest else [kit.actions(all_commands())])])


def line(route: Command) -> str:
    """Return one command's line: how to type it, and what it does."""
    typed = " ".join(filter(None, (COMMAND, route.key, route.hint)))
    return f"`{typed}`  {route.help}"


def debug(version: str, sender: Sender, standing: Standing, support_url: str) -> Message:
    """Return the ids that support asks for."""
    rows = [
        ("version", version),
        ("workspace", sender.team_id),
        ("enterprise", sender.enterprise_id or "none"),
        ("channel", sender.channel_id or "none"),
        ("person", sender.user_id),
    ]
    for seat in standing.choices:
        marker = " (this channel)" if seat.organization_id == standing.default_organization_id else ""
        role = Role(seat.role).word
        rows.append((f"organization{marker}", f"{seat.organization_id} as {role} ({seat.membership_id})"))
    text = "\n".join(f"{name}: {value}" for name, value in rows)
    blocks = [kit.section(f"```{text}```")]
    if support_url:
        blocks.append(kit.fine_print(f"Support: {support_url}"))
    return Message(text=text, blocks=blocks)
