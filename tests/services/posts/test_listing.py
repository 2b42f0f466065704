"""Members find the organization's posts and their own drafts, and decide about whole posts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from sqlmodel import col, select, update

from bot.services.access import Actor, Sender
from bot.services.errors import AlreadyResolvedError, NotFoundError
from bot.services.posts.decisions import Decision, DeliveryDecider
from bot.services.posts.listing import SIZE, PostLists
from bot.services.posts.results import Results
from storage.drafts import Drafts, new_draft_id
from storage.engine.statements import database_time
from storage.memberships import Members
from storage.models import AuditLine, Delivery, DeliveryStatus, Role, new_id
from storage.post_listings import Which
from storage.posts import NewPost, Posts, Target
from tests.services.posts.press import Desk, open_desk

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault

HOUR = timedelta(hours=1)
MIXED = (DeliveryStatus.FAILED, DeliveryStatus.SENT, DeliveryStatus.LATE, DeliveryStatus.HELD)


@pytest_asyncio.fixture
async def desk(database: Database, vault: Vault) -> Desk:
    return await open_desk(database, vault)


def member(desk: Desk, membership_id: str = "") -> Actor:
    """Return the desk's member, or another one, as they ask."""
    return Actor(
        sender=Sender(user_id="U1", team_id="T1", enterprise_id=None, channel_id="C1"),
        membership_id=membership_id or desk.membership_id,
        organization_id=desk.organization_id,
        organization="Acme",
        role=Role.ADMIN,
    )


async def become(desk: Desk, delivery_id: str, status: DeliveryStatus, **more: Any) -> None:
    """Put a delivery in a state."""
    async with desk.database.system() as session:
        await session.exec(
            update(Delivery)
            .where(col(Delivery.id) == delivery_id)
            .values(status=status, work_at=None, **more),
            execution_options={"synchronize_session": False},
        )


async def texts(desk: Desk, which: Which, number: int = 0) -> list[str]:
    """Return what the posts of a page say."""
    found = await PostLists(desk.database).posts(member(desk), which, number)
    return [one.text for one in found.posts]


async def everywhere(desk: Desk, *statuses: DeliveryStatus) -> str:
    """Schedule a post to an account for each of these states, put its deliveries in them, and return its id."""
    accounts = [desk.account_id, *[await desk.account(number) for number in range(1, len(statuses))]]
    async with desk.database.system() as session:
        due_at = await database_time(session) + HOUR
        targets = [Target(account_id=one, due_at=due_at, content={}) for one in accounts]
        post = await Posts(session).schedule(
            desk.organization_id,
            NewPost(draft_id=new_id("drf"), author=desk.membership_id, text="Mugs"),
            targets,
        )
        found = await session.exec(
            select(Delivery.id).where(Delivery.post_id == post.id).order_by(col(Delivery.id))
        )
        ids = list(found)
    for delivery_id, status in zip(ids, statuses, strict=True):
        await become(desk, delivery_id, status)
    return post.id


async def states(desk: Desk, post_id: str) -> list[str]:
    """Return the state of each delivery of a post."""
    async with desk.database.system(write=False) as session:
        found = select(Delivery.status).where(Delivery.post_id == post_id).order_by(col(Delivery.id))
        return list(await session.exec(found))


async def test_each_list_shows_the_posts_of_its_states_and_the_first_what_needs_somebody_on_top(
    desk: Desk,
) -> None:
    later = await desk.schedule("scheduled", 9 * HOUR)
    await desk.schedule("soon", HOUR)
    for number, status in enumerate(("held", "late", "failed", "sent", "cancelled", "sending"), 20):
        await become(desk, await desk.schedule(status, number * HOUR), DeliveryStatus(status))
    await become(desk, await desk.schedule("doubt", 30 * HOUR), DeliveryStatus.UNKNOWN, asks=True)
    await become(desk, await desk.schedule("looking", 31 * HOUR), DeliveryStatus.UNKNOWN)
    await become(desk, later, DeliveryStatus.READY)

    found = {which: await texts(desk, which) for which in Which}

    assert found == {
        Which.OPEN: ["held", "late", "failed", "doubt", "soon", "scheduled", "sending", "looking"],
        Which.ATTENTION: ["held", "late", "failed", "doubt"],
        Which.SCHEDULED: ["soon", "scheduled", "sending", "looking"],
        Which.HELD: ["held", "late"],
        Which.FAILED: ["failed", "doubt"],
        Which.SENT: ["sent"],
    }


