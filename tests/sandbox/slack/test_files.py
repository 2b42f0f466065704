"""Files of people: in messages, in forms and as pictures, and which of them the app may read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackSimulator
from sandbox.slack.world import ACME, ADA, BEA, BLUE, OTTO, SID
from tests.sandbox.slack.app import Receiver, client_for, installed, receiving, slack_for

GENERAL, SOCIAL, LEADERSHIP, SHARED = "C0ACMEGEN", "C0ACMESOC", "C0ACMEPRI", "C0LAUNCH"


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def form(**element: Any) -> dict[str, Any]:
    block = {"type": "input", "block_id": "b", "label": plain("L")}
    block["element"] = {"type": "file_input", "action_id": "f", **element}
    return {"type": "modal", "title": plain("T"), "submit": plain("Save"), "blocks": [block]}


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
    """A client of Acme's installation, whose bot is in #social-media."""
    found = await client_for(slack)
    await slack.invite(SOCIAL)
    return found


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


async def download(url: str, token: str | None) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession() as http,
        http.get(url, headers={"Authorization": f"Bearer {token}"}, allow_redirects=False) as answer,
    ):
        return answer.status, await answer.read()


async def test_a_message_shortcut_carries_text_blocks_and_files(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    picture = slack.upload(OTTO, "loaf.png", b"\x89PNG", alt_txt="A loaf")
    message = await slack.say(
        OTTO, SOCIAL, "*Fresh* :tada: <https://a.b|today> &amp; <@U0ADA>", files=[picture.id]
    )

    await slack.shortcut(ADA, "publish", team_id=ACME, message=message)
    carried = app.got[-1].payload["message"]
    [file] = carried["files"]

    assert carried["text"] == "*Fresh* :tada: <https://a.b|today> &amp; <@U0ADA>"
    [section] = carried["blocks"][0]["elements"]
    assert section["elements"] == [
        {"type": "text", "text": "Fresh", "style": {"bold": True}},
        {"type": "text", "text": " "},
        {"type": "emoji", "name": "tada", "unicode": "1f389"},
        {"type": "text", "text": " "},
        {"type": "link", "url": "https://a.b", "text": "today"},
        {"type": "text", "text": " & "},
        {"type": "user", "user_id": "U0ADA"},
    ]
    assert (file["id"], file["alt_txt"], file["channels"]) == (picture.id, "A loaf", [SOCIAL])
    assert (await client.files_info(file=picture.id))["file"]["alt_txt"] == "A loaf"
    assert await download(file["url_private_download"], client.token) == (200, b"\x89PNG")


async def test_a_private_channel_has_no_name_in_a_message_shortcut(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    message = await slack.say(ADA, LEADERSHIP, "Secret plans")

    await slack.shortcut(ADA, "publish", team_id=ACME, message=message)

    assert app.got[-1].payload["channel"] == {"id": LEADERSHIP, "name": "privategroup"}
    assert client.token


async def test_a_message_that_only_one_person_sees_has_no_shortcuts(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    ts = (await client.chat_postEphemeral(channel=SOCIAL, user=OTTO, text="For you"))["message_ts"]

    with pytest.raises(ValueError, match="has no shortcuts"):
        await slack.shortcut(OTTO, "publish", message=slack.state.message(SOCIAL, ts))


async def test_a_file_where_the_app_is_no_member_cannot_be_read(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    file = slack.upload(OTTO, "a.png", b"x")
    message = await slack.say(OTTO, GENERAL, "", files=[file.id])
    address = slack.message_json(message)["files"][0]["url_private"]

    assert await error_of(client.files_info(file=file.id)) == "file_not_found"
    assert (await download(address, client.token))[0] == 302
    await slack.invite(GENERAL)

    assert (await client.files_info(file=file.id))["file"]["id"] == file.id
    assert await download(address, client.token) == (200, b"x")


async def test_without_the_scope_a_file_is_a_page_to_sign_in(slack: SlackSimulator) -> None:
    token = (await installed(slack, scope="commands"))["access_token"]
    await slack.invite(SOCIAL)
    file = slack.upload(OTTO, "a.png", b"x")
    message = await slack.say(OTTO, SOCIAL, "", files=[file.id])

    assert (await download(slack.message_json(message)["files"][0]["url_private"], token))[0] == 302


async def test_a_file_between_two_companies_is_asked_for_by_its_id(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    await slack.invite(SHARED)
    file = slack.upload(SID, "a.png", b"x")
    message = await slack.say(SID, SHARED, "", files=[file.id])

    await slack.shortcut(ADA, "publish", team_id=ACME, message=message)

    assert app.got[-1].payload["message"]["files"] == [
        {
            "id": file.id,
            "mode": "file_access",
            "file_access": "check_file_info",
            "created": 0,
            "timestamp": 0,
            "user": "",
        }
    ]
    found = (await client.files_info(file=file.id))["file"]
    assert (found["name"], found["file_access"]) == ("a.png", "visible")
    assert await download(found["url_private"], client.token) == (200, b"x")


async def test_a_file_of_another_workspace_is_not_there(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    blue = await client_for(slack, BEA, BLUE)
    await slack.invite("C0BLUESOC")
    file = slack.upload(BEA, "a.png", b"x")
    await slack.say(BEA, "C0BLUESOC", "", files=[file.id])

    assert (await blue.files_info(file=file.id))["file"]["id"] == file.id
    assert await error_of(client.files_info(file=file.id)) == "file_not_found"
    assert await error_of(client.files_delete(file=file.id)) == "file_not_found"


async def test_a_file_of_a_form_can_be_read_although_no_channel_has_it(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    file = slack.upload(OTTO, "Photo.JPEG", b"jpeg", "image/jpeg")
    assert await error_of(client.files_info(file=file.id)) == "file_not_found"
    await client.views_open(trigger_id=slack.views.new_trigger(OTTO, ACME), view=form(filetypes=["jpg"]))
    view = slack.modal_of(OTTO)
    assert view is not None

    await slack.submit(OTTO, view, {"f": [file.id]})

    assert view.errors == {}
    found = (await client.files_info(file=file.id))["file"]
    assert (found["filetype"], found["is_public"]) == ("jpg", False)
    assert await download(found["url_private_download"], client.token) == (200, b"jpeg")


@pytest.mark.parametrize(
    ("count", "size", "fault"),
    [
        pytest.param(3, 1, "at most 2 files", id="too-many"),
        pytest.param(1, 10 * 1024 * 1024 + 1, "at most 10 MB", id="too-large"),
    ],
)
async def test_slack_refuses_files_before_the_app_gets_them(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient, count: int, size: int, fault: str
) -> None:
    await client.views_open(trigger_id=slack.views.new_trigger(OTTO, ACME), view=form(max_files=2))
    files = [slack.upload(OTTO, "a.png", b"x" * size).id for _ in range(count)]
    view = slack.modal_of(OTTO)
    assert view is not None

    await slack.submit(OTTO, view, {"f": files})

    assert fault in view.errors["b"]
    assert app.got == []


async def test_nobody_sends_somebody_elses_file(slack: SlackSimulator, client: AsyncWebClient) -> None:
    file = slack.upload(ADA, "a.png", b"x")
    await client.views_open(trigger_id=slack.views.new_trigger(OTTO, ACME), view=form())
    view = slack.modal_of(OTTO)
    assert view is not None

    with pytest.raises(ValueError, match="uploaded no file"):
        await slack.submit(OTTO, view, {"f": [file.id]})
    with pytest.raises(ValueError, match="uploaded no file"):
        await slack.say(OTTO, SOCIAL, "", files=[file.id])
    with pytest.raises(ValueError, match="uploaded no file"):
        slack.describe(OTTO, file.id, "Not mine")
    assert file.alt_txt == ""
    assert await error_of(client.files_info(file=file.id)) == "file_not_found"


async def test_an_answer_with_a_file_input_needs_the_scope_too(app: Receiver, slack: SlackSimulator) -> None:
    token = (await installed(slack, scope="commands"))["access_token"]
    client = AsyncWebClient(token=token, base_url=f"{slack.url}/api/")
    name = {"type": "plain_text_input", "action_id": "n"}
    first = form() | {
        "blocks": [{"type": "input", "block_id": "n", "label": plain("N"), "element": name, "optional": True}]
    }
    await client.views_open(trigger_id=slack.views.new_trigger(OTTO, ACME), view=first)
    view = slack.modal_of(OTTO)
    assert view is not None
    app.answers = [{"response_action": "update", "view": form()}]

    await slack.submit(OTTO, view)

    assert view.trouble == "missing_scope"


async def test_a_message_with_a_file_is_an_event_of_its_own_kind(
    app: Receiver, slack: SlackSimulator, client: AsyncWebClient
) -> None:
    file = slack.upload(OTTO, "a.pdf", b"x", "application/pdf")
    direct = slack.state.dm(ACME, OTTO)

    await slack.say(OTTO, direct.id, "", files=[file.id])

    event = app.got[-1].event["event"]
    assert (event["subtype"], event["files"][0]["ims"]) == ("file_share", [direct.id])
    assert client.token


async def test_a_picture_of_slack_is_named_by_id_or_address(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    answer = await client.files_upload_v2(content=b"x", filename="a.png", channel=SOCIAL)
    file = (await client.files_info(file=answer["files"][0]["id"]))["file"]
    foreign = slack.upload(ADA, "a.png", b"x")

    for named in ({"id": file["id"]}, {"url": file["url_private"]}, {"url": file["permalink"]}):
        block = {"type": "image", "alt_text": "A", "slack_file": named}
        await client.chat_postMessage(channel=SOCIAL, text="t", blocks=[block])
    refused = {"type": "image", "alt_text": "A", "slack_file": {"id": foreign.id}}

    assert (
        await error_of(client.chat_postMessage(channel=SOCIAL, text="t", blocks=[refused]))
        == "invalid_blocks"
    )
    assert slack.state.complaints[-1].endswith("invalid slack file [json-pointer:/blocks/0/slack_file]")
    view = {"type": "home", "blocks": [refused]}
    assert await error_of(client.views_publish(user_id=OTTO, view=view)) == "invalid_arguments"


async def test_a_deleted_file_is_gone_from_its_message(slack: SlackSimulator, client: AsyncWebClient) -> None:
    answer = await client.files_upload_v2(content=b"x", filename="a.png", channel=SOCIAL)
    file_id = answer["files"][0]["id"]
    theirs = slack.upload(OTTO, "b.png", b"x")
    await slack.say(OTTO, SOCIAL, "", files=[theirs.id])

    await client.files_delete(file=file_id)

    assert await error_of(client.files_info(file=file_id)) == "file_not_found"
    assert await error_of(client.files_delete(file=theirs.id)) == "cant_delete_file"
    assert [m.file_ids for m in slack.messages(SOCIAL, OTTO)] == [[], [theirs.id]]
