"""The Pages that a person's grant shows, with their Instagram accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from adapters.base import (
    Blocker,
    Busy,
    Capability,
    Hint,
    Identity,
    Rejected,
    RemoteAccount,
    object_of,
    objects_of,
    text_of,
)
from adapters.meta.graph import DIGITS, Graph, digits
from adapters.oauth import token_in

PAGE_FIELDS = "id,name,username,access_token,category,link,picture.type(large){url}"
INSTAGRAM_FIELDS = (
    "instagram_business_account{id,username,name,profile_picture_url},connected_instagram_account{id}"
)
MAY_POST = frozenset(
    {
        "CREATE_CONTENT",
        "MANAGE",
        "PROFILE_PLUS_CREATE_CONTENT",
        "PROFILE_PLUS_MANAGE",
        "PROFILE_PLUS_FULL_CONTROL",
    }
)
MAY_ANALYZE = frozenset({"ANALYZE", "PROFILE_PLUS_ANALYZE"})
MAX_CONCURRENT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class InstagramProfile:
    """The professional Instagram account that is linked to a Page."""

    id: str
    username: str
    name: str
    avatar_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A Facebook Page as a person's grant shows it."""

    id: str
    name: str
    username: str
    category: str
    url: str
    avatar_url: str
    token: str | None = field(repr=False)
    blocker: Blocker | None
    missing: frozenset[Capability]
    instagram: InstagramProfile | None
    personal_instagram: bool
    """The Page's Instagram account is not a professional one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Whose grant it is, what it allows and every Page it shows."""

    identity: Identity
    scopes: frozenset[str]
    pages: tuple[Page, ...]
    hints: frozenset[Hint]


async def pages_of(graph: Graph, token: str, *, instagram: bool) -> Pages:
    """Return the person, the granted permissions and every Page, with its Instagram account if `instagram`.

    `/me/accounts` may leave granted Pages out: those of a business portfolio, and sometimes those that the person
    selected one by one. So the portfolios' lists and the ids that debug_token names are read too. An entry without
    `access_token` is a Page that the person sees but cannot act as.

    Raises:
        PlatformError: Meta did not answer, or refused the token.

    """
    person = await graph.call("GET", "/me", token, {"fields": "id,name"})
    if not (person_id := text_of(person.get("id"))):
        raise Busy("odd_answer")
    answers = await graph.every("/me/permissions", token, "permission,status")
    scopes = frozenset(text_of(a.get("permission")) for a in answers if a.get("status") == "granted")
    found: dict[str, Mapping[str, Any]] = {}
    targets: frozenset[str] | None = None
    if "pages_show_list" in scopes:
        linked = instagram and "instagram_basic" in scopes
        fields = f"{PAGE_FIELDS},{INSTAGRAM_FIELDS}" if linked else PAGE_FIELDS
        _merge(found, await graph.every("/me/accounts", token, f"{fields},tasks"))
        if "business_management" in scopes:
            _merge(found, await _business_pages(graph, token, fields))
        with suppress(Rejected):
            targets = _targets(await graph.debug(token))
        tokenless = (targets or frozenset()) - {k for k, v in found.items() if token_in(v, "access_token")}
        _merge(found, await _by_id(graph, token, fields, tokenless))
    pages = tuple(_page(entry, targets) for entry in found.values())
    hints = set()
    if all(page.blocker is Blocker.NOT_TICKED for page in pages):
        hints.add(Hint.NO_PAGES_TICKED)
    if "business_management" not in scopes:
        hints.add(Hint.BUSINESS_MANAGEMENT_MISSING)
    identity = Identity(id=person_id, name=text_of(person.get("name")))
    return Pages(identity=identity, scopes=scopes, pages=pages, hints=frozenset(hints))


def in_order(accounts: Iterable[RemoteAccount]) -> tuple[RemoteAccount, ...]:
    """Return the accounts sorted: usable ones first, then by name."""
    return tuple(sorted(accounts, key=lambda a: (a.blocker is not None, a.name.casefold(), a.id)))


async def _business_pages(graph: Graph, token: str, fields: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    with suppress(Rejected):
        businesses = await graph.every("/me/businesses", token, "id,name")
        for business_id in filter(None, map(digits, businesses)):
            for edge in ("owned_pages", "client_pages"):
                # One portfolio may refuse to list its Pages, and the next one not.
                with suppress(Rejected):
                    found += await graph.every(f"/{business_id}/{edge}", token, fields)
    return found


async def _by_id(graph: Graph, token: str, fields: str, ids: Iterable[str]) -> list[Mapping[str, Any]]:
    gate = asyncio.Semaphore(MAX_CONCURRENT)

    async def one(page_id: str) -> Mapping[str, Any]:
        async with gate:
            try:
                return await graph.call("GET", f"/{page_id}", token, {"fields": fields})
            except Rejected:
                return {}

    return await asyncio.gather(*(one(page_id) for page_id in sorted(ids)))


def _merge(found: dict[str, Mapping[str, Any]], entries: Iterable[Mapping[str, Any]]) -> None:
    """Add `entries` by id. The first entry of an id counts, unless only the later one has a token."""
    for entry in entries:
        known = found.get(page_id := digits(entry), {})
        later_acts = bool(entry.get("access_token")) and not known.get("access_token")
        if page_id:
            found[page_id] = {**known, **entry} if later_acts else {**entry, **known}


def _page(entry: Mapping[str, Any], targets: frozenset[str] | None) -> Page:
    page_id, token = digits(entry), token_in(entry, "access_token")
    tasks = entry.get("tasks")
    # Only /me/accounts names the tasks. Elsewhere it is assumed that the person may post.
    held = {t for t in tasks if isinstance(t, str)} if isinstance(tasks, list) else None
    blocker = None
    if token is None:
        unticked = targets is not None and page_id not in targets
        blocker = Blocker.NOT_TICKED if unticked else Blocker.NO_PAGE_TOKEN
    elif held is not None and not held & MAY_POST:
        blocker = Blocker.NO_CREATE_CONTENT
    profile = object_of(entry.get("instagram_business_account"))
    return Page(
        id=page_id,
        name=text_of(entry.get("name")) or page_id,
        username=text_of(entry.get("username")),
        category=text_of(entry.get("category")),
        url=_url(entry, "link") or f"https://www.facebook.com/{page_id}",
        avatar_url=_url(object_of(object_of(entry.get("picture")).get("data")), "url"),
        token=token,
        blocker=blocker,
        missing=frozenset(() if held is None or held & MAY_ANALYZE else {Capability.INSIGHTS}),
        instagram=InstagramProfile(
            id=digits(profile),
            username=text_of(profile.get("username")),
            name=text_of(profile.get("name")),
            avatar_url=_url(profile, "profile_picture_url"),
        )
        if digits(profile)
        else None,
        personal_instagram=bool(digits(object_of(entry.get("connected_instagram_account")))),
    )


def _targets(facts: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the ids of the Pages ticked in the dialog. None: all of them, or Meta does not say."""
    if "granular_scopes" not in facts:
        return None
    for entry in objects_of(facts["granular_scopes"]):
        if entry.get("scope") == "pages_show_list":
            ids = entry.get("target_ids")
            ticked = {i for i in map(str, ids) if DIGITS.fullmatch(i)} if isinstance(ids, list) else set()
            return frozenset(ticked) or None
    return frozenset()


def _url(body: Mapping[str, Any], key: str) -> str:
    return found if (found := text_of(body.get(key))).startswith(("https://", "http://")) else ""
