"""The simulated Google behaves as Google documents, towards our adapter and towards anyone else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from adapters import oauth
from adapters.base import Client, GrantDead, Hint, Misconfigured, Rejected, TokenRefused, Tokens
from adapters.youtube import PLATFORM
from adapters.youtube.account import YouTube
from sandbox.browser import PLAIN
from sandbox.platforms.youtube.channels import PEOPLE, SCOPE
from sandbox.platforms.youtube.simulator import TESTING_LIFE_S, YouTubeSimulator

REDIRECT = "http://localhost:3000/oauth/youtube/callback"
OCTA, STUDIO, VIC = (person.id for person in PEOPLE)
BACKSTAGE = "UCstudioNine000000000003"
VERIFIER = "v" * 43
READONLY = f"{SCOPE}youtube.readonly"


@pytest.fixture
async def google() -> AsyncIterator[YouTubeSimulator]:
    simulator = YouTubeSimulator()
    await simulator.start()
    simulator.register("octa-id", "octa-secret", [REDIRECT])
    yield simulator
    await simulator.stop()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=PLAIN) as client:
        yield client


@pytest.fixture
def client(google: YouTubeSimulator) -> Client:
    return Client(
        app=PLATFORM.apps[0],
        client_id="octa-id",
        client_secret="octa-secret",
        redirect_uri=REDIRECT,
        scopes=tuple(scope.name for scope in PLATFORM.apps[0].scopes),
        origin=google.url,
    )


@pytest.fixture
def youtube(http: httpx.AsyncClient) -> YouTube:
    return YouTube(http)


async def consent(http: httpx.AsyncClient, link: str, person: str, **form: Any) -> dict[str, list[str]]:
    """Press Allow (or what `decision` says) as `person`; return the parameters our callback gets."""
    page = await http.get(link, params={"person": person} | dict(httpx.URL(link).params))
    assert page.status_code == 200
    asked = httpx.URL(link).params["scope"].split()
    answer = await http.post(link, data={"decision": "approve", "person": person, "scope": asked} | form)
    assert answer.status_code == 303
    return parse_qs(urlsplit(answer.headers["location"]).query)


async def connect(http: httpx.AsyncClient, client: Client, person: str, **form: Any) -> Tokens:
    link = oauth.authorize_url(PLATFORM, client, state="s", verifier=VERIFIER)
    [code] = (await consent(http, link, person, **form))["code"]
    return await YouTube(http).exchange(client, code=code, verifier=VERIFIER)


async def trip(
    http: httpx.AsyncClient, google: YouTubeSimulator, person: str, **query: str
) -> dict[str, Any]:
    """Take the whole trip by hand, with only the parameters in `query`; return the token answer."""
    asked = {"client_id": "octa-id", "redirect_uri": REDIRECT, "response_type": "code", "scope": READONLY}
    link = str(httpx.URL(f"{google.url}/o/oauth2/v2/auth", params=asked | query))
    [code] = (await consent(http, link, person))["code"]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "client_id": "octa-id",
        "client_secret": "octa-secret",
    }
    answer = await http.post(f"{google.url}/token", data=form)
    assert answer.status_code == 200
    return dict(answer.json())


async def channels(
    http: httpx.AsyncClient, google: YouTubeSimulator, token: str, **query: str
) -> httpx.Response:
    return await http.get(
        f"{google.url}/youtube/v3/channels", params=query, headers={"Authorization": f"Bearer {token}"}
    )


async def test_a_person_with_one_channel_connects_it(
    http: httpx.AsyncClient, client: Client, youtube: YouTube
) -> None:
    tokens = await connect(http, client, OCTA, asset="UCoctaChannel00000000001")
    found = await youtube.discover(client, tokens)

    [account] = found.accounts
    assert tokens.access_token.startswith("ya29.")
    assert tokens.refresh_token is not None
    assert tokens.refresh_token.startswith("1//")
    assert tokens.scopes == frozenset(client.scopes)
    assert (account.id, account.name, account.handle) == (
        "UCoctaChannel00000000001",
        "Octa Channel",
        "@octachannel",
    )
    assert account.detail == "678 subscribers"
    assert found.identity.id == account.id


async def test_the_token_is_tied_to_the_brand_channel_that_was_chosen(
    http: httpx.AsyncClient, client: Client, youtube: YouTube
) -> None:
    tokens = await connect(http, client, STUDIO, asset=BACKSTAGE)
    found = await youtube.discover(client, tokens)

    assert [(a.id, a.detail) for a in found.accounts] == [(BACKSTAGE, "videos up to 15 minutes")]


async def test_the_consent_page_offers_one_channel_of_several(
    http: httpx.AsyncClient, client: Client
) -> None:
    link = oauth.authorize_url(PLATFORM, client, state="s", verifier=VERIFIER)
    page = (await http.get(link + f"&person={STUDIO}")).text

    assert page.count('type="radio" name="asset"') == 3
    assert page.count('type="checkbox" name="scope"') == 3
    assert "Backstage at Nine (@backstageatnine)" in page


@pytest.mark.parametrize("signup_error", [False, True])
async def test_a_person_without_a_channel_gets_the_hint(
    google: YouTubeSimulator, http: httpx.AsyncClient, client: Client, youtube: YouTube, signup_error: bool
) -> None:
    google.settings["signup_error"] = signup_error

    found = await youtube.discover(client, await connect(http, client, VIC))

    assert found.hints == {Hint.NO_CHANNEL}
    assert found.accounts == ()


async def test_cancelling_comes_back_as_access_denied(http: httpx.AsyncClient, client: Client) -> None:
    link = oauth.authorize_url(PLATFORM, client, state="s", verifier=VERIFIER)

    assert await consent(http, link, OCTA, decision="cancel") == {"error": ["access_denied"], "state": ["s"]}


async def test_an_unticked_scope_is_missing_from_the_grant_and_from_the_api(
    http: httpx.AsyncClient, client: Client, youtube: YouTube
) -> None:
    tokens = await connect(http, client, OCTA, scope=[f"{SCOPE}youtube.upload"])

    assert tokens.scopes == frozenset({f"{SCOPE}youtube.upload"})
    with pytest.raises(Rejected, match="missing_scope"):
        await youtube.discover(client, tokens)


async def test_what_was_granted_before_is_included_when_asked_for(
    google: YouTubeSimulator, http: httpx.AsyncClient, client: Client
) -> None:
    await connect(http, client, OCTA, scope=[f"{SCOPE}youtube.upload"])

    both = await trip(http, google, OCTA, include_granted_scopes="true")
    alone = await trip(http, google, STUDIO, include_granted_scopes="true")

    assert set(both["scope"].split()) == {READONLY, f"{SCOPE}youtube.upload"}
    assert alone["scope"] == READONLY


async def test_a_refresh_keeps_the_refresh_token_and_leaves_it_out(
    http: httpx.AsyncClient, client: Client, youtube: YouTube
) -> None:
    tokens = await connect(http, client, OCTA)

    later = [await youtube.refresh(client, tokens) for _ in range(3)]

    assert {t.refresh_token for t in later} == {None}
    assert len({tokens.access_token, *(t.access_token for t in later)}) == 4


@pytest.mark.parametrize(
    ("trips", "query", "given"),
    [
        pytest.param(1, {}, False, id="online-access-has-none"),
        pytest.param(1, {"access_type": "offline"}, True, id="first-consent"),
        pytest.param(2, {"access_type": "offline"}, False, id="second-consent-has-none"),
        pytest.param(
            2, {"access_type": "offline", "prompt": "consent select_account"}, True, id="asked-again"
        ),
    ],
)
async def test_a_refresh_token_is_given_when_google_gives_one(
    google: YouTubeSimulator, http: httpx.AsyncClient, trips: int, query: dict[str, str], given: bool
) -> None:
    answers = [await trip(http, google, OCTA, **query) for _ in range(trips)]

    assert ("refresh_token" in answers[-1]) is given


async def test_revoking_ends_every_grant_of_the_person_with_this_app_only(
    google: YouTubeSimulator, http: httpx.AsyncClient, client: Client, youtube: YouTube
) -> None:
    first = await connect(http, client, STUDIO, asset=BACKSTAGE)
    second = await connect(http, client, STUDIO)
    other = await connect(http, client, OCTA)

    await youtube.revoke(client, first)

    with pytest.raises(TokenRefused):
        await youtube.discover(client, second)
    with pytest.raises(GrantDead):
        await youtube.refresh(client, second)
    assert (await youtube.refresh(client, other)).access_token
    again = await http.post(f"{google.url}/revoke", data={"token": first.refresh_token})
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")
    await youtube.revoke(client, first)


async def test_in_testing_mode_a_grant_dies_after_seven_days(
    google: YouTubeSimulator, http: httpx.AsyncClient, client: Client, youtube: YouTube
) -> None:
    google.settings["testing_mode"] = True
    tokens = await connect(http, client, OCTA)
    assert tokens.refresh_expires_in is not None
    assert tokens.refresh_expires_in.days == 7

    google.clock.offset_s = TESTING_LIFE_S - 60
    assert (await youtube.refresh(client, tokens)).access_token
    google.clock.offset_s = TESTING_LIFE_S + 60
    with pytest.raises(GrantDead):
        await youtube.refresh(client, tokens)


async def test_one_token_too_many_drops_the_oldest_silently(
    google: YouTubeSimulator, http: httpx.AsyncClient, client: Client, youtube: YouTube
) -> None:
    google.settings["live_token_cap"] = 2
    first, second, third = [await connect(http, client, OCTA) for _ in range(3)]

    with pytest.raises(GrantDead):
        await youtube.refresh(client, first)
    assert (await youtube.discover(client, first)).accounts
    assert (await youtube.refresh(client, second)).access_token
    assert (await youtube.refresh(client, third)).access_token


async def test_a_used_code_is_refused(http: httpx.AsyncClient, client: Client, youtube: YouTube) -> None:
    link = oauth.authorize_url(PLATFORM, client, state="s", verifier=VERIFIER)
    [code] = (await consent(http, link, OCTA))["code"]
    await youtube.exchange(client, code=code, verifier=VERIFIER)

    with pytest.raises(Rejected, match="invalid_grant"):
        await youtube.exchange(client, code=code, verifier=VERIFIER)


@pytest.mark.parametrize("verifier", [None, "w" * 43, VERIFIER + "v", ""])
async def test_a_challenged_code_needs_its_verifier(
    http: httpx.AsyncClient, client: Client, youtube: YouTube, verifier: str | None
) -> None:
    link = oauth.authorize_url(PLATFORM, client, state="s", verifier=VERIFIER)
    [code] = (await consent(http, link, OCTA))["code"]

    with pytest.raises(Rejected, match="invalid_grant"):
        await youtube.exchange(client, code=code, verifier=verifier)


async def test_a_challenge_is_optional(google: YouTubeSimulator, http: httpx.AsyncClient) -> None:
    assert (await trip(http, google, OCTA))["access_token"]


async def test_a_wrong_secret_is_the_operators_fault(
    google: YouTubeSimulator, http: httpx.AsyncClient, client: Client, youtube: YouTube
) -> None:
    tokens = await connect(http, client, OCTA)
    google.register("octa-id", "changed", [REDIRECT])

    with pytest.raises(Misconfigured, match="invalid_client"):
        await youtube.refresh(client, tokens)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"client_id": "nobody"}, "unknown app", id="client"),
        pytest.param({"redirect_uri": REDIRECT + "/"}, "redirect_uri", id="redirect-is-exact"),
        pytest.param({"scope": f"{SCOPE}youtube.everything"}, "invalid_scope", id="scope"),
        pytest.param({"code_challenge": "x", "code_challenge_method": "plain"}, "S256", id="plain-challenge"),
    ],
)
async def test_the_consent_page_does_not_open_for_a_wrong_request(
    google: YouTubeSimulator, http: httpx.AsyncClient, changes: dict[str, str], words: str
) -> None:
    asked = {"client_id": "octa-id", "redirect_uri": REDIRECT, "response_type": "code", "scope": READONLY}
    page = await http.get(f"{google.url}/o/oauth2/v2/auth", params=asked | changes)

    assert page.status_code == 400
    assert words in page.text


@pytest.mark.parametrize(
    ("settings", "query", "status", "reason"),
    [
        pytest.param({"api_enabled": False}, {}, 403, "accessNotConfigured", id="api-off"),
        pytest.param({"daily_units": 0}, {}, 403, "quotaExceeded", id="quota"),
        pytest.param({}, {"mine": "false"}, 400, "missingRequiredParameter", id="no-filter"),
        pytest.param({}, {"part": ""}, 400, "missingRequiredParameter", id="no-part"),
        pytest.param({}, {"part": "snippet,secrets"}, 400, "unknownPart", id="unknown-part"),
    ],
)
async def test_the_api_refuses_in_googles_envelope(
    google: YouTubeSimulator,
    http: httpx.AsyncClient,
    client: Client,
    settings: dict[str, Any],
    query: dict[str, str],
    status: int,
    reason: str,
) -> None:
    tokens = await connect(http, client, OCTA)
    google.settings |= settings

    answer = await channels(
        http, google, tokens.access_token, **({"part": "snippet", "mine": "true"} | query)
    )

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, status)
    assert error["errors"][0]["reason"] == reason


async def test_only_the_parts_asked_for_are_answered_and_each_call_costs_a_unit(
    google: YouTubeSimulator, http: httpx.AsyncClient, client: Client
) -> None:
    tokens = await connect(http, client, STUDIO, asset=BACKSTAGE)
    google.settings["daily_units"] = 2

    answer = await channels(http, google, tokens.access_token, part="statistics", mine="true")

    [item] = answer.json()["items"]
    assert set(item) == {"kind", "etag", "id", "statistics"}
    assert item["statistics"] == {"viewCount": "2742", "hiddenSubscriberCount": True, "videoCount": "2"}
    assert google.settings["daily_units"] == 1


async def test_an_expired_access_token_is_refused_and_a_refresh_heals_it(
    google: YouTubeSimulator, http: httpx.AsyncClient, client: Client, youtube: YouTube
) -> None:
    tokens = await connect(http, client, OCTA)
    google.clock.offset_s = 3600

    with pytest.raises(TokenRefused, match="authError"):
        await youtube.discover(client, tokens)
    assert (await youtube.discover(client, await youtube.refresh(client, tokens))).accounts


async def test_a_channels_picture_comes_from_this_machine(
    google: YouTubeSimulator, http: httpx.AsyncClient, client: Client, youtube: YouTube
) -> None:
    found = await youtube.discover(client, await connect(http, client, OCTA))

    picture = await http.get(found.accounts[0].avatar_url)
    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert (await http.get(f"{google.url}/pictures/nobody.svg")).status_code == 404


def test_the_challenge_is_the_one_rfc_7636_computes(client: Client) -> None:
    query = parse_qs(urlsplit(oauth.authorize_url(PLATFORM, client, state="s", verifier=VERIFIER)).query)

    digest = hashlib.sha256(VERIFIER.encode()).digest()
    assert query["code_challenge"] == [base64.urlsafe_b64encode(digest).rstrip(b"=").decode()]
