"""What keeps a scheduled post from going out is told ahead, with the button that mends it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlmodel import update

from sandbox.browser import Consent
from sandbox.member import links_in, text_of
from storage.engine.statements import now
from storage.models import Delivery, Grant
from tests.patience import PATIENCE_S
from tests.stories.test_posts import written
from tests.stories.told import answer_to

if TYPE_CHECKING:
    from sandbox.member import Member
    from sandbox.slack.state import Message
    from tests.application import Office


def alerts(ada: Member) -> list[Message]:
    """Return the messages in Ada's channel that ask for a new sign-in."""
    messages = ada.slack.messages(ada.channel_id, ada.user_id)
    return [one for one in messages if "account.reconnect" in str(one.blocks)]


async def planned(office: Office) -> None:
    """Return when the engine has planned the checks of the one delivery."""
    async with asyncio.timeout(PATIENCE_S):
        while (await office.rows(Delivery))[0].check_at is None:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.05)


async def test_a_sign_in_that_ends_before_a_post_is_due_is_told_once_and_renewed_from_there(
    office: Office,
) -> None:
    ada = await office.installed()
    await office.slack.invite(ada.channel_id)
    await ada.connect("linkedin", Consent(person="ana-ruiz"), app="linkedin")
    due = datetime.now(UTC) + timedelta(hours=30)
    shown = await written(ada, "Fresh mugs today", when=int(due.timestamp()))
    if "It goes out" not in text_of(shown):
        await ada.submit(shown)
    await planned(office)
    async with office.database.system() as session:
        soon = now(timedelta(hours=20))
        await session.exec(update(Grant).values(access_expires_at=soon, refresh_expires_at=soon))
        await session.exec(update(Delivery).values(check_at=now()))
    for _ in range(2):
        await office.parts.posts.checking.run()

    alert = await ada.slack.until(lambda: next(iter(alerts(ada)), None))
    link = links_in(await answer_to(ada, alert, "account.reconnect"))[0]
    page = await ada.travel(link, Consent(person="ana-ruiz"))
    async with office.database.system() as session:
        await session.exec(update(Delivery).values(check_at=now()))
    await office.parts.posts.checking.run()

    assert "Fresh mugs today" in text_of(alert)
    assert page.status == 200
    assert "The sign-in ends before this is due" in text_of(alert)
    assert len(alerts(ada)) == 1
    [row] = await office.rows(Delivery)
    assert row.fault == {}
