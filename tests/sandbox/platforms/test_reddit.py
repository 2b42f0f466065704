from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.browser import PLAIN
from sandbox.platforms.reddit.simulator import RedditSimulator

REDIRECT = "https://bot.example.com/oauth/reddit/callback"
ASKED = "identity submit read mysubreddits flair history"
AGENT = {"User-Agent": "python:octapost.test:v1 (by /u/octa_ops)"}
AUTH = ("app", "secret")


@pytest.fixture
async def sandbox() -> AsyncIterator[RedditSimulator]:
    sandbox = RedditSimulator()
    sandbox.register("app", "secret", [REDIRECT])
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def http(sandbox: RedditSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=PLAIN, base_url=sandbox.url, headers=AGENT) as http:
        yield http


def asking(**changes: str) -> dict[str, str]:
    asked = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": REDIRECT,
        "scope": ASKED,
        "state": "s",
        "duration": "permanent",
    } | changes
    return {k: v for k, v in asked.items() if v}


async def sign_in(http: httpx.AsyncClient, person: str = "octa_demo", **changes: str) -> str:
    form = {"person": person, "decision": "approve"}
    answer = await http.post("/api/v1/authorize", params=asking(**changes), data=form)
    assert answer.status_code == 303, answer.text
    return httpx.URL(answer.headers["location"]).params["code"]


async def token(http: httpx.AsyncClient, auth: tuple[str, str] = AUTH, **form: str) -> httpx.Response:
    return await http.post("/api/v1/access_token", data=form, auth=auth)


async def redeem(http: httpx.AsyncClient, code: str) -> httpx.Response:
    return await token(http, grant_type="authorization_code", code=code, redirect_uri=REDIRECT)


async def refresh(http: httpx.AsyncClient, refresh_token: str) -> httpx.Response:
    return await token(http, grant_type="refresh_token", refresh_token=refresh_token)


async def connect(http: httpx.AsyncClient, person: str = "octa_demo", **changes: str) -> dict[str, Any]:
    return dict((await redeem(http, await sign_in(http, person, **changes))).json())


async def get(http: httpx.AsyncClient, tokens: dict[str, Any], path: str, **query: str) -> httpx.Response:
    headers = {"Authorization": f"bearer {tokens['access_token']}"}
    return await http.get(path, params={"raw_json": "1"} | query, headers=headers)


def names(listing: httpx.Response) -> list[str]:
    return [child["data"]["display_name"] for child in listing.json()["data"]["children"]]


async def test_the_consent_page_shows_the_scopes_without_a_choice(http: httpx.AsyncClient) -> None:
    page = await http.get("/api/v1/authorize", params=asking())

    assert page.status_code == 200
    assert page.text.count("disabled") == 6
    assert "suspended_sam" in page.text


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        pytest.param({"client_id": "other"}, "client_id", id="unknown-app"),
        pytest.param({"redirect_uri": "https://evil.example.com/"}, "redirect_uri", id="other-address"),
        pytest.param({"state": ""}, "state", id="no-state"),
        pytest.param({"duration": "forever"}, "duration", id="odd-duration"),
    ],
)
async def test_a_wrong_request_gets_an_error_page(
    http: httpx.AsyncClient, changes: dict[str, str], word: str
) -> None:
    page = await http.get("/api/v1/authorize", params=asking(**changes))

    assert page.status_code == 400
    assert word in page.text


