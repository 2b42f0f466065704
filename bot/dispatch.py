"""From a signed Slack request to a story's handler, and its answer back.

Bolt parses, and this is its last middleware. It has no listeners: it would ask them one by one and wire every
call anew, which costs more than most handlers do. For every request: find the route, identify the sender,
require the role, drop a replay, run the handler, and turn its answer (or its failure) into what Slack expects
for that kind of payload.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
from slack_bolt.async_app import AsyncAck
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError

from adapters.base import PlatformError
from bot.actor import Sender, sender_of, workspace_of
from bot.errors import BadInput, Gone, NotInstalled, OctapostError, explain
from bot.logs import logger
from bot.metrics import ANSWERED, HANDLED
from bot.routes import (
    Answer,
    Done,
    FieldErrors,
    Kind,
    OpenModal,
    Options,
    Request,
    Route,
    Routes,
    Say,
    UpdateModal,
    Who,
)
from bot.slack import SlackFailed, Slacks, failure, whisper
from bot.tracing import note, traced
from bot.views import help as help_view
from bot.views.kit import Json, fallback, message_modal, words
from storage.attempts import AskedBefore, first_seen
from storage.models import Role
from storage.tenants import Standing, standing

if TYPE_CHECKING:
    from slack_bolt.request.async_request import AsyncBoltRequest
    from slack_sdk.web.async_client import AsyncWebClient

    from storage.db import Database

log = logger(__name__)
ORGANIZATION = re.compile(r"org_[0-9a-f]+")
"""What may stand before the slash of a target."""
SILENT = (aiohttp.ClientError, TimeoutError, SlackFailed)
"""Slack's Web API did not answer."""


_handled = functools.cache(HANDLED.labels)


