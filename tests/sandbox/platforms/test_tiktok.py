from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiohttp import web

from sandbox.browser import PLAIN
from sandbox.platforms.tiktok.simulator import TikTokSimulator

REDIRECT = "https://bot.example.com/oauth/tt/callback"
VERIFIER = "a-verifier-of-ours-that-is-forty-three-letters-long"
ASKED = "user.info.basic,user.info.profile,user.info.stats,video.list,video.publish,video.upload"
KEYS = {"client_key": "key", "client_secret": "secret"}
DAY = 24 * 60 * 60


@pytest.fixture
async def sandbox() -> AsyncIterator[TikTokSimulator]:
    sandbox = TikTokSimulator()
    sandbox.register("key", "secret", [REDIRECT])
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def http(sandbox: TikTokSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=PLAIN, base_url=sandbox.url) as http:
        yield http


def asking(**changes: str) -> dict[str, str]:
    asked = {
        "response_type": "code",
        "client_key": "key",
        "redirect_uri": REDIRECT,
        "scope": ASKED,
        "state": "s",
        "disable_auto_auth": "1",
    } | changes
    return {k: v for k, v in asked.items() if v}


async def sign_in(
    http: httpx.AsyncClient, *, person: str = "octa_demo", ticked: str = ASKED, **changes: str
) -> httpx.QueryParams:
    form = {"person": person, "scope": ticked.split(","), "decision": "approve"}
    answer = await http.post("/v2/auth/authorize/", params=asking(**changes), data=form)
    assert answer.status_code == 303, answer.text
    return httpx.URL(answer.headers["location"]).params


async def redeem(http: httpx.AsyncClient, code: str, **changes: str) -> dict[str, Any]:
    form = KEYS | {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT} | changes
    return dict((await http.post("/v2/oauth/token/", data=form)).json())


async def refresh(http: httpx.AsyncClient, token: str) -> dict[str, Any]:
    form = KEYS | {"grant_type": "refresh_token", "refresh_token": token}
    return dict((await http.post("/v2/oauth/token/", data=form)).json())


async def connect(
    http: httpx.AsyncClient, *, person: str = "octa_demo", ticked: str = ASKED
) -> dict[str, Any]:
    return await redeem(http, (await sign_in(http, person=person, ticked=ticked))["code"])


async def user_info(http: httpx.AsyncClient, access: str, fields: str) -> httpx.Response:
    params = {"fields": fields} if fields else {}
    return await http.get("/v2/user/info/", params=params, headers={"Authorization": f"Bearer {access}"})


async def display_name(http: httpx.AsyncClient, access: str) -> str:
    answer = await user_info(http, access, "display_name")
    return str(answer.json()["data"]["user"]["display_name"])


async def creator_info(http: httpx.AsyncClient, access: str) -> httpx.Response:
    return await http.post(
        "/v2/post/publish/creator_info/query/", json={}, headers={"Authorization": f"Bearer {access}"}
    )


async def test_the_consent_page_has_a_box_for_every_scope(http: httpx.AsyncClient) -> None:
    page = await http.get("/v2/auth/authorize/", params=asking())

    assert page.status_code == 200
    assert page.text.count('type="checkbox"') == 6
    assert "disabled" not in page.text
    assert "Private Penny" in page.text


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        pytest.param({"client_key": "other"}, "client_key", id="unknown-app"),
        pytest.param({"client_key": "", "client_id": "key"}, "client_key", id="client-id-instead"),
        pytest.param({"redirect_uri": "https://evil.example.com/"}, "redirect_uri", id="other-address"),
        pytest.param({"scope": "user.info.basic,video.delete"}, "video.delete", id="unapproved-scope"),
        pytest.param({"state": ""}, "state", id="no-state"),
    ],
)
async def test_a_wrong_request_gets_an_error_page_that_names_the_parameter(
    http: httpx.AsyncClient, changes: dict[str, str], word: str
) -> None:
    page = await http.get("/v2/auth/authorize/", params=asking(**changes))

    assert page.status_code == 400
    assert word in page.text


async def test_the_redirect_repeats_the_scopes_that_stayed_ticked(http: httpx.AsyncClient) -> None:
    callback = await sign_in(http, ticked="user.info.basic,video.list")

    assert callback["scopes"] == "user.info.basic,video.list"
    assert callback["state"] == "s"
    assert "*" in callback["code"]
    assert "%" in callback["code"]


async def test_cancel_goes_back_with_a_reason(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/v2/auth/authorize/", params=asking(), data={"person": "octa_demo", "decision": "cancel"}
    )

    query = httpx.URL(answer.headers["location"]).params
    assert (query["error"], query["error_type"], query["state"]) == ("access_denied", "access_denied", "s")


