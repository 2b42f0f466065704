"""A post that is not out yet is changed; one that is going out is not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from sqlmodel import col, select, update

from adapters.base import Content, Format, Option, OptionKind, Rejected
from bot.services.errors import NotFoundError, PostChangedError, PostOutError, PostSettledError
from bot.services.posts.bulk import BulkDecider
from bot.services.posts.changing import PostChanges
from bot.services.posts.composing import Where
from bot.services.posts.contents import dump
from bot.services.posts.decisions import Decision, DeliveryDecider
from bot.services.posts.drafts import Details, Written
from bot.services.posts.drafts import dump as dump_written
from bot.services.posts.editing import applied, opened
from bot.services.posts.errors import TimeError
from bot.services.posts.results import Results
from storage.drafts import Drafts
from storage.engine.statements import database_time
from storage.memberships import Members
from storage.models import Delivery, DeliveryStatus, Draft, Post, Role, new_id
from storage.posts import NewPost, Posts, Target
from tests.services.posts.press import Desk, Press, PressAdapter, open_desk
from tests.services.posts.test_listing import become, member

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.access import Actor
    from storage.engine.db import Database
    from storage.vault import Vault

HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def desk(database: Database, vault: Vault) -> Desk:
    return await open_desk(database, vault)


def changes(desk: Desk, *, each_post: bool = False) -> PostChanges:
    """Return the service; `each_post`: what the platform's own fields say holds for one post only."""
    option = Option(
        key="privacy", kind=OptionKind.LINE, formats=frozenset({Format.TEXT}), each_post=each_post
    )
    press = Press(limits={"options": (option,)})
    return PostChanges({"x": PressAdapter(press)}, Results(), desk.database)


async def decided(
    desk: Desk, text: str = "Mugs", accounts: Sequence[str] = (), *, due_in: timedelta = HOUR
) -> str:
    """Return the id of a post that was decided for these accounts, by default the first one."""
    wanted = tuple(accounts) or (desk.account_id,)
    written = Written(text=text, accounts=wanted)
    async with desk.database.system() as session:
        due_at = await database_time(session) + due_in
        new = NewPost(
            draft_id=new_id("drf"), author=desk.membership_id, text=text, content=dump_written(written)
        )
        targets = [target(each, text, due_at) for each in wanted]
        return (await Posts(session).schedule(desk.organization_id, new, targets)).id


def target(account_id: str, text: str, due_at: object) -> Target:
    """Return an account that gets a text."""
    content = dump(Content(format=Format.TEXT, text=text))
    return Target(account_id=account_id, due_at=due_at, content=content)  # type: ignore[arg-type]


async def edit(
    desk: Desk, actor: Actor, draft_id: str, text: str, accounts: Sequence[str], due_in: timedelta = HOUR
) -> Post:
    """Submit a form that changes a post."""
    async with desk.database.system() as session:
        due_at = await database_time(session) + due_in
        new = NewPost(draft_id=draft_id, author=actor.membership_id, text=text)
        return await applied(session, actor, draft_id, new, [target(each, text, due_at) for each in accounts])


async def deliveries(desk: Desk, post_id: str) -> dict[str, Delivery]:
    """Return the deliveries of a post, by account."""
    async with desk.database.system(write=False) as session:
        found = await session.exec(select(Delivery).where(Delivery.post_id == post_id))
        return {row.account_id: row for row in found}


async def test_an_edited_post_goes_out_once_as_it_was_edited(desk: Desk) -> None:
    actor, post_id = member(desk), await decided(desk, "Mugs")
    form = await changes(desk).open(actor, post_id)

    await edit(desk, actor, form.draft_id, "Cups", [desk.account_id], timedelta(0))
    await desk.run()

    assert (form.written.text, form.written.accounts) == ("Mugs", (desk.account_id,))
    assert [text for _, text in desk.press.posts] == ["Cups"]


async def test_an_edit_during_preparing_makes_the_engine_drop_what_it_prepared(desk: Desk) -> None:
    actor, post_id = member(desk), await decided(desk, "Mugs", due_in=timedelta(0))
    form = await changes(desk).open(actor, post_id)

    async def edited() -> None:
        desk.press.during_prepare = None
        await edit(desk, actor, form.draft_id, "Cups", [desk.account_id], timedelta(0))

    desk.press.during_prepare = edited
    await desk.run()
    sent_by_then = list(desk.press.posts)
    await desk.run()

    assert sent_by_then == []
    assert [text for _, text in desk.press.posts] == ["Cups"]


