"""The LinkedIn accounts behind a grant: sign-in, tokens, the profile and the company pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx

from adapters import oauth
from adapters.base import (
    Blocker,
    Busy,
    Capability,
    Client,
    Discovery,
    Hint,
    Identity,
    Misconfigured,
    Place,
    PlatformError,
    RemoteAccount,
    Tokens,
    body_of,
    object_of,
    objects_of,
    text_of,
)
from adapters.http import send
from adapters.linkedin import PLATFORM, REVOKED
from adapters.linkedin.calls import API, headers_for
from adapters.linkedin.publishing import LinkedInPublisher
from adapters.linkedin.refusals import verdict_on
from adapters.numbers import whole

LISTS_PAGES = frozenset({"rw_organization_admin", "r_organization_admin"})
MISSING_BY_ROLE: Mapping[str, frozenset[Capability]] = {
    "ADMINISTRATOR": frozenset(),
    # The documentation of images, videos and statistics names ADMINISTRATOR only.
    "CONTENT_ADMINISTRATOR": frozenset({Capability.MEDIA, Capability.INSIGHTS}),
}
"""The roles that may post as the page, and what each cannot do."""
PAGE_SIZE = 20
MOST_PAGES = 20
NAMES_AT_ONCE = 5
MOST_NAMED = 100
"""Pages whose names are read, each with a call: a member's 150 a day also have to publish."""
RETRY_PAUSES_S = (0.5, 0.5, 1.0, 1.0, 2.0, 3.0)
"""Pauses in seconds between tries: LinkedIn may call a new token revoked for a moment. 8 seconds in all."""


