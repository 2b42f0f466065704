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
from storage.models import (
    Installation,
    InstallState,
    Membership,
    Notice,
    Organization,
    Role,
    Workspace,
)
from tests.application import Office
from tests.counts import sampled
from tests.pages import query_of


async def install(
    office: Office, browser: httpx.AsyncClient, user: str = ADA, team: str = ACME, *, org_wide: bool = False
) -> httpx.Response:
    """Add the app as somebody does it in a browser."""
    started = await browser.get("/slack/install")
    assert started.status_code == 302
    return await browser.get(office.slack.consent(started.headers["location"], user, team, org_wide=org_wide))


async def token(office: Office, slack_id: str) -> str:
    async with office.parts.database.system(write=False) as session:
        found = await Installations(session, office.parts.vault).get(slack_id)
    assert found is not None
    return bot_token(office.parts.vault, found).reveal()


async def test_the_install_link_asks_for_the_least_and_for_nobodys_own_token(
    office: Office, browser: httpx.AsyncClient
) -> None:
    started = await browser.get("/slack/install")

    asked = query_of(started.headers["location"])
    assert started.headers["location"].startswith(f"{office.slack.url}/oauth/v2/authorize?")
    assert set(asked["scope"].split(",")) == set(BOT_SCOPES)
    assert asked["user_scope"] == ""
    assert asked["redirect_uri"] == f"{office.url}/slack/oauth_redirect"


async def test_the_installer_owns_a_first_organization_and_is_welcomed(
    office: Office, browser: httpx.AsyncClient
) -> None:
    page = await install(office, browser)

    assert page.status_code == 200
    assert "<h1>Octapost is in Acme</h1>" in page.text
    assert f"{office.slack.url}/app_redirect?app=A0OCTAPOST&amp;team={ACME}" in page.text
    [organization] = await office.rows(Organization)
    [member] = await office.rows(Membership)
    [workspace] = await office.rows(Workspace)
    [notice] = await office.rows(Notice)
    assert organization.name == "Acme"
    assert (member.user_id, member.role, member.realm) == (ADA, Role.OWNER, ACME)
    assert workspace.default_organization_id == organization.id
    assert (notice.slack_id, notice.channel) == (ACME, ADA)
    buttons = (await office.message(notice))["blocks"][3]["elements"]
    assert [b["action_id"] for b in buttons] == ["connect.start", "org.members"]
    assert await token(office, ACME) in office.slack.state.tokens


async def test_the_stored_token_works(office: Office, browser: httpx.AsyncClient) -> None:
    await install(office, browser)

    client = await office.parts.slack_clients.for_workspace(ACME, None)

    assert (await client.auth_test())["team_id"] == ACME


async def test_adding_it_again_makes_no_second_organization_and_no_new_owner(
    office: Office, browser: httpx.AsyncClient
) -> None:
    await install(office, browser, ADA)

    page = await install(office, browser, OLGA)

    assert page.status_code == 200
    assert (
        await office.count(Organization) == await office.count(Membership) == await office.count(Notice) == 1
    )
    [installation] = await office.rows(Installation)
    assert installation.installed_by == OLGA


async def test_the_page_says_what_happened_and_promises_no_message_that_nobody_sends(
    office: Office, browser: httpx.AsyncClient
) -> None:
    first = await install(office, browser, ADA)
    again = await install(office, browser, OLGA)
    async with office.database.system() as session:
        installations = Installations(session, office.parts.vault)
        found = await installations.get(ACME)
        assert found is not None
        assert await installations.uninstall(found)
    back = await install(office, browser, OLGA)

    assert "I sent you a message in Slack" in first.text
    assert "It was already set up there." in again.text
    assert "sent you a message" not in again.text
    assert "I sent you a message in Slack" in back.text
    assert len(await office.rows(Notice)) == 2


async def test_the_page_at_the_end_can_be_loaded_again(office: Office, browser: httpx.AsyncClient) -> None:
    started = await browser.get("/slack/install")
    back = office.slack.consent(started.headers["location"], ADA, ACME)
    first, second = await asyncio.gather(browser.get(back), browser.get(back))

    again = await browser.get(back)

    assert first.status_code == 200
    assert first.text == second.text == again.text
    assert len(office.slack.calls("oauth.v2.access")) == 1
    async with office.browser() as other:
        assert (await other.get(back)).status_code == 400


