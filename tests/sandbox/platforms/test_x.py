from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from sandbox.browser import PLAIN
from sandbox.platforms.x.simulator import XSimulator

REDIRECT = "https://bot.example.com/oauth/x/callback"
VERIFIER = "a-verifier-of-ours-that-is-forty-three-letters-long"
ASKED = "tweet.read tweet.write users.read media.write offline.access"
AUTH = ("app", "secret")


@pytest.fixture
async def sandbox() -> AsyncIterator[XSimulator]:
    sandbox = XSimulator()
    sandbox.register("app", "secret", [REDIRECT])
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def http(sandbox: XSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=PLAIN, base_url=sandbox.url) as http:
        yield http


def asking(**changes: str) -> dict[str, str]:
    asked = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": REDIRECT,
        "scope": ASKED,
        "state": "s",
        "code_challenge": create_s256_code_challenge(VERIFIER),
        "code_challenge_method": "S256",
    } | changes
    return {k: v for k, v in asked.items() if v}


async def sign_in(http: httpx.AsyncClient, person: str = "4711", **changes: str) -> str:
    answer = await http.post(
        "/i/oauth2/authorize", params=asking(**changes), data={"person": person, "decision": "approve"}
    )
    assert answer.status_code == 303, answer.text
    return httpx.URL(answer.headers["location"]).params["code"]


async def redeem(http: httpx.AsyncClient, code: str, **changes: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    } | changes
    return await http.post("/2/oauth2/token", data={k: v for k, v in form.items() if v}, auth=AUTH)


async def tokens(http: httpx.AsyncClient, person: str = "4711", **changes: str) -> dict[str, Any]:
    answer = await redeem(http, await sign_in(http, person, **changes))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def refresh(http: httpx.AsyncClient, token: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return await http.post("/2/oauth2/token", data=form, auth=AUTH)


async def me(http: httpx.AsyncClient, access: str, fields: str = "") -> httpx.Response:
    params = {"user.fields": fields} if fields else {}
    return await http.get("/2/users/me", params=params, headers={"Authorization": f"Bearer {access}"})


async def test_the_consent_page_shows_the_scopes_without_a_choice(http: httpx.AsyncClient) -> None:
    page = await http.get("/i/oauth2/authorize", params=asking())

    assert page.status_code == 200
    assert page.text.count('type="checkbox"') == 5
    assert page.text.count("disabled") == 5
    assert "@loudcrow" in page.text


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"client_id": "other"}, id="unknown-app"),
        pytest.param({"redirect_uri": REDIRECT + "/"}, id="another-callback"),
        pytest.param({"state": ""}, id="no-state"),
        pytest.param({"state": "s" * 501}, id="endless-state"),
        pytest.param({"code_challenge": ""}, id="no-challenge"),
        pytest.param({"code_challenge_method": "plain"}, id="plain"),
    ],
)
async def test_a_faulty_request_gets_no_consent_page(
    http: httpx.AsyncClient, changes: dict[str, str]
) -> None:
    page = await http.get("/i/oauth2/authorize", params=asking(**changes))

    assert page.status_code == 400


async def test_cancel_goes_back_with_access_denied_only(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/i/oauth2/authorize", params=asking(), data={"person": "4711", "decision": "cancel"}
    )

    assert answer.headers["location"] == f"{REDIRECT}?error=access_denied&state=s"


async def test_the_token_answer_has_xs_shape(http: httpx.AsyncClient) -> None:
    body = await tokens(http)

    assert set(body) == {"token_type", "expires_in", "access_token", "scope", "refresh_token"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 7200)
    assert set(body["scope"].split(" ")) == set(ASKED.split())


async def test_without_offline_access_there_is_no_refresh_token(http: httpx.AsyncClient) -> None:
    body = await tokens(http, scope="tweet.read users.read")

    assert "refresh_token" not in body
    assert body["scope"] == "tweet.read users.read"


async def test_a_secret_in_the_body_is_refused(http: httpx.AsyncClient) -> None:
    form = {"grant_type": "authorization_code", "client_id": "app", "client_secret": "secret", "code": "c"}

    answer = await http.post("/2/oauth2/token", data=form)

    assert answer.status_code == 401
    assert answer.json() == {
        "error": "unauthorized_client",
        "error_description": "Missing valid authorization header",
    }


async def test_a_wrong_secret_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/2/oauth2/token", data={"grant_type": "x"}, auth=("app", "wrong"))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"code": "made-up"}, "Value passed for the authorization code was invalid.", id="code"),
        pytest.param(
            {"code_verifier": "w" * 43},
            "Value passed for the code verifier did not match the code challenge.",
            id="verifier",
        ),
        pytest.param(
            {"redirect_uri": "https://evil.example"},
            "Value passed for the redirect uri did not match the uri of the authorization code.",
            id="redirect",
        ),
        pytest.param({"code_verifier": ""}, "Missing required parameter [code_verifier].", id="no-verifier"),
    ],
)
async def test_a_bad_exchange_is_refused_in_xs_words(
    http: httpx.AsyncClient, changes: dict[str, str], words: str
) -> None:
    answer = await redeem(http, **({"code": await sign_in(http)} | changes))

    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_request", "error_description": words}


@pytest.mark.parametrize(("seconds", "status"), [(29, 200), (31, 400)])
async def test_a_code_lives_thirty_seconds(
    sandbox: XSimulator, http: httpx.AsyncClient, seconds: int, status: int
) -> None:
    code = await sign_in(http)
    sandbox.clock.offset_s = seconds

    answer = await redeem(http, code)

    assert answer.status_code == status


async def test_a_used_code_is_refused_and_ends_what_it_gave(http: httpx.AsyncClient) -> None:
    code = await sign_in(http)
    first = (await redeem(http, code)).json()

    again = await redeem(http, code)

    assert again.status_code == 400
    assert (await me(http, first["access_token"])).status_code == 401