async def test_a_token_answer_is_flat_and_names_the_user(http: httpx.AsyncClient) -> None:
    answer = await connect(http, ticked="user.info.basic,video.publish")

    assert answer["access_token"].startswith("act.")
    assert answer["refresh_token"].startswith("rft.")
    assert (answer["expires_in"], answer["refresh_expires_in"]) == (7200, 180 * DAY)
    assert answer["scope"] == "user.info.basic,video.publish"
    assert answer["token_type"] == "Bearer"
    assert len(answer["open_id"]) == 36


async def test_the_older_lifetimes_can_be_set(http: httpx.AsyncClient) -> None:
    await http.post("/_control/settings", json={"access_life_s": DAY, "refresh_life_s": 365 * DAY})

    answer = await connect(http)

    assert (answer["expires_in"], answer["refresh_expires_in"]) == (DAY, 365 * DAY)


async def test_a_person_has_another_open_id_in_another_app(
    http: httpx.AsyncClient, sandbox: TikTokSimulator
) -> None:
    sandbox.register("key2", "secret", [REDIRECT])
    code = (await sign_in(http, client_key="key2"))["code"]

    other = await redeem(http, code, client_key="key2")

    assert other["open_id"] != (await connect(http))["open_id"]


async def test_a_refresh_replaces_the_refresh_token(http: httpx.AsyncClient) -> None:
    first = await connect(http)

    second = await refresh(http, first["refresh_token"])

    assert second["refresh_token"] != first["refresh_token"]
    assert second["open_id"] == first["open_id"]
    assert (await user_info(http, second["access_token"], "open_id")).status_code == 200


async def test_a_used_refresh_token_ends_the_whole_family(http: httpx.AsyncClient) -> None:
    first = await connect(http)
    second = await refresh(http, first["refresh_token"])

    assert (await refresh(http, first["refresh_token"]))["error"] == "invalid_grant"
    assert (await refresh(http, second["refresh_token"]))["error"] == "invalid_grant"
    assert (await user_info(http, second["access_token"], "open_id")).status_code == 401


async def test_a_refresh_token_is_dead_after_180_days(http: httpx.AsyncClient) -> None:
    first = await connect(http)
    await http.post("/_control/clock", json={"offset_s": 181 * DAY})

    assert (await refresh(http, first["refresh_token"]))["error"] == "invalid_grant"


@pytest.mark.parametrize(("hidden", "status"), [(True, 200), (False, 401)])
async def test_oauth_errors_come_with_200_or_their_own_status(
    http: httpx.AsyncClient, *, hidden: bool, status: int
) -> None:
    await http.post("/_control/settings", json={"errors_with_200": hidden})

    answer = await http.post("/v2/oauth/token/", data=KEYS | {"client_secret": "wrong"})

    assert answer.status_code == status
    assert answer.json()["error"] == "invalid_client"
    assert answer.json()["log_id"]


async def test_a_code_is_good_once(http: httpx.AsyncClient) -> None:
    code = (await sign_in(http))["code"]
    await redeem(http, code)

    assert (await redeem(http, code))["error"] == "invalid_grant"


async def test_a_code_still_url_encoded_is_unknown(http: httpx.AsyncClient) -> None:
    code = (await sign_in(http))["code"]

    answer = await redeem(http, code.replace("*", "%2A"))

    assert answer["error"] == "invalid_grant"


async def test_a_desktop_app_needs_its_challenge_in_hex(http: httpx.AsyncClient) -> None:
    await http.post("/_control/settings", json={"pkce": "hex"})
    challenge = hashlib.sha256(VERIFIER.encode()).hexdigest()

    missing = await http.get("/v2/auth/authorize/", params=asking())
    code = (await sign_in(http, code_challenge=challenge, code_challenge_method="S256"))["code"]
    wrong = (await sign_in(http, code_challenge="c2hhMjU2", code_challenge_method="S256"))["code"]

    assert "code_challenge" in missing.text
    assert "access_token" in await redeem(http, code, code_verifier=VERIFIER)
    assert (await redeem(http, wrong, code_verifier=VERIFIER))["error"] == "invalid_grant"


async def test_revocation_ends_the_grant(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)

    await http.post("/v2/oauth/revoke/", data=KEYS | {"token": tokens["access_token"]})

    assert (await user_info(http, tokens["access_token"], "open_id")).status_code == 401
    assert (await refresh(http, tokens["refresh_token"]))["error"] == "invalid_grant"