async def test_a_page_has_ten_posts_and_what_is_beyond_the_end_is_the_last_page(desk: Desk) -> None:
    for number in range(SIZE + 2):
        await desk.schedule(f"post {number}", number * HOUR)

    first, beyond = await texts(desk, Which.SCHEDULED), await texts(desk, Which.SCHEDULED, 99)

    assert first == [f"post {number}" for number in range(SIZE)]
    assert beyond == [f"post {SIZE}", f"post {SIZE + 1}"]


async def test_the_newest_of_what_was_sent_comes_first_with_its_author_and_its_accounts(desk: Desk) -> None:
    for number in (1, 3, 2):
        await become(desk, await desk.schedule(f"post {number}", -number * HOUR), DeliveryStatus.SENT)

    found = await PostLists(desk.database).posts(member(desk), Which.SENT, 0)

    assert [one.text for one in found.posts] == ["post 1", "post 2", "post 3"]
    assert found.posts[0].author == "U1"
    assert [one.account for one in found.posts[0].deliveries] == ["Octa Demo"]


async def test_drafts_are_the_readers_own_and_the_last_changed_comes_first(desk: Desk) -> None:
    async with desk.database.system() as session:
        colleague = await Members(session).add(
            desk.organization_id, realm="T1", user_id="U2", team_id="T1", role=Role.ADMIN
        )
    for author, text in ((desk.membership_id, "one"), (colleague.id, "theirs"), (desk.membership_id, "two")):
        async with desk.database.system() as session:
            await Drafts(session).save(
                desk.organization_id, author, new_draft_id(author), {"text": text}, slack_id="", channel=""
            )

    mine = await PostLists(desk.database).drafts(member(desk), 0)
    theirs = await PostLists(desk.database).drafts(member(desk, colleague.id), 0)

    assert [one.written.text for one in mine.drafts] == ["two", "one"]
    assert [one.written.text for one in theirs.drafts] == ["theirs"]


@pytest.mark.parametrize(
    ("decision", "after"),
    [
        (Decision.PUBLISH, ["scheduled", "sent", "scheduled", "held"]),
        (Decision.CANCEL, ["cancelled", "sent", "cancelled", "cancelled"]),
    ],
)
async def test_a_decision_about_a_post_is_carried_out_wherever_it_can_be(
    desk: Desk, decision: Decision, after: list[str]
) -> None:
    post_id = await everywhere(desk, *MIXED)

    await DeliveryDecider(Results(), desk.database).decide_all(member(desk), post_id, decision)

    assert await states(desk, post_id) == after
    assert await desk.told() == 1
    async with desk.database.system(write=False) as session:
        lines = await session.exec(select(AuditLine).where(AuditLine.action == f"delivery {decision}"))
        assert len(list(lines)) == sum(one != two for one, two in zip(MIXED, after, strict=True))


async def test_what_is_settled_everywhere_or_not_there_is_not_decided_about(desk: Desk) -> None:
    settled = await everywhere(desk, DeliveryStatus.SENT, DeliveryStatus.CANCELLED)
    decider = DeliveryDecider(Results(), desk.database)

    with pytest.raises(AlreadyResolvedError):
        await decider.decide_all(member(desk), settled, Decision.CANCEL)
    with pytest.raises(NotFoundError):
        await decider.decide_all(member(desk), new_id("pst"), Decision.CANCEL)

    assert await states(desk, settled) == ["sent", "cancelled"]
    assert await desk.told() == 0
