"""Installing the app and signing in with Slack, as a browser and the app do it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackSimulator
from sandbox.slack.state import Refused
from sandbox.slack.world import ACME, ADA, BEA, BLUE, DEL, GUS, INITECH, IRIS, IVAN, NORTH, OTTO
from tests.sandbox.slack.app import (
    REDIRECT,
    SCOPES,
    authorize_url,
    code_in,
    installed,
    post,
    receiving,
    slack_for,
)

slack_sdk_uses_old_aiohttp = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")
CREDENTIALS = {"client_id": "1.2", "client_secret": "s3cret"}


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with receiving() as receiver, slack_for(receiver) as running:
        yield running


async def access(slack: SlackSimulator, **form: str) -> dict[str, Any]:
    return await post(f"{slack.url}/api/oauth.v2.access", **CREDENTIALS | form)


def sign_in_url(slack: SlackSimulator, **changes: str) -> str:
    query = {
        "client_id": "1.2",
        "response_type": "code",
        "scope": "openid",
        "redirect_uri": REDIRECT,
        "state": "st",
        "nonce": "n1",
    }
    return f"{slack.url}/openid/connect/authorize?{urlencode(query | changes)}"


async def page(url: str, **form: str) -> tuple[int, str, str]:
    """Return status, body and Location of a page, fetched, or posted to with `form`."""
    async with aiohttp.ClientSession() as http:
        method = "POST" if form else "GET"
        async with http.request(method, url, data=form or None, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers.get("Location", "")


async def claims_of(slack: SlackSimulator, id_token: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"{slack.url}/openid/connect/keys") as answer:
        keys = KeySet.import_key_set(await answer.json())
    found: dict[str, Any] = jwt.decode(id_token, keys, algorithms=["RS256"]).claims
    return found


async def test_the_install_page_names_the_scopes_and_who_may_install(slack: SlackSimulator) -> None:
    status, text, _ = await page(authorize_url(slack, team=ACME))

    assert status == 200
    assert "Send messages as @octapost" in text
    assert "Ada Admin" in text
    assert "Bea Baker" not in text
    assert "Gus Guest" not in text
    assert "Del Deleted" not in text


async def test_approving_installs_the_app(slack: SlackSimulator) -> None:
    status, _, location = await page(authorize_url(slack), person=f"{ADA}.{ACME}", decision="approve")
    answer = await access(slack, code=code_in(location), redirect_uri=REDIRECT)

    assert status == 302
    assert location.startswith(REDIRECT)
    assert parse_qs(urlsplit(location).query)["state"] == ["st"]
    assert answer["ok"]
    assert answer["team"] == {"id": ACME, "name": "Acme"}
    assert answer["enterprise"] is None
    assert answer["authed_user"] == {"id": ADA}
    assert answer["scope"] == SCOPES
    assert answer["token_type"] == "bot"
    assert answer["is_enterprise_install"] is False
    assert "refresh_token" not in answer
    assert slack.state.users[answer["bot_user_id"]].is_bot


async def test_cancelling_comes_back_with_access_denied(slack: SlackSimulator) -> None:
    _, _, location = await page(authorize_url(slack), person=f"{ADA}.{ACME}", decision="cancel")

    assert parse_qs(urlsplit(location).query) == {"error": ["access_denied"], "state": ["st"]}


@slack_sdk_uses_old_aiohttp
async def test_the_client_may_authenticate_with_basic(slack: SlackSimulator) -> None:
    code = code_in(slack.consent(authorize_url(slack), ADA, ACME))

    answer = await AsyncWebClient(base_url=slack.url + "/api/").oauth_v2_access(
        **CREDENTIALS, code=code, redirect_uri=REDIRECT
    )

    assert answer["ok"]
    assert "client_secret" not in slack.calls("oauth.v2.access")[0].body


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"client_id": "9.9"}, "invalid_client_id", id="client-id"),
        pytest.param({"client_secret": "wrong"}, "bad_client_secret", id="client-secret"),
        pytest.param({"code": "made-up"}, "invalid_code", id="code"),
        pytest.param({"redirect_uri": REDIRECT + "/other"}, "bad_redirect_uri", id="redirect-uri"),
        pytest.param({"grant_type": "refresh_token"}, "invalid_refresh_token", id="refresh-token"),
    ],
)
async def test_a_wrong_exchange_is_refused(
    slack: SlackSimulator, changes: dict[str, str], error: str
) -> None:
    right = {"code": code_in(slack.consent(authorize_url(slack), ADA, ACME)), "redirect_uri": REDIRECT}

    assert await access(slack, **right | changes) == {"ok": False, "error": error}


async def test_a_used_code_is_refused(slack: SlackSimulator) -> None:
    code = code_in(slack.consent(authorize_url(slack), ADA, ACME))
    await access(slack, code=code, redirect_uri=REDIRECT)

    again = await access(slack, code=code, redirect_uri=REDIRECT)

    assert again["error"] == "code_already_used"


async def test_a_code_dies_after_ten_minutes(slack: SlackSimulator) -> None:
    code = code_in(slack.consent(authorize_url(slack), ADA, ACME))
    slack.clock.offset_s = 601

    assert (await access(slack, code=code, redirect_uri=REDIRECT))["error"] == "invalid_code"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"client_id": "9.9"}, "invalid_client_id", id="client-id"),
        pytest.param({"redirect_uri": "https://evil.example/"}, "bad_redirect_uri", id="redirect-uri"),
        pytest.param({"scope": "admin"}, "invalid_scope", id="scope-not-in-the-manifest"),
        pytest.param({"scope": ""}, "invalid_scope", id="no-scope"),
    ],
)
async def test_a_wrong_authorize_url_never_redirects(
    slack: SlackSimulator, changes: dict[str, str], error: str
) -> None:
    status, text, location = await page(authorize_url(slack, **changes))

    assert (status, location) == (400, "")
    assert error in text


@pytest.mark.parametrize(
    ("user", "team", "org_wide"),
    [
        pytest.param(GUS, ACME, False, id="guest"),
        pytest.param(DEL, ACME, False, id="deactivated"),
        pytest.param(BEA, ACME, False, id="not-a-member"),
        pytest.param(IVAN, NORTH, True, id="org-wide-without-being-admin"),
        pytest.param(ADA, ACME, True, id="org-wide-outside-of-a-grid"),
    ],
)
async def test_some_people_cannot_install(
    slack: SlackSimulator, user: str, team: str, org_wide: bool
) -> None:
    with pytest.raises(Refused, match="access_denied"):
        slack.consent(authorize_url(slack), user, team, org_wide=org_wide)


async def test_an_org_wide_installation_belongs_to_the_enterprise(slack: SlackSimulator) -> None:
    answer = await installed(slack, IRIS, NORTH, org_wide=True)

    client = AsyncWebClient(token=answer["access_token"], base_url=slack.url + "/api/")
    test = await client.auth_test()

    assert answer["team"] is None
    assert answer["enterprise"] == {"id": INITECH, "name": "Initech"}
    assert answer["is_enterprise_install"] is True
    assert test["enterprise_id"] == INITECH
    assert test["is_enterprise_install"] is True
    with pytest.raises(SlackApiError, match="missing_argument"):
        await client.users_list()
    assert (await client.users_list(team_id=NORTH))["members"]


async def test_a_grid_workspace_can_install_alone(slack: SlackSimulator) -> None:
    answer = await installed(slack, IVAN, NORTH)

    assert answer["team"]["id"] == NORTH
    assert answer["enterprise"]["id"] == INITECH
    assert answer["is_enterprise_install"] is False


async def test_installing_again_keeps_the_bot_and_its_token(slack: SlackSimulator) -> None:
    first = await installed(slack)
    second = await installed(slack, OTTO)

    assert second["access_token"] == first["access_token"]
    assert second["bot_user_id"] == first["bot_user_id"]


async def test_workspaces_get_different_tokens(slack: SlackSimulator) -> None:
    acme, blue = await installed(slack), await installed(slack, BEA, BLUE)

    assert acme["access_token"] != blue["access_token"]


@slack_sdk_uses_old_aiohttp
async def test_a_rotating_token_expires_and_the_sdk_renews_it_once(slack: SlackSimulator) -> None:
    slack.settings["token_rotation"] = True
    answer = await installed(slack)
    slack.clock.offset_s = 43_201
    old = AsyncWebClient(token=answer["access_token"], base_url=slack.url + "/api/")
    with pytest.raises(SlackApiError, match="token_expired"):
        await old.auth_test()
    rotator = AsyncTokenRotator(**CREDENTIALS, client=AsyncWebClient(base_url=slack.url + "/api/"))
    installation = Installation(
        user_id=ADA,
        bot_token=answer["access_token"],
        bot_refresh_token=answer["refresh_token"],
        bot_token_expires_at=1,
    )

    renewed = await rotator.perform_token_rotation(installation=installation)

    assert answer["expires_in"] == 43_200
    assert renewed is not None
    assert (await AsyncWebClient(token=renewed.bot_token, base_url=slack.url + "/api/").auth_test())["ok"]
    again = await access(slack, grant_type="refresh_token", refresh_token=answer["refresh_token"])
    assert again["error"] == "invalid_refresh_token"


async def test_signing_in_proves_team_and_user(slack: SlackSimulator) -> None:
    code = code_in(slack.consent(sign_in_url(slack, team=ACME), GUS, ACME))

    answer = await post(
        f"{slack.url}/api/openid.connect.token", **CREDENTIALS, code=code, redirect_uri=REDIRECT
    )
    claims = await claims_of(slack, answer["id_token"])

    assert claims["iss"] == "https://slack.com"
    assert claims["aud"] == "1.2"
    assert claims["sub"] == claims["https://slack.com/user_id"] == GUS
    assert claims["https://slack.com/team_id"] == ACME
    assert claims["nonce"] == "n1"
    assert claims["iat"] <= claims["exp"] <= claims["iat"] + 600
    info = await AsyncWebClient(
        token=answer["access_token"], base_url=slack.url + "/api/"
    ).openid_connect_userInfo()
    assert info["https://slack.com/user_id"] == GUS


async def test_the_sign_in_page_preselects_who_the_browser_is(slack: SlackSimulator) -> None:
    cookies = {"slack_as": f"{OTTO}.{ACME}"}
    async with aiohttp.ClientSession(cookies=cookies) as http, http.get(sign_in_url(slack)) as answer:
        text = await answer.text()

    assert f'value="{OTTO}.{ACME}" checked' in text
    assert text.count("checked") == 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"response_type": "token"}, "invalid_response_type", id="implicit"),
        pytest.param({"scope": "email"}, "invalid_scope", id="openid-missing"),
        pytest.param({"scope": "openid chat:write"}, "invalid_scope", id="more-than-identity"),
    ],
)
async def test_a_wrong_sign_in_url_is_refused(
    slack: SlackSimulator, changes: dict[str, str], error: str
) -> None:
    status, text, _ = await page(sign_in_url(slack, **changes))

    assert status == 400
    assert error in text


async def test_an_install_code_is_no_sign_in_code(slack: SlackSimulator) -> None:
    code = code_in(slack.consent(authorize_url(slack), ADA, ACME))

    answer = await post(
        f"{slack.url}/api/openid.connect.token", **CREDENTIALS, code=code, redirect_uri=REDIRECT
    )

    assert answer == {"ok": False, "error": "invalid_code"}


async def test_the_discovery_document_points_at_this_slack(slack: SlackSimulator) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{slack.url}/.well-known/openid-configuration") as answer,
    ):
        found = await answer.json()

    assert found["issuer"] == "https://slack.com"
    assert found["token_endpoint"] == f"{slack.url}/api/openid.connect.token"


async def test_claims_can_be_bent_to_try_what_the_app_refuses(slack: SlackSimulator) -> None:
    slack.settings["id_token_claims"] = {"iss": "https://evil.example"}
    code = code_in(slack.consent(sign_in_url(slack), OTTO, ACME))

    answer = await post(
        f"{slack.url}/api/openid.connect.token", **CREDENTIALS, code=code, redirect_uri=REDIRECT
    )

    assert (await claims_of(slack, answer["id_token"]))["iss"] == "https://evil.example"
