"""The whole world: started as one, known to the app by its environment, broken by buttons."""

from __future__ import annotations

import socket
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from adapters.registry import REGISTRY
from bot.settings import Settings
from sandbox.platforms.meta.simulator import MetaSimulator
from sandbox.slack.world import ACME, ADA
from sandbox.world import KEYS_FILE, MANIFEST, World

ROOT = Path(__file__).parent.parent.parent
APP = "http://localhost:4242"
PLATFORMS = ("facebook", "instagram", "x", "linkedin", "tiktok", "reddit", "youtube")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as started:
        yield started


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def press(http: aiohttp.ClientSession, world: World, button: str, what: str = "") -> str:
    async with http.post(f"{world.url}/world/{button}", data={"what": what}) as answer:
        assert answer.status == 200
        return await answer.text()


def test_the_app_in_the_world_is_the_one_in_the_manifest() -> None:
    declared: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text())
    [command] = declared["features"]["slash_commands"]

    assert {
        "command": command["command"],
        "command_description": command["description"],
        "usage_hint": command["usage_hint"],
        "bot_scopes": declared["oauth_config"]["scopes"]["bot"],
        "shortcuts": [
            {"callback_id": s["callback_id"], "name": s["name"], "type": s["type"]}
            for s in declared["features"]["shortcuts"]
        ],
        "events": declared["settings"]["event_subscriptions"]["bot_events"],
        "messages_read_only": declared["features"]["app_home"]["messages_tab_read_only_enabled"],
    } == MANIFEST


async def test_the_environment_is_one_the_app_accepts(world: World, tmp_path: Path) -> None:
    settings = Settings.from_env(world.env(APP, tmp_path), REGISTRY)

    found = settings.platforms()
    clients = [client for one in found.values() for client in one.clients.values()]
    assert {client.app.key for client in clients} == {*PLATFORMS, "linkedin_page"}
    assert settings.slack_api_url == f"{world.url}/api/"
    for key, one in found.items():
        for client in one.clients.values():
            registered = world.platforms[key].apps[client.client_id]
            assert client.redirect_uri in registered.redirect_uris
            assert registered.client_secret == client.client_secret
            assert set(client.scopes) <= registered.scopes
            assert client.origin == world.platforms[key].url


async def test_slack_knows_where_the_app_is(world: World, tmp_path: Path) -> None:
    world.env(APP, tmp_path)

    app = world.slack.state.app
    assert app is not None
    assert app.endpoint == f"{APP}/slack/events"
    assert app.redirect_urls == (f"{APP}/slack/oauth_redirect", f"{APP}/slack/identity")


async def test_the_keys_are_made_once_and_only_their_owner_reads_them(world: World, tmp_path: Path) -> None:
    first = world.env(APP, tmp_path / "new")["OCTAPOST_VAULT_KEYS"]
    second = world.env(APP, tmp_path / "new")["OCTAPOST_VAULT_KEYS"]

    assert first == second
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new" / KEYS_FILE).stat().st_mode) == 0o600


async def test_facebook_and_instagram_are_one_simulator(world: World) -> None:
    assert world.platforms["facebook"] is world.platforms["instagram"]
    assert len(world.simulators) == 7


async def test_a_taken_port_leaves_nothing_running() -> None:
    world = World()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(OSError, match="in use"):
            await world.start(port=taken.getsockname()[1])

        assert [s.name for s in world.simulators if s._runner is not None] == []


