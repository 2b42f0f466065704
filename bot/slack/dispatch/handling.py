"""Running one handler: the sender, their permission, repeated requests, and what a failure means to a person."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import secrets
import time
from functools import cache, partial
from typing import TYPE_CHECKING

from adapters.base import PlatformError
from bot.ops.logs import logger
from bot.ops.metrics import ANSWERED, HANDLED
from bot.ops.tracing import set_attributes, traced
from bot.services.access import Sender
from bot.services.errors import (
    AmbiguousOrganizationError,
    ExternalUserError,
    NotAllowedError,
    NotInstalledError,
    ServiceError,
    UnknownAccountError,
    UnknownPlatformError,
    UnverifiedUserError,
)
from bot.services.organizations.grid_moves import GridMoves
from bot.services.permissions import Permission, allows
from bot.slack.failures import SlackSilent
from bot.slack.global_ids import SlackGlobalIds
from bot.slack.grids import require_home
from bot.slack.outages import is_outage
from bot.slack.payloads import sender_of, workspace_of
from bot.slack.refusals import BadInputError, InvalidFieldError
from bot.slack.routes import Answer, Done, FieldErrors, Kind, Request, Route, Say, SendAgain, Who
from bot.slack.standing import LazyStanding
from bot.views.access_requests import refused
from bot.views.errors import explain, sentence
from bot.views.organizations import which
from bot.views.outages import explain_outage, our_fault
from bot.views.suggestions import instead
from storage.engine import time_limit
from storage.organization_summaries import summaries
from storage.seen_requests import first_seen, seen
from storage.tickets import AskedBefore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from slack_bolt.request.async_request import AsyncBoltRequest

    from bot.services.organizations.access_requests import AccessService
    from bot.slack.clients import SlackClients
    from bot.slack.dispatch.deadline import Turn
    from bot.views.kit import Json
    from storage.engine.db import Database
    from storage.standing import Seat

log = logger(__name__)
ORGANIZATION = re.compile(r"org_[0-9a-f]+")
"""What a target may have before its slash."""

SHOWN = frozenset({Kind.COMMAND, Kind.ACTION, Kind.SUBMISSION, Kind.SHORTCUT})
"""Kinds of requests whose answer a person reads."""

_handled = cache(HANDLED.labels)


class Handling:
    """Runs handlers. Built once, by the dispatcher."""

    def __init__(
        self,
        database: Database,
        clients: SlackClients,
        later: Callable[[Callable[[], Awaitable[None]]], None],
        access: AccessService,
    ) -> None:
        self._database = database
        self._access = access
        self._clients = clients
        self._later = later
        self._moves = GridMoves(database, SlackGlobalIds(clients))

    @traced("slack request", lambda _self, route, *_, **__: {"kind": str(route.kind), "key": route.key})
    async def run(
        self, route: Route, turn: Turn, *, target: str = "", words: str = "", replace: bool = False
    ) -> Answer:
        """Return the handler's answer, or what its failure means. Raises nothing.

        `replace`: a message takes the place of the one whose button was pressed.
        """
        started = time.perf_counter()
        limit = time_limit.current()
        try:
            answer, outcome = await self._handled(route, turn, target, words)
        except Exception as error:  # noqa: BLE001 - whatever it is, a person is waiting for an answer
            answer, outcome = failed(route, turn.body, error, changed=limit is None or limit.may_have_changed)
            if isinstance(error, ServiceError) and isinstance(answer, Say) and route.kind in SHOWN:
                answer = await self._with_helpers(answer, error, turn.body)
        set_attributes(outcome=outcome)
        _handled(route.kind, route.key, outcome).inc()
        ANSWERED.labels(route.kind).observe(time.perf_counter() - started)
        return dataclasses.replace(answer, replace=True) if replace and isinstance(answer, Say) else answer

    async def _handled(self, route: Route, turn: Turn, target: str, words: str) -> tuple[Answer, str]:
        request = self._prepare(route, turn, target, words)
        await require_home(self._database.autocommit, request.sender, request.client)
        await self._follow_into_grid(route, request.sender)
        organization_id, _ = split_target(ascii_only(target))
        if isinstance(route.permission, Permission):
            try:
                request.current = await request.act(organization_id or None, route.permission)
            except AmbiguousOrganizationError:
                if route.kind is not Kind.COMMAND:
                    raise
                return await self._which_organization(route, request), "asked"
        elif organization_id:
            request.current = await request.act(organization_id)
        # An event is marked only after it was handled, so that Slack's retry of one that failed is handled.
        event = route.kind is Kind.EVENT
        if not organization_id and await self._is_uncertain(route, request):
            return await self._which_organization(route, request), "asked"
        if route.changes and await self._is_repeated(request.key, event=event):
            return Done(), "replay"
        answer = await route.handler(request)
        if route.changes and event:
            await first_seen(self._database.autocommit, request.key)
        for work in request.later:
            self._later(partial(_after_shown, turn, work))
        return answer, "ok"

    async def _with_helpers(self, answer: Say, error: ServiceError, body: Json) -> Say:
        """Return a refusal with the people who can help, if that can be found out now."""
        try:
            if isinstance(error, ExternalUserError):
                team_id, enterprise_id = workspace_of(body)
                sender = Sender(user_id="", team_id=team_id or "", enterprise_id=enterprise_id, channel_id="")
            else:
                sender = sender_of(body)
            helpers = await self._access.who_can_help(error, sender)
        except Exception as fault:  # noqa: BLE001 - the refusal itself is shown whatever happens
            log.warning("refusal.without_help", type=type(fault).__name__)
            return answer
        return answer if helpers is None else Say.of(refused(answer.text, helpers))

    async def _is_uncertain(self, route: Route, request: Request) -> bool:
        """Tell whether a command changes something in an organization that nobody named and the channel doesn't."""
        if route.kind is not Kind.COMMAND or not route.changes or request.current is None:
            return False
        return not (await request.standing()).certain

    async def _which_organization(self, route: Route, request: Request) -> Say:
        """Return the question which of the sender's organizations a command is for.

        Raises:
            NotAllowedError: Their role has the permission in none of them.

        """
        seats, needed = (await request.standing()).choices, route.permission
        able = [seat.organization_id for seat in _able(seats, needed)]
        if not able and isinstance(needed, Permission):
            raise NotAllowedError(needed, seats[0].organization_name, seats[0].organization_id)
        async with self._database.system(write=False) as session:
            about = await summaries(session, able)
        found = [about[each] for each in able if each in about]
        may_switch = bool(_able(seats, Permission.CHOOSE_CHANNELS))
        return Say.of(which(route.key, request.words, found, request.sender.realm, may_switch=may_switch))

    async def _follow_into_grid(self, route: Route, sender: Sender) -> None:
        """See to it that the people of a workspace that has joined a Grid are known by the ids they have there.

        Raises:
            UnverifiedUserError: Slack doesn't say in time who they are.
            SlackSilent: The same for an event, which has to come again.

        """
        if sender.enterprise_id is None:
            return
        try:
            await self._moves.follow(sender.team_id, sender.enterprise_id)
        except SlackSilent as error:
            if route.kind is Kind.EVENT:
                raise
            raise UnverifiedUserError from error
        except NotInstalledError:
            if route.kind is not Kind.EVENT:  # an event may be about just that
                raise

    def _prepare(self, route: Route, turn: Turn, target: str, words: str) -> Request:
        team_id, enterprise_id = workspace_of(turn.body)
        if route.permission is Who.SLACK:
            sender = Sender(user_id="", team_id=team_id or "", enterprise_id=enterprise_id, channel_id="")
        else:
            sender = sender_of(turn.body)
        return Request(
            kind=route.kind,
            body=turn.body,
            sender=sender,
            standing=LazyStanding(self._database, sender),
            current=None,
            words=storable(words),
            target=split_target(ascii_only(target))[1],
            key=key_of(route, turn.req),
            client=partial(self._clients.for_workspace, team_id, enterprise_id),
        )

    async def _is_repeated(self, key: str, *, event: bool) -> bool:
        if event:
            return await seen(self._database.autocommit, key)
        return not await first_seen(self._database.autocommit, key)


