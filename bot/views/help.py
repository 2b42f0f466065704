"""The usage text. Every line comes from the table of routes, so it cannot drift from what works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.slack.commands import COMMAND
from bot.slack.routes import Say
from bot.views import kit

if TYPE_CHECKING:
    from bot.slack.routes import Route

TITLE = "Octapost publishes to your social accounts from Slack."


def usage(commands: Sequence[Route], offered: Sequence[str], not_set_up: Sequence[str]) -> Say:
    """Return the help: a line per command, the platforms, and where to go from there."""
    blocks = [kit.section(f"*{TITLE}*"), *topics(commands)]
    ready = (
        f"Ready to connect: {kit.listed(offered)}."
        if offered
        else "No platform is set up on this installation yet."
    )
    missing = f"Not set up on this installation: {kit.listed(not_set_up)}." if not_set_up else ""
    blocks.append(kit.fine_print(*filter(None, (ready, missing))))
    blocks.append(kit.actions(kit.button("Connect an account", "connect.start", style="primary")))
    return Say(text=f"{TITLE} {COMMAND} connect, accounts, org, status …", blocks=blocks)


def topics(commands: Sequence[Route]) -> list[kit.Json]:
    """Return the commands in the order of the table, under a heading for each topic."""
    names = list(dict.fromkeys(route.topic for route in commands))
    lines = {name: [line(route) for route in commands if route.topic == name] for name in names}
    return [kit.section("\n".join([f"*{name}*", *lines[name]])) for name in names]


def unknown(typed: str, nearest: str | None, commands: Sequence[Route]) -> Say:
    """Return what an unknown word gets: the nearest match, or else all there is."""
    word = kit.escape(kit.cut(typed, 40))
    guess = f" Did you mean `{COMMAND} {nearest}`?" if nearest else ""
    return Say(
        text=f"I don't know “{word}”.{guess}",
        blocks=[
            kit.section(f"I don't know “{word}”.{guess}"),
            *([kit.fine_print(f"{COMMAND} help lists everything.")] if nearest else topics(commands)),
        ],
    )


def line(route: Route) -> str:
    """Return one command's line: how to type it, and what it does."""
    typed = " ".join(filter(None, (COMMAND, route.key, route.hint)))
    return f"`{typed}`  {route.help}"
