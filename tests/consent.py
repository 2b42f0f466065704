"""A person at a simulated platform's consent page, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

import httpx

from adapters import oauth
from adapters.base import Client, Platform

STATE = "a-state-of-ours"
VERIFIER = "a-verifier-of-ours-that-is-forty-three-letters-long"


async def consent(
    http: httpx.AsyncClient,
    platform: Platform,
    client: Client,
    *,
    person: str,
    scopes: Iterable[str] | None = None,
    assets: Iterable[str] = (),
    decision: str = "approve",
) -> dict[str, str]:
    """Open the consent page as `person`, answer its form, and return the query of the callback.

    `scopes` are the boxes left ticked; None leaves all. The redirect is not followed.
    """
    url = oauth.authorize_url(platform, client, state=STATE, verifier=VERIFIER)
    page = await http.get(url)
    assert page.status_code == httpx.codes.OK, page.text
    form = {
        "person": person,
        "scope": list(client.scopes if scopes is None else scopes),
        "asset": list(assets),
        "decision": decision,
    }
    answer = await http.post(url, data=form)
    assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
    target, _, query = answer.headers["location"].partition("?")
    assert target == client.redirect_uri
    return dict(parse_qsl(urlsplit(f"?{query}").query))
