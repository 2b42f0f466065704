"""What takes longer than Slack waits: answered in time all the same, done once, and shown when it is there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.slack.dispatch.deadline import ANSWER_WITHIN_S
from bot.slack.dispatch.dispatcher import Dispatcher
from bot.slack.failures import SlackSilent
from bot.slack.routes import (
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
from bot.views import waiting
from bot.views.kit import message_modal
from bot.views.outages import CHECK, UNTOUCHED
from sandbox.core import Fault
from sandbox.member import text_of
from sandbox.slack.world import ACME, ADA
from storage.workspaces import Workspaces
from tests.counts import in_full, sampled
from tests.hostile.slack_side import Desk, Json
from tests.stories.told import button

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from slack_bolt.response import BoltResponse

    from tests.application import Office

LEFT_S = (0.15, 0.5, 1.0, 2.0)
"""How much of the deadline is left when a request is handed over: more each time its handler could not begin."""


@dataclass(kw_only=True)
class Work:
    """A handler that is done when a test says so."""

    answer: Answer | Exception = field(default_factory=Done)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0
    afterwards: Callable[[], Awaitable[None]] | None = None

    async def __call__(self, request: Request) -> Answer:
        self.calls += 1
        self.begun.set()
        if self.afterwards is not None:
            request.later.append(self.afterwards)
        await self.done.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass(kw_only=True)
class Bench:
    """A dispatcher with one route of each kind, whose handler is `work`."""

    desk: Desk
    work: Work
    bolt: AsyncApp
    routes: Routes
    dispatcher: Dispatcher

    async def send(self, body: Json, *, waited_s: float | None = None) -> BoltResponse:
        """Hand over a request whose deadline is almost over, or whose first byte came `waited_s` ago."""
        begun = self.work.calls
        for left_s in LEFT_S:
            signed, waited = (
                self.desk.signed(body),
                ANSWER_WITHIN_S - left_s if waited_s is None else waited_s,
            )
            signed.context["arrived"] = asyncio.get_running_loop().time() - waited
            response = await self.bolt.async_dispatch(signed)
            if self.work.calls > begun:
                break
        return response

    async def finish(self, answer: Answer | Exception) -> None:
        """Let the handler end once its deadline is over, and everything that follows from it."""
        # The response and what waits for the handler end with the same deadline: both timers come before this one.
        await asyncio.sleep(0.01)
        self.work.answer = answer
        self.work.done.set()
        await self.dispatcher.drain(10)

    def close_modals(self) -> None:
        """Let Ada close whatever is open."""
        self.desk.slack.state.modals[ADA] = []

    def whispered(self) -> list[Json]:
        """Return what was sent to a `response_url`."""
        return [json.loads(call.body) for call in self.desk.slack.requests if "/actions/" in call.path]

    def said(self) -> list[str]:
        """Return what Ada reads in the channel."""
        desk = self.desk
        return [text_of(message) for message in desk.slack.messages(desk.channel_id, ADA)]

    @property
    def modal(self) -> Any:
        return self.desk.slack.state.top_view(ADA)


@pytest_asyncio.fixture
async def bench(office: Office) -> AsyncIterator[Bench]:
    await office.installed(ADA)
    work, routes = Work(), Routes()
    routes.put(
        Route(
            kind=Kind.COMMAND,
            key="slow",
            handler=work,
            permission=Who.ANYONE,
            help="Wait.",
            topic="Test",
            changes=False,
        )
    )
    routes.put(
        Route(
            kind=Kind.COMMAND,
            key="form",
            handler=work,
            permission=Who.ANYONE,
            help="Open.",
            topic="Test",
            opens="A form",
            changes=False,
        )
    )
    routes.put(
        Route(
            kind=Kind.COMMAND,
            key="either",
            handler=work,
            permission=Who.ANYONE,
            help="Say.",
            topic="Test",
            opens="A form",
            seldom=True,
            changes=False,
        )
    )
    routes.put(Route(kind=Kind.ACTION, key="slow", handler=work, permission=Who.ANYONE, changes=True))
    routes.put(
        Route(
            kind=Kind.ACTION, key="form", handler=work, permission=Who.ANYONE, changes=False, opens="A form"
        )
    )
    routes.put(
        Route(
            kind=Kind.SHORTCUT, key="form", handler=work, permission=Who.ANYONE, changes=False, opens="A form"
        )
    )
    routes.put(Route(kind=Kind.SUBMISSION, key="slow", handler=work, permission=Who.ANYONE, changes=True))
    routes.put(Route(kind=Kind.OPTIONS, key="slow", handler=work, permission=Who.ANYONE, changes=False))
    routes.put(
        Route(kind=Kind.EVENT, key="app_home_opened", handler=work, permission=Who.SLACK, changes=True)
    )

    async def nobody(**_who: Any) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=ACME, bot_token=None, bot_user_id="", bot_id="")

    bolt = AsyncApp(
        name="slack_bolt",
        signing_secret="unused, as nothing is verified here",
        authorize=nobody,
        process_before_response=True,
        ssl_check_enabled=False,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
    )
    dispatcher = Dispatcher(routes, office.database, office.parts.slack_clients, office.parts.access)
    bolt.use(dispatcher)
    yield Bench(
        desk=Desk(office=office, team_id=ACME, channel_id="C0ACMESOC"),
        work=work,
        bolt=bolt,
        routes=routes,
        dispatcher=dispatcher,
    )
    work.done.set()
    await dispatcher.drain(10)


async def test_a_slow_command_is_answered_in_time_and_its_result_comes_later(bench: Bench) -> None:
    now = await bench.send(bench.desk.command(ADA, "slow"))
    await bench.finish(Say(text="Here it is."))

    assert waiting.STILL_WORKING in now.body
    assert bench.said()[-1].strip() == "Here it is."
    assert bench.work.calls == 1


async def test_a_slow_button_says_so_and_its_result_comes_later(bench: Bench) -> None:
    now = await bench.send(bench.desk.action(ADA, "slow", "x"))
    # An answer that comes in the last moment needs no announcement.
    await bench.desk.slack.until(bench.said)
    await bench.finish(Done())

    assert (now.status, now.body) == (200, "")
    assert [each.strip() for each in bench.said()[-2:]] == [waiting.STILL_WORKING, waiting.DONE]


@in_full
async def test_a_change_of_a_modal_is_offered_with_a_button_where_no_modal_is_open(bench: Bench) -> None:
    await bench.send(bench.desk.action(ADA, "slow", "x"))
    await bench.finish(UpdateModal(message_modal("A form", "The questions")))

    assert waiting.NOT_OPENED in bench.said()[-1]


async def test_a_slow_button_of_the_app_home_is_answered_with_a_direct_message(bench: Bench) -> None:
    body = bench.desk.action(ADA, "slow", "x") | {"view": {"type": "home", "id": "V1"}}
    del body["response_url"], body["channel"]

    await bench.send(body)
    await bench.finish(Say(text="Here it is."))

    messages = bench.desk.slack.direct_messages(ADA, ACME)
    assert text_of(messages[-1]).strip() == "Here it is."


@pytest.mark.parametrize("kind", sampled(["command", "action", "shortcut"], 3))
async def test_a_modal_that_takes_time_is_opened_at_once_and_filled_later(bench: Bench, kind: str) -> None:
    body = request_for(bench.desk, kind)

    now = await bench.send(body, waited_s=0)
    loading = text_of(bench.modal)
    await bench.finish(OpenModal(message_modal("A form", "The questions")))

    assert (now.status, now.body) == (200, "")
    assert "The result will appear here" in loading
    assert "The questions" in text_of(bench.modal)


@in_full
async def test_no_modal_opens_for_what_seldom_shows_one(bench: Bench) -> None:
    now = await bench.send(bench.desk.command(ADA, "either"))
    await bench.finish(Say(text="Here is your link."))

    assert waiting.STILL_WORKING in now.body
    assert bench.modal is None
    assert bench.said()[-1].strip() == "Here is your link."


@in_full
async def test_a_modal_that_turns_out_to_be_a_sentence_shows_that(bench: Bench) -> None:
    await bench.send(bench.desk.command(ADA, "form"), waited_s=0)
    await bench.finish(Say(text="There is nothing to fill in."))

    assert "There is nothing to fill in." in text_of(bench.modal)


@pytest.mark.parametrize("kind", sampled(["command", "action"], 2))
async def test_a_modal_that_slack_refuses_comes_with_a_button_that_opens_it(bench: Bench, kind: str) -> None:
    bench.work.answer = OpenModal(message_modal("A form", "The questions"))
    bench.work.done.set()
    refused = Fault(path="views.open", status=200, body='{"ok": false, "error": "expired_trigger_id"}')
    bench.desk.slack.faults.append(refused)

    now = await bench.send(request_for(bench.desk, kind), waited_s=0)
    bench.desk.slack.faults.clear()
    if kind == "command":
        blocks = json.loads(now.body)["blocks"]
    else:
        blocks = bench.desk.slack.messages(bench.desk.channel_id, ADA)[-1].blocks
    pressed = blocks[-1]["elements"][0]
    await bench.send(bench.desk.action(ADA, pressed["action_id"], pressed["value"]), waited_s=0)

    assert waiting.NOT_OPENED in str(blocks)
    assert "The questions" in text_of(bench.modal)


@in_full
async def test_a_shortcuts_modal_that_slack_refuses_is_offered_in_a_direct_message(bench: Bench) -> None:
    bench.work.answer = OpenModal(message_modal("A form", "The questions"))
    bench.work.done.set()
    slack = bench.desk.slack
    slack.faults.append(Fault(path="views.open", status=200, body='{"ok": false, "error": "fatal_error"}'))
    seen = len(slack.direct_messages(ADA, ACME))

    await bench.send(request_for(bench.desk, "shortcut"), waited_s=0)
    slack.faults.clear()
    message = (await slack.until(lambda: slack.direct_messages(ADA, ACME)[seen:]))[0]
    pressed = button(message, "Open it")
    await bench.send(bench.desk.action(ADA, pressed["action_id"], pressed["value"]), waited_s=0)

    assert "The questions" in text_of(bench.modal)


@in_full
async def test_the_button_that_opens_again_does_nothing_else(bench: Bench) -> None:
    bench.work.done.set()

    await bench.send(bench.desk.action(ADA, waiting.OPEN_AGAIN, "command:slow"), waited_s=0)

    assert bench.work.calls == 0
    assert "isn't there any more" in bench.said()[-1]


async def test_a_slow_form_shows_that_and_then_its_result(bench: Bench) -> None:
    body = bench.desk.submission(ADA, "slow", "")

    now = json.loads((await bench.send(body)).body)
    await bench.finish(UpdateModal(message_modal("A form", "All saved")))

    assert (now["response_action"], now["view"]["title"]["text"]) == ("update", "A modal")
    assert "All saved" in text_of(bench.modal)
    assert bench.work.calls == 1


@in_full
async def test_a_form_that_was_refused_too_late_says_why(bench: Bench) -> None:
    await bench.send(bench.desk.submission(ADA, "slow", ""))
    await bench.finish(FieldErrors({"name": "That name is taken."}))

    assert "That name is taken." in text_of(bench.modal)


async def test_an_outage_leaves_a_form_as_it_was_filled_in(bench: Bench) -> None:
    body = bench.desk.submission(ADA, "slow", "")
    body["view"]["blocks"] = [{"type": "section"}, {"type": "input", "block_id": "name"}]
    bench.work.answer = SlackSilent("TimeoutError")
    bench.work.done.set()

    answer = json.loads((await bench.send(body, waited_s=0)).body)

    assert answer["response_action"] == "errors"
    assert answer["errors"]["name"].endswith("Nothing changed. Please try again in a minute.")


@in_full
@pytest.mark.parametrize("kind", ["command", "action"])
async def test_a_sentence_is_told_where_its_modal_was_closed_meanwhile(bench: Bench, kind: str) -> None:
    await bench.send(request_for(bench.desk, kind), waited_s=0)
    bench.close_modals()

    await bench.finish(Say(text="There is nothing to fill in."))

    assert bench.said()[-1].strip() == "There is nothing to fill in."


@in_full
async def test_a_form_that_failed_is_not_said_to_be_done_once_it_was_closed(bench: Bench) -> None:
    await bench.send(bench.desk.submission(ADA, "slow", ""))
    bench.close_modals()

    await bench.finish(SlackSilent("TimeoutError"))

    (*_, told) = bench.desk.slack.direct_messages(ADA, ACME)
    assert "Nothing changed. Please try again in a minute." in text_of(told)


@pytest.mark.parametrize("kind", sampled(["command", "submission"], 2))
async def test_a_modal_is_filled_although_slack_was_away_for_a_moment(bench: Bench, kind: str) -> None:
    desk = bench.desk
    body = desk.submission(ADA, "slow", "") if kind == "submission" else desk.command(ADA, "form")
    await bench.send(body, waited_s=0 if kind == "command" else None)
    desk.slack.faults.append(Fault(path="views.update", status=503, body="{}", times=1))

    await bench.finish(UpdateModal(message_modal("A form", "All saved")))

    assert "All saved" in text_of(bench.modal)


@in_full
async def test_a_modal_is_filled_once_although_the_answer_got_lost(bench: Bench) -> None:
    slack = bench.desk.slack
    await bench.send(bench.desk.command(ADA, "form"), waited_s=0)
    slack.faults.append(Fault(path="views.update", lose_answer=True, times=1))

    await bench.finish(OpenModal(message_modal("A form", "The questions")))

    hashes = [json.loads(call.body).get("hash") for call in slack.calls("views.update")]
    assert "The questions" in text_of(bench.modal)
    assert len(hashes) >= 2
    assert all(hashes)
    assert not [m for m in slack.direct_messages(ADA, ACME) if "couldn't" in text_of(m)]


@in_full
@pytest.mark.parametrize("slow", [True, False])
async def test_a_modal_that_opened_though_the_connection_broke_is_not_lost(bench: Bench, slow: bool) -> None:
    if not slow:
        bench.work.done.set()
    bench.work.answer = OpenModal(message_modal("A form", "The questions"))
    bench.desk.slack.faults.append(Fault(path="views.open", lose_answer=True, times=1))

    now = await bench.send(bench.desk.command(ADA, "form"), waited_s=0)
    await bench.finish(bench.work.answer)

    assert now.body == ""
    assert "The questions" in text_of(bench.modal)


async def test_an_answer_survives_a_slack_that_does_not_say_which_modal_it_opened(bench: Bench) -> None:
    odd = Fault(path="views.open", status=200, body='{"ok": true, "view": []}')
    bench.desk.slack.faults.append(odd)

    now = await bench.send(bench.desk.command(ADA, "form"), waited_s=0)
    await bench.finish(Say(text="There is nothing to fill in."))

    assert now.status == 200
    assert bench.said()[-1].strip() == "There is nothing to fill in."


async def test_what_a_handler_does_afterwards_does_not_come_before_its_late_answer(bench: Bench) -> None:
    body = bench.desk.submission(ADA, "slow", "")

    async def end() -> None:
        client = await bench.desk.office.parts.slack_clients.for_workspace(ACME, None)
        await client.views_update(view_id=body["view"]["id"], view=message_modal("A form", "At the end"))

    bench.work.afterwards = end
    await bench.send(body)
    await bench.finish(UpdateModal(message_modal("A form", "For now")))

    assert "At the end" in text_of(bench.modal)


async def test_the_stop_waits_for_work_whose_request_it_cut_off(bench: Bench) -> None:
    sent = asyncio.ensure_future(bench.send(bench.desk.command(ADA, "slow"), waited_s=0))
    await bench.work.begun.wait()
    sent.cancel()

    stop = asyncio.ensure_future(bench.dispatcher.drain(10))
    await asyncio.sleep(0.05)
    waited = not stop.done()
    bench.work.done.set()
    await stop

    assert waited


async def test_a_result_that_its_response_url_does_not_take_is_a_direct_message(bench: Bench) -> None:
    await bench.send(bench.desk.command(ADA, "slow"))
    bench.desk.slack.faults.append(Fault(path="/commands/|/actions/", status=404, body="used_url"))

    await bench.finish(Say(text="Here it is."))

    (*_, told) = bench.desk.slack.direct_messages(ADA, ACME)
    assert text_of(told).strip() == "Here it is."


async def test_still_working_never_takes_the_place_of_the_message_that_was_pressed(bench: Bench) -> None:
    await bench.send(bench.desk.action(ADA, "slow", "x"))
    await bench.finish(Done())

    assert [each["replace_original"] for each in bench.whispered()] == [False, False]


async def test_a_fault_of_ours_says_whether_something_may_have_been_done(bench: Bench) -> None:
    async def change(request: Request) -> Answer:
        async with bench.desk.office.database.system() as session:
            await Workspaces(session).ensure(request.sender.team_id, None, "Acme")
        raise RuntimeError("a fault of ours")

    bench.routes.put(
        Route(
            kind=Kind.COMMAND,
            key="change",
            handler=change,
            permission=Who.ANYONE,
            help="Break.",
            topic="Test",
            changes=False,
        )
    )
    bench.work.answer = RuntimeError("a fault of ours")
    bench.work.done.set()

    nothing = await bench.send(bench.desk.command(ADA, "slow"), waited_s=0)
    something = await bench.send(bench.desk.command(ADA, "change"), waited_s=0)

    assert UNTOUCHED in nothing.body
    assert CHECK in something.body


async def test_what_opens_a_modal_changes_nothing(bench: Bench) -> None:
    with pytest.raises(ValueError, match="can't change anything"):
        bench.routes.put(
            Route(
                kind=Kind.ACTION,
                key="both",
                handler=bench.work,
                permission=Who.ANYONE,
                opens="A form",
                changes=True,
            )
        )


async def test_a_slow_typeahead_offers_nothing(bench: Bench) -> None:
    bench.work.answer = Options([{"text": {"type": "plain_text", "text": "One"}, "value": "1"}])

    now = await bench.send(bench.desk.options(ADA, "slow", ""))

    assert json.loads(now.body) == {"options": []}


async def test_a_slow_event_is_asked_for_again_and_handled_once(bench: Bench) -> None:
    body = bench.desk.event({"type": "app_home_opened", "user": ADA, "tab": "home"})

    too_slow = await bench.send(body)
    repeated = asyncio.ensure_future(bench.send(body | {"attempt": 1}, waited_s=0))
    await asyncio.sleep(0.05)
    await bench.finish(Done())
    later = await bench.send(body | {"attempt": 2}, waited_s=0)

    assert (too_slow.status, (await repeated).status, later.status) == (503, 200, 200)
    assert bench.work.calls == 1


@in_full
@pytest.mark.parametrize("trouble", [SlackSilent("TimeoutError"), RuntimeError("a fault of ours")])
async def test_an_event_that_failed_is_asked_for_again_and_handled_again(
    bench: Bench, trouble: Exception
) -> None:
    body = bench.desk.event({"type": "app_home_opened", "user": ADA, "tab": "home"})
    bench.work.answer = trouble
    bench.work.done.set()

    failed = await bench.send(body, waited_s=0)
    bench.work.answer = Done()
    handled = await bench.send(body | {"attempt": 1}, waited_s=0)
    again = await bench.send(body | {"attempt": 2}, waited_s=0)

    assert (failed.status, handled.status, again.status) == (503, 200, 200)
    assert bench.work.calls == 2


def request_for(desk: Desk, kind: str) -> Json:
    match kind:
        case "command":
            return desk.command(ADA, "form")
        case "action":
            return desk.action(ADA, "form", "x")
        case _:
            return desk.shortcut(ADA, "form")
