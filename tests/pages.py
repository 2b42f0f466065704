"""What a browser does on Octapost's pages, and what it finds there."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx

COOKIE = "octapost-attempt"


async def press(browser: httpx.AsyncClient, ticket: str, **headers: str) -> httpx.Response:
    """Press Continue as a browser does on a page that sends no referrer, and return the answer."""
    sent = {"Origin": "null", "Sec-Fetch-Site": "same-origin"} | headers
    return await browser.post(ticket, headers=sent)


def query_of(url: str) -> dict[str, str]:
    """Return the query of a URL, in which no name may occur twice."""
    found = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}
