"""The simulated X refuses what X refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.browser import PLAIN
from sandbox.platforms.values import Grant
from sandbox.platforms.x.simulator import CASHTAGS, DUPLICATE, NOT_PERMITTED, NOT_YOURS, XSimulator


@pytest.fixture
async def sandbox() -> AsyncIterator[XSimulator]:
    sandbox = XSimulator()
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


def token_of(sandbox: XSimulator, person: str, *without: str) -> str:
    grant = Grant(
        id=person,
        person=sandbox.people[person],
        client_id="app",
        scopes=sandbox.known_scopes - set(without),
        assets=frozenset(),
        issued_at=0,
    )
    sandbox.grants[person] = grant
    return str(sandbox.issue(grant)["access_token"])


@pytest.fixture
async def http(sandbox: XSimulator) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token_of(sandbox, '4711')}"}
    async with httpx.AsyncClient(verify=PLAIN, base_url=sandbox.url, headers=headers) as http:
        yield http


async def post(http: httpx.AsyncClient, text: str = "", **more: Any) -> httpx.Response:
    return await http.post("/2/tweets", json={"text": text, **more})


@pytest.mark.parametrize(
    ("text", "more", "status", "words"),
    [
        ("x" * 281, {}, 403, NOT_PERMITTED),
        ("$ABC and $DEF", {}, 403, CASHTAGS),
        ("", {}, 400, "One of text or media is required"),
        ("Hi", {"colour": "red"}, 400, "[colour] is not allowed"),
        ("Hi", {"reply_settings": "nobody"}, 400, "reply_settings is not one of the allowed values"),
        ("Hi", {"media": {"media_ids": ["1"]}}, 400, "Your media IDs are invalid."),
        ("Hi", {"media": {"media_ids": ["1"] * 5}}, 400, "at most four photos"),
        ("Hi", {"reply": {"in_reply_to_tweet_id": "1"}}, 404, "resource-not-found"),
    ],
)
async def test_a_post_that_x_would_refuse_is_refused(
    sandbox: XSimulator, http: httpx.AsyncClient, text: str, more: dict[str, Any], status: int, words: str
) -> None:
    refusal = await post(http, text, **more)

    assert refusal.status_code == status
    assert words in refusal.text
    assert sandbox.timeline.posts() == []


async def test_the_same_text_is_a_duplicate_for_a_day(sandbox: XSimulator, http: httpx.AsyncClient) -> None:
    first, second = await post(http, "Hi"), await post(http, "Hi")
    sandbox.clock.offset_s += 25 * 3600
    headers = {"Authorization": f"Bearer {token_of(sandbox, '4711')}"}
    third = await http.post("/2/tweets", json={"text": "Hi"}, headers=headers)

    assert [one.status_code for one in (first, second, third)] == [201, 403, 201]
    assert second.json()["detail"] == DUPLICATE


async def test_a_reply_to_another_account_is_refused(sandbox: XSimulator, http: httpx.AsyncClient) -> None:
    theirs = {"Authorization": f"Bearer {token_of(sandbox, '4712')}"}
    parent = (await http.post("/2/tweets", json={"text": "Hi"}, headers=theirs)).json()["data"]["id"]

    refusal = await post(http, "Me too", reply={"in_reply_to_tweet_id": parent})

    assert (refusal.status_code, refusal.json()["detail"]) == (403, NOT_YOURS)


async def test_posts_cost_money_and_are_counted(sandbox: XSimulator, http: httpx.AsyncClient) -> None:
    sandbox.settings |= {"credits": 0.22, "post_limit": 3}

    answers = [await post(http, text) for text in ("one", "two example.com", "three", "four")]

    assert [one.status_code for one in answers] == [201, 201, 402, 429]
    assert answers[3].headers["x-rate-limit-remaining"] == "0"


async def test_media_needs_its_scope_a_json_body_and_small_segments(
    sandbox: XSimulator, http: httpx.AsyncClient
) -> None:
    begin = {"media_type": "video/mp4", "media_category": "tweet_video", "total_bytes": 5 * 2**20}
    started = (await http.post("/2/media/upload/initialize", json=begin)).json()["data"]
    path = f"/2/media/upload/{started['id']}"

    large = await http.post(
        f"{path}/append", data={"segment_index": "0"}, files={"media": b"x" * (4 * 2**20 + 1)}
    )
    skipped = await http.post(f"{path}/append", data={"segment_index": "1"}, files={"media": b"x"})
    bare = await http.post(f"{path}/finalize")
    short = await http.post(f"{path}/finalize", json={})
    barred = {"Authorization": f"Bearer {token_of(sandbox, '4711', 'media.write')}"}
    refused = await http.post("/2/media/upload/initialize", json=begin, headers=barred)

    assert (large.status_code, large.content) == (413, b"")
    assert "not in order" in skipped.text
    assert "must be a JSON object" in bare.text
    assert "do not add up" in short.text
    assert refused.status_code == 403


@pytest.mark.parametrize("names", ["old", "new"])
async def test_answers_have_the_names_of_either_generation(
    sandbox: XSimulator, http: httpx.AsyncClient, names: str
) -> None:
    sandbox.settings["field_names"] = names
    parent = (await post(http, "One & two https://example.com")).json()["data"]
    await post(http, "Two", reply={"in_reply_to_tweet_id": parent["id"]})

    found = (await http.get("/2/users/4711/tweets")).json()["data"]

    assert found[0]["referenced_tweets" if names == "old" else "referenced_posts"][0]["id"] == parent["id"]
    assert found[1]["text"].startswith("One &amp; two https://t.co/")
    assert found[1]["entities"]["urls"][0]["expanded_url"] == "https://example.com"
