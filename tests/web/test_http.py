"""What carries our calls to the platforms."""

from __future__ import annotations

import httpx

from adapters.base import send
from bot.http import Forgetful


async def test_no_cookie_of_one_account_gets_into_another_s_request() -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return httpx.Response(200, headers={"Set-Cookie": "sid=account-one"}, json={})

    async with Forgetful(httpx.MockTransport(answer), timeout_s=1) as http:
        http.cookies = {"sid": "somebody"}
        for _ in range(2):
            await send(http, http.build_request("GET", "https://platform.example/me"))

    assert seen == [None, None]
    assert dict(http.cookies) == {}


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    answer = httpx.Response(302, headers={"Location": "https://elsewhere.example/"})

    async with Forgetful(httpx.MockTransport(lambda _request: answer), timeout_s=1) as http:
        found = await http.get("https://platform.example/me")

    assert found.status_code == 302