async def test_user_info_gives_exactly_the_fields_asked_for(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)

    answer = (await user_info(http, tokens["access_token"], "open_id,username,follower_count")).json()

    assert answer["error"]["code"] == "ok"
    assert answer["error"]["log_id"]
    assert answer["data"]["user"] == {
        "open_id": tokens["open_id"],
        "username": "octademo",
        "follower_count": 1204,
    }


async def test_the_picture_is_served_from_here(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)
    user = (await user_info(http, tokens["access_token"], "avatar_url")).json()["data"]["user"]

    picture = await http.get(user["avatar_url"])

    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert (await http.get("/avatar/nobody.svg")).status_code == 404


@pytest.mark.parametrize(
    ("ticked", "fields", "status", "code"),
    [
        ("user.info.basic", "open_id,username", 401, "scope_permission_missed"),
        ("user.info.basic", "open_id,video_count", 401, "scope_permission_missed"),
        ("user.info.basic", "", 400, "invalid_params"),
        ("user.info.basic", "open_id,phone", 400, "invalid_params"),
        ("video.list", "open_id", 401, "scope_not_authorized"),
    ],
)
async def test_user_info_refuses_what_was_not_granted(
    http: httpx.AsyncClient, ticked: str, fields: str, status: int, code: str
) -> None:
    tokens = await connect(http, ticked=ticked)

    answer = await user_info(http, tokens["access_token"], fields)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("person", "widest"), [("octa_demo", "PUBLIC_TO_EVERYONE"), ("private_penny", "FOLLOWER_OF_CREATOR")]
)
async def test_creator_info_offers_the_levels_of_the_account(
    http: httpx.AsyncClient, person: str, widest: str
) -> None:
    tokens = await connect(http, person=person)

    data = (await creator_info(http, tokens["access_token"])).json()["data"]
    shown = await display_name(http, tokens["access_token"])

    assert data["privacy_level_options"] == [widest, "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert data["creator_nickname"] == shown


async def test_creator_info_refuses_with_200_a_creator_who_cannot_post(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)
    await http.post("/_control/settings", json={"creator_error": "spam_risk_too_many_posts"})

    answer = await creator_info(http, tokens["access_token"])

    assert (answer.status_code, answer.json()["error"]["code"]) == (200, "spam_risk_too_many_posts")


async def test_creator_info_needs_the_scope_and_a_live_token(http: httpx.AsyncClient) -> None:
    tokens = await connect(http, ticked="user.info.basic")

    unscoped = await creator_info(http, tokens["access_token"])
    await http.post("/_control/expire", json={"person": "octa_demo"})
    expired = await creator_info(http, tokens["access_token"])

    assert unscoped.json()["error"]["code"] == "scope_not_authorized"
    assert (expired.status_code, expired.json()["error"]["code"]) == (401, "access_token_invalid")


async def test_creator_info_answers_twenty_times_a_minute(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)

    statuses = [(await creator_info(http, tokens["access_token"])).status_code for _ in range(21)]
    await http.post("/_control/clock", json={"offset_s": 61})
    later = await creator_info(http, tokens["access_token"])

    assert statuses == [200] * 20 + [429]
    assert later.status_code == 200


async def test_removing_access_sends_a_signed_webhook(
    http: httpx.AsyncClient, sandbox: TikTokSimulator
) -> None:
    received: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        await received.put((request.headers["TikTok-Signature"], await request.text()))
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/tiktok/webhook", take)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    sandbox.settings["webhook_url"] = f"http://127.0.0.1:{port}/tiktok/webhook"
    tokens = await connect(http)

    answer = (await http.post("/_control/revoke", json={"person": "octa_demo"})).json()
    signature, body = received.get_nowait()
    await runner.cleanup()

    assert answer == {"ended": 1, "webhooks": [200]}
    at, signed = (part.partition("=")[2] for part in signature.split(","))
    assert signed == hmac.new(b"secret", f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    event = json.loads(body)
    assert (event["event"], event["user_openid"]) == ("authorization.removed", tokens["open_id"])
    assert json.loads(event["content"]) == {"reason": 1}
    assert (await refresh(http, tokens["refresh_token"]))["error"] == "invalid_grant"


async def test_a_webhook_nobody_takes_is_only_counted(
    http: httpx.AsyncClient, sandbox: TikTokSimulator
) -> None:
    sandbox.settings["webhook_url"] = "http://127.0.0.1:9/nobody"
    await connect(http)

    answer = (await http.post("/_control/revoke", json={"person": "octa_demo", "reason": 4})).json()

    assert answer == {"ended": 1, "webhooks": [0]}
