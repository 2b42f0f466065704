"""What a story's test made the app say: in Slack, and on its own pages.

Kept in `kept/`: `tests.json` names for each test the digests of all that was said, and a file for each kind
of saying holds the payloads by digest. CONTRIBUTING.md says how to read and rewrite them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from sqlmodel import func, select

from storage.engine.statements import now
from storage.models import Notice
from tests.golden.normalize import NOT_SHOWN, Normalizer

if TYPE_CHECKING:
    from sandbox.core import Recorded
    from sandbox.slack.server import SlackSimulator
    from tests.application import Office

Said = dict[str, Any]
"""One kind of saying, such as `message`, and what was said."""

SETTLED_WITHIN_S = 20.0
WAITING = ("Still working on it.",)
"""What stands in the place of an answer until it is there. Whether it is shown depends on how busy the machine is."""


async def settle(office: Office) -> None:
    """Wait until the app has said all that it has to say now.

    Raises:
        TimeoutError: it still had messages to send after `SETTLED_WITHIN_S`.
    """
    ends = time.monotonic() + SETTLED_WITHIN_S
    while True:
        await office.parts.dispatcher.drain(SETTLED_WITHIN_S)
        left = await due(office) if office.parts.scheduler._scheduler.running else 0
        if not left:
            return
        if time.monotonic() > ends:
            raise TimeoutError(f"after {SETTLED_WITHIN_S:.0f} s the app still had {left} messages to send")
        await asyncio.sleep(0.02)


async def due(office: Office) -> int:
    """Return how many messages could be sent now."""
    async with office.database.system(write=False) as session:
        count = select(func.count()).select_from(Notice).where(Notice.due_at <= now())
        return (await session.exec(count)).one()


def said_in(office: Office) -> list[Said]:
    """Return all that was said so far, normalized, each saying once."""
    slack, world = office.slack, office.world
    names = {world.app_url: "https://app", slack.url: "https://slack"}
    names |= {simulator.url: f"https://{simulator.name}" for simulator in world.simulators[1:]}
    sayings = [*answers(slack), *calls(slack), *homes(slack)]
    sayings += [
        {"page": {"title": page.title, "status": page.status, "text": page.text.split("\n")}}
        for page in world.pages
        if page.origin == world.app_url
    ]
    cleaned = (Normalizer(names).clean(saying) for saying in sayings if not waiting(saying))
    return list({json.dumps(saying): saying for saying in cleaned}.values())


def waiting(saying: Said) -> bool:
    """Tell whether this only stands in the place of an answer that comes later."""
    text = json.dumps(saying)
    return any(words in text for words in WAITING)


def answers(slack: SlackSimulator) -> Iterator[Said]:
    """Yield what requests from Slack were answered with."""
    for answer in slack.courier.answers:
        if "view" in answer:
            yield {"view": shown(answer["view"])}
        elif "options" in answer:
            yield {"options": answer["options"]}
        else:
            yield {"answer": shown(answer)}


def calls(slack: SlackSimulator) -> Iterator[Said]:
    """Yield what was sent to Slack by calls: of a message's edits only the last."""
    last: dict[tuple[str, str], Said] = {}
    for call in slack.requests:
        arguments = arguments_of(call)
        match call.path.split("/")[1:]:
            case ["commands" | "actions" | "app", *_]:
                yield {"answer": shown(arguments)}
            case ["api", "chat.postMessage"]:
                threaded = {"in_thread": True} if arguments.get("thread_ts") else {}
                yield {"message": {"to": place(slack, arguments["channel"])} | threaded | shown(arguments)}
            case ["api", "chat.update"]:
                edit = {"edit": {"to": place(slack, arguments["channel"])} | shown(arguments)}
                last[arguments["channel"], arguments["ts"]] = edit
            case ["api", "views.open" | "views.push" | "views.update"]:
                yield {"view": shown(arguments["view"])}
    yield from last.values()


def homes(slack: SlackSimulator) -> Iterator[Said]:
    """Yield the App Home as people saw it when they opened it or pressed something in it.

    It is also redrawn in the background, sooner or later than what a test does next.
    """
    for user_id, view in slack.state.homes_seen:
        blocks = [
            {name: value for name, value in block.items() if name != "block_id"} for block in view["blocks"]
        ]
        yield {"home": {"of": user_id, "view": shown(view) | {"blocks": blocks}}}


def arguments_of(call: Recorded) -> dict[str, Any]:
    """Return the arguments of a call, from a form or from JSON."""
    if call.headers.get("content-type", "").startswith("application/json"):
        found = json.loads(call.body)
        return found if isinstance(found, dict) else {}
    return {
        name: json.loads(value) if name in {"view", "blocks"} else value
        for name, value in (call.query | dict(parse_qsl(call.body))).items()
    }


def shown(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a payload that people see."""
    addresses = NOT_SHOWN | {"channel", "thread_ts", "ts", "user_id"}
    return {name: value for name, value in payload.items() if name not in addresses}


def place(slack: SlackSimulator, channel_id: str) -> str:
    """Return a channel's id, or for a conversation with the app the id of the person."""
    channel = slack.state.channels.get(channel_id)
    return channel.im_user if channel is not None and channel.im_user else channel_id