def _able(seats: Sequence[Seat], needed: Permission | Who) -> list[Seat]:
    return [seat for seat in seats if isinstance(needed, Permission) and allows(seat.role, needed)]


async def _after_shown(turn: Turn, work: Callable[[], Awaitable[None]]) -> None:
    await turn.shown()
    await work()


def failed(route: Route, body: Json, error: Exception, *, changed: bool) -> tuple[Answer, str]:
    """Return what a handler's failure means to the person, and the name under which it is counted."""
    name = type(error).__name__
    match error:
        case AskedBefore():
            return Done(), "replay"
        case BadInputError(field=str(field)) if route.kind is Kind.SUBMISSION:
            return FieldErrors({field: error.sentence}), "bad_input"
        case BadInputError():
            return Say(text=error.sentence), "bad_input"
        case InvalidFieldError() if route.kind is Kind.SUBMISSION:
            return FieldErrors({error.field: sentence(error.error)}), error.error.code
        case InvalidFieldError(error=refused):
            return Say(text=sentence(refused)), refused.code
        case ServiceError():
            meant = [f"{route.key} {name}" for name in meant_by(error)]
            return Say.of(instead(sentence(error), meant)) if meant else Say(text=sentence(error)), error.code
        case PlatformError():
            return Say(text=explain(error)), name
    if is_outage(error):
        log.warning("request.outage", kind=str(route.kind), key=route.key, type=name)
        outcome, answer = (
            "outage",
            in_open_form(body, explain_outage(error, changed=changed), changed=changed),
        )
    else:
        outcome, answer = "incident", Say(text=incident(route, error, changed=changed))
    return (SendAgain() if route.kind is Kind.EVENT else answer), outcome


