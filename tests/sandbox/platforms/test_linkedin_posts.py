"""The simulated LinkedIn refuses what LinkedIn refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.browser import PLAIN
from sandbox.platforms.linkedin.simulator import LinkedInSimulator
from sandbox.platforms.values import Grant

PAGE = "urn:li:organization:5515"


@pytest.fixture
async def sandbox() -> AsyncIterator[LinkedInSimulator]:
    sandbox = LinkedInSimulator()
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
async def http(sandbox: LinkedInSimulator) -> AsyncIterator[httpx.AsyncClient]:
    grant = Grant(
        id="g",
        person=sandbox.people["ana-ruiz"],
        client_id="app",
        scopes=frozenset({"w_organization_social", "r_organization_social", "w_member_social"}),
        assets=frozenset(),
        issued_at=0,
    )
    sandbox.grants["g"] = grant
    headers = {
        "Authorization": f"Bearer {sandbox.issue(grant)['access_token']}",
        "LinkedIn-Version": "202609",
        "X-Restli-Protocol-Version": "2.0.0",
    }
    async with httpx.AsyncClient(verify=PLAIN, base_url=sandbox.url, headers=headers) as http:
        yield http


async def post(http: httpx.AsyncClient, commentary: str = "Hi", **changes: Any) -> httpx.Response:
    body = {
        "author": PAGE,
        "commentary": commentary,
        "visibility": "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED"},
        "lifecycleState": "PUBLISHED",
    }
    return await http.post("/rest/posts", json={k: v for k, v in (body | changes).items() if v is not None})


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"author": "urn:li:organization:5517"}, 403, "ACCESS_DENIED"),
        ({"author": "urn:li:person:someone"}, 403, "ACCESS_DENIED"),
        ({"distribution": None}, 400, "MISSING_FIELD"),
        ({"visibility": "SECRET"}, 400, "INVALID_VALUE_FOR_FIELD"),
        ({"commentary": "x" * 3001}, 400, "FIELD_LENGTH_TOO_LONG"),
        ({"content": {"media": {"id": "urn:li:image:none"}}}, 400, "INVALID_URN_ID"),
        ({"content": {"multiImage": {"images": [{"id": "x"}]}}}, 400, "INVALID_VALUE_FOR_FIELD"),
        ({"content": {"article": {"source": "https://a.com"}}}, 400, "MISSING_FIELD"),
    ],
)
async def test_a_post_that_linkedin_would_refuse_is_refused(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient, changes: dict[str, Any], status: int, code: str
) -> None:
    refusal = await post(http, **changes)

    assert (refusal.status_code, refusal.json()["code"]) == (status, code)
    assert sandbox.timeline.posts() == []


async def test_a_repeated_post_is_refused_with_the_urn_of_the_first(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient
) -> None:
    sandbox.settings["posts_per_day"] = 2

    first, again = await post(http), await post(http)
    await post(http, "Another")
    over = await post(http, "A third")

    assert (first.status_code, first.content, again.status_code, over.status_code) == (201, b"", 422, 429)
    assert first.headers["x-restli-id"] in again.json()["message"]


async def test_a_file_is_used_only_after_it_came_and_was_processed(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient
) -> None:
    begin = {"initializeUploadRequest": {"owner": PAGE}}
    answer = await http.post("/rest/images", params={"action": "initializeUpload"}, json=begin)
    value = answer.json()["value"]
    path = httpx.URL(value["uploadUrl"]).path
    content = {"media": {"id": value["image"]}}

    codes = [(await post(http, content=content)).json()["code"]]
    await http.put(path, content=b"\x89PNG")
    codes.append((await post(http, content=content)).json()["code"])
    sandbox.clock.offset_s += 10
    taken = await post(http, content=content)
    sandbox.clock.offset_s += 3600
    late = await http.put(path, content=b"x")

    assert codes == ["MEDIA_ASSET_WAITING_UPLOAD"] * 2
    assert taken.status_code == 201
    assert late.json()["code"] == "EXPIRED_UPLOAD_URL"


async def test_parts_of_a_video_refuse_a_token_and_pictures_want_one(http: httpx.AsyncClient) -> None:
    video = {"initializeUploadRequest": {"owner": PAGE, "fileSizeBytes": 80_000}}
    answer = await http.post("/rest/videos", params={"action": "initializeUpload"}, json=video)
    path = httpx.URL(answer.json()["value"]["uploadInstructions"][0]["uploadUrl"]).path
    image = {"initializeUploadRequest": {"owner": PAGE}}
    answer = await http.post("/rest/images", params={"action": "initializeUpload"}, json=image)
    picture = httpx.URL(answer.json()["value"]["uploadUrl"]).path

    async with httpx.AsyncClient(verify=PLAIN, base_url=http.base_url) as plain:
        statuses = [
            (await one.put(where, content=b"x")).status_code
            for one in (http, plain)
            for where in (path, picture)
        ]

    assert statuses == [403, 201, 200, 403]


async def test_a_version_that_is_not_active_is_refused(http: httpx.AsyncClient) -> None:
    http.headers["LinkedIn-Version"] = "202506"

    assert (await post(http)).status_code == 426