class LinkedIn:
    """Calls api.linkedin.com. `pause` waits between tries."""

    platform = PLATFORM

    def __init__(
        self, http: httpx.AsyncClient, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._http = http
        self._pause = pause
        self._publisher = LinkedInPublisher(http)

    @property
    def publisher(self) -> LinkedInPublisher:
        """How it publishes."""
        return self._publisher

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:
        """Return the tokens for a code, which expires after 30 minutes. See `Adapter.exchange`.

        A consent to other scopes than before has ended this member's earlier tokens of the same app.
        """
        return await oauth.exchange(self._http, PLATFORM, client, code=code, verifier=verifier)

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:
        """Return a new access token, if LinkedIn gave this app a refresh token.

        A refresh token lives 365 days from the consent, however often it is used.

        Raises:
            Misconfigured: With the code `no_refresh`: there is no refresh token, and the member must reconnect.
            PlatformError: As `Adapter.refresh` says.

        """
        return await oauth.refresh(self._http, PLATFORM, client, tokens)

    async def revoke(self, client: Client, tokens: Tokens) -> None:
        """Ask LinkedIn to end the token.

        The address is in common use, but LinkedIn does not document it. After a failure the member can end the token in
        LinkedIn's settings under "Permitted services".
        """
        await oauth.revoke(self._http, PLATFORM, client, tokens.access_token)

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        """Return the member's profile and pages, as far as the granted scopes show them.

        Pages where the member's role does not allow posting have their blocker. Waits up to 8 seconds until LinkedIn
        accepts a new token, so a revoked one is refused that much later.
        Only the first 400 page roles are read, and the names of 100 pages.

        Raises:
            Misconfigured: With the code `no_identity_scope`: the scopes do not show whose token it is.
            PlatformError: The platform did not answer, or refused the token.

        """
        scopes = frozenset(client.scopes) if tokens.scopes is None else tokens.scopes
        reader = _Reader(
            http=self._http,
            client=client,
            token=tokens.access_token,
            pause=self._pause,
            pauses=iter(RETRY_PAUSES_S),
        )
        person = await _person(reader, scopes)
        pages: list[RemoteAccount] = []
        hints: frozenset[Hint] = frozenset({Hint.PAGES_NEED_PAGE_APP})
        if scopes & LISTS_PAGES:
            pages = await _pages(reader)
            hints = frozenset() if pages else frozenset({Hint.NO_COMPANY_PAGE})
        profile = [_profile(person)] if "w_member_social" in scopes else []
        return Discovery(
            identity=Identity(id=person.id, name=person.name),
            scopes=scopes,
            accounts=tuple(
                sorted([*profile, *pages], key=lambda a: (a.blocker is not None, a.name.casefold(), a.id))
            ),
            hints=hints,
        )

    async def places(self, client: Client, tokens: Tokens, account_id: str) -> tuple[Place, ...]:  # noqa: ARG002
        """Return nothing: a post on LinkedIn goes to the profile or the page itself."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    id: str
    name: str
    vanity: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Reads with one token. All reads of one discovery share the pauses between tries."""

    http: httpx.AsyncClient
    client: Client
    token: str
    pause: Callable[[float], Awaitable[None]]
    pauses: Iterator[float]

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """Return the JSON object at `path`.

        Raises:
            PlatformError: The platform answered something else, or nothing.

        """
        headers = headers_for(self.client, self.token, path)
        while True:
            request = self.http.build_request(
                "GET", self.client.at(API + path), params=params, headers=headers, timeout=oauth.TIMEOUT
            )
            response = await send(self.http, request)
            body = body_of(response)
            if response.is_success and body:
                return body
            verdict = verdict_on(response)
            wait = next(self.pauses, None) if verdict.code == REVOKED else None
            if wait is None:
                raise verdict
            await self.pause(wait)


async def _person(reader: _Reader, scopes: frozenset[str]) -> _Person:
    if "openid" in scopes:
        body = await reader.get("/v2/userinfo")
        person = _Person(
            id=text_of(body.get("sub")), name=text_of(body.get("name")), picture=text_of(body.get("picture"))
        )
    elif "r_basicprofile" in scopes:
        body = await reader.get("/v2/me")
        name = f"{text_of(body.get('localizedFirstName'))} {text_of(body.get('localizedLastName'))}".strip()
        person = _Person(id=text_of(body.get("id")), name=name, vanity=text_of(body.get("vanityName")))
    else:
        raise Misconfigured("no_identity_scope")
    if not person.id:
        raise Busy("unreadable_answer")
    return person


def _profile(person: _Person) -> RemoteAccount:
    return RemoteAccount(
        id=f"urn:li:person:{person.id}",
        kind="Profile",
        name=person.name or "LinkedIn profile",
        url=f"https://www.linkedin.com/in/{quote(person.vanity, safe='')}/" if person.vanity else "",
        avatar_url=person.picture,
        unnamed=not person.name,
    )


async def _pages(reader: _Reader) -> list[RemoteAccount]:
    """Return every page on which the member has a role, also one that does not allow posting."""
    roles = await _roles(reader)
    gate, named = asyncio.Semaphore(NAMES_AT_ONCE), frozenset([*roles][:MOST_NAMED])

    async def page(organization: str) -> RemoteAccount:
        body: Mapping[str, Any] = {}  # a page without a readable name is still a page
        if organization in named:
            with suppress(PlatformError):
                async with gate:
                    body = await reader.get(f"/rest/organizations/{organization}")
        posting = [MISSING_BY_ROLE[role] for role in roles[organization] if role in MISSING_BY_ROLE]
        vanity = text_of(body.get("vanityName"))
        return RemoteAccount(
            id=f"urn:li:organization:{organization}",
            kind="Company page",
            name=text_of(body.get("localizedName")) or f"Company page {organization}",
            url=f"https://www.linkedin.com/company/{quote(vanity or organization, safe='')}/",
            blocker=None if posting else Blocker.NOT_PAGE_ADMIN,
            unnamed=not body,
            missing=frozenset.intersection(*posting) if posting else frozenset(),
        )

    return list(await asyncio.gather(*(page(organization) for organization in roles)))


async def _roles(reader: _Reader) -> dict[str, set[str]]:
    """Return the member's approved roles by organization id."""
    roles: dict[str, set[str]] = {}
    start = 0
    for _ in range(MOST_PAGES):
        query = {"q": "roleAssignee", "state": "APPROVED", "start": str(start), "count": str(PAGE_SIZE)}
        body = await reader.get("/rest/organizationAcls", query)
        for element in objects_of(body.get("elements")):
            # LinkedIn uses either name.
            urn = text_of(element.get("organization")) or text_of(element.get("organizationTarget"))
            found = re.fullmatch(r"urn:li:organization:(\d{1,19})", urn)
            if found and element.get("state", "APPROVED") == "APPROVED":
                roles.setdefault(found[1], set()).add(text_of(element.get("role")))
        following = _next_start(body, start)
        if following is None:
            break
        start = following
    return roles


def _next_start(body: Mapping[str, Any], start: int) -> int | None:
    """Return where the next page starts, or None. Only this number is read from the link."""
    for link in objects_of(object_of(body.get("paging")).get("links")):
        if link.get("rel") == "next":
            [given, *_] = parse_qs(urlsplit(text_of(link.get("href"))).query).get("start", [""])
            named = whole(given) if re.fullmatch(r"[0-9]{1,9}", given) else None
            following = start + PAGE_SIZE if named is None else named
            return following if following > start else None
    return None