async def test_a_refresh_replaces_both_tokens(http: httpx.AsyncClient) -> None:
    first = await tokens(http)

    second = (await refresh(http, first["refresh_token"])).json()

    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert (await me(http, second["access_token"])).status_code == 200


async def test_a_spent_refresh_token_ends_the_family(http: httpx.AsyncClient) -> None:
    first = await tokens(http)
    second = (await refresh(http, first["refresh_token"])).json()

    reuse = await refresh(http, first["refresh_token"])

    assert reuse.status_code == 400
    assert reuse.json() == {
        "error": "invalid_request",
        "error_description": "Value passed for the token was invalid.",
    }
    assert (await me(http, second["access_token"])).status_code == 401
    assert (await refresh(http, second["refresh_token"])).status_code == 400


async def test_a_second_sign_in_ends_the_first_of_that_user_only(http: httpx.AsyncClient) -> None:
    first, other = await tokens(http), await tokens(http, "4712")

    second = await tokens(http)

    statuses = [(await me(http, t["access_token"])).status_code for t in (first, other, second)]
    assert statuses == [401, 200, 200]


async def test_revoking_answers_revoked_and_ends_the_grant(http: httpx.AsyncClient) -> None:
    body = await tokens(http)

    answer = await http.post("/2/oauth2/revoke", data={"token": body["refresh_token"]}, auth=AUTH)

    assert answer.json() == {"revoked": True}
    assert (await me(http, body["access_token"])).status_code == 401


async def test_revoking_needs_our_credentials(http: httpx.AsyncClient) -> None:
    body = await tokens(http)

    answer = await http.post("/2/oauth2/revoke", data={"token": body["refresh_token"]})

    assert answer.status_code == 401
    assert (await me(http, body["access_token"])).status_code == 200


async def test_users_me_returns_only_the_fields_asked_for(http: httpx.AsyncClient) -> None:
    access = (await tokens(http, "4712"))["access_token"]

    plain = await me(http, access)
    asked = await me(http, access, "verified_type,subscription_type,pinned_tweet_id")

    assert plain.json() == {"data": {"id": "4712", "name": "Blue Door Bakery", "username": "bluedoor"}}
    assert asked.json()["data"] == plain.json()["data"] | {
        "verified_type": "business",
        "subscription_type": "Premium",
    }


async def test_users_me_refuses_a_field_it_does_not_know(http: httpx.AsyncClient) -> None:
    answer = await me(http, (await tokens(http))["access_token"], "shoe_size")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameters"] == {"user.fields": ["shoe_size"]}


async def test_the_names_follow_the_generation(sandbox: XSimulator, http: httpx.AsyncClient) -> None:
    access = (await tokens(http))["access_token"]
    old = (await me(http, access, "public_metrics,pinned_tweet_id")).json()["data"]["public_metrics"]
    sandbox.settings["field_names"] = "new"

    new = (await me(http, access, "public_metrics,pinned_tweet_id")).json()["data"]["public_metrics"]

    assert ("tweet_count" in old, "post_count" in old) == (True, False)
    assert ("tweet_count" in new, "post_count" in new) == (False, True)


async def test_a_token_nobody_gave_gets_a_problem(http: httpx.AsyncClient) -> None:
    answer = await me(http, "made-up")

    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json() == {
        "title": "Unauthorized",
        "type": "about:blank",
        "status": 401,
        "detail": "Unauthorized",
    }


async def test_an_access_token_dies_after_two_hours(sandbox: XSimulator, http: httpx.AsyncClient) -> None:
    access = (await tokens(http))["access_token"]
    sandbox.clock.offset_s = 7201

    answer = await me(http, access)

    assert answer.status_code == 401


async def test_users_me_needs_both_read_scopes(http: httpx.AsyncClient) -> None:
    answer = await me(http, (await tokens(http, scope="tweet.read"))["access_token"])

    assert answer.status_code == 403


async def test_a_suspended_user_is_told_by_type(http: httpx.AsyncClient) -> None:
    answer = await me(http, (await tokens(http, "4713"))["access_token"])

    assert answer.status_code == 403
    assert answer.json()["type"] == "https://api.twitter.com/2/problems/user-suspended"


async def test_the_window_holds_75_reads_and_fills_again(
    sandbox: XSimulator, http: httpx.AsyncClient
) -> None:
    access = (await tokens(http))["access_token"]

    answers = [await me(http, access) for _ in range(76)]
    sandbox.clock.offset_s = 901
    later = await me(http, access)
    started = sandbox.clock.now() - 901

    assert [a.status_code for a in answers] == [200] * 75 + [429]
    assert answers[0].headers["x-rate-limit-limit"] == "75"
    assert [a.headers["x-rate-limit-remaining"] for a in answers[-3:]] == ["1", "0", "0"]
    assert int(answers[-1].headers["x-rate-limit-reset"]) == pytest.approx(started + 900, abs=30)
    assert later.status_code == 200


@pytest.mark.parametrize(
    ("generation", "title", "kind"),
    [
        ("old", "CreditsDepleted", "https://api.twitter.com/2/problems/credits"),
        ("new", "Payment Required", "https://api.x.com/2/problems/credits-depleted"),
    ],
)
async def test_reads_cost_credits_until_none_are_left(
    sandbox: XSimulator, http: httpx.AsyncClient, generation: str, title: str, kind: str
) -> None:
    access = (await tokens(http))["access_token"]
    sandbox.settings |= {"credits": 0.015, "field_names": generation}
    assert (await me(http, access)).status_code == 200

    answer = await me(http, access)

    assert answer.status_code == 402
    assert (answer.json()["title"], answer.json()["type"]) == (title, kind)
