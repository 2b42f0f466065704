"""People and platforms that say no, in part or altogether: always a page and a message on how to go on.

SECURITY.md C11: no capability is offered without its scopes, and what was unticked is named in words.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from itertools import combinations
from typing import Any

import pytest

from adapters.base import App, Capability, missing_scopes
from bot.services.accounts.catalog import PlatformCatalog
from bot.services.accounts.diagnosis import diagnose, state_of
from bot.services.accounts.profiles import AccountProfile
from bot.views.accounts import ability, card
from bot.views.doctor import permissions
from sandbox.browser import Browser, Consent, Page, travel
from sandbox.slack.world import ACME, ADA
from storage.models import Account, Grant, GrantStatus, Membership, Notice, Role
from tests.application import Office, settings
from tests.counts import in_full, sampled
from tests.hostile.wire import asked
from tests.platforms import PLATFORMS

Count = Callable[[str, object], None]
APPS = [app for platform in PLATFORMS.values() for app in platform.apps]
PLATFORM_OF = {app.key: platform for platform in PLATFORMS.values() for app in platform.apps}
FOUND_OUT_WITHOUT = {
    "facebook": {"pages_show_list"},
    "instagram": {"instagram_basic", "pages_show_list"},
    "tiktok": {"user.info.basic"},
    "youtube": {"https://www.googleapis.com/auth/youtube.readonly"},
}
"""The scopes without which a platform shows no account at all, where people can untick any."""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as found:
        yield found


async def go(office: Office, browser: Browser, app: App, consent: Consent) -> tuple[Membership, Page]:
    """Let a member of a new organization connect, and return the page at the end."""
    member = await office.member()
    page = await travel(
        browser,
        office.url + await office.ticket(member, PLATFORM_OF[app.key].key, app.key),
        slack_url=office.slack.url,
        app_url=office.url,
        slack_person=f"{ADA}.{ACME}",
        consent=consent,
    )
    assert page.origin == office.url
    return member, page


async def told(office: Office, member: Membership) -> dict[str, Any]:
    """Return the one message that the member is sent."""
    [notice] = [n for n in await office.rows(Notice) if n.organization_id == member.organization_id]
    assert isinstance(notice, Notice)
    return await office.message(notice)


def buttons(message: dict[str, Any]) -> list[str]:
    return [
        e["action_id"] for block in message["blocks"] for e in block.get("elements", ()) if "action_id" in e
    ]


def heading(page: Page) -> str:
    return page.title.removesuffix(" · Octapost")


def one_line(page: Page) -> str:
    return " ".join(page.text.split())


@pytest.mark.parametrize("app", sampled(APPS, len(APPS)), ids=lambda app: app.key)
async def test_cancel_at_the_platform_is_fine_and_says_how_to_go_on(
    office: Office, browser: Browser, app: App
) -> None:
    platform = PLATFORM_OF[app.key]

    member, page = await go(office, browser, app, Consent(approve=False))

    notice = await told(office, member)
    assert heading(page) == "Cancelled. Nothing changed."
    assert f"You cancelled at {platform.sign_in_site}. Nothing changed." in one_line(page)
    assert f"type /octapost connect {platform.key}" in one_line(page)
    assert "Nothing changed" in notice["text"]
    assert buttons(notice) == [f"connect.platform.{app.key}"]
    assert not [each for each in asked(office) if "token" in each.path.lower()]
    assert await office.count(Grant) == 0


@in_full
async def test_cancel_at_linkedins_login_reads_like_cancel_at_its_consent(
    office: Office, browser: Browser
) -> None:
    office.world.platforms["linkedin"].settings["cancel_code"] = "user_cancelled_login"

    _, page = await go(office, browser, PLATFORMS["linkedin"].apps[0], Consent(approve=False))

    assert heading(page) == "Cancelled. Nothing changed."


async def test_an_app_without_its_product_is_called_the_operators_fault(
    office: Office, browser: Browser
) -> None:
    linkedin = office.world.platforms["linkedin"]
    app = PLATFORMS["linkedin"].apps[1]
    client = office.parts.settings.platforms()["linkedin"].clients[app.key]
    linkedin.register(client.client_id, client.client_secret, [client.redirect_uri], ["openid"])

    member, page = await go(office, browser, app, Consent())

    assert heading(page) == "That's on us"
    assert "Community Management" in one_line(page)
    assert buttons(await told(office, member)) == [f"connect.platform.{app.key}"]


@pytest.mark.parametrize(
    "app", sampled([app for app in APPS if app.key in FOUND_OUT_WITHOUT], 2), ids=lambda app: app.key
)
async def test_whatever_is_unticked_is_named_and_never_called_an_outage(
    office: Office, browser: Browser, app: App, record_property: Count
) -> None:
    names = [scope.name for scope in app.scopes]
    wishes = [*([name] for name in names), names]

    for untick in wishes:
        # At Google earlier consents count on; a new person is like the first time.
        for simulator in office.world.platforms.values():
            simulator.grants.clear()
        member, page = await go(office, browser, app, Consent(untick=untick))
        notice, said = await told(office, member), one_line(page)
        lost = FOUND_OUT_WITHOUT[app.key] & set(untick)

        assert page.status == 200, untick
        assert "answering" not in heading(page), untick
        if "A permission was unticked" in said:
            assert lost, untick
            assert "start again and leave everything ticked" in said
            assert buttons(notice) == [f"connect.platform.{app.key}"]
        else:
            assert (heading(page) == "Nothing was connected") == bool(lost), untick
            reasons = [scope.reason for scope in app.scopes if scope.name in untick]
            assert [name for name in untick if {*"._:/"} & {*name} and name in said] == []
            unable = "can't publish yet" in said  # that says it all, once
            assert unable or all(reason in said and reason in str(notice) for reason in reasons), untick
            assert "leave everything ticked" in said
        assert GrantStatus.PENDING not in {grant.status for grant in await office.rows(Grant)}, untick
    record_property("counted", f"{len(wishes)} ways to untick {app.key}: each named, none called an outage")


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.key)
def test_a_card_offers_nothing_beyond_its_scopes_and_names_every_missing_one(
    app: App, record_property: Count
) -> None:
    platform, catalog = PLATFORM_OF[app.key], PlatformCatalog(settings().platforms())
    names = [scope.name for scope in app.scopes]
    subsets = [set(some) for size in range(len(names) + 1) for some in combinations(names, size)]

    for granted in subsets:
        account = Account(
            organization_id="org_1",
            platform=platform.key,
            app=app.key,
            remote_id="1",
            kind="Page",
            name="Blue Door",
            connected_by="mem_1",
        )
        grant = Grant(platform=platform.key, app=app.key, scopes=sorted(granted), status=GrantStatus.HEALTHY)
        state = state_of(catalog, account, grant)
        can = state.can
        shown = AccountProfile(
            account=account,
            grant=grant,
            platform=platform,
            organization="Acme",
            can=can,
            missing=state.missing,
            diagnosis=diagnose(state),
            label=account.name,
            connected_by=ADA,
        )
        said = permissions(shown)

        for capability in Capability:
            needed = {scope.name for scope in app.scopes if capability in scope.unlocks}
            allowed = bool(needed) and needed <= granted
            assert (capability in can) == allowed, (granted, capability)
            offered = any(line.startswith("Can ") and ability(platform, capability) in line for line in said)
            assert offered == allowed, (granted, capability)
        for scope in missing_scopes(app, granted):
            assert f"Not granted: to {scope.reason}." in said, granted
        assert ("account.places" in str(card(shown, Role.ADMIN))) == (Capability.PLACES in can)
    record_property("counted", f"{len(subsets)} subsets of {app.key}'s scopes: each card true to its scopes")