async def test_an_edit_after_sending_was_committed_is_refused_and_names_the_account(desk: Desk) -> None:
    actor, post_id = member(desk), await decided(desk, "Mugs", due_in=timedelta(0))
    form = await changes(desk).open(actor, post_id)
    refused: list[tuple[str, ...]] = []

    async def edited() -> None:
        with pytest.raises(PostOutError) as caught:
            await edit(desk, actor, form.draft_id, "Cups", [desk.account_id], timedelta(0))
        refused.append(caught.value.accounts)

    desk.press.during_send = edited
    await desk.run()

    assert refused == [("Octa Demo",)]
    assert [text for _, text in desk.press.posts] == ["Mugs"]
    with pytest.raises(PostSettledError):
        await changes(desk).open(actor, post_id)


async def test_what_is_live_stays_and_the_others_are_changed(desk: Desk) -> None:
    second = await desk.account(2)
    actor, post_id = member(desk), await decided(desk, "Mugs", [desk.account_id, second])
    await become(desk, (await deliveries(desk, post_id))[desk.account_id].id, DeliveryStatus.SENT)

    form = await changes(desk).open(actor, post_id)
    await edit(desk, actor, form.draft_id, "Cups", form.written.accounts)

    assert form.written.accounts == (second,)
    found = await deliveries(desk, post_id)
    assert found[desk.account_id].content["text"] == "Mugs"
    assert found[desk.account_id].status == DeliveryStatus.SENT
    assert found[second].content["text"] == "Cups"


async def test_accounts_come_and_go(desk: Desk) -> None:
    second, third = await desk.account(2), await desk.account(3)
    actor, post_id = member(desk), await decided(desk, "Mugs", [desk.account_id, second])

    form = await changes(desk).open(actor, post_id)
    await edit(desk, actor, form.draft_id, "Mugs", [second, third])
    again = await changes(desk).open(actor, post_id)
    await edit(desk, actor, again.draft_id, "Mugs", [desk.account_id])

    states = {account: row.status for account, row in (await deliveries(desk, post_id)).items()}
    assert form.draft_id != again.draft_id
    assert set(again.written.accounts) == {second, third}
    assert states == {
        desk.account_id: DeliveryStatus.SCHEDULED,
        second: DeliveryStatus.CANCELLED,
        third: DeliveryStatus.CANCELLED,
    }


async def test_of_two_who_edit_at_once_the_second_is_told(desk: Desk) -> None:
    actor, post_id = member(desk), await decided(desk)
    first = await changes(desk).open(actor, post_id)
    second = await changes(desk).open(actor, post_id)

    await edit(desk, actor, first.draft_id, "Cups", [desk.account_id])

    with pytest.raises(PostChangedError):
        await edit(desk, actor, second.draft_id, "Pots", [desk.account_id])
    async with desk.database.system() as session:
        with pytest.raises(LookupError):
            await Drafts(session).save(
                desk.organization_id, desk.membership_id, second.draft_id, {}, slack_id="", channel=""
            )


async def test_a_form_that_is_open_does_not_bring_back_what_was_cancelled(desk: Desk) -> None:
    actor, post_id = member(desk), await decided(desk)
    form = await changes(desk).open(actor, post_id)

    await DeliveryDecider(Results(), desk.database).decide_all(actor, post_id, Decision.CANCEL)

    with pytest.raises(PostChangedError):
        await edit(desk, actor, form.draft_id, "Cups", [desk.account_id])


async def test_what_was_refused_is_mended_by_an_edit(desk: Desk) -> None:
    actor, post_id = member(desk), await decided(desk, "Mugs", due_in=timedelta(0))
    desk.press.sends.append(Rejected("too_long"))
    await desk.run()

    form = await changes(desk).open(actor, post_id)
    await edit(desk, actor, form.draft_id, "Cups", form.written.accounts, timedelta(0))
    await desk.run()

    assert form.written.due_at is None
    assert [text for _, text in desk.press.posts] == ["Cups"]


