"""Answers that we send to Slack: through `response_url`, into a modal, or as a direct message.

No method raises for a failure of Slack or the database: an answer that cannot be shown is logged, and what was done
stays done.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.ops.logs import logger
from bot.services.access import Sender
from bot.services.errors import ExternalUserError, NotInstalledError
from bot.services.notifications import FormNotOpened
from bot.services.outbox import Conversation, enqueue
from bot.slack.clients import SlackClients
from bot.slack.failures import CALL_FAILED, FailureKind, failure
from bot.slack.payloads import sender_of, workspace_of
from bot.slack.routes import Answer, FieldErrors, OpenModal, Say, UpdateModal
from bot.views import waiting
from bot.views.errors import sentence
from bot.views.kit import Json, Message, fallback, message_modal, modal, words
from storage.engine.outages import DatabaseUnavailable, is_outage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.slack.dispatch.deadline import Turn
    from storage.engine.db import Database

log = logger(__name__)
FAILED = (DatabaseUnavailable, *CALL_FAILED)
CLOSED = frozenset({"not_found", "view_not_found"})
"""What Slack says of a modal that is gone: the person closed it, or opened another one."""
OPENED = frozenset({"exchanged_trigger_id", "duplicate_external_id"})
"""What Slack says of a modal that is open already: slack_sdk repeats a call whose connection broke.
Triggers and external ids are ours alone (https://docs.slack.dev/reference/methods/views.open, read 2026-11-30)."""
FILLED = "hash_conflict"
"""What Slack says of a modal that no longer waits: an earlier try filled it, and its answer got lost."""
AGAIN_AFTER_S = (1.0, 3.0, 10.0)
"""How long to wait before trying again to fill a modal, so that it doesn't say "still working" for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A modal on the person's screen that can be updated."""

    title: str
    view_id: str = ""
    external_id: str = ""
    """Our own id for it, where Slack didn't return its id in time."""
    certain: bool = True
    """False: it may never have opened, and the person has been told so."""
    hash: str = ""
    """Slack's hash of its content, with which only that content is replaced; empty: unknown."""

    @property
    def named(self) -> Json:
        """The argument of `views.update` that identifies it."""
        if not self.view_id:
            return {"external_id": self.external_id}
        return {"view_id": self.view_id} | ({"hash": self.hash} if self.hash else {})


class Replies:
    """Answers the sender of a request. Built once, by the dispatcher."""

    def __init__(self, clients: SlackClients, database: Database) -> None:
        self._clients = clients
        self._database = database

    # While the person waits

    async def open(self, turn: Turn, view: Json) -> Say:
        """Open a modal, on top of another if the person is in one.

        Return an empty answer if it worked, else a sentence with a button that opens it.
        """
        try:
            async with asyncio.timeout(turn.opening_s):
                await self._open(turn.body, view)
        except NotInstalledError as error:
            return Say(text=sentence(error))
        except FAILED as error:
            code = failure(error).code
            log.warning("modal.not_opened", code=code)
            return Say(text="") if code in OPENED else apology(turn.body)
        return Say(text="")

    async def open_loading(self, turn: Turn, title: str) -> Shown | None:
        """Open a modal that says that the answer is coming; None if Slack refused it.

        If Slack doesn't answer in time the modal may still have opened, so it has an id of ours.
        """
        external_id = f"loading-{secrets.token_hex(8)}"
        try:
            async with asyncio.timeout(turn.opening_s):
                opened = await self._open(turn.body, waiting.loading(title, external_id))
        except FAILED as error:
            failed = failure(error)
            log.warning("modal.loading_not_opened", code=failed.code)
            if failed.code in OPENED:
                return Shown(title=title, external_id=external_id)
            return (
                Shown(title=title, external_id=external_id, certain=False)
                if failed.may_have_succeeded
                else None
            )
        view = opened.get("view")
        found = view if isinstance(view, dict) else {}
        view_id, view_hash = str(found.get("id") or ""), str(found.get("hash") or "")
        return Shown(title=title, view_id=view_id, external_id=external_id, hash=view_hash)

    async def show(self, turn: Turn, answer: Answer) -> None:
        """Answer a button or a shortcut, whose HTTP response carries nothing."""
        try:
            match answer:
                case UpdateModal(view) if in_modal(turn.body):
                    await self._update(turn.body, turn.body["view"], view)
                case OpenModal(view) | UpdateModal(view):
                    await self._say(turn.body, await self.open(turn, view), turn)
                case Say():
                    await self._say(turn.body, answer, turn)
        except FAILED as error:
            log.warning("answer.not_shown", code=failure(error).code)

    # Afterwards

    async def still_working(self, body: Json) -> None:
        """Say that the answer takes longer, where there is a `response_url`."""
        if url := body.get("response_url"):
            await self._respond(str(url), Say(text=waiting.STILL_WORKING))

    async def late(self, body: Json, answer: Answer) -> None:
        """Show the answer to a request whose deadline and trigger have passed."""
        match answer:
            case UpdateModal(view) if in_modal(body):
                await self._quietly(self._update(body, body["view"], view))
            case OpenModal() | UpdateModal():
                await self._tell(body, apology(body))
            case _:
                await self._tell(body, as_text(answer))

    async def fill(self, body: Json, shown: Shown, answer: Answer) -> None:
        """Put the answer into a modal that opened before it was ready; if that fails, send a sentence as a message."""
        code = await self._fill_modal(body, shown, as_modal(answer, shown.title))
        if not code:
            return
        log.warning("answer.not_shown", code=code)
        if not shown.certain:
            return
        match answer:
            case Say() | FieldErrors():
                await self._tell(body, as_text(answer))
            case _ if code in CLOSED:
                return
            case _:
                changed = body.get("type") == "view_submission"
                await self._tell(body, Say(text=waiting.NOT_SHOWN) if changed else apology(body))

    # How

    async def _client(self, body: Json) -> AsyncWebClient:
        """Return a client for the payload's workspace.

        Raises:
            Exception: One of FAILED.

        """
        with _one_outage():
            return await self._clients.for_workspace(*workspace_of(body))

    async def _fill_modal(self, body: Json, shown: Shown, view: Json) -> str:
        """Return an empty string once the modal shows the view, else the error code for which we give up."""
        pauses = iter(AGAIN_AFTER_S)
        while True:
            try:
                client = await self._client(body)
                await client.views_update(**shown.named, view=view)
            except FAILED as error:
                failed = failure(error)
                if failed.code == FILLED:
                    return ""
                passing = (
                    failed.kind is FailureKind.TRANSIENT
                    or failed.may_have_succeeded
                    or isinstance(error, DatabaseUnavailable)
                )
                pause_s = next(pauses, None) if passing else None
                if pause_s is None:
                    return failed.code
            else:
                return ""
            await asyncio.sleep(pause_s)

    async def _open(self, body: Json, view: Json) -> Any:
        client, trigger = await self._client(body), str(body.get("trigger_id", ""))
        if in_modal(body):
            return await client.views_push(trigger_id=trigger, view=view)
        return await client.views_open(trigger_id=trigger, view=view)

    async def _update(self, body: Json, old: Json, view: Json) -> None:
        """Change a modal unless the person has moved on (`hash`)."""
        client = await self._client(body)
        await client.views_update(view_id=str(old["id"]), hash=str(old.get("hash", "")), view=view)

    async def _say(self, body: Json, answer: Say, turn: Turn) -> None:
        if not answer.text:
            return
        if url := body.get("response_url"):
            await self._respond(str(url), answer)
            return
        try:
            async with asyncio.timeout(turn.opening_s):
                await self._open(body, as_modal(answer, "Octapost"))
        except FAILED as error:
            log.warning("answer.not_opened", code=failure(error).code)
            await self._message(body, answer)

    async def _tell(self, body: Json, answer: Say) -> None:
        url = body.get("response_url")
        if not (url and await self._respond(str(url), answer)):
            await self._message(body, answer)

    async def _respond(self, url: str, answer: Say) -> bool:
        """Answer through a `response_url`; return whether Slack took it.

        `replace_original` is always given: the message with the button may be a card that everyone sees.
        """
        return await self._clients.post_to_response_url(
            url, message_body(answer) | {"replace_original": answer.replace}
        )

    async def _message(self, body: Json, answer: Say) -> None:
        """Send an answer that could be shown nowhere else as a direct message."""
        try:
            sender = sender_of(body)
        except ExternalUserError:
            return
        message = Message(text=answer.text, blocks=list(answer.blocks) or [words(answer.text)])
        if answer.text == waiting.NOT_OPENED:  # it holds no link, so it may wait in the outbox
            await self._enqueue(body, sender)
            return

        async def post() -> None:
            client = await self._client(body)
            await client.chat_postMessage(channel=sender.user_id, **message.body)

        await self._quietly(post())

    async def _enqueue(self, body: Json, sender: Sender) -> None:
        key = f"not opened:{body.get('trigger_id') or secrets.token_hex(8)}"
        team_id, enterprise_id = workspace_of(body)
        to = Conversation(slack_id=team_id or enterprise_id or sender.team_id, id=sender.user_id)

        async def put() -> None:
            with _one_outage():
                async with self._database.system() as session:
                    await enqueue(session, to, key, unopened(body))

        await self._quietly(put())

    async def _quietly(self, call: Awaitable[None]) -> None:
        try:
            await call
        except FAILED as error:
            log.warning("answer.not_shown", code=failure(error).code)


@contextmanager
def _one_outage() -> Iterator[None]:
    """Raise DatabaseUnavailable for every outage, also for the driver's own errors."""
    try:
        yield
    except Exception as error:
        if is_outage(error):
            raise DatabaseUnavailable(type(error).__name__) from error
        raise


def message_body(answer: Say) -> Json:
    """Return a message body for Slack; an empty text is an empty answer."""
    if not answer.text:
        return {}
    blocks = list(answer.blocks) or [words(answer.text)]
    kind = "in_channel" if answer.everyone else "ephemeral"
    return {"response_type": kind, "text": fallback(answer.text), "blocks": blocks}


def in_modal(body: Json) -> bool:
    """Tell whether the person was in one of our modals."""
    return bool((body.get("view") or {}).get("type") == "modal")


def as_text(answer: Answer) -> Say:
    """Return an answer with a text, for a person who was told to wait."""
    match answer:
        case Say() if answer.text:
            return answer
        case FieldErrors(errors):
            return Say(text=" ".join(errors.values()))
        case _:
            return Say(text=waiting.DONE)


def as_modal(answer: Answer, title: str) -> Json:
    """Return a modal that shows an answer."""
    match answer:
        case OpenModal(view) | UpdateModal(view):
            return view
        case _:
            say = as_text(answer)
            return modal(title, say.blocks) if say.blocks else message_modal(title, say.text)


def apology(body: Json) -> Say:
    """Return that a modal didn't open, with a button that opens it with a new trigger."""
    message = waiting.not_opened(unopened(body))
    return Say(text=message.text, blocks=message.blocks)


def unopened(body: Json) -> FormNotOpened:
    """Return which form a request was to open, as a button can request it again."""
    pressed: Json = (body.get("actions") or [{}])[0]
    if pressed.get("action_id"):
        action_id, value = str(pressed["action_id"]), value_of(pressed)
    elif "command" in body:
        action_id, value = waiting.OPEN_AGAIN, f"command:{body.get('text', '')}"[:2000]
    else:
        action_id, value = waiting.OPEN_AGAIN, f"shortcut:{body.get('callback_id', '')}"
    return FormNotOpened(action_id=action_id, value=value)


ENTERED = frozenset(
    {
        "plain_text_input",
        "multi_static_select",
        "multi_external_select",
        "external_select",
        "datetimepicker",
        "checkboxes",
        "radio_buttons",
    }
)
"""Elements whose value a person enters. It never says what they are about: their form does."""


def target_of(body: Json, value: str) -> str:
    """Return what a pressed or filled element is about: `value`, which it carries, or its form's."""
    pressed: Json = (body.get("actions") or [{}])[0]
    if pressed.get("type") in ENTERED:
        return str((body.get("view") or {}).get("private_metadata", ""))
    return value


def value_of(pressed: Json) -> str:
    """Return the value of a pressed element of any kind; a bare button has none."""
    option = pressed.get("selected_option") or {}
    return str(pressed.get("value") or option.get("value") or "")
