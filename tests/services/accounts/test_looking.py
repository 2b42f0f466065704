"""The regular look at accounts, against simulated platforms: names, state, roles, and what people are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlmodel import col, select, update

from adapters.registry import REGISTRY
from bot.services.accounts.diagnosis import Diagnosis, diagnose, state_of
from bot.services.accounts.looking import Looking
from bot.services.accounts.problems import Problem, Severity
from bot.services.incidents.cards import Cards
from bot.services.tokens.policy import SECOND_OPINION
from bot.views.diagnosis import advice, sentence
from sandbox.core import Fault
from sandbox.platforms.linkedin.simulator import LinkedInSimulator
from sandbox.platforms.meta.simulator import MetaSimulator
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.reddit.simulator import RedditSimulator
from sandbox.platforms.x.simulator import XSimulator
from sandbox.platforms.youtube.simulator import YouTubeSimulator
from storage.engine.db import Database
from storage.engine.statements import now
from storage.memberships import Members
from storage.models import NOT_SHOWN, Account, Grant, Incident
from storage.vault import Vault
from tests.counts import in_full
from tests.services.tokens.test_policy import facebook
from tests.services.tokens.test_refreshing import Works, open_works

ME = "/2/users/me"
Open = Callable[[OAuthSimulator], Awaitable[Works]]


@pytest_asyncio.fixture
async def opened(database: Database, vault: Vault) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def open_one(simulator: OAuthSimulator) -> Works:
            return await open_works(stack, simulator, database, vault)

        yield open_one


async def look(works: Works, *, after: timedelta = SECOND_OPINION) -> None:
    """Let time pass, so that every account is due for a look, and look."""
    async with works.database.system() as session:
        for change in (
            update(Account).where(col(Account.suspected_at).is_not(None)).values(suspected_at=now(-after)),
            update(Grant).values(look_at=now(-timedelta(seconds=1))),
        ):
            await session.exec(change, execution_options={"synchronize_session": False})
    await Looking(works.refresher, works.tokens, REGISTRY.adapters(works.http), works.database).run()


async def change(works: Works, person: str, **given: object) -> None:
    """Let a person be different at the platform from now on."""
    await works.simulator.controls()["change"]({"person": person, **given})


async def account(works: Works) -> Account:
    async with works.database.system(write=False) as session:
        return (await session.exec(select(Account))).one()


async def found(works: Works, grant: Grant) -> Diagnosis:
    return diagnose(state_of(works.catalog, await account(works), await works.look(grant.id)))


async def test_a_new_name_and_handle_are_stored_with_their_link(opened: Open) -> None:
    works = await opened(XSimulator())
    grant = await works.grant("4711", due=False)
    await change(works, "4711", name="Octa Mugs", facts={"username": "octamugs"})

    await look(works)

    shown, after = await account(works), await works.look(grant.id)
    assert (shown.name, shown.handle, shown.url) == ("Octa Mugs", "@octamugs", "https://x.com/octamugs")
    assert after.external_name == "Octa Mugs"
    assert (await found(works, grant)).fine


@in_full
@pytest.mark.parametrize(
    ("state", "words", "page"),
    [
        ("suspended", "X has suspended or restricted it.", "help.x.com/forms/account-access/appeals"),
        ("locked", "X has locked it until its owner confirms who they are.", "x.com/account/access"),
    ],
)
async def test_an_account_that_x_blocks_keeps_its_name_and_says_where_its_owner_gets_it_back(
    opened: Open, state: str, words: str, page: str
) -> None:
    works = await opened(XSimulator())
    grant = await works.grant("4711", due=False)
    await change(works, "4711", facts={state: True})

    await look(works)
    first, told_first = await found(works, grant), await works.said()
    await look(works)

    blocked = await found(works, grant)
    assert first.problem is Problem.ACCOUNT_SUSPECTED
    assert told_first == []
    assert (blocked.problem, blocked.severity) == (Problem.ACCOUNT_BLOCKED, Severity.ORANGE)
    assert sentence(blocked) == words
    assert page in advice(blocked)
    assert (await account(works)).name == "Octa Demo"
    [card] = await works.said()
    assert "X: Octa Demo can't publish for Acme until X unblocks it." in card["text"]
    links = [each["url"] for block in card["blocks"] for each in block.get("elements", ()) if "url" in each]
    assert links == [f"https://{page}"]
    for reconnects in ("incident.reconnect", "incident.who"):  # it would change nothing
        assert reconnects not in str(card["blocks"])
    async with works.database.system() as session:
        [incident] = await session.exec(select(Incident))
        [owner, *_] = await Members(session).all(incident.organization_id)
        await Cards().request(session, incident, owner, None, "owners")
    [_, asked] = await works.said()
    assert asked["text"] == "X: Octa Demo can't publish for Acme until X unblocks it."
    assert "incident.reconnect" not in str(asked["blocks"])
    assert page in str(asked["blocks"])


@in_full
async def test_an_account_that_its_platform_gives_back_heals_without_a_new_sign_in(opened: Open) -> None:
    works = await opened(XSimulator())
    grant = await works.grant("4711", due=False)
    await change(works, "4711", facts={"suspended": True})
    await look(works)
    await look(works)

    await change(works, "4711", facts={"suspended": False})
    await look(works)

    assert (await found(works, grant)).fine
    async with works.database.system(write=False) as session:
        [incident] = await session.exec(select(Incident))
    assert incident.resolution == "access_back"


@in_full
async def test_one_bad_answer_is_forgotten_after_a_good_one(opened: Open) -> None:
    works = await opened(RedditSimulator())
    grant = await works.grant("octa_demo", due=False)
    await change(works, "octa_demo", facts={"suspended": True})
    await look(works)
    await change(works, "octa_demo", facts={"suspended": False})

    await look(works)

    assert (await found(works, grant)).fine
    assert await works.said() == []


@in_full
async def test_a_suspended_reddit_account_names_the_page_for_appeals(opened: Open) -> None:
    works = await opened(RedditSimulator())
    grant = await works.grant("octa_demo", due=False)
    await change(works, "octa_demo", facts={"suspended": True})

    await look(works)
    await look(works)

    assert "reddit.com/appeals" in advice(await found(works, grant))


async def test_a_channel_that_is_gone_twice_is_lost(opened: Open) -> None:
    works = await opened(YouTubeSimulator())
    person = next(one.id for one in works.simulator.people.values() if one.facts["channels"])
    grant = await works.grant(person, due=False)
    await change(works, person, facts={"channels": ()})

    await look(works)
    first = await found(works, grant)
    await look(works)

    lost = await found(works, grant)
    assert first.problem is Problem.ACCOUNT_SUSPECTED
    assert (lost.problem, lost.code) == (Problem.ACCOUNT_LOST, NOT_SHOWN)
    assert "no longer has it" in sentence(lost)


@pytest.mark.parametrize(
    ("role", "code"), [("ANALYST", "not_page_admin"), ("", NOT_SHOWN)], ids=["weaker role", "no role"]
)
async def test_the_daily_check_of_linkedin_finds_a_page_role_that_is_gone(
    database: Database, vault: Vault, role: str, code: str
) -> None:
    async with AsyncExitStack() as stack:
        works = await open_works(stack, LinkedInSimulator(), database, vault, app="linkedin_page")
        grant = await works.grant("ana-ruiz", due=False)
        await works.simulator.controls()["role"]({"person": "ana-ruiz", "page": 5515, "role": role})

        for _ in range(2):
            await look(works)
            await works.make_due(grant.id)
            await works.refresher.run()

        lost, after = await found(works, grant), await works.look(grant.id)
    assert (lost.problem, lost.code) == (Problem.ACCOUNT_LOST, code)
    assert after.look_at is None


async def test_a_renamed_account_is_renamed_on_its_open_card(opened: Open) -> None:
    works = await opened(RedditSimulator())
    grant = await works.grant("octa_demo", due=False)
    await change(works, "octa_demo", facts={"suspended": True})
    await look(works)
    await look(works)

    await change(works, "octa_demo", name="octa_mugs")
    await look(works)

    async with works.database.system(write=False) as session:
        [incident] = await session.exec(select(Incident))
    assert list(incident.accounts.values()) == ["octa_mugs"]
    assert (await found(works, grant)).account == "octa_mugs"


async def test_a_look_that_is_not_answered_changes_nothing_and_comes_again_within_hours(opened: Open) -> None:
    works = await opened(XSimulator())
    grant = await works.grant("4711", due=False)
    works.simulator.faults.append(Fault(path=ME, status=503, body="{}"))

    await look(works)

    after = await works.look(grant.id)
    assert (await found(works, grant)).fine
    assert after.look_at is not None
    assert timedelta(0) < after.look_at - after.renewed_at < timedelta(hours=2)


async def test_two_processes_look_once(opened: Open) -> None:
    works = await opened(XSimulator())
    await works.grant("4711", due=False)
    before = len(works.simulator.calls(ME))

    await look(works)
    await Looking(works.refresher, works.tokens, REGISTRY.adapters(works.http), works.database).run()

    assert len(works.simulator.calls(ME)) == before + 1


async def test_a_page_with_a_token_of_its_own_is_judged_by_its_token_and_only_renamed_by_a_look(
    database: Database, vault: Vault
) -> None:
    async with AsyncExitStack() as stack:
        works = await facebook(stack, database, vault)
        grant = await works.grant("ana", due=False)
        before = await account(works)
        simulator = works.simulator
        assert isinstance(simulator, MetaSimulator)
        simulator.pages[before.remote_id].name = "Red Door Bakery"

        await look(works)
        renamed = await account(works)
        await simulator.controls()["role"]({"person": "ana", "page": before.remote_id, "tasks": []})
        await look(works)

        after = await account(works)
    assert renamed.name == "Red Door Bakery"
    assert (after.suspected_at, after.access_error) == (None, "")
    assert grant.status == "healthy"