class Dispatcher(AsyncMiddleware):
    """The one way from Slack into the stories. Built once, in `bot.app`."""

    def __init__(self, routes: Routes, database: Database, slacks: Slacks) -> None:
        self._routes = routes
        self._database = database
        self._slacks = slacks
        self._background: set[asyncio.Task[None]] = set()
        self._handlers: dict[str, Callable[[AsyncAck, Json, AsyncBoltRequest], Awaitable[None]]] = {
            "block_actions": self.action,
            "view_submission": self.submission,
            "view_closed": self.closed,
            "block_suggestion": self.options,
            "shortcut": self.shortcut,
            "message_action": self.shortcut,
            "event_callback": self.event,
        }

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,  # noqa: ARG002 - Bolt passes it
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse | None:
        """Return the answer to a verified request. What is of no known kind goes on, to Bolt's 404."""
        body: Json = req.body
        if "command" in body:
            # Not through Bolt's ack: the answer is thousands of characters, and this is most of what we do.
            return BoltResponse(status=200, body=_encoded(await self.command(body, req)))
        handler = self._handlers.get(str(body.get("type", "")))
        if handler is None:
            return await next()
        ack = AsyncAck()  # type: ignore[no-untyped-call]
        await handler(ack, body, req)
        return ack.response

    async def drain(self, within_s: float) -> None:
        """Wait for work that was left for after an answer, at most `within_s` seconds."""
        if self._background:
            await asyncio.wait(self._background, timeout=within_s)

    # One per payload type

    async def command(self, body: Json, req: AsyncBoltRequest) -> Json:
        """Return the message that answers `/octapost ...`; an empty one says nothing."""
        route, rest = self._routes.split(storable(str(body.get("text", ""))))
        if route is None:
            return said(help_view.unknown(rest, self._routes.nearest(rest), self._routes.commands()))
        answer = await self._run(route, body, req, words_=rest)
        match answer:
            case Say():
                return said(answer)
            case OpenModal(view):
                return said(await self._open(body, view))
            case _:
                return {}

    async def action(self, ack: AsyncAck, body: Json, req: AsyncBoltRequest) -> None:
        """Answer a button or a select. The action's value is the id of the one thing it is about."""
        pressed: Json = (body.get("actions") or [{}])[0]
        route = self._routes.find(Kind.ACTION, str(pressed.get("action_id", "")))
        if route is None:
            await ack()
            await self._show(body, Say(text=str(Gone("That button"))))
            return
        answer = await self._run(route, body, req, target=value_of(pressed))
        await ack()
        await self._show(body, answer)

    async def submission(self, ack: AsyncAck, body: Json, req: AsyncBoltRequest) -> None:
        """Answer a submitted modal."""
        view: Json = body["view"]
        route = self._routes.find(Kind.SUBMISSION, str(view.get("callback_id", "")))
        if route is None:
            await ack()
            return
        answer = await self._run(route, body, req, target=str(view.get("private_metadata", "")))
        match answer:
            case UpdateModal(face):
                await ack(response_action="update", view=face)
            case OpenModal(face):
                await ack(response_action="push", view=face)
            case FieldErrors(errors):
                await ack(response_action="errors", errors=dict(errors))
            case Say(text=text):
                title = str(view.get("title", {}).get("text", "Octapost"))
                await ack(response_action="update", view=message_modal(title, text))
            case _:
                await ack()

    async def closed(self, ack: AsyncAck, body: Json, req: AsyncBoltRequest) -> None:
        """Take note of a modal that was closed; nobody listens yet unless a story registered for it."""
        view: Json = body["view"]
        route = self._routes.find(Kind.CLOSED, str(view.get("callback_id", "")))
        if route is not None:
            await self._run(route, body, req, target=str(view.get("private_metadata", "")))
        await ack()

    async def options(self, ack: AsyncAck, body: Json, req: AsyncBoltRequest) -> None:
        """Answer a typeahead; a failure is an empty list, because Slack shows nothing else."""
        route = self._routes.find(Kind.OPTIONS, str(body.get("action_id", "")))
        view: Json = body.get("view") or {}
        if route is None:
            await ack(options=[])
            return
        answer = await self._run(
            route, body, req, target=str(view.get("private_metadata", "")), words_=str(body.get("value", ""))
        )
        await ack(options=list(answer.options) if isinstance(answer, Options) else [])

    async def shortcut(self, ack: AsyncAck, body: Json, req: AsyncBoltRequest) -> None:
        """Answer a global or message shortcut."""
        route = self._routes.find(Kind.SHORTCUT, str(body.get("callback_id", "")))
        answer = await self._run(route, body, req) if route else Say(text=str(Gone("That shortcut")))
        await ack()
        await self._show(body, answer)

    async def event(self, ack: AsyncAck, body: Json, req: AsyncBoltRequest) -> None:
        """Handle an event before answering, so that Slack sends it again if we die in between."""
        kind = str((body.get("event") or {}).get("type", ""))
        if route := self._routes.find(Kind.EVENT, kind):
            await self._run(route, body, req)
        await ack()

    # What they share

    @traced("slack request", lambda _self, route, *_, **__: {"kind": str(route.kind), "key": route.key})
    async def _run(
        self, route: Route, body: Json, req: AsyncBoltRequest, *, target: str = "", words_: str = ""
    ) -> Answer:
        started = time.perf_counter()
        outcome = "ok"
        try:
            request = await self._prepare(route, body, req, target, words_)
            if request is None:
                outcome = "replay"
                return Done()
            answer = await route.handler(request)
            self._after(request)
        except AskedBefore:
            outcome = "replay"
            return Done()
        except BadInput as error:
            outcome = "bad_input"
            if error.field is not None and route.kind is Kind.SUBMISSION:
                return FieldErrors({error.field: str(error)})
            return Say(text=str(error))
        except OctapostError as error:
            outcome = type(error).__name__
            return Say(text=str(error))
        except PlatformError as error:
            outcome = type(error).__name__
            return Say(text=explain(error, "The platform"))
        except Exception as error:
            if route.kind is Kind.EVENT:
                log.exception("event failed", key=route.key)
                raise
            outcome = "incident"
            return Say(text=incident(route, error))
        else:
            return answer
        finally:
            note(outcome=outcome)
            _handled(route.kind, route.key, outcome).inc()
            ANSWERED.labels(route.kind).observe(time.perf_counter() - started)

    async def _prepare(
        self, route: Route, body: Json, req: AsyncBoltRequest, target: str, words_: str
    ) -> Request | None:
        """Return the request with its actor, or None for a signed request that was handled before."""
        team_id, enterprise_id = workspace_of(body)
        if route.role is Who.SLACK:
            sender = Sender(user_id="", team_id=team_id or "", enterprise_id=enterprise_id, channel_id="")
        else:
            sender = sender_of(body)
        organization_id, object_id = split_target(
            target if target.isascii() and target.isprintable() else "?"
        )
        seats = LazyStanding(self._database, sender)
        request = Request(
            kind=route.kind,
            body=body,
            sender=sender,
            standing=seats,
            current=None,
            words=storable(words_),
            target=object_id,
            key=_key(req),
            client=lambda: self._slacks.for_workspace(team_id, enterprise_id),
        )
        if isinstance(route.role, Role):
            request.current = await request.act(organization_id or None, needed=route.role)
        elif organization_id:
            request.current = await request.act(organization_id)
        if route.changes and not await first_seen(self._database.single, request.key):
            return None
        return request

    def later(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something after an answer; a failure is logged, and `drain` waits for it."""
        task = asyncio.create_task(_logged(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _after(self, request: Request) -> None:
        for work in request.later:
            self.later(work)

    async def _open(self, body: Json, view: Json) -> Say:
        """Open a modal; an empty answer if it worked, else a sentence."""
        try:
            client = await self._slacks.for_workspace(*workspace_of(body))
            await client.views_open(trigger_id=str(body.get("trigger_id", "")), view=view)
        except NotInstalled as error:
            return Say(text=str(error))
        except (SlackApiError, *SILENT) as error:
            log.warning("modal not opened", code=failure(error).code)
            return Say(text="Slack didn't let me open the form in time. Please try that again.")
        return Say(text="")

    async def _show(self, body: Json, answer: Answer) -> None:
        """Answer an action or a shortcut, for which the HTTP response carries nothing.

        What cannot be shown is logged: what was done stays done.
        """
        try:
            await self._put(body, answer)
        except (NotInstalled, *SILENT) as error:
            log.warning("answer not shown", code=failure(error).code)

    async def _put(self, body: Json, answer: Answer) -> None:
        match answer:
            case Say(text="") | Done() | Options() | FieldErrors():
                return
            case Say():
                await self._say(body, answer)
            case OpenModal(view) if (body.get("view") or {}).get("type") == "modal":
                client = await self._slacks.for_workspace(*workspace_of(body))
                await _tolerant(client.views_push(trigger_id=str(body["trigger_id"]), view=view))
            case OpenModal(view):
                failed = await self._open(body, view)
                if failed.text:
                    await self._say(body, failed)
            case UpdateModal(view):
                client = await self._slacks.for_workspace(*workspace_of(body))
                await _update(client, body["view"], view)

    async def _say(self, body: Json, answer: Say) -> None:
        client = await self._slacks.for_workspace(*workspace_of(body))
        if url := body.get("response_url"):
            await whisper(client, str(url), said(answer) | {"replace_original": answer.replace})
            return
        view = message_modal("Octapost", answer.text)
        if answer.blocks:
            view |= {"blocks": list(answer.blocks)}
        if (body.get("view") or {}).get("type") == "modal":
            await _tolerant(client.views_push(trigger_id=str(body.get("trigger_id", "")), view=view))
        else:
            await self._open(body, view)


def _encoded(message: Json) -> str:
    return orjson.dumps(message).decode() if message else ""


def _key(req: AsyncBoltRequest) -> str:
    # Socket Mode signs nothing; trigger and event ids make each payload unique.
    payload = json.dumps(req.body, sort_keys=True).encode
    return str(req.context.get("request_key") or hashlib.sha256(payload()).hexdigest())


class LazyStanding:
    """Where a sender stands, asked of the database at most once per request, and only if somebody wants it."""

    def __init__(self, database: Database, sender: Sender) -> None:
        self._database = database
        self._sender = sender
        self._known: Standing | None = None

    async def __call__(self) -> Standing:
        """Return the sender's seats in the organizations of this workspace."""
        if self._known is None:
            one = self._sender
            self._known = await standing(
                self._database.single, one.realm, one.user_id, one.team_id, one.channel_id
            )
        return self._known


def said(answer: Say) -> Json:
    """Return a message body for Slack; an empty text is an empty answer."""
    if not answer.text:
        return {}
    blocks = list(answer.blocks) or [words(answer.text)]
    return {"response_type": "ephemeral", "text": fallback(answer.text), "blocks": blocks}


def value_of(pressed: Mapping[str, Any]) -> str:
    """Return what a pressed element carries, whatever its kind; a bare button carries nothing."""
    option = pressed.get("selected_option") or {}
    return str(pressed.get("value") or option.get("value") or "")


def split_target(target: str) -> tuple[str, str]:
    """Return the organization a target names (or an empty string), and the id of the thing in it."""
    before, slash, after = target.partition("/")
    return (before, after) if slash and ORGANIZATION.fullmatch(before) else ("", target)


def storable(typed: str) -> str:
    """Return what somebody typed without what no database takes: NUL, and halves of characters."""
    return typed.replace("\0", "").encode("utf-8", "replace").decode()


def incident(route: Route, error: Exception) -> str:
    """Log an unexpected failure under an id, and return the sentence that names it."""
    number = secrets.token_hex(4)
    log.error(
        "handler failed",
        incident=number,
        kind=str(route.kind),
        key=route.key,
        exc_info=error,
        type=type(error).__name__,
    )
    return (
        f"Something broke on our side, and nothing was changed that you can't see. Try again in a minute;"
        f" if it stays, tell whoever runs Octapost the number {number}."
    )


async def _logged(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except Exception as error:
        log.exception("late work failed", type=type(error).__name__)


async def _tolerant(call: Awaitable[Any]) -> None:
    try:
        await call
    except SlackApiError as error:
        log.warning("view not shown", code=failure(error).code)


async def _update(client: AsyncWebClient, old: Json, view: Json) -> None:
    """Update a modal unless the person moved on meanwhile (`hash`)."""
    await _tolerant(client.views_update(view_id=str(old["id"]), hash=str(old.get("hash", "")), view=view))
