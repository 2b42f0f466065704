"""The simulated Reddit refuses what Reddit refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.browser import PLAIN
from sandbox.platforms.reddit.simulator import RedditSimulator
from sandbox.platforms.values import Grant


@pytest.fixture
async def sandbox() -> AsyncIterator[RedditSimulator]:
    sandbox = RedditSimulator()
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def http(sandbox: RedditSimulator) -> AsyncIterator[httpx.AsyncClient]:
    grant = Grant(
        id="g",
        person=sandbox.people["octa_demo"],
        client_id="app",
        scopes=sandbox.known_scopes,
        assets=frozenset(),
        issued_at=0,
    )
    sandbox.grants["g"] = grant
    token = sandbox.issue(grant)["access_token"]
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "test:octapost:1 (by /u/x)"}
    async with httpx.AsyncClient(verify=PLAIN, base_url=sandbox.url, headers=headers) as http:
        yield http


async def submit(http: httpx.AsyncClient, **changes: str) -> httpx.Response:
    form = {"api_type": "json", "kind": "self", "sr": "octamugs", "title": "Hi", "validate_on_submit": "True"}
    return await http.post("/api/submit", data=form | changes)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sr": "nowhere"}, "SUBREDDIT_NOEXIST"),
        ({"sr": "octagrumble"}, "SUBREDDIT_NOTALLOWED"),
        ({"sr": "octavault"}, "SUBREDDIT_NOTALLOWED"),
        ({"sr": "u_big_mod"}, "SUBREDDIT_NOTALLOWED"),
        ({"sr": "octalinks"}, "NO_SELFS"),
        ({"sr": "OctaStories", "kind": "link", "url": "https://a.com"}, "NO_LINKS"),
        ({"title": ""}, "NO_TEXT"),
        ({"title": "x" * 301}, "TOO_LONG"),
        ({"kind": "link"}, "NO_URL"),
        ({"kind": "image", "url": "https://example.com/not-uploaded"}, "BAD_URL"),
        ({"kind": "poll"}, "INVALID_OPTION"),
    ],
)
async def test_a_post_that_reddit_would_refuse_is_refused(
    sandbox: RedditSimulator, http: httpx.AsyncClient, changes: dict[str, str], code: str
) -> None:
    answer = await submit(http, **changes)

    assert (answer.status_code, answer.json()["json"]["errors"][0][0]) == (200, code)
    assert sandbox.timeline.posts() == []


@pytest.mark.parametrize(
    ("demands", "changes", "reason"),
    [
        ({"is_flair_required": True}, {}, "SUBMIT_VALIDATION_FLAIR_REQUIRED"),
        ({"title_blacklisted_strings": ["hi"]}, {}, "SUBMIT_VALIDATION_TITLE_BLACKLISTED_STRING"),
        ({"body_required_strings": ["source"]}, {}, "SUBMIT_VALIDATION_BODY_REQUIRED_STRING"),
        ({"title_text_min_length": 5}, {}, "SUBMIT_VALIDATION_TITLE_LENGTH"),
        ({"body_restriction_policy": "required"}, {}, "SUBMIT_VALIDATION_BODY_REQUIRED"),
        ({"body_restriction_policy": "notAllowed"}, {"text": "x"}, "SUBMIT_VALIDATION_BODY_NOT_ALLOWED"),
        (
            {"link_restriction_policy": "whitelist", "domain_whitelist": ["a.com"]},
            {"kind": "link", "url": "https://b.com"},
            "SUBMIT_VALIDATION_LINK_DOMAIN_NOT_WHITELISTED",
        ),
    ],
)
async def test_the_demands_of_a_subreddit_are_checked_with_the_post(
    sandbox: RedditSimulator,
    http: httpx.AsyncClient,
    demands: dict[str, Any],
    changes: dict[str, str],
    reason: str,
) -> None:
    sandbox.settings["demands"]["octamugs"] = demands

    checked = await submit(http, **changes)
    unchecked = await submit(http, **changes, validate_on_submit="False")

    assert (checked.status_code, checked.json()["reason"]) == (400, reason)
    assert unchecked.json()["json"]["errors"] == []


async def test_an_account_that_posts_too_often_takes_a_break(
    sandbox: RedditSimulator, http: httpx.AsyncClient
) -> None:
    sandbox.settings["posts_in_10_minutes"] = 1

    await submit(http)
    sandbox.clock.offset_s += 60
    refused = (await submit(http)).json()["json"]["errors"][0]
    sandbox.clock.offset_s += 600
    taken = await submit(http)

    assert refused[0] == "RATELIMIT"
    assert "Take a break for 8 minutes" in refused[1] or "Take a break for 9 minutes" in refused[1]
    assert taken.json()["json"]["errors"] == []


async def test_automod_removes_a_post_silently(sandbox: RedditSimulator, http: httpx.AsyncClient) -> None:
    sandbox.settings["automod_after_s"] = 120.0
    name = (await submit(http)).json()["json"]["data"]["name"]

    async def category() -> object:
        found = (await http.get("/api/info", params={"id": name})).json()["data"]["children"]
        return found[0]["data"]["removed_by_category"]

    before = await category()
    sandbox.clock.offset_s += 180

    assert (before, await category()) == (None, "automod_filtered")


async def test_an_upload_wants_the_policy_of_its_lease_and_no_token(http: httpx.AsyncClient) -> None:
    lease = (
        await http.post("/api/media/asset.json", data={"filepath": "a.png", "mimetype": "image/png"})
    ).json()
    fields = {one["name"]: one["value"] for one in lease["args"]["fields"]}

    async with httpx.AsyncClient(verify=PLAIN, base_url=http.base_url) as plain:
        good = await plain.post("/", data=fields, files={"file": b"x"})
        forged = await plain.post("/", data=fields | {"policy": "other"}, files={"file": b"x"})
    signed = await http.post("/", data=fields, files={"file": b"x"})

    assert (good.status_code, forged.status_code, signed.status_code) == (201, 403, 403)
    assert f"<Key>{fields['key']}</Key>" in good.text
