"""Every request from Slack: find its route, run the handler, turn the answer into what Slack expects.

Bolt parses the request, and this is its last middleware. We register no Bolt listeners: Bolt would try them one by one,
which costs more than most handlers do. Work that is not done by the deadline goes on in the background: Slack gets an
answer in time, and the person gets the result later.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.response import BoltResponse

from bot.ops.metrics import SHED
from bot.services.permissions import Permission
from bot.slack.dispatch.admission import Admission
from bot.slack.dispatch.background import Background
from bot.slack.dispatch.deadline import DATABASE_WITHIN_S, LOADING_AFTER_S, SETTLE_S, Pending, Turn, finished
from bot.slack.dispatch.handling import Handling, in_open_form, storable
from bot.slack.dispatch.replies import Replies, Shown, apology, as_modal, message_body, target_of, value_of
from bot.slack.routes import (
    Answer,
    Done,
    FieldErrors,
    Kind,
    OpenModal,
    Options,
    Route,
    Routes,
    Say,
    SendAgain,
    UpdateModal,
)
from bot.views import help as help_view
from bot.views import waiting
from bot.views.errors import not_there
from bot.views.kit import MENU, Json, message_modal
from bot.views.organizations import WHICH
from bot.views.suggestions import INSTEAD, offered
from storage.engine.time_limit import limited

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_bolt.request.async_request import AsyncBoltRequest

    from bot.services.organizations.access_requests import AccessService
    from bot.slack.clients import SlackClients
    from storage.engine.db import Database


LONGEST_COMMAND = 2000
"""What a button's value holds."""