async def test_a_half_finished_edit_is_there_again_and_nobody_else_has_it(desk: Desk) -> None:
    actor, post_id = member(desk), await decided(desk)
    async with desk.database.system() as session:
        other = await Members(session).add(
            desk.organization_id, realm="T1", user_id="U2", team_id="T1", role=Role.ADMIN
        )
        form = await opened(session, actor, post_id)
        half = dump_written(Written(text="Half"))
        await Drafts(session).save(
            desk.organization_id, desk.membership_id, form.draft_id, half, slack_id="", channel=""
        )
        with pytest.raises(LookupError):
            await Drafts(session).save(
                desk.organization_id, other.id, form.draft_id, half, slack_id="", channel=""
            )

    assert (await changes(desk).open(actor, post_id)).written.text == "Half"
    assert (await changes(desk).open(member(desk, other.id), post_id)).written.text == "Mugs"


async def test_a_post_gets_a_new_time_where_nothing_of_it_is_out(desk: Desk) -> None:
    second = await desk.account(2)
    actor, post_id = member(desk), await decided(desk, "Mugs", [desk.account_id, second])
    found = await deliveries(desk, post_id)
    await become(desk, found[desk.account_id].id, DeliveryStatus.SENT)
    await become(desk, found[second].id, DeliveryStatus.LATE)
    async with desk.database.system(write=False) as session:
        clock = await database_time(session)

    await changes(desk).reschedule(actor, post_id, clock + 5 * HOUR)

    found = await deliveries(desk, post_id)
    assert found[desk.account_id].due_at < clock + 2 * HOUR
    assert (found[second].due_at, found[second].status) == (clock + 5 * HOUR, DeliveryStatus.SCHEDULED)
    with pytest.raises(TimeError):
        await changes(desk).reschedule(actor, post_id, clock - HOUR)
    await become(desk, found[second].id, DeliveryStatus.CANCELLED)
    with pytest.raises(PostSettledError):
        await changes(desk).reschedule(actor, post_id, clock + HOUR)


async def test_of_several_posts_each_is_moved_or_says_why_not(desk: Desk) -> None:
    actor, first, second = member(desk), await decided(desk, "Mugs"), await decided(desk, "Cups")
    out = await decided(desk, "Pots")
    await become(desk, (await deliveries(desk, out))[desk.account_id].id, DeliveryStatus.SENT)
    was = (await deliveries(desk, first))[desk.account_id].due_at
    several = BulkDecider(DeliveryDecider(Results(), desk.database), changes(desk))

    moved = await several.move(actor, [first, second, out, "pst_absent"], 24 * HOUR)
    too_early = await several.move(actor, [first], -48 * HOUR)
    cancelled = await several.decide(actor, [first, out], Decision.CANCEL)

    assert (moved.done, [post_id for post_id, _ in moved.failed]) == (2, [out, "pst_absent"])
    assert (too_early.done, cancelled.done) == (0, 1)
    row = (await deliveries(desk, first))[desk.account_id]
    assert (row.due_at, row.status) == (was + 24 * HOUR, DeliveryStatus.CANCELLED)


@pytest.mark.parametrize(("each_post", "copied"), [(False, {"privacy": "public"}), (True, {})])
async def test_a_duplicate_has_everything_but_the_time_and_what_holds_for_one_post(
    desk: Desk, *, each_post: bool, copied: dict[str, str]
) -> None:
    details = {desk.account_id: Details(title="Blue", options={"privacy": "public"})}
    written = Written(text="Mugs", accounts=(desk.account_id,), details=details)
    post_id = await decided(desk)
    async with desk.database.system() as session:
        ours = update(Post).where(col(Post.id) == post_id)
        await session.exec(
            ours.values(content=dump_written(written)), execution_options={"synchronize_session": False}
        )

    found = await changes(desk, each_post=each_post).duplicate(member(desk), post_id, Where())

    assert (found.written.text, found.written.due_at) == ("Mugs", None)
    assert found.written.details[desk.account_id] == Details(title="Blue", options=copied)
    async with desk.database.system(write=False) as session:
        assert [row.id for row in await session.exec(select(Draft))] == [found.draft_id]
    with pytest.raises(NotFoundError):
        await changes(desk).duplicate(member(desk), "pst_absent", Where())


async def test_a_post_goes_out_when_its_author_has_left(desk: Desk) -> None:
    await decided(desk, "Mugs", due_in=timedelta(0))
    async with desk.database.system() as session:
        await Members(session).end(desk.organization_id, desk.membership_id)

    await desk.run()

    assert [text for _, text in desk.press.posts] == ["Mugs"]