async def test_slack_reaches_its_own_install_page_in_one_step(browser: httpx.AsyncClient) -> None:
    started = await browser.get("/slack/install")

    assert started.status_code == 302
    assert "/oauth/v2/authorize?" in started.headers["location"]


async def test_an_org_wide_install_leaves_the_choice_of_a_workspace_to_the_installer(
    office: Office, browser: httpx.AsyncClient
) -> None:
    page = await install(office, browser, IRIS, NORTH, org_wide=True)

    assert "<h1>Octapost is in Initech</h1>" in page.text
    [installation] = await office.rows(Installation)
    [notice] = await office.rows(Notice)
    assert (installation.slack_id, installation.team_id, installation.enterprise_id) == (
        INITECH,
        None,
        INITECH,
    )
    assert await office.count(Organization) == 0
    assert (notice.slack_id, notice.channel) == (INITECH, IRIS)
    assert "/octapost org create" in (await office.message(notice))["text"]


async def test_a_workspace_of_a_grid_is_its_own_but_people_are_the_grids(
    office: Office, browser: httpx.AsyncClient
) -> None:
    await install(office, browser, IRIS, NORTH)

    [member] = await office.rows(Membership)
    assert (member.realm, member.team_id) == (INITECH, NORTH)


async def test_rotating_tokens_are_kept_with_what_renews_them(
    office: Office, browser: httpx.AsyncClient
) -> None:
    office.slack.settings["token_rotation"] = True

    await install(office, browser)

    [installation] = await office.rows(Installation)
    assert installation.refresh_token_sealed
    assert installation.token_expires_at is not None


async def test_a_cancelled_installation_stores_nothing(office: Office, browser: httpx.AsyncClient) -> None:
    started = await browser.get("/slack/install")

    page = await browser.get(office.slack.consent(started.headers["location"], ADA, ACME, decision="cancel"))

    assert "Octapost wasn&#39;t added" in page.text
    assert 'href="/slack/install"' in page.text
    assert await office.count(Installation) == await office.count(InstallState) == 0


async def test_another_browser_installs_nothing_and_a_second_visit_not_again(
    office: Office, browser: httpx.AsyncClient
) -> None:
    started = await browser.get("/slack/install")
    back = office.slack.consent(started.headers["location"], ADA, ACME)
    async with office.browser() as other:
        await other.get("/slack/install")
        stolen = await other.get(back)
        bare = await other.get("/slack/oauth_redirect?code=x")
    mine, again = await browser.get(back), await browser.get(back)

    assert [p.status_code for p in (stolen, bare, mine, again)] == [400, 400, 200, 200]
    assert len(office.slack.calls("oauth.v2.access")) == 1


@pytest.mark.parametrize(
    "fault",
    sampled(
        [
            Fault(path="oauth.v2.access", status=503, body="<html>", content_type="text/html"),
            Fault(path="oauth.v2.access", status=200, body="<html>"),
            Fault(path="oauth.v2.access", status=200, body='{"ok": false, "error": "invalid_client_id"}'),
            Fault(path="oauth.v2.access", status=200, body='{"ok": true}'),
            Fault(path="oauth.v2.access", status=429, body='{"ok": false, "error": "ratelimited"}'),
            Fault(path="oauth.v2.access", lose_answer=True),
        ],
        3,
    ),
)
async def test_odd_answers_of_slack_install_nothing(
    office: Office, browser: httpx.AsyncClient, fault: Fault
) -> None:
    office.slack.faults.append(fault)

    page = await install(office, browser)

    assert page.status_code == 502
    assert "Nothing was stored" in page.text
    assert await office.count(Installation) == 0


async def test_of_two_installs_at_once_one_makes_the_organization(
    office: Office, browser: httpx.AsyncClient
) -> None:
    async with office.browser() as other:
        pages = await asyncio.gather(install(office, browser, ADA), install(office, other, OLGA))

    assert [page.status_code for page in pages] == [200, 200]
    assert await office.count(Organization) == 1
    [organization] = await office.rows(Organization)
    async with office.parts.database.system(write=False) as session:
        assert len(await Members(session).owners(organization.id)) == 1


def test_an_answer_without_a_workspace_or_grid_is_refused() -> None:
    answer = {"app_id": "A1", "bot_user_id": "U1", "access_token": "xoxb-1", "authed_user": {"id": "U2"}}

    with pytest.raises(ValueError, match="documents"):
        new_installation(answer.get)