async def test_the_page_names_everybody_and_says_what_they_are_for(
    world: World, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{world.url}/world") as answer:
        page = await answer.text()

    people = [p for platform in world.platforms.values() for p in platform.people.values()]
    assert [p.name for p in people if p.name not in page or p.about not in page] == []


async def test_an_outage_begins_and_ends(world: World, http: aiohttp.ClientSession) -> None:
    token_url = f"{world.platforms['x'].url}/2/oauth2/token"

    begun = await press(http, world, "x/outage")
    during = (await http.post(token_url)).status
    ended = await press(http, world, "x/recover")
    after = (await http.post(token_url)).status

    assert "X&#39;s whole server now answers 503." in begun
    assert "X works again." in ended
    assert (during, after) == (503, 401)


async def test_an_outage_of_slack_spares_the_client(world: World, http: aiohttp.ClientSession) -> None:
    await press(http, world, "slack/outage")

    assert (await http.post(f"{world.url}/api/auth.test")).status == 503
    assert (await http.get(world.url)).status == 200


async def test_time_passes_everywhere_but_in_slack(world: World, http: aiohttp.ClientSession) -> None:
    await press(http, world, "time", "53d")
    shown = await press(http, world, "time", "1d")

    assert "1 day went by" in shown
    assert "54 days later" in shown
    assert {s.clock.offset_s for s in world.simulators if s is not world.slack} == {54 * 86_400}
    assert world.slack.clock.offset_s == 0


async def test_linkedins_sign_in_comes_to_its_last_week(world: World, http: aiohttp.ClientSession) -> None:
    linkedin = world.platforms["linkedin"]
    person, app = linkedin.people["ana-ruiz"], next(iter(linkedin.apps.values()))

    nobody = await press(http, world, "linkedin/warning")
    linkedin.issue(linkedin._new_grant(person, app, app.scopes, frozenset()))
    await press(http, world, "time", "7d")
    there = await press(http, world, "linkedin/warning")
    again = await press(http, world, "linkedin/warning")

    assert "Nothing happened: nobody is signed in there; connect LinkedIn first." in nobody
    assert "46 days went by." in there
    assert "day 53 of the newest sign-in there is over" in again
    assert linkedin.clock.offset_s == pytest.approx(53 * 86_400 + 3600, abs=60)


async def test_there_is_nothing_to_find_out_where_no_permission_ended(
    world: World, http: aiohttp.ClientSession
) -> None:
    assert "Nothing happened: there is nothing to find out there." in await press(http, world, "x/notice")
    assert "Nothing happened: no sign-in there ends by itself." in await press(http, world, "x/warning")
    assert world.passed == timedelta(0)


@pytest.mark.parametrize("name", ["x", "linkedin", "tiktok", "reddit", "youtube"])
async def test_a_grant_expires_and_is_revoked(world: World, http: aiohttp.ClientSession, name: str) -> None:
    platform = world.platforms[name]
    person = next(iter(platform.people.values()))
    app = next(iter(platform.apps.values()))
    grant = platform._new_grant(person, app, app.scopes, frozenset())
    platform.issue(grant)

    async with http.get(f"{world.url}/world") as answer:
        assert f"Revoke the grant of {person.name} at {platform.title}" in await answer.text()
    await press(http, world, f"{name}/expire", person.id)
    assert set(grant.access.values()) == {0.0}
    await press(http, world, f"{name}/revoke", person.id)

    assert grant.dead
    async with http.get(f"{world.url}/world") as answer:
        assert "Revoke the grant" not in await answer.text()


@pytest.mark.parametrize(
    ("name", "label"),
    [("x", "Suspend"), ("x", "Lock"), ("reddit", "Suspend"), ("youtube", "Delete the channel")],
)
async def test_a_platform_does_to_an_account_what_its_button_says(
    world: World, http: aiohttp.ClientSession, name: str, label: str
) -> None:
    platform = world.platforms[name]
    person = next(iter(platform.people.values()))
    app = next(iter(platform.apps.values()))
    grant = platform._new_grant(person, app, app.scopes, frozenset())
    platform.issue(grant)

    async with http.get(f"{world.url}/world") as answer:
        assert f"{label}: {person.name} at {platform.title}" in await answer.text()
    await press(http, world, f"{name}/measure", f"{label}/{person.id}")

    assert platform.measures[label].items() <= grant.person.facts.items()


@pytest.mark.parametrize(
    ("name", "person", "said"),
    [
        ("tiktok", "octa_demo", "Octa Demo New"),
        ("youtube", "110000000000000000001", "Octa Channel New now, @octachannelnew"),
        ("meta", "ana", "Blue Door Bakery New now, and its Instagram account @bluedoorbakery_new"),
        ("linkedin", "ana-ruiz", "Ana Ruiz New now, and the Page Blue Door is called Blue Door New"),
    ],
)
async def test_an_account_is_renamed_and_gets_its_old_name_back(
    world: World, http: aiohttp.ClientSession, name: str, person: str, said: str
) -> None:
    first = await press(http, world, f"{name}/measure", f"Rename/{person}")
    second = await press(http, world, f"{name}/measure", f"Rename/{person}")

    assert said in first
    assert "Let Octapost find out" in second
    assert "New now" not in second


async def test_a_name_that_cannot_change_stays(world: World, http: aiohttp.ClientSession) -> None:
    assert "Nothing happened" in await press(http, world, "reddit/measure", "Rename/octa_demo")
    assert "Nothing happened" in await press(http, world, "youtube/measure", "Rename/110000000000000000003")


async def test_only_an_administrator_of_a_page_loses_a_role(
    world: World, http: aiohttp.ClientSession
) -> None:
    taken = [
        await press(http, world, "linkedin/measure", f"Take away a Page role/{person}")
        for person in ("ana-ruiz", "ana-ruiz", "ana-ruiz", "ben-okafor")
    ]

    for page, said in zip(
        taken,
        ("at Blue Door any more", "at Octa Mugs any more", "Ana Ruiz has no Page left", "Ben Okafor has no"),
        strict=True,
    ):
        assert said in page


async def test_a_meta_token_expires_and_is_revoked(world: World, http: aiohttp.ClientSession) -> None:
    meta = world.platforms["facebook"]
    assert isinstance(meta, MetaSimulator)
    person, app = next(iter(meta.people)), next(iter(meta.apps.values()))
    token = meta._issue("USER", app, person=person, life=1000)

    expired = await press(http, world, "meta/expire", person)
    late = token.expires_at < meta.clock.now()
    await press(http, world, "meta/revoke", person)

    assert f"Meta: {meta.people[person].name}&#39;s access tokens expired." in expired
    assert (late, token.dead) == (True, 458)


async def test_nobody_is_touched_by_a_button_for_nobody(world: World, http: aiohttp.ClientSession) -> None:
    assert "Nothing happened" in await press(http, world, "x/revoke", "nobody")
    assert "Nothing happened" in await press(http, world, "x/measure", "Suspend/nobody")
    assert "Nothing happened" in await press(http, world, "x/measure", "Delete the channel/4711")
    assert "Nothing happened" in await press(http, world, "slack/uninstall", ACME)


async def test_another_sites_page_cannot_press_the_buttons(world: World, http: aiohttp.ClientSession) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    async with http.post(f"{world.url}/world/x/outage", data={"what": ""}, headers=foreign) as answer:
        assert answer.status == 403

    assert world.platforms["x"].faults == []


async def test_a_button_that_is_not_there_is_not_found(world: World, http: aiohttp.ClientSession) -> None:
    assert (await http.post(f"{world.url}/world/myspace/outage", data={"what": ""})).status == 404
    assert (await http.post(f"{world.url}/world/x/explode", data={"what": ""})).status == 404


async def test_a_fresh_browser_starts_where_the_app_is_added(
    world: World, http: aiohttp.ClientSession
) -> None:
    world.connect_app(APP)

    async with http.get(world.url) as answer:
        page = await answer.text()

    assert answer.url.path == f"/client/{ACME}/{ADA}/welcome"
    assert f'href="{APP}/slack/install"' in page
