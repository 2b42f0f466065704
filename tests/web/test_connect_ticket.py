"""The ticket's page and the proof of who is there."""

from __future__ import annotations

import re

import httpx
import pytest
from markupsafe import escape
from sqlmodel import col, delete

from sandbox.core import Fault
from sandbox.slack.world import ACME, ADA, BEA, BLUE, GUS, OTTO
from storage.memberships import Members
from storage.models import Browser, ConnectionAttempt, Role, SignIn, Ticket, digest
from tests.application import Office
from tests.counts import sampled
from tests.pages import COOKIE, press, query_of
from tests.platforms import PLATFORMS

BOTS = (
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Slack-ImgProxy (+https://api.slack.com/robots)",
    "facebookexternalhit/1.1",
    "Twitterbot/1.0",
    "LinkedInBot/1.0",
    "Discordbot/2.0",
    "TelegramBot (like TwitterBot)",
    "WhatsApp/2.23",
    "SkypeUriPreview Preview/0.5",
    "Mozilla/5.0 (compatible; bingbot/2.0)",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; Yahoo! Slurp)",
    "BarracudaCentral",
    "Mimecast",
    "Proofpoint URL Defense",
    "Microsoft Office Existence Discovery",
    "Iframely/1.3.1",
    "Embedly/0.2",
    "Applebot/0.1",
    "curl/8.5.0",
)


async def test_the_page_names_what_is_connected_to_whom_and_the_reason_of_every_permission(
    office: Office, browser: httpx.AsyncClient
) -> None:
    for platform in PLATFORMS.values():
        for app in platform.apps:
            organization = f"Friends of {app.key}"
            member = await office.member(name=organization)
            page = await browser.get(await office.ticket(member, platform.key, app.key))
            assert page.status_code == 200
            assert f"<h1>Connect {platform.name} to {organization}</h1>" in page.text
            for scope in app.scopes:
                assert f"<li>{escape(scope.reason)}</li>" in page.text
                assert f">{scope.name}<" not in page.text


async def test_opening_the_page_changes_nothing_for_twenty_bots(office: Office) -> None:
    link = await office.ticket(await office.member())

    for agent in BOTS:
        async with office.browser(**{"User-Agent": agent}) as bot:
            shown, peeked = await bot.get(link), await bot.head(link)
        assert (shown.status_code, peeked.status_code) == (200, 200)
        assert "set-cookie" not in shown.headers
        assert "set-cookie" not in peeked.headers
    assert (
        await office.count(SignIn)
        == await office.count(Browser)
        == await office.count(ConnectionAttempt)
        == 0
    )
    [ticket] = await office.rows(Ticket)
    assert ticket.used_at is None


async def test_continue_goes_to_slack_first_and_then_to_the_platform(
    office: Office, browser: httpx.AsyncClient
) -> None:
    link = await office.ticket(await office.member())

    started = await press(browser, link)
    proved = await browser.get(office.slack.consent(started.headers["location"], ADA, ACME))

    assert started.status_code == proved.status_code == 303
    assert started.headers["location"].startswith(f"{office.slack.url}/openid/connect/authorize?")
    asked = query_of(started.headers["location"])
    assert asked["scope"] == "openid"
    assert asked["team"] == ACME
    assert asked["redirect_uri"] == f"{office.url}/slack/identity"
    assert proved.headers["location"].startswith(f"{office.x.url}/i/oauth2/authorize?")
    assert await office.count(ConnectionAttempt) == 1


async def test_a_browser_that_was_proved_is_not_asked_again(
    office: Office, browser: httpx.AsyncClient
) -> None:
    member = await office.member()
    await office.sign_in(browser, await office.ticket(member))

    again = await press(browser, await office.ticket(member, "youtube"))

    assert again.headers["location"].startswith(f"{office.youtube.url}/o/oauth2/v2/auth?")


async def test_a_browser_that_was_proved_for_somebody_else_is_asked(
    office: Office, browser: httpx.AsyncClient
) -> None:
    await office.sign_in(browser, await office.ticket(await office.member()))
    link = await office.ticket(await office.member(OTTO))

    started = await press(browser, link)

    assert started.headers["location"].startswith(f"{office.slack.url}/openid/connect/authorize?")


