"""A workspace of the simulated Slack joins a Grid organization, or a channel gets another id."""

from __future__ import annotations

import json

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackSimulator
from sandbox.slack.world import ACME, ADA, BEA, INITECH, OTTO
from tests.sandbox.slack.app import client_for

SOCIAL = "C0ACMESOC"


async def test_outside_of_a_grid_there_are_no_ids_to_exchange(client: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError) as refused:
        await client.migration_exchange(users=ADA)

    assert refused.value.response["error"] == "not_enterprise_team"


async def test_people_get_new_ids_which_the_app_can_ask_for(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    await slack.join_grid(ACME, INITECH)

    answer = await client.migration_exchange(users=f"{ADA},W0OTTO,{BEA}")

    assert (answer["team_id"], answer["enterprise_id"]) == (ACME, INITECH)
    assert answer["user_id_map"] == {ADA: "W0ADA", "W0OTTO": "W0OTTO"}
    assert answer["invalid_user_ids"] == [BEA]


async def test_the_old_id_goes_on_working_in_the_api(slack: SlackSimulator, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel=OTTO, text="before")

    await slack.join_grid(ACME, INITECH)
    await client.chat_postMessage(channel=OTTO, text="after")

    user = (await client.users_info(user=OTTO))["user"]
    assert (user["id"], user["enterprise_user"]["enterprise_id"]) == ("W0OTTO", INITECH)
    direct = slack.state.dm(ACME, "W0OTTO")
    assert [message.text for message in slack.messages(direct.id, "W0OTTO")] == ["before", "after"]


async def test_everything_a_person_does_afterwards_names_the_grid(slack: SlackSimulator) -> None:
    await client_for(slack)
    await slack.join_grid(ACME, INITECH)

    await slack.command("W0OTTO", ACME, SOCIAL, "help")

    sent = slack.courier.sent[-1].body
    assert f"enterprise_id={INITECH}" in sent
    assert "user_id=W0OTTO" in sent


async def test_a_channel_keeps_its_messages_under_another_id(
    slack: SlackSimulator, client: AsyncWebClient
) -> None:
    app = slack.state.app
    assert app is not None
    app.events = (*app.events, "channel_id_changed")
    await client.chat_postMessage(channel=SOCIAL, text="before")

    await slack.change_channel_id(SOCIAL, "C9NEW")
    await client.chat_postMessage(channel="C9NEW", text="after")

    event = json.loads(slack.courier.sent[-1].body)["event"]
    assert (event["old_channel_id"], event["new_channel_id"]) == (SOCIAL, "C9NEW")
    assert [message.text for message in slack.messages("C9NEW", OTTO)] == ["before", "after"]
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel=SOCIAL, text="late")