async def test_an_unknown_scope_goes_back_to_the_app(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/authorize", params=asking(scope="identity privatemessages"))

    assert answer.headers["location"] == f"{REDIRECT}?error=invalid_scope&state=s"


@pytest.mark.parametrize(("fragment", "ending"), [(True, "#_"), (False, "")])
async def test_the_redirect_may_end_in_an_empty_fragment(
    http: httpx.AsyncClient, sandbox: RedditSimulator, *, fragment: bool, ending: str
) -> None:
    sandbox.settings["fragment"] = fragment

    answer = await http.post(
        "/api/v1/authorize", params=asking(), data={"person": "octa_demo", "decision": "cancel"}
    )

    assert answer.headers["location"] == f"{REDIRECT}?error=access_denied&state=s{ending}"


async def test_a_permanent_grant_keeps_its_one_refresh_token(http: httpx.AsyncClient) -> None:
    first = await connect(http)

    second = (await refresh(http, first["refresh_token"])).json()
    third = (await refresh(http, first["refresh_token"])).json()

    assert first["expires_in"] == 86400
    assert first["scope"] == "flair history identity mysubreddits read submit"
    assert len(first["access_token"]) > 500
    assert first["refresh_token"] == second["refresh_token"] == third["refresh_token"]
    assert (await get(http, first, "/api/v1/me")).status_code == 200
    assert (await get(http, third, "/api/v1/me")).status_code == 200


@pytest.mark.parametrize("duration", ["temporary", ""])
async def test_a_temporary_grant_has_no_refresh_token(http: httpx.AsyncClient, duration: str) -> None:
    tokens = await connect(http, duration=duration)

    assert "refresh_token" not in tokens
    assert (await get(http, tokens, "/api/v1/me")).status_code == 200


async def test_the_older_lifetime_can_be_set(http: httpx.AsyncClient) -> None:
    await http.post("/_control/settings", json={"access_life_s": 3600})

    assert (await connect(http))["expires_in"] == 3600


async def test_credentials_go_in_the_header_and_nowhere_else(http: httpx.AsyncClient) -> None:
    form = {"grant_type": "authorization_code", "code": await sign_in(http), "redirect_uri": REDIRECT}

    in_form = await http.post(
        "/api/v1/access_token", data=form | {"client_id": "app", "client_secret": "secret"}
    )
    wrong = await token(http, ("app", "wrong"), **form)

    assert (in_form.status_code, in_form.json()) == (401, {"message": "Unauthorized", "error": 401})
    assert wrong.status_code == 401


@pytest.mark.parametrize(("hidden", "status"), [(True, 200), (False, 400)])
async def test_a_used_code_is_refused_with_200_or_400(
    http: httpx.AsyncClient, sandbox: RedditSimulator, *, hidden: bool, status: int
) -> None:
    sandbox.settings["errors_with_200"] = hidden
    code = await sign_in(http)
    await redeem(http, code)

    again = await redeem(http, code)

    assert (again.status_code, again.json()) == (status, {"error": "invalid_grant"})


async def test_a_code_is_too_old_after_ten_minutes(http: httpx.AsyncClient) -> None:
    code = await sign_in(http)
    await http.post("/_control/clock", json={"offset_s": 601})

    assert (await redeem(http, code)).json() == {"error": "invalid_grant"}


async def test_revoking_the_refresh_token_ends_everything(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)

    answer = await http.post("/api/v1/revoke_token", data={"token": tokens["refresh_token"]}, auth=AUTH)

    assert answer.status_code == 204
    assert (await get(http, tokens, "/api/v1/me")).status_code == 401
    assert (await refresh(http, tokens["refresh_token"])).json() == {"message": "Bad Request", "error": 400}


async def test_revoking_an_access_token_ends_only_that(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)

    await http.post("/api/v1/revoke_token", data={"token": tokens["access_token"]}, auth=AUTH)

    assert (await get(http, tokens, "/api/v1/me")).status_code == 401
    assert "access_token" in (await refresh(http, tokens["refresh_token"])).json()


async def test_revoking_an_unknown_token_is_answered_alike_but_not_without_credentials(
    http: httpx.AsyncClient,
) -> None:
    unknown = await http.post("/api/v1/revoke_token", data={"token": "nothing"}, auth=AUTH)
    stranger = await http.post("/api/v1/revoke_token", data={"token": "nothing"}, auth=("app", "wrong"))

    assert (unknown.status_code, stranger.status_code) == (204, 401)


@pytest.mark.parametrize(
    "agent", ["", "python-httpx/0.28.1", "python-requests/2.32", "Python/3.11 aiohttp/3.14"]
)
async def test_a_missing_or_default_user_agent_is_throttled(http: httpx.AsyncClient, agent: str) -> None:
    tokens = await connect(http)
    headers = {"User-Agent": agent, "Authorization": f"bearer {tokens['access_token']}"}

    api = await http.get("/api/v1/me", headers=headers)
    refreshed = await http.post("/api/v1/access_token", headers=headers, auth=AUTH)
    revoked = await http.post("/api/v1/revoke_token", headers=headers, auth=AUTH)

    assert [api.status_code, refreshed.status_code, revoked.status_code] == [429, 429, 429]


async def test_the_block_page_is_html(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)
    await http.post("/_control/settings", json={"network_security": True})

    for answer in (
        await get(http, tokens, "/api/v1/me"),
        await refresh(http, tokens["refresh_token"]),
    ):
        assert answer.status_code == 403
        assert answer.headers["content-type"].startswith("text/html")
        assert "network security" in answer.text


async def test_every_answer_counts_down_in_floats(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)

    await get(http, tokens, "/api/v1/me")
    headers = (await get(http, tokens, "/api/v1/me")).headers

    assert headers["x-ratelimit-used"] == "2"
    assert headers["x-ratelimit-remaining"] == "998.0"
    assert 0 < float(headers["x-ratelimit-reset"]) <= 600


async def test_too_many_calls_are_refused_until_the_window_ends(
    http: httpx.AsyncClient, sandbox: RedditSimulator
) -> None:
    tokens = await connect(http)
    sandbox.settings["calls_per_window"] = 1

    first = await get(http, tokens, "/api/v1/me")
    second = await get(http, tokens, "/api/v1/me")
    sandbox.clock.offset_s = 601
    third = await get(http, tokens, "/api/v1/me")

    assert [first.status_code, second.status_code, third.status_code] == [200, 429, 200]


async def test_an_unknown_token_is_told_so_in_the_header(http: httpx.AsyncClient) -> None:
    answer = await get(http, {"access_token": "nothing"}, "/api/v1/me")

    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized", "error": 401})
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("/api/v1/me", "identity"),
        ("/subreddits/mine/subscriber", "mysubreddits"),
        ("/subreddits/search", "read"),
        ("/r/octamugs/about", "read"),
    ],
)
async def test_each_call_needs_its_scope(http: httpx.AsyncClient, path: str, needed: str) -> None:
    without = await connect(http, scope=" ".join(set(ASKED.split()) - {needed}))
    alone = await connect(http, scope=needed)

    refused = await get(http, without, path)

    assert refused.status_code == 403
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
    assert (await get(http, alone, path)).status_code == 200