class Dispatcher(AsyncMiddleware):
    """Leads every request from Slack to a story. Built once, in `bot.app`."""

    def __init__(
        self, routes: Routes, database: Database, clients: SlackClients, access: AccessService
    ) -> None:
        self._routes = routes
        self._admission = Admission()
        self._background = Background()
        self.later, self.drain = self._background.later, self._background.drain
        self._replies = Replies(clients, database)
        self._handling = Handling(database, clients, self.later, access)
        self._events: dict[str, asyncio.Task[Answer]] = {}
        self._kinds: dict[str, Callable[[Turn], Awaitable[BoltResponse]]] = {
            "block_actions": self._action,
            "view_submission": self._submission,
            "view_closed": self._closed,
            "block_suggestion": self._options,
            "shortcut": self._shortcut,
            "message_action": self._shortcut,
            "event_callback": self._event,
        }

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,  # noqa: ARG002 - Bolt passes it
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse | None:
        """Return the answer to a verified request. An unknown kind of payload is passed on, and gets Bolt's 404."""
        body: Json = req.body
        kind = self._command if "command" in body else self._kinds.get(str(body.get("type", "")))
        if kind is None:
            return await next()
        turn = Turn.of(req)
        if self._admission.given_up((req.headers.get("x-slack-request-timestamp") or [""])[0]):
            SHED.labels("given up").inc()
            return BoltResponse(status=HTTPStatus.SERVICE_UNAVAILABLE)
        if not await self._admission.enter(turn.left_s):
            SHED.labels("busy").inc()
            return busy(body)
        began = time.monotonic()
        try:
            with limited(DATABASE_WITHIN_S):  # and each call to Slack: bot.slack.clients
                return await kind(turn)
        finally:
            turn.responded.set()
            self._admission.leave(time.monotonic() - began)

    # One per payload type

    async def _command(self, turn: Turn) -> BoltResponse:
        """Answer `/octapost ...` with a message; an empty one says nothing."""
        typed = storable(str(turn.body.get("text", "")))
        route, rest = self._routes.split(typed)
        if route is None:
            return reply(message_body(self._unknown(typed, rest)))
        match await self._settled(turn, self._begin(route, turn, words=rest)):
            case Pending() as pending:
                self._late(turn, partial(self._afterwards, turn.body, pending))
                return reply(message_body(Say(text=waiting.STILL_WORKING)))
            case OpenModal(view):
                return reply(message_body(await self._replies.open(turn, view)))
            case Say() as answer:
                return reply(message_body(answer))
            case _:
                return reply({})

    async def _action(self, turn: Turn) -> BoltResponse:
        """Answer a button or a select. The action's value is the id of what it is about."""
        pressed: Json = (turn.body.get("actions") or [{}])[0]
        action_id, value = str(pressed.get("action_id", "")), value_of(pressed)
        if action_id == MENU:
            action_id, _, value = value.partition(" ")
        if action_id.startswith(INSTEAD):
            route, rest = self._routes.split(storable(value))
            begun = self._begin(route, turn, words=rest) if route else None
        elif action_id == waiting.OPEN_AGAIN:
            route, rest = self._again(value)
            begun = self._begin(route, turn, words=rest) if route else None
        elif action_id == WHICH:
            begun = self._for_organization(turn, value)
        else:
            route = self._routes.find(Kind.ACTION, action_id)
            begun = self._begin(route, turn, target=target_of(turn.body, value)) if route else None
        return await self._shown(turn, begun, "That button")

    async def _shortcut(self, turn: Turn) -> BoltResponse:
        """Answer a global or message shortcut."""
        route = self._routes.find(Kind.SHORTCUT, str(turn.body.get("callback_id", "")))
        return await self._shown(turn, self._begin(route, turn) if route else None, "That shortcut")

    async def _submission(self, turn: Turn) -> BoltResponse:
        """Answer a submitted modal."""
        view: Json = turn.body["view"]
        route = self._routes.find(Kind.SUBMISSION, str(view.get("callback_id", "")))
        if route is None:
            return reply({})
        work = self._begin(route, turn, target=str(view.get("private_metadata", "")))
        title = str((view.get("title") or {}).get("text", "Octapost"))
        if not await finished(work.work, turn.left_s):
            shown = Shown(title=title, view_id=str(view["id"]))
            self._late(turn, partial(self._fill, turn.body, shown, work, settle_s=SETTLE_S))
            return reply({"response_action": "update", "view": waiting.loading(title)})
        match work.work.result():
            case UpdateModal() | Say() as answer:
                return reply({"response_action": "update", "view": as_modal(answer, title)})
            case OpenModal(shows):
                return reply({"response_action": "push", "view": shows})
            case FieldErrors(errors):
                return reply({"response_action": "errors", "errors": dict(errors)})
            case _:
                return reply({})

    async def _closed(self, turn: Turn) -> BoltResponse:
        """Handle a modal that was closed, if a story registered for it."""
        view: Json = turn.body["view"]
        route = self._routes.find(Kind.CLOSED, str(view.get("callback_id", "")))
        if route is not None:
            work = self._begin(route, turn, target=str(view.get("private_metadata", "")))
            await finished(work.work, turn.left_s)
        return reply({})

    async def _options(self, turn: Turn) -> BoltResponse:
        """Answer a typeahead; a failure is an empty list, because Slack shows nothing else."""
        body, view = turn.body, turn.body.get("view") or {}
        route = self._routes.find(Kind.OPTIONS, str(body.get("action_id", "")))
        found: list[Json] = []
        if route is not None:
            words = str(body.get("value", ""))
            work = self._begin(route, turn, target=str(view.get("private_metadata", "")), words=words).work
            if await finished(work, turn.left_s) and isinstance(answer := work.result(), Options):
                found = list(answer.options)
        return reply({"options": found})

    async def _event(self, turn: Turn) -> BoltResponse:
        """Handle an event before answering, so that Slack sends again what failed or isn't done yet.

        An event that arrives again while it is being handled waits for that.
        """
        kind = str((turn.body.get("event") or {}).get("type", ""))
        route = self._routes.find(Kind.EVENT, kind)
        if route is None:
            return reply({})
        event_id = str(turn.body.get("event_id", ""))
        work = self._events.get(event_id)
        if work is None:
            work = self._begin(route, turn).work
            if event_id:
                self._events[event_id] = work
                work.add_done_callback(lambda _: self._events.pop(event_id, None))
        if not await finished(work, turn.left_s) or isinstance(work.result(), SendAgain):
            return BoltResponse(status=HTTPStatus.SERVICE_UNAVAILABLE)
        return reply({})

    # Shared

    def _unknown(self, typed: str, unknown: str) -> Say:
        """Return the answer to a command that there is not, with a button for the one that was probably meant."""
        nearest = self._routes.nearest(unknown)
        said = help_view.unknown(unknown, nearest)
        if nearest is None:
            return Say.of(said)
        rest = typed.split()[len(unknown.split()) :]
        return Say.of(offered(said, [" ".join([nearest, *rest])[:LONGEST_COMMAND]]))

    def _begin(
        self, route: Route, turn: Turn, *, target: str = "", words: str = "", replace: bool = False
    ) -> Pending:
        work = asyncio.create_task(
            self._handling.run(route, turn, target=target, words=words, replace=replace)
        )
        self._background.keep(work)  # from the start: the process may be told to stop before the deadline
        return Pending(route=route, work=work)

    def _late(self, turn: Turn, show: Callable[[], Awaitable[None]]) -> None:
        """Show an answer after the response."""
        turn.late.append(self._background.start(show))

    async def _settled(self, turn: Turn, begun: Pending) -> Answer | Pending:
        """Return the answer, or the work if it is not done by the deadline.

        A modal that is not ready soon is first opened with a loading text and filled later.
        """
        title, work = "" if begun.route.seldom else begun.route.opens, begun.work
        if title and not await finished(work, min(LOADING_AFTER_S, turn.left_s)):
            shown = await self._replies.open_loading(turn, title)
            if shown is not None:
                self._late(turn, partial(self._fill, turn.body, shown, begun))
                return Done() if shown.certain else apology(turn.body)
        return work.result() if await finished(work, turn.left_s) else begun

    async def _shown(self, turn: Turn, begun: Pending | None, what: str) -> BoltResponse:
        """Answer by calls to Slack, until the deadline or after it: the HTTP response can carry no message."""
        show = asyncio.create_task(self._show(turn, begun, what))
        self._background.keep(show)
        if not await finished(show, turn.left_s):
            turn.late.append(show)
        return reply({})

    async def _show(self, turn: Turn, begun: Pending | None, what: str) -> None:
        answer = await self._settled(turn, begun) if begun else Say(text=not_there(what))
        if isinstance(answer, Pending):
            self._late(turn, partial(self._afterwards, turn.body, answer, announce=True))
        else:
            await self._replies.show(turn, answer)

    async def _afterwards(self, body: Json, pending: Pending, *, announce: bool = False) -> None:
        if announce:
            await self._replies.still_working(body)
        else:
            await asyncio.sleep(SETTLE_S)
        await self._replies.late(body, await pending.work)

    async def _fill(self, body: Json, shown: Shown, pending: Pending, *, settle_s: float = 0.0) -> None:
        await asyncio.sleep(settle_s)
        await self._replies.fill(body, shown, await pending.work)

    def _for_organization(self, turn: Turn, value: str) -> Pending | None:
        """Begin a command that had to ask for which organization it is, now that one was chosen."""
        organization_id, _, typed = value.partition("/")
        route, rest = self._routes.split(storable(typed))
        if route is None or not isinstance(route.permission, Permission):
            return None
        return self._begin(route, turn, target=f"{organization_id}/", words=rest, replace=True)

    def _again(self, value: str) -> tuple[Route | None, str]:
        """Return the route of a form that did not open the first time, and the words typed after the command."""
        kind, _, what = value.partition(":")
        if kind == Kind.SHORTCUT:
            route, rest = self._routes.find(Kind.SHORTCUT, what), ""
        else:
            route, rest = self._routes.split(storable(what))
        return (route, rest) if route is not None and route.opens else (None, "")


def reply(message: Json) -> BoltResponse:
    """Return the HTTP answer; an empty message says nothing."""
    # Not through Bolt's ack: encoding thousands of characters is most of the work of a request.
    return BoltResponse(status=HTTPStatus.OK, body=orjson.dumps(message).decode() if message else "")


def busy(body: Json) -> BoltResponse:
    """Return the answer to a request that we have no time to work on. It costs almost nothing.

    For a 503, Slack shows a warning beside the button that was pressed, and sends an event again.
    """
    if "command" in body:
        return reply(message_body(Say(text=waiting.BUSY)))
    match body.get("type"):
        case "view_submission":
            match in_open_form(body, waiting.BUSY):
                case FieldErrors(errors):
                    return reply({"response_action": "errors", "errors": dict(errors)})
                case _:
                    return reply(
                        {"response_action": "update", "view": message_modal("Octapost", waiting.BUSY)}
                    )
        case "block_suggestion":
            return reply({"options": []})
        case _:
            return BoltResponse(status=HTTPStatus.SERVICE_UNAVAILABLE)
