"""What people do reaches the app signed and shaped as Slack does it, and what the app answers is shown."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackSimulator
from sandbox.slack.state import SLACKBOT, Message, View
from sandbox.slack.world import ACME, ADA, BEA, BLUE, DEL, INITECH, IRIS, IVAN, NORTH, OTTO, SID
from tests.sandbox.slack.app import Receiver, client_for, installed, receiving, slack_for

SOCIAL, LEADERSHIP, SHARED = "C0ACMESOC", "C0ACMEPRI", "C0LAUNCH"


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def inputs(block_id: str, element: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "input", "block_id": block_id, "label": plain("L"), "element": element} | fields


NAME = inputs("name", {"type": "plain_text_input", "action_id": "name", "max_length": 5})
PICK = {"type": "external_select", "action_id": "page", "min_query_length": 1}
GO = {"type": "button", "text": plain("Go"), "action_id": "go", "value": "42", "style": "primary"}
ACTIONS = {"type": "actions", "block_id": "act", "elements": [GO]}


def modal(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "modal", "title": plain("T"), "submit": plain("Save"), "blocks": list(blocks)} | fields


@pytest.fixture
async def app() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def slack(app: Receiver) -> AsyncIterator[SlackSimulator]:
    async with slack_for(app) as running:
        yield running


@pytest.fixture
async def client(slack: SlackSimulator) -> AsyncWebClient:
    found = await client_for(slack)
    await slack.invite(SOCIAL)
    return found


async def opened(
    slack: SlackSimulator, client: AsyncWebClient, view: dict[str, Any], user: str = OTTO
) -> View:
    trigger = slack.views.new_trigger(user, ACME)
    await client.views_open(trigger_id=trigger, view=view)
    found = slack.modal_of(user)
    assert found is not None
    return found


async def posted(slack: SlackSimulator, client: AsyncWebClient, *blocks: dict[str, Any]) -> Message:
    ts = (await client.chat_postMessage(channel=SOCIAL, text="t", blocks=list(blocks)))["ts"]
    found = slack.state.message(SOCIAL, ts)
    assert found is not None
    return found


async def respond(url: str, **body: Any) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as answer:
        return answer.status, await answer.text()


# Commands


@pytest.mark.usefixtures("client")
async def test_a_command_arrives_signed_with_everything_slack_sends(
    app: Receiver, slack: SlackSimulator
) -> None:
    await slack.command(OTTO, ACME, SOCIAL, "connect tiktok & more")

    [got] = app.got
    assert got.genuine
    assert got.headers["content-type"] == "application/x-www-form-urlencoded"
    form = got.form
    assert form.pop("trigger_id")
    assert form.pop("response_url").startswith(f"{slack.url}/commands/{ACME}/")
    assert form.pop("token")
    assert form == {
        "team_id": ACME,
        "team_domain": "acme",
        "channel_id": SOCIAL,
        "channel_name": "social-media",
        "user_id": OTTO,
        "user_name": "otto",
        "command": "/octapost",
        "text": "connect tiktok & more",
        "api_app_id": "A0OCTAPOST",
        "is_enterprise_install": "false",
    }


@pytest.mark.usefixtures("client")
async def test_a_forged_signature_is_seen_as_one(app: Receiver, slack: SlackSimulator) -> None:
    await slack.command(OTTO, ACME, SOCIAL, "help")
    sent = slack.courier.sent[-1]

    await slack.raw(sent.body + "&text=disconnect", sent.headers)

    assert [g.genuine for g in app.got] == [True, False]


@pytest.mark.parametrize(
    ("answer", "who_reads"),
    [
        pytest.param("Hello", [OTTO], id="plain-text-is-ephemeral"),
        pytest.param({"text": "Hello"}, [OTTO], id="json-is-ephemeral"),
        pytest.param({"text": "Hello", "response_type": "in_channel"}, [OTTO, ADA], id="in-channel"),
    ],
)
@pytest.mark.usefixtures("client")
async def test_the_answer_to_a_command_becomes_a_message(
    app: Receiver, slack: SlackSimulator, answer: Any, who_reads: list[str]
) -> None:
    app.answers = [answer]

    seen = await slack.command(OTTO, ACME, SOCIAL, "hi")

    assert seen[-1].text == "Hello"
    assert slack.state.users[seen[-1].user_id].is_bot
    readers = [u for u in (OTTO, ADA) if "Hello" in [m.text for m in slack.messages(SOCIAL, u)]]
    assert readers == who_reads


@pytest.mark.usefixtures("client")
async def test_an_answer_that_takes_too_long_is_a_timeout(app: Receiver, slack: SlackSimulator) -> None:
    slack.settings["ack_timeout_s"] = 0.05
    app.delay_s = 0.3

    [message] = await slack.command(OTTO, ACME, SOCIAL, "help")

    assert message.user_id == SLACKBOT
    assert message.text == '/octapost failed with the error "operation_timeout"'


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(500, "http_service_error", id="500"),
        pytest.param(401, "http_client_error", id="401"),
        pytest.param({"blocks": [{"type": "section"}]}, "invalid_blocks", id="invalid-blocks"),
    ],
)
@pytest.mark.usefixtures("client")
async def test_a_failed_command_says_so(
    app: Receiver, slack: SlackSimulator, answer: Any, error: str
) -> None:
    app.answers = [answer]

    [message] = await slack.command(OTTO, ACME, SOCIAL, "help")

    assert message.text == f'/octapost failed with the error "{error}"'


async def test_an_unreachable_app_says_so(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    assert (await client.auth_test())["ok"]
    slack.app().app_url = "http://localhost:1"

    [message] = await slack.command(OTTO, ACME, SOCIAL, "help")

    assert "dispatch_failed" in message.text
    assert app.got == []


async def test_a_command_is_unknown_where_the_app_is_not_installed(
    app: Receiver, slack: SlackSimulator
) -> None:
    [message] = await slack.command(OTTO, ACME, SOCIAL, "help")

    assert "is not a valid command" in message.text
    assert app.got == []


@pytest.mark.usefixtures("client")
async def test_a_command_does_not_run_in_a_thread(app: Receiver, slack: SlackSimulator) -> None:
    [message] = await slack.command(OTTO, ACME, SOCIAL, "help", thread_ts="1.000001")

    assert "not supported in threads" in message.text
    assert app.got == []


@pytest.mark.parametrize(
    ("user", "channel"),
    [
        pytest.param(DEL, SOCIAL, id="deactivated"),
        pytest.param(OTTO, LEADERSHIP, id="not-in-the-channel"),
        pytest.param(OTTO, "C0ACMEOLD", id="archived"),
    ],
)
@pytest.mark.usefixtures("client")
async def test_some_commands_cannot_even_be_typed(slack: SlackSimulator, user: str, channel: str) -> None:
    with pytest.raises(ValueError, match=r"deactivated|not in|archived"):
        await slack.command(user, ACME, channel, "help")


@pytest.mark.usefixtures("client")
async def test_a_private_channel_is_not_named_to_the_app(app: Receiver, slack: SlackSimulator) -> None:
    await slack.command(ADA, ACME, LEADERSHIP, "help")

    assert app.got[0].form["channel_name"] == "privategroup"


async def test_a_grid_command_names_the_enterprise(app: Receiver, slack: SlackSimulator) -> None:
    await installed(slack, IRIS, NORTH, org_wide=True)

    await slack.command(IVAN, NORTH, "C0NORTHSOC", "help")

    form = app.got[0].form
    assert (form["team_id"], form["enterprise_id"]) == (NORTH, INITECH)
    assert form["is_enterprise_install"] == "true"


async def test_a_grid_modal_names_no_team_but_the_person_s(app: Receiver, slack: SlackSimulator) -> None:
    answer = await installed(slack, IRIS, NORTH, org_wide=True)
    client = AsyncWebClient(token=answer["access_token"], base_url=f"{slack.url}/api/")
    trigger = slack.views.new_trigger(IVAN, NORTH)
    view = (await client.views_open(trigger_id=trigger, view=modal(NAME)))["view"]["id"]

    await slack.submit(IVAN, view, {"name": "Ivan"})

    payload = app.got[0].payload
    assert payload["team"] is None
    assert payload["enterprise"] == {"id": INITECH, "name": "Initech"}
    assert payload["user"]["team_id"] == NORTH
    assert payload["view"]["team_id"] == NORTH


@pytest.mark.usefixtures("client")
async def test_a_stranger_s_command_carries_the_host_workspace(app: Receiver, slack: SlackSimulator) -> None:
    await slack.command(SID, BLUE, SHARED, "help")

    assert (app.got[0].form["team_id"], app.got[0].form["user_id"]) == (ACME, SID)


# response_url


@pytest.mark.usefixtures("client")
async def test_a_response_url_works_five_times(app: Receiver, slack: SlackSimulator) -> None:
    await slack.command(OTTO, ACME, SOCIAL, "help")
    url = app.got[0].form["response_url"]

    statuses = [await respond(url, text=str(n)) for n in range(6)]

    assert [s for s, _ in statuses] == [200] * 5 + [404]
    assert "used_url" in statuses[5][1]
    assert [m.text for m in slack.messages(SOCIAL, OTTO)] == ["0", "1", "2", "3", "4"]
    assert slack.messages(SOCIAL, ADA) == []


@pytest.mark.usefixtures("client")
async def test_a_response_url_dies_after_thirty_minutes(app: Receiver, slack: SlackSimulator) -> None:
    await slack.command(OTTO, ACME, SOCIAL, "help")
    slack.clock.offset_s = 30 * 60 + 1

    status, text = await respond(app.got[0].form["response_url"], text="late")

    assert (status, json.loads(text)["error"]) == (404, "expired_url")


async def test_a_response_url_replaces_and_deletes_the_message(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    message = await posted(slack, client, ACTIONS)
    await slack.press(OTTO, message, "go")
    url = app.got[0].payload["response_url"]

    await respond(url, replace_original=True, text="done")
    assert [m.text for m in slack.messages(SOCIAL, OTTO)] == ["done"]

    await respond(url, delete_original=True)
    assert slack.messages(SOCIAL, OTTO) == []


@pytest.mark.usefixtures("client")
async def test_invalid_blocks_are_refused_by_a_response_url(app: Receiver, slack: SlackSimulator) -> None:
    await slack.command(OTTO, ACME, SOCIAL, "help")

    status, text = await respond(app.got[0].form["response_url"], blocks=[{"type": "section"}])

    assert status == 400
    assert "json-pointer:/blocks/0" in text


# Buttons and menus


async def test_a_press_arrives_as_block_actions(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    message = await posted(slack, client, ACTIONS)

    await slack.press(OTTO, message, "go")

    assert app.got[0].genuine
    payload = app.got[0].payload
    assert payload["type"] == "block_actions"
    assert payload["user"] == {"id": OTTO, "username": "otto", "name": "otto", "team_id": ACME}
    assert payload["team"] == {"id": ACME, "domain": "acme"}
    assert payload["enterprise"] is None
    assert payload["is_enterprise_install"] is False
    assert payload["container"] == {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": SOCIAL,
        "is_ephemeral": False,
    }
    assert payload["message"]["blocks"] == message.blocks
    assert payload["state"] == {"values": {}}
    [action] = payload["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("go", "act", "42")
    assert payload["trigger_id"]
    assert payload["response_url"]


@pytest.mark.usefixtures("client")
async def test_a_press_on_an_ephemeral_message_carries_no_message(
    app: Receiver, slack: SlackSimulator
) -> None:
    app.answers = [{"text": "t", "blocks": [ACTIONS]}]
    [message] = await slack.command(OTTO, ACME, SOCIAL, "help")

    await slack.press(OTTO, message, "go")

    payload = app.got[1].payload
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload


async def test_a_stranger_s_press_names_the_host_and_the_sender_s_own_workspace(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    await slack.invite(SHARED)
    ts = (await client.chat_postMessage(channel=SHARED, text="t", blocks=[ACTIONS]))["ts"]
    message = slack.state.message(SHARED, ts)
    assert message is not None

    await slack.press(SID, message, "go")

    payload = app.got[0].payload
    assert payload["team"]["id"] == ACME
    assert payload["user"]["team_id"] == BLUE


async def test_an_old_copy_of_a_message_can_still_be_pressed(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    message = await posted(slack, client, ACTIONS)
    old = copy.deepcopy(message)
    await client.chat_update(channel=SOCIAL, ts=message.ts, text="no buttons any more", blocks=[])

    await slack.press(OTTO, old, "go")

    assert app.got[0].payload["actions"][0]["value"] == "42"


async def test_a_press_that_takes_too_long_is_marked(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    message = await posted(slack, client, ACTIONS)
    slack.settings["ack_timeout_s"], app.delay_s = 0.05, 0.3

    outcome = await slack.press(OTTO, message, "go")

    assert outcome.error == "operation_timeout"
    assert message.troubles == {OTTO: "operation_timeout"}


@pytest.mark.parametrize(
    ("element", "given", "key", "value"),
    [
        pytest.param({"type": "users_select"}, ADA, "selected_user", ADA, id="user"),
        pytest.param({"type": "channels_select"}, SOCIAL, "selected_channel", SOCIAL, id="channel"),
        pytest.param({"type": "conversations_select"}, SOCIAL, "selected_conversation", SOCIAL, id="any"),
        pytest.param({"type": "datepicker"}, "2026-11-24", "selected_date", "2026-11-24", id="date"),
        pytest.param({"type": "timepicker"}, "09:30", "selected_time", "09:30", id="time"),
        pytest.param(
            {"type": "datetimepicker"}, 1_795_000_000, "selected_date_time", 1_795_000_000, id="both"
        ),
        pytest.param(
            {"type": "static_select", "options": [{"text": plain("A"), "value": "a"}]},
            "a",
            "selected_option",
            {"text": plain("A"), "value": "a"},
            id="static",
        ),
        pytest.param(
            {"type": "checkboxes", "options": [{"text": plain("A"), "value": "a"}]},
            ["a"],
            "selected_options",
            [{"text": plain("A"), "value": "a"}],
            id="checkboxes",
        ),
        pytest.param(
            {"type": "overflow", "options": [{"text": plain("A"), "value": "a"}]},
            "a",
            "selected_option",
            {"text": plain("A"), "value": "a"},
            id="overflow",
        ),
    ],
)
async def test_a_choice_is_carried_as_slack_carries_it(
    app: Receiver,
    slack: SlackSimulator,
    client: AsyncWebClient,
    element: dict[str, Any],
    given: Any,
    key: str,
    value: Any,
) -> None:
    block = {"type": "actions", "block_id": "b", "elements": [element | {"action_id": "it"}]}
    message = await posted(slack, client, block)

    await slack.press(OTTO, message, "it", value=given)

    payload = app.got[0].payload
    assert payload["actions"][0][key] == value
    if element["type"] != "overflow":
        assert payload["state"]["values"]["b"]["it"] == {"type": element["type"], key: value}


async def test_what_is_not_offered_cannot_be_chosen(slack: SlackSimulator, client: AsyncWebClient) -> None:
    message = await posted(slack, client, ACTIONS)

    with pytest.raises(ValueError, match="nothing with action_id 'stop'"):
        await slack.press(OTTO, message, "stop")


# Typeahead


async def test_typeahead_asks_the_app_and_its_options_can_be_chosen(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    view = await opened(slack, client, modal(inputs("p", PICK)))
    group = {"label": plain("Pages"), "options": [{"text": plain("Bakery"), "value": "page:7"}]}
    app.answers = [{"option_groups": [group]}, ""]

    options = await slack.suggest(OTTO, view, "page", "bak")
    await slack.submit(OTTO, view, {"page": "page:7"})

    asked, submitted = (g.payload for g in app.got)
    assert (asked["type"], asked["value"], asked["block_id"]) == ("block_suggestion", "bak", "p")
    assert asked["view"]["id"] == view.id
    assert options == group["options"]
    assert submitted["view"]["state"]["values"]["p"]["page"]["selected_option"]["value"] == "page:7"


async def test_typeahead_waits_for_enough_letters(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    view = await opened(slack, client, modal(inputs("p", PICK | {"min_query_length": 3})))

    assert await slack.suggest(OTTO, view, "page", "ba") == []
    assert app.got == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            {"options": [{"text": plain("x"), "value": str(n)} for n in range(101)]}, id="101-options"
        ),
        pytest.param({}, id="nothing"),
        pytest.param(500, id="500"),
    ],
)
async def test_wrong_suggestions_show_nothing(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient, answer: Any
) -> None:
    view = await opened(slack, client, modal(inputs("p", PICK)))
    app.answers = [answer]

    assert await slack.suggest(OTTO, view, "page", "bak") == []
    assert slack.state.complaints


# Modals


async def test_a_submission_carries_the_state_and_closes_the_view(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    view = await opened(slack, client, modal(NAME, callback_id="save", private_metadata="id-7"))

    assert await slack.submit(OTTO, view, {"name": "Ada"}) is None

    payload = app.got[0].payload
    assert payload["type"] == "view_submission"
    assert payload["view"]["callback_id"] == "save"
    assert payload["view"]["private_metadata"] == "id-7"
    assert payload["view"]["state"] == {
        "values": {"name": {"name": {"type": "plain_text_input", "value": "Ada"}}}
    }
    assert payload["trigger_id"]


@pytest.mark.parametrize(
    ("element", "given", "sentence"),
    [
        pytest.param({"type": "plain_text_input"}, "", "complete this required field", id="required"),
        pytest.param({"type": "plain_text_input", "max_length": 2}, "abc", "at most 2", id="too-long"),
        pytest.param({"type": "plain_text_input", "min_length": 4}, "abc", "at least 4", id="too-short"),
        pytest.param({"type": "email_text_input"}, "nobody", "valid email", id="email"),
        pytest.param({"type": "url_text_input"}, "example", "valid URL", id="url"),
        pytest.param(
            {"type": "number_input", "is_decimal_allowed": False}, "1.5", "valid number", id="number"
        ),
        pytest.param(
            {"type": "multi_users_select", "max_selected_items": 1}, [ADA, OTTO], "at most 1", id="many"
        ),
    ],
)
async def test_slack_itself_refuses_what_is_entered_wrongly(
    app: Receiver,
    slack: SlackSimulator,
    client: AsyncWebClient,
    element: dict[str, Any],
    given: Any,
    sentence: str,
) -> None:
    view = await opened(slack, client, modal(inputs("b", element | {"action_id": "it"})))

    seen = await slack.submit(OTTO, view, {"it": given})

    assert seen is view
    assert sentence in view.errors["b"]
    assert app.got == []


async def test_errors_of_the_app_stand_at_their_blocks(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    view = await opened(slack, client, modal(NAME))
    app.answers = [{"response_action": "errors", "errors": {"name": "Taken."}}]

    seen = await slack.submit(OTTO, view, {"name": "Ada"})

    assert seen is view
    assert view.errors == {"name": "Taken."}


async def test_errors_at_an_unknown_block_are_trouble(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    view = await opened(slack, client, modal(NAME))
    app.answers = [{"response_action": "errors", "errors": {"nowhere": "x"}}]

    await slack.submit(OTTO, view, {"name": "Ada"})

    assert view.trouble == "invalid_errors"


async def test_a_submission_updates_pushes_and_clears(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    view = await opened(slack, client, modal(NAME))
    app.answers = [
        {"response_action": "update", "view": modal(NAME, title=plain("Again"))},
        {"response_action": "push", "view": modal(ACTIONS, title=plain("Second"))},
        {"response_action": "clear"},
    ]

    updated = await slack.submit(OTTO, view, {"name": "Ada"})
    assert updated is view
    assert view.title == "Again"

    pushed = await slack.submit(OTTO, view)
    assert pushed is not None
    assert (pushed.title, pushed.previous_view_id) == ("Second", view.id)

    assert await slack.submit(OTTO, pushed) is None


async def test_an_invalid_view_in_a_response_action_is_trouble(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    view = await opened(slack, client, modal(NAME))
    app.answers = [{"response_action": "update", "view": {"type": "modal"}}]

    await slack.submit(OTTO, view, {"name": "Ada"})

    assert view.trouble == "invalid_arguments"
    assert "missing required field: title" in slack.state.complaints[0]


async def test_a_slow_submission_leaves_the_modal_open(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    view = await opened(slack, client, modal(NAME))
    slack.settings["ack_timeout_s"], app.delay_s = 0.05, 0.3

    assert await slack.submit(OTTO, view, {"name": "Ada"}) is view
    assert view.trouble == "operation_timeout"


async def test_a_button_in_a_modal_may_push(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    view = await opened(slack, client, modal(ACTIONS))

    await slack.press(OTTO, view.id, "go")
    await client.views_push(trigger_id=app.got[0].payload["trigger_id"], view=modal(NAME, title=plain("Up")))

    payload = app.got[0].payload
    assert payload["container"] == {"type": "view", "view_id": view.id}
    assert "response_url" not in payload
    top = slack.modal_of(OTTO)
    assert top is not None
    assert top.title == "Up"


async def test_closing_tells_the_app_when_asked_to(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    silent = await opened(slack, client, modal(NAME))
    assert await slack.close(OTTO, silent) is None
    loud = await opened(slack, client, modal(NAME, notify_on_close=True))
    await slack.close(OTTO, loud, all_of_them=True)

    [got] = app.got
    assert (got.payload["type"], got.payload["is_cleared"]) == ("view_closed", True)


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        pytest.param("state", [{"name": {"name": {"type": "plain_text_input", "value": "Ada"}}}], id="state"),
        pytest.param("bare", [None], id="no-state"),
        pytest.param("nothing", [], id="nothing"),
    ],
)
async def test_a_closed_view_tells_what_was_entered_or_less(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient, heard: str, told: list[Any]
) -> None:
    slack.settings["view_closed"] = heard
    view = await opened(slack, client, modal(NAME, notify_on_close=True))
    slack.fill(view, {"name": "Ada"})

    await slack.close(OTTO, view)

    views = [got.payload["view"] for got in app.got]
    assert [view["state"]["values"] if "state" in view else None for view in views] == told


async def test_what_stands_in_a_container_can_be_pressed_and_chosen(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    when = {"type": "datepicker", "action_id": "day", "initial_date": "2026-12-24"}
    inside = {"type": "actions", "block_id": "inside", "elements": [when, GO]}
    message = await posted(
        slack, client, {"type": "container", "title": plain("X"), "child_blocks": [inside]}
    )

    await slack.press(OTTO, message, "go")

    got = app.got[-1].payload
    assert got["actions"][0]["block_id"] == "inside"
    assert got["state"]["values"]["inside"]["day"]["selected_date"] == "2026-12-24"


async def test_a_button_for_some_is_not_there_for_others(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    mine = {"type": "actions", "elements": [GO | {"visible_to_user_ids": [ADA]}]}
    message = await posted(slack, client, mine)

    assert (await slack.press(ADA, message, "go")).error == ""
    with pytest.raises(ValueError, match="does not see"):
        await slack.press(OTTO, message, "go")


async def test_people_and_channels_that_nobody_sees_cannot_be_chosen(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    view = await opened(
        slack,
        client,
        modal(
            inputs("who", {"type": "multi_users_select", "action_id": "who"}),
            inputs("where", {"type": "conversations_select", "action_id": "where"}),
        ),
    )

    for given in ({"who": [ADA, BEA]}, {"where": LEADERSHIP}, {"where": "C0BLUESOC"}):
        with pytest.raises(ValueError, match="U0OTTO sees no"):
            await slack.submit(OTTO, view, given)


async def test_a_file_is_entered_into_a_file_input(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    element = {"type": "file_input", "action_id": "f", "filetypes": ["png"]}
    view = await opened(slack, client, modal(inputs("b", element)))
    wrong, right = slack.upload(OTTO, "a.exe", b"x"), slack.upload(OTTO, "a.png", b"x")

    await slack.submit(OTTO, view, {"f": [wrong.id]})
    assert "only these types: png" in view.errors["b"]
    await slack.submit(OTTO, view, {"f": [right.id]})

    [entered] = app.got[0].payload["view"]["state"]["values"]["b"]["f"]["files"]
    assert (entered["id"], entered["filetype"]) == (right.id, "png")
    assert (await client.files_info(file=right.id))["file"]["url_private"] == entered["url_private"]


async def test_a_conversation_input_gives_a_response_url(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    element = {"type": "conversations_select", "action_id": "c", "response_url_enabled": True}
    view = await opened(slack, client, modal(inputs("b", element)))
    await slack.submit(OTTO, view, {"c": SOCIAL})

    [given] = app.got[0].payload["response_urls"]
    await respond(given["response_url"], text="hello", response_type="in_channel")

    assert [m.text for m in slack.messages(SOCIAL, ADA)] == ["hello"]


# Shortcuts, home, events


@pytest.mark.usefixtures("client")
async def test_shortcuts_arrive_global_and_on_messages(app: Receiver, slack: SlackSimulator) -> None:
    message = await slack.say(ADA, SOCIAL, "What a day")

    await slack.shortcut(OTTO, "octapost")
    await slack.shortcut(OTTO, "octapost", message=message)

    first, second = (g.payload for g in app.got)
    assert (first["type"], first["callback_id"]) == ("shortcut", "octapost")
    assert "channel" not in first
    assert (second["type"], second["message"]["text"]) == ("message_action", "What a day")
    assert second["response_url"]


async def test_opening_the_home_tab_tells_the_app_and_shows_what_it_published(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    assert await slack.open_home(OTTO) is None
    await client.views_publish(user_id=OTTO, view={"type": "home", "blocks": [ACTIONS]})

    home = await slack.open_home(OTTO)

    assert home is not None
    envelope = app.got[0].event
    assert (envelope["type"], envelope["team_id"]) == ("event_callback", ACME)
    assert (envelope["event"]["type"], envelope["event"]["tab"]) == ("app_home_opened", "home")
    assert "view" not in envelope["event"]
    assert app.got[1].event["event"]["view"]["id"] == home.id
    assert envelope["event_id"] != app.got[1].event["event_id"]
    assert envelope["authorizations"][0]["team_id"] == ACME


@pytest.mark.usefixtures("client")
async def test_an_event_is_repeated_three_times_with_its_number(app: Receiver, slack: SlackSimulator) -> None:
    app.answers = [500, 500, 500, 500]

    await slack.open_home(OTTO)
    await slack.courier.settled()

    assert [g.headers.get("x-slack-retry-num") for g in app.got] == [None, "1", "2", "3"]
    assert {g.headers.get("x-slack-retry-reason") for g in app.got[1:]} == {"http_error"}
    assert len({g.event["event_id"] for g in app.got}) == 1
    assert all(g.genuine for g in app.got)


@pytest.mark.usefixtures("client")
async def test_a_success_or_a_plea_ends_the_repeating(app: Receiver, slack: SlackSimulator) -> None:
    app.answers = [500, ""]
    await slack.open_home(OTTO)
    await slack.courier.settled()
    assert len(app.got) == 2

    app.answers = [web.Response(status=500, headers={"X-Slack-No-Retry": "1"})]
    await slack.open_home(OTTO)
    await slack.courier.settled()
    assert len(app.got) == 3


@pytest.mark.usefixtures("client")
async def test_only_subscribed_events_are_sent(app: Receiver, slack: SlackSimulator) -> None:
    assert await slack.event(ACME, {"type": "reaction_added"}) is None
    assert await slack.event(BLUE, {"type": "app_home_opened"}) is None
    assert app.got == []


@pytest.mark.usefixtures("client")
async def test_a_direct_message_reaches_the_app(app: Receiver, slack: SlackSimulator) -> None:
    await slack.say(OTTO, slack.state.dm(ACME, OTTO).id, "hello?")

    event = app.got[0].event["event"]
    assert (event["type"], event["channel_type"], event["text"]) == ("message", "im", "hello?")


@pytest.mark.usefixtures("client")
async def test_nothing_is_written_where_the_messages_tab_is_read_only(
    app: Receiver, slack: SlackSimulator
) -> None:
    assert slack.state.app is not None
    slack.state.app.messages_read_only = True
    direct = slack.state.dm(ACME, OTTO).id

    with pytest.raises(ValueError, match="turned off"):
        await slack.say(OTTO, direct, "hello?")
    with pytest.raises(ValueError, match="turned off"):
        await slack.command(OTTO, ACME, direct, "accounts")
    assert app.got == []


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(["tokens_revoked", "app_uninstalled"], id="tokens-first"),
        pytest.param(["app_uninstalled", "tokens_revoked"], id="app-first"),
    ],
)
async def test_uninstalling_sends_both_events_in_the_order_asked_for(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient, order: list[str]
) -> None:
    bot = (await client.auth_test())["user_id"]

    await slack.uninstall(ACME, order)

    assert [g.event["event"]["type"] for g in app.got] == order
    revoked = next(g.event for g in app.got if g.event["event"]["type"] == "tokens_revoked")
    assert revoked["event"]["tokens"]["bot"] == [bot]
    assert bot not in slack.state.channels[SOCIAL].members


async def test_a_removed_app_can_be_installed_again(slack: SlackSimulator, client: AsyncWebClient) -> None:
    await slack.uninstall(ACME)

    again = await installed(slack)

    assert again["access_token"] != client.token
    assert (await AsyncWebClient(token=again["access_token"], base_url=f"{slack.url}/api/").auth_test())["ok"]


@pytest.mark.usefixtures("client")
async def test_deactivating_somebody_tells_the_app_and_stops_them(
    app: Receiver, slack: SlackSimulator
) -> None:
    await slack.deactivate(OTTO)

    assert app.got[0].event["event"]["user"]["deleted"] is True
    with pytest.raises(ValueError, match="deactivated"):
        await slack.command(OTTO, ACME, SOCIAL, "help")


async def test_the_bot_can_be_removed_from_a_channel(slack: SlackSimulator, client: AsyncWebClient) -> None:
    await slack.kick(SOCIAL)

    answer = await client.conversations_info(channel=SOCIAL)
    assert answer["channel"]["is_member"] is False


async def test_the_endpoint_is_verified_by_its_challenge(app: Receiver, slack: SlackSimulator) -> None:
    app.answers = ["nonsense"]
    assert not await slack.verify_url()

    app.answers = [{"challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}]
    assert await slack.verify_url()


@pytest.mark.usefixtures("client")
async def test_the_last_request_can_be_replayed(app: Receiver, slack: SlackSimulator) -> None:
    await slack.command(OTTO, ACME, SOCIAL, "help")

    outcomes = await slack.replay(3, at_once=True)

    assert [o.status for o in outcomes] == [200, 200, 200]
    assert len({(g.body, g.headers["x-slack-signature"]) for g in app.got}) == 1
    assert len(app.got) == 4


# Live updates and the control API


async def test_whoever_waits_hears_of_a_change(slack: SlackSimulator, client: AsyncWebClient) -> None:
    version = slack.state.version
    waiting = asyncio.create_task(slack.state.changed_since(version, timeout_s=5))

    await client.chat_postMessage(channel=SOCIAL, text="news")

    assert await waiting > version
    assert await slack.state.changed_since(slack.state.version, timeout_s=0.01) == slack.state.version


@pytest.mark.usefixtures("client")
async def test_until_returns_what_the_app_says_later(app: Receiver, slack: SlackSimulator) -> None:
    await slack.command(OTTO, ACME, SOCIAL, "help")
    later = asyncio.create_task(respond(app.got[0].form["response_url"], text="later"))

    [message] = await slack.until(lambda: slack.messages(SOCIAL, OTTO))

    assert message.text == "later"
    await later


async def test_the_control_api_runs_the_workspace(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    async def control(action: str, **given: Any) -> Any:
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{slack.url}/_control/{action}", json=given) as answer,
        ):
            return await answer.json()

    await control("archive", channel=SOCIAL)
    await control("kick", channel="C0ACMEGEN")
    await control("invite", channel="C0ACMEGEN")
    await control("deactivate", user=OTTO)
    event = {"type": "app_home_opened", "user": ADA}
    assert await control("event", team=ACME, event=event) == {"status": 200}
    assert await control("revoke", where=ACME) == {"revoked": 1}
    assert await control("uninstall", where=ACME) == {"statuses": [200, 200]}
    assert await control("complaints") == []

    assert slack.state.channels[SOCIAL].is_archived
    assert slack.state.users[OTTO].deleted
    assert app.got[-1].event["event"]["type"] == "app_uninstalled"
    assert client.token in slack.state.tokens
