"""What the tests of Facebook and Instagram share: a client of ours and Graph's answers."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from pytest_httpx import HTTPXMock

from adapters.base import Client, Platform
from tests import credentials

ROOT = "https://graph.facebook.com/v26.0"
EVERY_SCOPE = (
    "pages_show_list",
    "pages_read_engagement",
    "pages_manage_posts",
    "business_management",
    "instagram_basic",
    "instagram_content_publish",
)


def client_of(platform: Platform, **changes: Any) -> Client:
    """Return our credentials for `platform`, made up."""
    ours = credentials.client_of(platform.apps[0], client_id="1200", client_secret="hush")
    return dataclasses.replace(ours, **changes)


def graph(httpx_mock: HTTPXMock, path: str, answer: Any, *, method: str = "GET", status: int = 200) -> None:
    """Let Graph answer `path` with a JSON body, whatever the query."""
    url = re.compile(rf"{re.escape(ROOT + path)}(\?.*)?")
    httpx_mock.add_response(method=method, url=url, json=answer, status_code=status)


def failure(code: int | None, subcode: int | None = None, **changes: Any) -> dict[str, Any]:
    """Return Graph's error envelope."""
    error = {"message": "no", "type": "OAuthException", "code": code, "error_subcode": subcode} | changes
    return {"error": {key: value for key, value in error.items() if value is not None}}


def found(httpx_mock: HTTPXMock, pages: list[Any], **changes: Any) -> None:
    """Let discovery see `pages` in one answer; `scopes`, `businesses`, `debug` change the rest."""
    scopes = changes.get("scopes", EVERY_SCOPE)
    graph(httpx_mock, "/me", {"id": "9900", "name": "Ana Ruiz"})
    granted = [{"permission": scope, "status": "granted"} for scope in scopes]
    declined = [{"permission": "read_insights", "status": "declined"}]
    graph(httpx_mock, "/me/permissions", {"data": granted + declined})
    if "pages_show_list" not in scopes:
        return
    graph(httpx_mock, "/me/accounts", {"data": pages})
    graph(httpx_mock, "/debug_token", {"data": changes.get("debug", {"is_valid": True})})
    if "business_management" in scopes:
        graph(httpx_mock, "/me/businesses", {"data": changes.get("businesses", [])})


def page(number: int, **changes: Any) -> dict[str, Any]:
    """Return a Page as `/me/accounts` lists it, fully usable."""
    node = {
        "id": f"10400{number}",
        "name": f"Page {number}",
        "access_token": f"EAAGpage{number}",
        "tasks": ["ANALYZE", "CREATE_CONTENT"],
    }
    return {key: value for key, value in (node | changes).items() if value is not None}