async def test_me_is_the_person_with_an_id_without_prefix(http: httpx.AsyncClient) -> None:
    me = (await get(http, await connect(http), "/api/v1/me")).json()

    assert (me["id"], me["name"], me["total_karma"], me["is_suspended"]) == ("4cixf", "octa_demo", 21, False)
    assert me["subreddit"]["display_name"] == "u_octa_demo"


async def test_a_suspended_person_sees_that_and_no_subreddits(http: httpx.AsyncClient) -> None:
    tokens = await connect(http, "suspended_sam")

    assert (await get(http, tokens, "/api/v1/me")).json()["is_suspended"] is True
    assert (await get(http, tokens, "/subreddits/mine/subscriber")).status_code == 403


async def test_the_listings_cover_every_kind_of_subreddit(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)

    pages = {
        kind: await get(http, tokens, f"/subreddits/mine/{kind}")
        for kind in ("subscriber", "contributor", "moderator")
    }

    data = [child["data"] for page in pages.values() for child in page.json()["data"]["children"]]
    assert {d["subreddit_type"] for d in data} == {
        "public",
        "restricted",
        "private",
        "user",
        "archived",
        "gold_only",
    }
    assert [d["display_name"] for d in data if d["user_is_banned"]] == ["octagrumble"]
    assert names(pages["contributor"]) == ["octaguild", "octabackstage"]
    assert names(pages["moderator"]) == ["octastaff", "u_octa_demo"]
    assert {d["restrict_posting"] for d in data if d["subreddit_type"] == "public"} == {True}


async def test_a_listing_is_paged_by_after(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)

    whole = names(await get(http, tokens, "/subreddits/mine/subscriber"))
    found: list[str] = []
    query = {"limit": "4"}
    for _ in range(3):
        page = await get(http, tokens, "/subreddits/mine/subscriber", **query)
        found += names(page)
        query["after"] = str(page.json()["data"]["after"])

    assert found == whole
    assert len(whole) == 11
    assert query["after"] == "None"


@pytest.mark.parametrize(("limit", "size"), [("", 25), ("100", 100), ("5000", 100), ("0", 1), ("many", 25)])
async def test_a_page_holds_a_hundred_at_most(http: httpx.AsyncClient, limit: str, size: int) -> None:
    tokens = await connect(http, "big_mod")

    page = await get(http, tokens, "/subreddits/mine/subscriber", **({"limit": limit} if limit else {}))

    assert page.json()["data"]["dist"] == len(names(page)) == size


async def test_after_an_unknown_subreddit_comes_nothing(http: httpx.AsyncClient) -> None:
    page = await get(http, await connect(http), "/subreddits/mine/subscriber", after="t5_nowhere")

    assert (names(page), page.json()["data"]["after"]) == ([], None)


async def test_search_finds_by_name_and_leaves_profiles_out_if_asked(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)

    everything = names(await get(http, tokens, "/subreddits/search", q="OCTA"))
    communities = names(await get(http, tokens, "/subreddits/search", q="octa", show_users="false"))

    assert "u_octa_demo" in everything
    assert "octamugs" in communities
    assert not {"u_octa_demo", "octavault"} & set(communities)
    assert names(await get(http, tokens, "/subreddits/search", q="")) == []


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("OctaMugs", 200, None),
        ("octabackstage", 200, None),
        ("octavault", 403, "private"),
        ("nowhere", 404, None),
    ],
)
async def test_about_shows_what_the_person_may_see(
    http: httpx.AsyncClient, name: str, status: int, reason: str | None
) -> None:
    answer = await get(http, await connect(http), f"/r/{name}/about")

    assert (answer.status_code, answer.json().get("reason")) == (status, reason)


async def test_without_raw_json_text_comes_escaped(http: httpx.AsyncClient) -> None:
    tokens = await connect(http)

    raw = await get(http, tokens, "/r/octamugs/about")
    escaped = await get(http, tokens, "/r/octamugs/about", raw_json="0")

    assert raw.json()["data"]["title"] == "Mugs & more"
    assert escaped.json()["data"]["title"] == "Mugs &amp; more"