async def test_the_cookie_is_for_us_only_and_hidden_from_scripts(
    office: Office, browser: httpx.AsyncClient
) -> None:
    started = await press(browser, await office.ticket(await office.member()))

    cookie = started.headers["set-cookie"]
    name, _, value = cookie.partition(";")[0].partition("=")
    assert name == COOKIE
    assert len(value) == 43
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize(("user", "team"), sampled([(OTTO, ACME), (GUS, ACME), (BEA, BLUE)], 3))
async def test_a_forwarded_link_never_reaches_consent(
    office: Office, browser: httpx.AsyncClient, user: str, team: str
) -> None:
    link = await office.ticket(await office.member(ADA))
    started = await press(browser, link)
    # Slack offers the link's workspace only; somebody else's browser may leave that out.
    wanted = started.headers["location"].replace(f"team={ACME}", f"team={team}")

    answer = await browser.get(office.slack.consent(wanted, user, team))

    assert answer.status_code == 403
    assert "belongs to someone else" in answer.text
    assert "Acme Social" not in answer.text
    assert await office.count(ConnectionAttempt) == await office.count(Browser) == 0


async def test_the_right_person_can_still_use_a_link_that_somebody_else_tried(
    office: Office, browser: httpx.AsyncClient
) -> None:
    link = await office.ticket(await office.member(ADA))
    async with office.browser() as thief:
        await office.sign_in(thief, link, OTTO)

    answer = await office.sign_in(browser, link)

    assert answer.status_code == 303


async def test_the_same_user_id_in_another_workspace_is_somebody_else(
    office: Office, browser: httpx.AsyncClient
) -> None:
    link = await office.ticket(await office.member(ADA))
    office.slack.settings["id_token_claims"] = {"https://slack.com/team_id": BLUE}

    answer = await office.sign_in(browser, link)

    assert answer.status_code == 403
    assert await office.count(ConnectionAttempt) == 0


async def test_a_form_from_elsewhere_is_refused(office: Office, browser: httpx.AsyncClient) -> None:
    link = await office.ticket(await office.member())
    elsewhere = (
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    )

    for headers in elsewhere:
        assert (await press(browser, link, **headers)).status_code == 403
    for headers in ({}, {"Origin": "null"}, {"Origin": f"{office.url}.evil.example"}):
        assert (await browser.post(link, headers=headers)).status_code == 403
    token = await form_token(browser, link)
    for headers in (*elsewhere, {"Origin": f"{office.url}.evil.example"}):
        assert (await browser.post(link, headers=headers, data=token)).status_code == 403
    assert (await browser.post(link, headers={"Origin": office.url})).status_code == 303
    assert await office.count(SignIn) == 1


@pytest.mark.parametrize(
    "headers", sampled([{}, {"Origin": "null"}], 2), ids=sampled(["no headers", "Origin: null"], 2)
)
async def test_a_browser_that_does_not_say_where_its_form_was_is_let_on_by_the_forms_token(
    office: Office, browser: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    member = await office.member()
    first, second, third = [await office.ticket(member) for _ in range(3)]
    without_cookie = await form_token(browser, first)
    started = await browser.post(first, headers=headers, data=without_cookie)
    with_cookie = await form_token(browser, second)

    assert started.status_code == 303
    assert (await browser.post(second, headers=headers, data=with_cookie)).status_code == 303
    odd = {"Content-Type": "application/x-www-form-urlencoded; charset=none"} | headers
    for body in (b"form=\xff\x00", b"form", b"&" * 5000, f"form={with_cookie['form']}".encode() * 2):
        assert (await browser.post(third, headers=odd, content=body)).status_code == 403
    for wrong in (without_cookie, with_cookie, {"form": "a" * 43}, {"form": ""}, {}):
        refused = await browser.post(third, headers=headers, data=wrong)
        assert refused.status_code == 403
        assert f'href="{third}"' in refused.text
        assert not refused.cookies
    assert await office.count(SignIn) == 2


async def test_a_forms_token_is_for_the_browser_that_was_shown_it(
    office: Office, browser: httpx.AsyncClient
) -> None:
    link = await office.ticket(await office.member())
    await press(browser, link)
    token = await form_token(browser, link)

    async with office.browser() as other:
        without = await other.post(link, data=token)
        await press(other, link)
        with_another = await other.post(link, data=token)

    assert (without.status_code, with_another.status_code) == (403, 403)
    assert (await browser.post(link, data=token)).status_code == 303


async def test_a_page_that_was_open_before_the_browser_got_its_cookie_leads_to_one_that_works(
    office: Office, browser: httpx.AsyncClient
) -> None:
    member = await office.member()
    link = await office.ticket(member)
    early = await form_token(browser, link)
    await press(browser, await office.ticket(member))

    refused = await browser.post(link, data=early)
    [back] = re.findall(r'href="(/connect/[^"]+)"', refused.text)
    again = await browser.post(back, data=await form_token(browser, back))

    assert refused.status_code == 403
    assert again.status_code == 303


async def form_token(browser: httpx.AsyncClient, link: str) -> dict[str, str]:
    """Return what the form on a link's page carries."""
    page = await browser.get(link)
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)">', page.text))


