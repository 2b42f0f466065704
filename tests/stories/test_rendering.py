"""What the sender does with rows it cannot render, rows of older releases, and people who lost the right to read."""

from __future__ import annotations

import asyncio

from sqlmodel import col, select

from bot.services.accounts.sign_in_as import SignInAs
from bot.services.incidents.notifications import CardNotification, ReplyText
from bot.services.notifications import AccountsConnected, ConsentFailed, ConsentProblem
from bot.views.messages import UNREADABLE
from sandbox.member import text_of
from sandbox.slack.world import ACME, ADA
from storage.incidents import Incidents
from storage.memberships import Members
from storage.models import Incident, Notice
from storage.outbox import DROPPED, NewNotice, Notices
from tests.application import Office
from tests.counts import in_full
from tests.outbox import put_body, put_text
from tests.patience import PATIENCE_S
from tests.stories.test_incidents import SOCIAL, dies, organization_of, ready
from tests.stories.told import buttons


def heard(office: Office) -> list[str]:
    return [message.text for message in office.slack.state.messages(SOCIAL, ADA) if message.app_id]


async def present(office: Office) -> None:
    await office.installed()
    await office.slack.invite(SOCIAL)
    await office.parts.scheduler.stop(1)


async def test_a_whole_message_of_an_older_release_is_sent_as_it_is(either_office: Office) -> None:
    await present(either_office)
    async with either_office.database.system() as session:
        await put_body(session, key="old", slack_id=ACME, channel=SOCIAL, body={"text": "ready made"})

    await either_office.parts.notices.run()

    assert heard(either_office) == ["ready made"]


async def test_facts_that_cannot_be_rendered_become_plain_text_and_block_nothing(office: Office) -> None:
    await present(office)
    unknown = {"kind": "from_a_newer_release", "facts": {"text": "?"}}
    broken = {"kind": ReplyText.KIND, "facts": {"no": "text"}}
    no_platform = AccountsConnected(organization="Acme", platform="myspace", accounts=("Tom",))
    raises = {"kind": no_platform.KIND, "facts": no_platform.dump()}
    async with office.database.system() as session:
        for number, row in enumerate((unknown, broken, raises)):
            await Notices(session).put(NewNotice(key=f"{number}", slack_id=ACME, channel=SOCIAL, **row))  # type: ignore[arg-type]
        await put_text(session, key="next", slack_id=ACME, channel=SOCIAL, text="the next one")

    async with asyncio.timeout(PATIENCE_S):
        while len(heard(office)) < 4:
            await office.parts.notices.run()
            await asyncio.sleep(0.02)

    assert heard(office) == [UNREADABLE, UNREADABLE, UNREADABLE, "the next one"]


async def test_a_message_whose_picture_is_gone_keeps_its_words_and_its_button(office: Office) -> None:
    await present(office)
    office.slack.settings["pictures_fail"] = True
    failed = ConsentFailed(
        organization_id="org_1",
        platform="tiktok",
        app="tiktok",
        problem=ConsentProblem.DECLINED,
        reconnects="grt_1",
        sign_in_as=SignInAs(name="Octa", handle="@octa", picture="https://gone.example/octa.png"),
    )
    new = NewNotice(key="1", slack_id=ACME, channel=SOCIAL, kind=failed.KIND, facts=failed.dump())
    async with office.database.system() as session:
        await Notices(session).put(new)

    await office.parts.notices.run()

    [message] = [one for one in office.slack.state.messages(SOCIAL, ADA) if one.app_id]
    assert "Sign in at TikTok as @octa." in text_of(message)
    assert buttons(message) == ["Reconnect"]
    assert "image_url" not in str(message.blocks)


@in_full
async def test_a_card_for_somebody_who_was_removed_meanwhile_is_dropped(office: Office) -> None:
    await ready(office)
    await office.parts.scheduler.stop(1)
    await dies(office)
    organization_id = await organization_of(office)
    async with office.database.system() as session:
        incident = (await session.exec(select(Incident))).one()
        member = await Members(session).find(organization_id, ACME, ADA)
        assert member is not None
        card = CardNotification(
            organization_id=organization_id, incident_id=incident.id, member_id="mem_who_was_removed"
        )
        new = NewNotice(key="late", slack_id=ACME, channel=ADA, kind=card.KIND, facts=card.dump())
        await Notices(session).put(new)

    await office.parts.notices.run()

    async with office.database.system(write=False) as session:
        row = (await session.exec(select(Notice).where(col(Notice.key) == "late"))).one()
        assert await Incidents(session).get(organization_id, incident.id, lock=False) is not None
    assert (row.due_at, row.failure) == (None, DROPPED)
