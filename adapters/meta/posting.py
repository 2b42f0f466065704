"""Graph calls that publish: as one account, with the verdicts of its platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from adapters.base import (
    Busy,
    Client,
    OutcomeUnknown,
    Outgoing,
    PlatformError,
    Presence,
    Rejected,
    Tokens,
    body_of,
    object_of,
    objects_of,
    text_of,
)
from adapters.http import send
from adapters.meta.graph import DIGITS, Graph
from adapters.meta.refusals import RESUMABLE, UPLOAD_FAILED, UPLOAD_REJECTED, Table, refusal
from adapters.numbers import written_moment
from adapters.oauth import TIMEOUT
from adapters.uploads import UPLOAD_TIMEOUT, FileForm, Upload

LONGEST_PUBLISH_S = 600.0
LONGEST_STAGE_S = 120.0
"""Instagram fetches a picture before it answers."""
LONGEST_UPLOAD_S = 3600.0
GONE = "100_33"
"""The object doesn't exist, or this token may not see it: Graph does not say which."""
EARLIER = timedelta(seconds=60)
"""How much earlier than by our clock a post may have been made by Meta's."""
UNTOUCHED = timedelta(minutes=15)
"""Longer than the longest call that publishes: after that our request is not on its way any more."""


class Posting:
    """Calls Graph as one account. Reads and preparations have no visible effect; `publish` has."""

    def __init__(self, http: httpx.AsyncClient, client: Client, tokens: Tokens, table: Table) -> None:
        self._http = http
        self._client = client
        self._token = tokens.access_token
        self._table = table
        self._graph = Graph(http, client)

    async def read(self, path: str, **parameters: str) -> Mapping[str, Any]:
        """Return a node or a list.

        Raises:
            PlatformError: Graph answered something else, or nothing.

        """
        return self.sound(await send(self._http, self._request("GET", path, parameters)))

    async def stage(self, path: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Return the answer to a call that prepares. Where it is lost, the call can be repeated.

        Raises:
            PlatformError: Nothing was prepared.

        """
        request = self._request("POST", path, {}, data=dict(form), timeout=UPLOAD_TIMEOUT)
        return self.sound(await send(self._http, request, within_s=LONGEST_STAGE_S))

    async def stage_file(self, path: str, form: FileForm) -> httpx.Response:
        """Return the answer, whatever it says, to a form with a file.

        Raises:
            Busy: There was none.

        """
        request = self._request(
            "POST", path, {}, content=form.body(), headers=form.headers, timeout=UPLOAD_TIMEOUT
        )
        return await send(self._http, request, within_s=LONGEST_PUBLISH_S)

    async def publish(self, path: str, form: Mapping[str, str], fields: str = "") -> Mapping[str, Any]:
        """Return the answer to the call that people see the effect of, with `fields` of what it made.

        Raises:
            PlatformError: Nothing was published.
            OutcomeUnknown: It may be published.

        """
        asked = {"fields": fields} if fields else {}
        return await self._changed(self._request("POST", path, asked, data=dict(form)))

    async def delete(self, path: str) -> None:
        """Delete a node.

        Raises:
            PlatformError: It was not deleted.
            OutcomeUnknown: It may be deleted.

        """
        await self._changed(self._request("DELETE", path, {}))

    async def upload(self, address: str, upload: Upload) -> Mapping[str, Any]:
        """Send a file, from an offset on, to an address that Graph named for it ("Resumable Uploads").

        Raises:
            Busy: It did not arrive in full, and can be continued.
            PlatformError: It was refused.

        """
        headers = {
            "Authorization": f"OAuth {self._token}",
            "offset": str(upload.start),
            "file_size": str(upload.media.size),
            "Content-Length": str(upload.size),
        }
        request = self._http.build_request(
            "POST",
            self._upload_address(address),
            content=upload.body(),
            headers=headers,
            timeout=UPLOAD_TIMEOUT,
        )
        response = await send(self._http, request, within_s=LONGEST_UPLOAD_S)
        body = body_of(response)
        if reason := object_of(body.get("debug_info")):
            kind = text_of(reason.get("type"))
            if reason.get("retriable") is True or kind in RESUMABLE or response.is_server_error:
                raise Busy(kind if kind in RESUMABLE else UPLOAD_FAILED)
            raise Rejected(kind if kind in UPLOAD_REJECTED else UPLOAD_FAILED)
        return self.sound(response)

    def sound(self, response: httpx.Response) -> Mapping[str, Any]:
        """Return the JSON object of an answer.

        Raises:
            PlatformError: It is a refusal, or no object.

        """
        body = body_of(response)
        if not response.is_success or "error" in body:
            raise self.refused(response)
        if not body:
            raise Busy("odd_answer")
        return body

    def refused(self, response: httpx.Response, *, visible: bool = False) -> PlatformError:
        """Return the error that an answer means."""
        return refusal(response, self._table, visible=visible)

    def public(self, raw: object, otherwise: str) -> str:
        """Return where people see something: as Graph says, which may be only a path, else `otherwise`."""
        url = text_of(raw)
        if url.startswith("/") and not url.startswith("//"):
            return self._client.at(f"https://www.facebook.com{url}")
        known = url.startswith("https://") or (
            self._client.origin and url.startswith(f"{self._client.origin}/")
        )
        return url if known else self._client.at(otherwise)

    async def presence(self, node: str, listing: str) -> Presence:
        """Return whether `node` is still there.

        A token without permission gets the same answer as for a node that is gone. So `listing`, which needs the same
        permission, has to answer too.
        """
        try:
            await self.read(f"/{node}", fields="id")
        except Rejected as refused:
            if refused.code != GONE:
                return Presence.UNREADABLE
        else:
            return Presence.THERE
        try:
            await self.read(listing, fields="id", limit="1")
        except Rejected:
            return Presence.UNREADABLE
        return Presence.GONE

    def _upload_address(self, address: str) -> str:
        """Return an upload address if it is Meta's: the token must not go elsewhere."""
        parts = urlsplit(address)
        if parts.scheme != "https" or not (parts.hostname or "").endswith(".facebook.com"):
            raise Busy("odd_answer")
        return self._client.at(address)

    def _request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> httpx.Request:
        ours = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        return self._http.build_request(
            method,
            self._graph.address(path),
            params=dict(parameters) | {"appsecret_proof": self._graph.proof(self._token)},
            headers=ours | dict(headers or {}),
            **{"timeout": TIMEOUT} | content,
        )

    async def _changed(self, request: httpx.Request) -> Mapping[str, Any]:
        request.extensions["timeout"] = UPLOAD_TIMEOUT.as_dict()
        response = await send(self._http, request, has_effect=True, within_s=LONGEST_PUBLISH_S)
        body = body_of(response)
        if not response.is_success or "error" in body:
            raise self.refused(response, visible=True)
        if not body:
            raise OutcomeUnknown("odd_answer")
        return body


def id_in(body: Mapping[str, Any], *, visible: bool = False) -> str:
    """Return the id in an answer: digits, for a post two numbers joined by `_`.

    Raises:
        Busy: There is none.
        OutcomeUnknown: There is none, and the call published.

    """
    found = str(body.get("id"))
    if all(DIGITS.fullmatch(part) for part in found.split("_")):
        return found
    raise (OutcomeUnknown if visible else Busy)("odd_answer")


def entries_since(
    body: Mapping[str, Any], since: datetime, field: str, matches: Callable[[Mapping[str, Any]], bool]
) -> Mapping[str, Any] | None:
    """Return the oldest entry of a list, newest first, that was made at `since` or later and matches."""
    moments = ((row, written_moment(row.get(field))) for row in objects_of(body.get("data")))
    found = [row for row, at in moments if at is not None and at >= since - EARLIER and matches(row)]
    return found[-1] if found else None


def same_text(one: str, other: str) -> bool:
    """Tell whether two texts are the same but for line ends and the spaces around them, which Meta changes."""
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()


def posting_of(http: httpx.AsyncClient, outgoing: Outgoing, table: Table) -> Posting:
    """Return the calls for a delivery."""
    return Posting(http, outgoing.client, outgoing.tokens, table)
