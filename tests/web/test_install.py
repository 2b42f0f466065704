"""Adding the app to Slack, again, and from many places."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from bot.slack.scopes import BOT_SCOPES
from bot.web.install import new_installation
from sandbox.core import Fault
from sandbox.slack.world import ACME, ADA, INITECH, IRIS, NORTH, OLGA
from storage.installations import Installations, bot_token
from storage.memberships import Members
from storage.models import Installation, InstallState, Membership, Notice, Organization, Role, Workspace
from tests.web.house import House, query_of


async def install(
    house: House, browser: httpx.AsyncClient, user: str = ADA, team: str = ACME, *, org_wide: bool = False
) -> httpx.Response:
    """Add the app as somebody does it in a browser."""
    started = await browser.get("/slack/install")
    assert started.status_code == 303
    return await browser.get(house.slack.consent(started.headers["location"], user, team, org_wide=org_wide))


async def token(house: House, slack_id: str) -> str:
    async with house.parts.database.system(write=False) as session:
        found = await Installations(session, house.parts.vault).get(slack_id)
    assert found is not None
    return bot_token(house.parts.vault, found).reveal()


async def test_the_install_link_asks_for_the_least_and_for_nobodys_own_token(
    house: House, browser: httpx.AsyncClient
) -> None:
    started = await browser.get("/slack/install")

    asked = query_of(started.headers["location"])
    assert started.headers["location"].startswith(f"{house.slack.url}/oauth/v2/authorize?")
    assert set(asked["scope"].split(",")) == set(BOT_SCOPES)
    assert asked["user_scope"] == ""
    assert asked["redirect_uri"] == f"{house.url}/slack/oauth_redirect"


async def test_the_installer_owns_a_first_organization_and_is_welcomed(
    house: House, browser: httpx.AsyncClient
) -> None:
    page = await install(house, browser)

    assert page.status_code == 200
    assert "<h1>Octapost is in Acme</h1>" in page.text
    assert f"{house.slack.url}/app_redirect?app=A0OCTAPOST&amp;team={ACME}" in page.text
    [organization] = await house.rows(Organization)
    [member] = await house.rows(Membership)
    [workspace] = await house.rows(Workspace)
    [notice] = await house.rows(Notice)
    assert organization.name == "Acme"
    assert (member.user_id, member.role, member.realm) == (ADA, Role.OWNER, ACME)
    assert workspace.default_organization_id == organization.id
    assert (notice.slack_id, notice.channel) == (ACME, ADA)
    buttons = (await house.message(notice))["blocks"][3]["elements"]
    assert [b["action_id"] for b in buttons] == ["connect.start", "org.members"]
    assert await token(house, ACME) in house.slack.state.tokens


async def test_the_stored_token_works(house: House, browser: httpx.AsyncClient) -> None:
    await install(house, browser)

    client = await house.parts.slack_clients.for_workspace(ACME, None)

    assert (await client.auth_test())["team_id"] == ACME


async def test_adding_it_again_makes_no_second_organization_and_no_new_owner(
    house: House, browser: httpx.AsyncClient
) -> None:
    await install(house, browser, ADA)

    page = await install(house, browser, OLGA)

    assert page.status_code == 200
    assert await house.count(Organization) == await house.count(Membership) == await house.count(Notice) == 1
    [installation] = await house.rows(Installation)
    assert installation.installed_by == OLGA


async def test_an_org_wide_install_leaves_the_choice_of_a_workspace_to_the_installer(
    house: House, browser: httpx.AsyncClient
) -> None:
    page = await install(house, browser, IRIS, NORTH, org_wide=True)

    assert "<h1>Octapost is in Initech</h1>" in page.text
    [installation] = await house.rows(Installation)
    [notice] = await house.rows(Notice)
    assert (installation.slack_id, installation.team_id, installation.enterprise_id) == (
        INITECH,
        None,
        INITECH,
    )
    assert await house.count(Organization) == 0
    assert (notice.slack_id, notice.channel) == (INITECH, IRIS)
    assert "/octapost org create" in (await house.message(notice))["text"]


async def test_a_workspace_of_a_grid_is_its_own_but_people_are_the_grids(
    house: House, browser: httpx.AsyncClient
) -> None:
    await install(house, browser, IRIS, NORTH)

    [member] = await house.rows(Membership)
    assert (member.realm, member.team_id) == (INITECH, NORTH)


async def test_rotating_tokens_are_kept_with_what_renews_them(
    house: House, browser: httpx.AsyncClient
) -> None:
    house.slack.settings["token_rotation"] = True

    await install(house, browser)

    [installation] = await house.rows(Installation)
    assert installation.refresh_token_sealed
    assert installation.token_expires_at is not None


async def test_a_cancelled_installation_stores_nothing(house: House, browser: httpx.AsyncClient) -> None:
    started = await browser.get("/slack/install")

    page = await browser.get(house.slack.consent(started.headers["location"], ADA, ACME, decision="cancel"))

    assert "Octapost was not added" in page.text
    assert 'href="/slack/install"' in page.text
    assert await house.count(Installation) == await house.count(InstallState) == 0


async def test_another_browser_or_a_second_visit_installs_nothing(
    house: House, browser: httpx.AsyncClient
) -> None:
    started = await browser.get("/slack/install")
    back = house.slack.consent(started.headers["location"], ADA, ACME)
    async with house.browser() as other:
        await other.get("/slack/install")
        stolen = await other.get(back)
        bare = await other.get("/slack/oauth_redirect?code=x")
    mine, again = await browser.get(back), await browser.get(back)

    assert [p.status_code for p in (stolen, bare, mine, again)] == [400, 400, 200, 400]
    assert len(house.slack.calls("oauth.v2.access")) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path="oauth.v2.access", status=503, body="<html>", content_type="text/html"),
        Fault(path="oauth.v2.access", status=200, body="<html>"),
        Fault(path="oauth.v2.access", status=200, body='{"ok": false, "error": "invalid_client_id"}'),
        Fault(path="oauth.v2.access", status=200, body='{"ok": true}'),
        Fault(path="oauth.v2.access", status=429, body='{"ok": false, "error": "ratelimited"}'),
        Fault(path="oauth.v2.access", lose_answer=True),
    ],
)
async def test_odd_answers_of_slack_install_nothing(
    house: House, browser: httpx.AsyncClient, fault: Fault
) -> None:
    house.slack.faults.append(fault)

    page = await install(house, browser)

    assert page.status_code == 502
    assert "Nothing was stored" in page.text
    assert await house.count(Installation) == 0


async def test_of_two_installs_at_once_one_makes_the_organization(
    house: House, browser: httpx.AsyncClient
) -> None:
    async with house.browser() as other:
        pages = await asyncio.gather(install(house, browser, ADA), install(house, other, OLGA))

    assert [page.status_code for page in pages] == [200, 200]
    assert await house.count(Organization) == 1
    [organization] = await house.rows(Organization)
    async with house.parts.database.system(write=False) as session:
        assert len(await Members(session).owners(organization.id)) == 1


def test_an_answer_without_a_workspace_or_grid_is_refused() -> None:
    answer = {"app_id": "A1", "bot_user_id": "U1", "access_token": "xoxb-1", "authed_user": {"id": "U2"}}

    with pytest.raises(ValueError, match="documents"):
        new_installation(answer.get)
