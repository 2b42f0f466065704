"""Calls to oauth.reddit.com as an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from adapters import oauth
from adapters.base import Client, Expired, Outgoing, PlatformError, Rejected, Tokens, body_of, object_of
from adapters.http import send
from adapters.reddit import PLATFORM
from adapters.reddit.refusals import refusal_in, verdict_on, write_verdict_on
from adapters.uploads import UPLOAD_TIMEOUT, FileForm

API = "https://oauth.reddit.com"
LONGEST_WRITE_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Makes calls with one account's token, and names us as Reddit wants it."""

    http: httpx.AsyncClient
    client: Client
    tokens: Tokens

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """Return the JSON object at `path`.

        Raises:
            PlatformError: The platform answered something else, or nothing.

        """
        request = self._request("GET", path, params={"raw_json": "1"} | dict(query or {}))
        response = await send(self.http, request)
        body = body_of(response)
        if response.is_success and body:
            return body
        raise verdict_on(response)

    async def ask(self, path: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Return the answer to a POST that people don't see.

        Raises:
            PlatformError: As for `get`.

        """
        request = self._request("POST", path, params={"raw_json": "1"}, data=dict(form))
        response = await send(self.http, request)
        body = body_of(response)
        if response.is_success and body:
            return body
        raise verdict_on(response)

    async def write(
        self, path: str, *, form: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """Return `json.data` of the answer to a POST that people see; never empty.

        Raises:
            OutcomeUnknown: Reddit may have carried it out.
            PlatformError: Reddit refused it.

        """
        request = self._request("POST", path, params={"raw_json": "1"}, data=form, json=body)
        request.extensions["timeout"] = UPLOAD_TIMEOUT.as_dict()
        response = await send(self.http, request, has_effect=True, within_s=LONGEST_WRITE_S)
        answer = body_of(response)
        if response.is_success and (refusal := refusal_in(answer)):
            raise refusal
        data = object_of(object_of(answer.get("json")).get("data"))
        if not response.is_success or not data:
            raise write_verdict_on(response)
        return data

    async def upload(self, address: str, form: FileForm) -> None:
        """Send a file to the address that Reddit leased to us, which wants no token of ours.

        Raises:
            Expired: The lease is over.
            Rejected: The file is too large.
            PlatformError: As for every call.

        """
        request = self.http.build_request(
            "POST", self.client.at(address), content=form.body(), headers=form.headers, timeout=UPLOAD_TIMEOUT
        )
        response = await send(self.http, request, within_s=LONGEST_WRITE_S)
        if not response.is_success:
            raise _upload_verdict_on(response)

    def _request(self, method: str, path: str, **given: Any) -> httpx.Request:
        headers = {
            "Authorization": f"Bearer {self.tokens.access_token}",
            "User-Agent": oauth.user_agent(PLATFORM, self.client),
        }
        return self.http.build_request(
            method, self.client.at(API + path), headers=headers, timeout=oauth.TIMEOUT, **given
        )


def calls_of(http: httpx.AsyncClient, outgoing: Outgoing) -> Calls:
    """Return what makes the calls of a delivery."""
    return Calls(http=http, client=outgoing.client, tokens=outgoing.tokens)


def _upload_verdict_on(response: httpx.Response) -> PlatformError:
    """Return what an answer of Amazon S3 means: it is XML."""
    if response.status_code in {400, 413} and "EntityTooLarge" in response.text:
        return Rejected("EntityTooLarge")
    return Expired("upload_lease") if response.status_code == httpx.codes.FORBIDDEN else verdict_on(response)
