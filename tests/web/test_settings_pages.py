"""The page for one account's settings: who may use it, and that nothing is chosen there that may not be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlmodel import select, update

from adapters.base import Media, MediaKind
from bot.services.posts.drafts import Details, Written, dump, load
from sandbox.slack.world import ACME, ADA, OTTO
from storage.engine.statements import now
from storage.models import Account, Draft, DraftLink, Membership, digest, new_id, new_secret, utc_now
from tests.application import Office, open_office
from tests.counts import in_full
from tests.uploads import linked

PICTURE = Media(key="mug", kind=MediaKind.IMAGE, type="image/jpeg", size=4_000, width=900, height=1600)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """The product with all its work: an account is connected, and platforms are asked."""
    async with AsyncExitStack() as stack:
        yield await open_office(tmp_path, stack)


async def settings_link(office: Office) -> str:
    """Return the path of a new page for the settings of a post on TikTok."""
    ada = await office.installed()
    await ada.connect("tiktok")
    [account] = await office.rows(Account)
    member = next(one for one in await office.rows(Membership) if one.user_id == ADA)
    draft_id, token = new_id("drf"), new_secret()
    written = Written(text="Mugs <b>today</b>", media=(PICTURE,), accounts=(account.id,))
    async with office.database.system() as session:
        session.add(
            Draft(
                id=draft_id, organization_id=member.organization_id, author=member.id, written=dump(written)
            )
        )
        await session.flush()
        link = DraftLink(
            token_hash=digest(token),
            organization_id=member.organization_id,
            membership_id=member.id,
            team_id=member.team_id,
            draft_id=draft_id,
            platform="tiktok",
            account_id=account.id,
            expires_at=utc_now() + timedelta(hours=1),
        )
        session.add(link)
    return f"/compose/tiktok/{token}"


def token_in(page: str) -> str:
    """Return the hidden token of a page's form."""
    return page.split('name="form" value="')[1].split('"', maxsplit=1)[0]


async def stored(office: Office) -> Details:
    """Return what is stored of the account's settings."""
    [draft] = await office.rows(Draft)
    written = load(draft.written)
    return replace(written.of(written.accounts[0]), live=None)


async def test_only_what_the_account_may_choose_is_stored(office: Office, browser: httpx.AsyncClient) -> None:
    path = await settings_link(office)
    await office.sign_in(browser, path)
    page = await browser.get(path)

    answer = await browser.post(
        f"{path}/settings",
        data={
            "form": token_in(page.text),
            "privacy": "FOLLOWER_OF_CREATOR",
            "comments": "yes",
            "duet": "yes",
            "branded_content": "yes",
            "music_confirmation": "yes",
            "nonsense": "yes",
        },
    )

    assert answer.status_code == 200
    assert (await stored(office)).options == {
        "comments": True,
        "commercial": False,
        "music_confirmation": True,
    }
    assert "Mugs &lt;b&gt;today&lt;/b&gt;" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]


async def test_without_the_members_browser_the_address_opens_nothing(office: Office) -> None:
    path = await settings_link(office)
    data = {"form": "", "privacy": "SELF_ONLY"}

    async with office.browser() as stranger:
        shown = await stranger.get(path)
        forged = token_in(shown.text)
        same = {"Sec-Fetch-Site": "same-origin"}
        statuses = [
            (await stranger.get(f"{path}/files/0")).status_code,
            (await stranger.post(f"{path}/settings", data=data)).status_code,
            (await stranger.post(f"{path}/settings", data=data | {"form": forged})).status_code,
            (await stranger.post(f"{path}/settings", data=data, headers=same)).status_code,
        ]
        forwarded = await office.sign_in(stranger, path, OTTO, ACME)
        after = (await stranger.get(f"{path}/files/0")).status_code

    assert "Mugs" not in shown.text
    assert statuses == [403] * 4
    assert (forwarded.status_code, after) == (403, 403)
    assert (await stored(office)).options == {}


@in_full
@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
async def test_another_site_can_save_nothing(
    office: Office, browser: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    path = await settings_link(office)
    await office.sign_in(browser, path)

    answer = await browser.post(f"{path}/settings", data={"privacy": "SELF_ONLY"}, headers=headers)

    assert answer.status_code == 403
    assert (await stored(office)).options == {}


@pytest.mark.parametrize(
    "when",
    [
        "expired",
        *(
            pytest.param(each, marks=in_full)
            for each in ("guessed", "published", "another kind", "left out", "another platform")
        ),
    ],
)
async def test_outside_of_its_window_the_page_is_nothing(
    office: Office, browser: httpx.AsyncClient, when: str
) -> None:
    path = await settings_link(office)
    await office.sign_in(browser, path)
    form = token_in((await browser.get(path)).text)
    async with office.database.system() as session:
        if when == "expired":
            await session.exec(update(DraftLink).values(expires_at=now()))
        if when == "published":
            [draft] = await session.exec(select(Draft))
            await session.delete(draft)
        if when == "another platform":
            await session.exec(update(DraftLink).values(platform="youtube"))
        if when == "left out":
            written = dump(Written(text="Mugs", media=(PICTURE,)))
            await session.exec(update(Draft).values(written=written))
    if when == "guessed":
        path = f"/compose/tiktok/{new_secret()}"
    if when == "another kind":
        path = path.replace("/compose/tiktok/", "/upload/")

    shown = await browser.get(path)
    saved = await browser.post(f"{path}/settings", data={"form": form, "privacy": "SELF_ONLY"})

    assert shown.status_code == 404
    assert saved.status_code in {403, 404}


@in_full
async def test_an_upload_link_opens_no_settings(office: Office, browser: httpx.AsyncClient) -> None:
    await office.installed()
    path = await linked(office, await office.member())

    answer = await browser.get(path.replace("/upload/", "/compose/tiktok/"))

    assert answer.status_code == 404


@in_full
@pytest.mark.parametrize("number", ["1", "-1", "x", "9999", "0/..", "%00"])
async def test_only_files_of_the_post_are_shown(
    office: Office, browser: httpx.AsyncClient, number: str
) -> None:
    path = await settings_link(office)
    await office.sign_in(browser, path)

    assert (await browser.get(f"{path}/files/{number}")).status_code == 404


@in_full
async def test_a_platform_that_does_not_answer_is_said_and_nothing_can_be_chosen(
    office: Office, browser: httpx.AsyncClient
) -> None:
    path = await settings_link(office)
    office.world.platforms["tiktok"].settings["creator_error"] = "internal_error"
    await office.sign_in(browser, path)

    page = (await browser.get(path)).text

    assert "TikTok isn&#39;t answering" in page
    assert "music_confirmation" not in page
