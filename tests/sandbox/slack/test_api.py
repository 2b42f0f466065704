"""The Web API refuses what Slack refuses, and slack_sdk's own client works against it."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.models.blocks import ButtonElement, HeaderBlock, SectionBlock
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackSimulator
from sandbox.slack.world import ACME, ADA, BEA, BLUE, BO, DEL, GUS, IRIS, IVAN, NORTH, OTTO, SID, SOUTH
from tests.sandbox.slack.app import installed

SOCIAL, RANDOM, OLD, LEADERSHIP, SHARED = "C0ACMESOC", "C0ACMERAN", "C0ACMEOLD", "C0ACMEPRI", "C0LAUNCH"
SECTION = {"type": "section", "block_id": "b", "text": {"type": "mrkdwn", "text": "hi"}}
MODAL: dict[str, Any] = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": [SECTION]}
HOME = {"type": "home", "blocks": [SECTION]}


def trigger(slack: SlackSimulator, user: str = OTTO, view_id: str = "") -> str:
    return slack.views.new_trigger(user, ACME, view_id=view_id)


async def error_of(call: Any) -> str:
    """Return the error a call is refused with."""
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


async def test_auth_test_names_the_bot_and_its_scopes(slack: SlackSimulator, client: AsyncWebClient) -> None:
    answer = await client.auth_test()

    assert answer["team_id"] == ACME
    assert slack.state.users[answer["user_id"]].bot_id == answer["bot_id"]
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


async def test_a_message_appears_in_its_channel(slack: SlackSimulator, client: AsyncWebClient) -> None:
    blocks = [HeaderBlock(text="Hello"), SectionBlock(text="*there*", accessory=ButtonElement(text="Go"))]

    answer = await client.chat_postMessage(channel=SOCIAL, text="Hello there", blocks=blocks)

    [message] = slack.messages(SOCIAL, OTTO)
    assert message.ts == answer["ts"]
    assert message.text == "Hello there"
    assert [b["type"] for b in message.blocks] == ["header", "section"]
    assert message.blocks[0]["block_id"]
    assert message.blocks[1]["accessory"]["action_id"]


async def test_a_form_encoded_call_works_too(slack: SlackSimulator, client: AsyncWebClient) -> None:
    form = {"token": client.token or "", "channel": SOCIAL, "blocks": "[{}]"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{slack.url}/api/chat.postMessage", data=form) as answer,
    ):
        found = await answer.json()

    assert found["error"] == "invalid_blocks"
    assert found["response_metadata"]["messages"] == [
        "[ERROR] unsupported type: None [json-pointer:/blocks/0/type]"
    ]


@pytest.mark.parametrize(
    ("channel", "content", "error"),
    [
        pytest.param(RANDOM, {"text": "x"}, "not_in_channel", id="not-invited"),
        pytest.param(LEADERSHIP, {"text": "x"}, "channel_not_found", id="private"),
        pytest.param("C0BLUEGEN", {"text": "x"}, "channel_not_found", id="other-workspace"),
        pytest.param("C0NOWHERE", {"text": "x"}, "channel_not_found", id="no-such-channel"),
        pytest.param(OLD, {"text": "x"}, "is_archived", id="archived"),
        pytest.param(DEL, {"text": "x"}, "channel_not_found", id="deactivated-person"),
        pytest.param(SOCIAL, {}, "no_text", id="nothing"),
        pytest.param(SOCIAL, {"text": "x" * 40_001}, "msg_too_long", id="too-long"),
        pytest.param(SOCIAL, {"blocks": [{"type": "section"}]}, "invalid_blocks", id="blocks"),
        pytest.param(SOCIAL, {"text": "x", "thread_ts": "1.000001"}, "thread_not_found", id="thread"),
    ],
)
async def test_a_wrong_message_is_refused(
    client: AsyncWebClient, channel: str, content: dict[str, Any], error: str
) -> None:
    assert await error_of(client.api_call("chat.postMessage", json={"channel": channel, **content})) == error


async def test_invalid_blocks_name_the_path_and_are_remembered(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    long = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}

    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=SOCIAL, text="t", blocks=[SECTION, long])

    assert refused.value.response["response_metadata"]["messages"] == [
        "[ERROR] failed to match all allowed schemas [json-pointer:/blocks/1/text]",
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/1/text/text]",
    ]
    assert "chat.postMessage: invalid_blocks" in slack.state.complaints[0]


async def test_public_channels_need_no_invitation_with_the_public_scope(slack: SlackSimulator) -> None:
    slack.app().bot_scopes = ()
    answer = await installed(slack, scope="chat:write,chat:write.public")
    client = AsyncWebClient(token=answer["access_token"], base_url=slack.url + "/api/")

    assert (await client.chat_postMessage(channel=RANDOM, text="x"))["ok"]


async def test_one_message_a_second_and_channel(slack: SlackSimulator, client: AsyncWebClient) -> None:
    slack.settings["message_interval_s"] = 1
    await slack.invite(RANDOM)
    await client.chat_postMessage(channel=SOCIAL, text="1")

    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=SOCIAL, text="2")

    assert refused.value.response.status_code == 429
    assert refused.value.response["error"] == "ratelimited"
    assert refused.value.response.headers["Retry-After"] == "1"
    assert (await client.chat_postMessage(channel=RANDOM, text="elsewhere"))["ok"]
    slack.clock.offset_s = 1
    assert (await client.chat_postMessage(channel=SOCIAL, text="2"))["ok"]


async def test_the_sdk_waits_out_a_rate_limit(slack: SlackSimulator, client: AsyncWebClient) -> None:
    slack.settings["per_minute"] = {"users.info": 1}
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    await client.users_info(user=OTTO)
    slack.clock.offset_s = 59.5

    assert (await client.users_info(user=OTTO))["ok"]
    assert [r.status for r in slack.calls("users.info")] == [200, 429, 200]


async def test_a_message_is_updated_and_deleted_by_its_author_only(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    ours = (await client.chat_postMessage(channel=SOCIAL, text="1"))["ts"]
    theirs = slack.state.post(SOCIAL, OTTO, "mine").ts

    await client.chat_update(channel=SOCIAL, ts=ours, text="2", blocks=[SECTION])

    message = slack.state.message(SOCIAL, ours)
    assert message is not None
    assert (message.text, message.edited) == ("2", True)
    assert await error_of(client.chat_update(channel=SOCIAL, ts=theirs, text="x")) == "cant_update_message"
    assert await error_of(client.chat_delete(channel=SOCIAL, ts=theirs)) == "cant_delete_message"
    assert await error_of(client.chat_delete(channel=SOCIAL, ts="1.1")) == "message_not_found"
    await client.chat_delete(channel=SOCIAL, ts=ours)
    assert [m.ts for m in slack.messages(SOCIAL, OTTO)] == [theirs]


async def test_an_ephemeral_message_is_seen_by_one_person(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    await client.chat_postEphemeral(channel=SOCIAL, user=OTTO, text="psst")

    assert [m.text for m in slack.messages(SOCIAL, OTTO)] == ["psst"]
    assert slack.messages(SOCIAL, ADA) == []
    assert (
        await error_of(client.chat_postEphemeral(channel=SOCIAL, user=BEA, text="x")) == "user_not_in_channel"
    )
    assert await error_of(client.chat_postEphemeral(channel=RANDOM, user=OTTO, text="x")) == "not_in_channel"


async def test_a_direct_message_is_opened_by_id(slack: SlackSimulator, client: AsyncWebClient) -> None:
    opened = await client.conversations_open(users=OTTO)
    await client.chat_postMessage(channel=opened["channel"]["id"], text="1")
    await client.chat_postMessage(channel=OTTO, text="2")

    assert [m.text for m in slack.direct_messages(OTTO)] == ["1", "2"]


@pytest.mark.parametrize(
    ("user", "error"),
    [
        pytest.param("U0NOBODY", "user_not_found", id="nobody"),
        pytest.param("USLACKBOT", "cannot_dm_bot", id="slackbot"),
        pytest.param(DEL, "user_disabled", id="deactivated"),
        pytest.param(BO, "user_not_visible", id="other-workspace"),
        pytest.param("", "users_list_not_supplied", id="none"),
        pytest.param(f"{ADA},{OTTO}", "missing_scope", id="group"),
    ],
)
async def test_some_direct_messages_cannot_be_opened(client: AsyncWebClient, user: str, error: str) -> None:
    assert await error_of(client.conversations_open(users=user)) == error


async def test_the_bot_cannot_write_to_itself(client: AsyncWebClient) -> None:
    bot = (await client.auth_test())["user_id"]

    assert await error_of(client.conversations_open(users=bot)) == "cannot_dm_bot"


async def test_channels_are_listed_in_pages_without_secrets(client: AsyncWebClient) -> None:
    names: list[str] = []
    cursor = None
    while cursor != "":
        page = await client.conversations_list(limit=2, cursor=cursor, types="public_channel,private_channel")
        names += [c["name"] for c in page["channels"]]
        cursor = page["response_metadata"]["next_cursor"]

    assert names == ["general", "social-media", "random", "old-campaign", "launch-shared"]
    assert await error_of(client.conversations_list(cursor="!")) == "invalid_cursor"
    assert await error_of(client.conversations_list(types="mpim,nonsense")) == "invalid_types"
    assert await error_of(client.conversations_info(channel=LEADERSHIP)) == "channel_not_found"


async def test_the_bot_joins_public_channels(client: AsyncWebClient) -> None:
    joined = await client.conversations_join(channel=RANDOM)
    members = await client.conversations_members(channel=RANDOM)

    assert joined["channel"]["is_member"]
    assert (await client.auth_test())["user_id"] in members["members"]
    assert await error_of(client.conversations_join(channel=OLD)) == "is_archived"


async def test_people_are_described_as_the_workspace_sees_them(client: AsyncWebClient) -> None:
    async def info(user: str) -> dict[str, Any]:
        return dict((await client.users_info(user=user))["user"])

    assert (await info(ADA))["is_admin"]
    assert (await info(GUS))["is_restricted"]
    assert (await info(DEL))["deleted"]
    stranger = await info(SID)
    assert (stranger["is_stranger"], stranger["team_id"]) == (True, BLUE)
    assert await error_of(client.users_info(user="U0NOBODY")) == "user_not_found"
    assert await error_of(client.users_info(user=BO)) == "user_not_visible"


async def test_the_team_is_described(client: AsyncWebClient) -> None:
    assert (await client.team_info())["team"]["domain"] == "acme"
    assert await error_of(client.team_info(team=BLUE)) == "team_not_found"


@pytest.mark.parametrize(
    ("method", "arguments", "needed"),
    [
        pytest.param("chat.postMessage", {"channel": SOCIAL, "text": "x"}, "chat:write", id="write"),
        pytest.param("conversations.open", {"users": OTTO}, "im:write", id="open"),
        pytest.param("conversations.list", {}, "channels:read", id="list"),
        pytest.param("conversations.join", {"channel": SOCIAL}, "channels:join", id="join"),
        pytest.param("users.info", {"user": OTTO}, "users:read", id="users"),
        pytest.param("team.info", {}, "team:read", id="team"),
        pytest.param(
            "files.getUploadURLExternal", {"filename": "x", "length": 1}, "files:write", id="upload"
        ),
    ],
)
async def test_a_missing_scope_is_named(
    slack: SlackSimulator, method: str, arguments: dict[str, Any], needed: str
) -> None:
    answer = await installed(slack, scope="commands")
    client = AsyncWebClient(token=answer["access_token"], base_url=slack.url + "/api/")

    with pytest.raises(SlackApiError) as refused:
        await client.api_call(method, json=arguments)

    assert refused.value.response["error"] == "missing_scope"
    assert (refused.value.response["needed"], refused.value.response["provided"]) == (needed, "commands")


@pytest.mark.parametrize(
    ("token", "error"),
    [pytest.param("", "not_authed", id="none"), pytest.param("xoxb-made-up", "invalid_auth", id="unknown")],
)
async def test_a_wrong_token_is_refused(slack: SlackSimulator, token: str, error: str) -> None:
    assert await error_of(AsyncWebClient(token=token, base_url=slack.url + "/api/").auth_test()) == error


async def test_a_revoked_token_is_refused(client: AsyncWebClient) -> None:
    await client.auth_revoke(test=True)
    assert (await client.auth_test())["ok"]

    await client.auth_revoke()

    assert await error_of(client.auth_test()) == "token_revoked"


async def test_the_app_uninstalls_itself(slack: SlackSimulator, client: AsyncWebClient) -> None:
    wrong = client.apps_uninstall(client_id="1.2", client_secret="wrong")
    assert await error_of(wrong) == "bad_client_secret"

    await client.apps_uninstall(client_id="1.2", client_secret="s3cret")

    assert await error_of(client.auth_test()) == "account_inactive"
    assert slack.state.installation_for(ACME) is None


async def test_an_unknown_method_is_named(client: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError) as refused:
        await client.api_call("chat.postMassage")

    assert refused.value.response["error"] == "unknown_method"


async def test_a_modal_opens_once_per_trigger(slack: SlackSimulator, client: AsyncWebClient) -> None:
    given = trigger(slack)

    answer = await client.views_open(trigger_id=given, view=View(**MODAL))

    view = slack.modal_of(OTTO)
    assert view is not None
    assert answer["view"]["id"] == view.id
    assert answer["view"]["hash"] == view.hash
    assert await error_of(client.views_open(trigger_id=given, view=MODAL)) == "exchanged_trigger_id"
    assert await error_of(client.views_open(trigger_id="made.up", view=MODAL)) == "invalid_trigger_id"


async def test_a_trigger_dies_after_three_seconds(slack: SlackSimulator, client: AsyncWebClient) -> None:
    given = trigger(slack)
    slack.clock.offset_s = 3.1

    assert await error_of(client.views_open(trigger_id=given, view=MODAL)) == "expired_trigger_id"


async def test_a_trigger_of_another_workspace_is_refused(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    given = slack.views.new_trigger(BEA, BLUE)

    assert await error_of(client.views_open(trigger_id=given, view=MODAL)) == "invalid_trigger_id"


async def test_an_invalid_view_names_its_path_and_spends_no_trigger(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    given = trigger(slack)

    with pytest.raises(SlackApiError) as refused:
        await client.views_open(trigger_id=given, view=MODAL | {"callback_id": "c" * 256})

    assert refused.value.response["error"] == "invalid_arguments"
    assert refused.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 256 characters [json-pointer:/view/callback_id]"
    ]
    assert (await client.views_open(trigger_id=given, view=MODAL))["ok"]


async def test_a_stack_holds_three_views(slack: SlackSimulator, client: AsyncWebClient) -> None:
    root = (await client.views_open(trigger_id=trigger(slack), view=MODAL))["view"]["id"]
    second = (await client.views_push(trigger_id=trigger(slack, view_id=root), view=MODAL))["view"]
    third = (await client.views_push(trigger_id=trigger(slack, view_id=second["id"]), view=MODAL))["view"]

    fourth = client.views_push(trigger_id=trigger(slack, view_id=third["id"]), view=MODAL)

    assert await error_of(fourth) == "push_limit_reached"
    assert (third["root_view_id"], third["previous_view_id"]) == (root, second["id"])
    assert await error_of(client.views_push(trigger_id=trigger(slack), view=MODAL)) == "not_found"


async def test_an_update_with_an_old_hash_is_refused(slack: SlackSimulator, client: AsyncWebClient) -> None:
    opened = (await client.views_open(trigger_id=trigger(slack), view=MODAL))["view"]
    updated = await client.views_update(view_id=opened["id"], hash=opened["hash"], view=MODAL)

    stale = client.views_update(view_id=opened["id"], hash=opened["hash"], view=MODAL)

    assert await error_of(stale) == "hash_conflict"
    assert updated["view"]["hash"] != opened["hash"]
    assert await error_of(client.views_update(view_id="V0GONE", view=MODAL)) == "not_found"


async def test_an_update_keeps_what_was_entered_only_under_the_same_ids(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    def asking(block_id: str) -> dict[str, Any]:
        element = {"type": "plain_text_input", "action_id": "a", "initial_value": "first"}
        label = {"type": "plain_text", "text": "Say"}
        block = {"type": "input", "block_id": block_id, "label": label, "element": element}
        return MODAL | {"submit": {"type": "plain_text", "text": "Go"}, "blocks": [block]}

    opened = await client.views_open(trigger_id=trigger(slack), view=asking("b"))
    assert opened["view"]["state"]["values"]["b"]["a"]["value"] == "first"
    slack.fill(opened["view"]["id"], {"a": "typed"})

    kept = await client.views_update(view_id=opened["view"]["id"], view=asking("b"))
    lost = await client.views_update(view_id=opened["view"]["id"], view=asking("c"))

    assert kept["view"]["state"]["values"] == {"b": {"a": {"type": "plain_text_input", "value": "typed"}}}
    assert lost["view"]["state"]["values"] == {"c": {"a": {"type": "plain_text_input", "value": "first"}}}


async def test_an_external_id_finds_a_view_and_is_unique(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    named = MODAL | {"external_id": "x"}
    await client.views_open(trigger_id=trigger(slack), view=named)

    assert (await client.views_update(external_id="x", view=named))["ok"]
    again = client.views_open(trigger_id=trigger(slack, ADA), view=named)
    assert await error_of(again) == "duplicate_external_id"


async def test_a_home_tab_is_published_for_one_person(slack: SlackSimulator, client: AsyncWebClient) -> None:
    await client.views_publish(user_id=OTTO, view=HOME)

    home = slack.home_of(OTTO)
    assert home is not None
    assert home.blocks == [SECTION]
    assert slack.home_of(ADA) is None
    assert await error_of(client.views_publish(user_id=OTTO, view=MODAL)) == "invalid_arguments"
    assert await error_of(client.views_publish(user_id=BEA, view=HOME)) == "user_not_found"


async def test_an_org_wide_home_stands_in_every_workspace_of_the_person(slack: SlackSimulator) -> None:
    answer = await installed(slack, IRIS, NORTH, org_wide=True)
    client = AsyncWebClient(token=answer["access_token"], base_url=slack.url + "/api/")

    await client.views_publish(user_id=IVAN, view=HOME)

    assert slack.home_of(IVAN, NORTH)
    assert slack.home_of(IVAN, SOUTH)


async def test_a_file_input_needs_the_files_scope(slack: SlackSimulator) -> None:
    answer = await installed(slack, scope="commands")
    client = AsyncWebClient(token=answer["access_token"], base_url=slack.url + "/api/")
    block = {
        "type": "input",
        "label": {"type": "plain_text", "text": "F"},
        "element": {"type": "file_input", "action_id": "f"},
    }
    view = MODAL | {"submit": {"type": "plain_text", "text": "Go"}, "blocks": [block]}

    assert await error_of(client.views_open(trigger_id=trigger(slack), view=view)) == "missing_scope"


async def test_a_file_goes_up_and_comes_down_with_the_token_only(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    answer = await client.files_upload_v2(
        content=b"bytes", filename="a.png", title="A", channel=SOCIAL, initial_comment="look"
    )
    info = (await client.files_info(file=answer["files"][0]["id"]))["file"]
    async with aiohttp.ClientSession() as http:
        headers = {"Authorization": f"Bearer {client.token}"}
        async with http.get(info["url_private_download"], headers=headers) as got:
            content = await got.read()
        async with http.get(info["url_private"], allow_redirects=False) as refused:
            status = refused.status

    assert (info["size"], info["filetype"], content) == (5, "png", b"bytes")
    assert status == 302
    [message] = slack.messages(SOCIAL, OTTO)
    assert (message.text, message.file_ids) == ("look", [info["id"]])


async def test_simultaneous_opens_with_one_trigger_open_one_modal(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    given = trigger(slack)

    answers = await asyncio.gather(
        *(client.views_open(trigger_id=given, view=MODAL) for _ in range(8)), return_exceptions=True
    )

    assert sum(not isinstance(a, BaseException) for a in answers) == 1


async def test_a_stranger_can_be_written_to_in_the_shared_channel(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    await slack.invite(SHARED)

    await client.chat_postEphemeral(channel=SHARED, user=SID, text="hello")

    assert [m.text for m in slack.messages(SHARED, SID)] == ["hello"]