def meant_by(error: ServiceError) -> tuple[str, ...]:
    """Return what a person may have meant who typed a name that there is not."""
    match error:
        case UnknownPlatformError(near=near, offered=offered):
            return near or offered
        case UnknownAccountError(near=near):
            return near
        case _:
            return ()


def in_open_form(body: Json, sentence: str, *, changed: bool = False) -> Answer:
    """Return a sentence, where possible in the submitted form, so that nothing has to be entered again."""
    if body.get("type") == "view_submission" and not changed:
        for block in (body.get("view") or {}).get("blocks") or ():
            if block.get("type") == "input" and block.get("block_id"):
                return FieldErrors({str(block["block_id"]): sentence})
    return Say(text=sentence)


def key_of(route: Route, req: AsyncBoltRequest) -> str:
    """Return what identifies a request when it is repeated: an event's id, else a digest of what was signed."""
    if route.kind is Kind.EVENT and (event_id := str(req.body.get("event_id") or "")):
        return f"event:{event_id}"
    # Socket Mode signs nothing and has no raw body; trigger and event ids make each payload unique.
    payload = json.dumps(req.body, sort_keys=True).encode
    return str(req.context.get("request_key") or hashlib.sha256(payload()).hexdigest())


def ascii_only(target: str) -> str:
    """Return a target as it is, or one that matches nothing if it can't be an id of ours."""
    return target if target.isascii() and target.isprintable() else "?"


def split_target(target: str) -> tuple[str, str]:
    """Return the organization a target names (or an empty string), and the id of the thing in it."""
    before, slash, after = target.partition("/")
    return (before, after) if slash and ORGANIZATION.fullmatch(before) else ("", target)


def storable(typed: str) -> str:
    """Return typed text without what no database stores: NUL, and lone surrogates."""
    return typed.replace("\0", "").encode("utf-8", "replace").decode()


def incident(route: Route, error: Exception, *, changed: bool) -> str:
    """Log an unexpected failure under an id, and return the sentence that names it."""
    number = secrets.token_hex(4)
    log.error(
        "event.failed" if route.kind is Kind.EVENT else "request.failed",
        incident=number,
        kind=str(route.kind),
        key=route.key,
        exc_info=error,
        type=type(error).__name__,
    )
    return our_fault(number, changed=changed)
