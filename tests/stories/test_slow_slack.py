"""Slack slow or broken in the middle of a story: what was done is said, and silence is no answer."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from sandbox.core import Fault
from sandbox.slack.world import OTTO
from storage.memberships import Members
from storage.models import Role
from tests.counts import sampled
from tests.hostile.slack_side import first_organization
from tests.stories.test_alerts import entered, form
from tests.stories.told import joins, said

if TYPE_CHECKING:
    from tests.application import Office

BROKEN = {
    "503": Fault(path="(users|team).info", status=503, body="{}"),
    "HTML": Fault(path="(users|team).info", status=200, body="<html>", content_type="text/html"),
    "fatal_error": Fault(path="(users|team).info", status=200, body='{"ok": false, "error": "fatal_error"}'),
    "missing_scope": Fault(
        path="(users|team).info", status=200, body='{"ok": false, "error": "missing_scope"}'
    ),
    "nobody in it": Fault(path="(users|team).info", status=200, body='{"ok": true}'),
}
ASKING = ("org invite <@U0OTTO|otto>", "org create Left", "org join ABCD-EFGH-JKLM")
"""Commands that ask Slack about a person."""


@pytest.mark.parametrize(("trouble", "words"), sampled(list(product(BROKEN, ASKING)), 13))
async def test_a_failed_question_is_never_read_as_no_such_person(
    office: Office, trouble: str, words: str
) -> None:
    ada = await office.installed()
    office.slack.faults.append(BROKEN[trouble])

    answer = await said(ada, words)

    assert answer.startswith("Slack")
    assert "Nothing changed." in answer
    assert "doesn't know that person" not in answer


async def test_a_change_is_confirmed_by_the_database_not_by_slack(office: Office) -> None:
    ada = await office.installed()
    owner = await first_organization(office, ada.team_id)
    await joins(ada, await office.person(OTTO))
    office.slack.faults.append(BROKEN["503"])

    raised = await said(ada, "org role <@U0OTTO|otto> admin")
    removed = await said(ada, "org remove <@U0OTTO|otto>")

    async with office.database.system(write=False) as session:
        assert await Members(session).find(owner.organization_id, owner.realm, OTTO) is None
    assert f"<@{OTTO}> is now an {Role.ADMIN.word}" in raised
    assert f"<@{OTTO}> isn't a member" in removed


async def test_a_message_whose_answer_was_lost_is_not_said_twice(office: Office) -> None:
    ada = await office.installed()
    await ada.next_message(0)
    await office.slack.invite("C0ACMESOC")
    view = await form(ada)
    office.slack.faults.append(Fault(path="chat.postMessage", lose_answer=True, times=1))

    shown = await ada.submit(view, entered({"channel": "C0ACMESOC"}))

    said_there = [call for call in office.slack.calls("/api/chat.postMessage") if "C0ACMESOC" in call.body]
    assert "I don't know whether my message arrived" in str(shown.errors)
    assert len(said_there) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    sampled(
        [
            ('{"ok": false, "error": "ratelimited"}', "Slack isn't answering me right now."),
            ('{"ok": false, "error": "fatal_error"}', "I don't know whether my message arrived"),
            ('{"ok": false, "error": "is_archived"}', "archived"),
        ],
        3,
    ),
)
async def test_only_what_slack_says_of_the_channel_is_held_against_it(
    office: Office, answer: str, words: str
) -> None:
    ada = await office.installed()
    office.slack.faults.append(Fault(path="chat.postMessage", status=200, body=answer))

    shown = await ada.submit(await form(ada), entered({"channel": "C0ACMESOC"}))

    assert words in str(shown.errors)