async def test_a_used_or_unknown_link_says_how_to_get_a_new_one(
    office: Office, browser: httpx.AsyncClient
) -> None:
    link = await office.ticket(await office.member())
    async with office.browser() as other:
        await office.sign_in(other, link)

    for over in (link, "/connect/nonsense", f"/connect/{'a' * 43}", "/connect/%00", f"/connect/{'a' * 5000}"):
        for page in (await browser.get(over), await press(browser, over)):
            assert page.status_code == 410, over
            assert "Type <code>/octapost connect</code> in Slack" in page.text


async def test_a_link_of_somebody_who_lost_the_role_leads_nowhere(
    office: Office, browser: httpx.AsyncClient
) -> None:
    member = await office.member()
    link = await office.ticket(member)
    async with office.parts.database.system() as session:
        row = await Members(session).get(member.organization_id, member.id)
        assert row is not None
        row.role = Role.MEMBER

    shown, pressed = await browser.get(link), await press(browser, link)

    assert "This needs an admin of Acme Social" in shown.text
    assert "This needs an admin of Acme Social" in pressed.text
    assert await office.count(SignIn) == 0


async def test_a_sign_in_of_another_browser_is_refused_and_spoils_nothing(
    office: Office, browser: httpx.AsyncClient
) -> None:
    started = await press(browser, await office.ticket(await office.member()))
    back = office.slack.consent(started.headers["location"], ADA, ACME)

    async with office.browser() as other:
        without = await other.get(back)
        await press(other, await office.ticket(await office.member()))
        with_another = await other.get(back)
    mine = await browser.get(back)

    assert [without.status_code, with_another.status_code] == [400, 400]
    assert mine.status_code == 303


async def test_cancelling_at_slack_offers_another_try(office: Office, browser: httpx.AsyncClient) -> None:
    link = await office.ticket(await office.member())
    started = await press(browser, link)

    answer = await browser.get(
        office.slack.consent(started.headers["location"], ADA, ACME, decision="cancel")
    )

    assert answer.status_code == 403
    assert "cancelled" in answer.text
    assert f'href="{link}"' in answer.text
    assert (await browser.get(link)).status_code == 200


@pytest.mark.parametrize("path", sampled(["openid.connect.token", "openid/connect/keys"], 2))
async def test_when_slack_is_down_nothing_starts_and_the_link_lives_on(
    office: Office, browser: httpx.AsyncClient, path: str
) -> None:
    link = await office.ticket(await office.member())
    office.slack.faults.append(Fault(path=path, status=503, body="<html>", times=1))

    first = await office.sign_in(browser, link)
    second = await office.sign_in(browser, link)

    assert first.status_code == 503
    assert "Nothing changed." in first.text
    assert second.status_code == 303


async def test_names_people_chose_are_only_text(office: Office, browser: httpx.AsyncClient) -> None:
    name = """<script>alert(1)</script>"'&<img src=x onerror=alert(1)>"""
    page = await browser.get(await office.ticket(await office.member(name=name)))

    assert "<script" not in page.text
    assert "<img" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_a_proof_ends_with_the_browser_being_forgotten(
    office: Office, browser: httpx.AsyncClient
) -> None:
    member = await office.member()
    await office.sign_in(browser, await office.ticket(member))
    async with office.parts.database.system() as session:
        await session.exec(
            delete(Browser).where(col(Browser.browser_hash) == digest(browser.cookies[COOKIE]))
        )

    started = await press(browser, await office.ticket(member))

    assert started.headers["location"].startswith(f"{office.slack.url}/")
