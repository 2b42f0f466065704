"""Graph of the simulated Meta: the nodes and edges of Pages and Instagram accounts."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from sandbox.platforms.meta.auth import VERSION, MetaAuth
from sandbox.platforms.meta.graph import GraphRefusal, missing, pick, window
from sandbox.platforms.meta.state import (
    ENDINGS,
    Call,
    Consent,
    Reply,
    Token,
    received,
    scoped_id,
)
from sandbox.platforms.meta.world import (
    BUSINESSES,
    FULL_TASKS,
    INSTAGRAM_SCOPES,
    PAGE_SCOPES,
    PageNode,
    square,
)
from sandbox.platforms.oauth import renamed
from sandbox.platforms.values import Person

GraphHandler = Callable[[Call], Awaitable[Reply]]


class MetaNodes(MetaAuth):
    """People, Pages and Instagram accounts, with the checks of every Graph call."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the dialog, the token endpoint, and Graph's nodes and edges."""
        root = f"/{VERSION}"
        return [
            *super().routes(),
            web.get(f"{root}/oauth/access_token", self.token),
            web.get(f"{root}/debug_token", self._graph(self._debug_token)),
            web.get(f"{root}/{{node}}/permissions", self._graph(self._permissions)),
            web.delete(f"{root}/{{node}}/permissions", self._graph(self._delete_permissions)),
            web.get(f"{root}/{{node}}/accounts", self._graph(self._accounts)),
            web.get(f"{root}/{{node}}/businesses", self._graph(self._businesses)),
            web.get(f"{root}/{{node}}/{{edge:owned_pages|client_pages}}", self._graph(self._business_pages)),
            web.get(f"{root}/{{node}}", self._graph(self._node)),
            web.get("/pictures/{seed}.png", self._picture),
        ]

    def controls(self) -> Mapping[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Return the control actions (see the docstring of `sandbox.platforms.meta`)."""
        return {
            **super().controls(),
            "scope": self._control_scope,
            "role": self._control_role,
            "add_pages": self._control_add_pages,
        }

    def rename(self, person: Person) -> str:
        """Give the person's first Page, and its Instagram account, another name, or the old one again."""
        page = next((p for p in self.pages.values() if person.id in p.roles), None)
        if page is None:
            raise ValueError(f"{person.name} has no Page")
        before, page.name = page.name, renamed(page.name)
        page.username = page.username and renamed(page.username, "new")
        page.instagram = page.instagram and renamed(page.instagram, "_new")
        instagram = f", and its Instagram account @{page.instagram}" if page.instagram else ""
        return f"The Page {before} is called {page.name} now{instagram}"

    # Graph

    def _graph(self, handler: GraphHandler) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return a handler with the checks of every Graph call: version, limits, token, proof, headers."""

        async def answer(request: web.Request) -> web.Response:
            try:
                self._check_version(request)
                self._check_limit()
                given, file = await received(request)
                token = self._bearer(request, given)
                self._check_proof(token, given)
                consent = self._consent(token.person, token.client_id) if token.person else Consent()
                call = Call(request=request, parameters=given, file=file, token=token, consent=consent)
                body = await handler(call)
            except GraphRefusal as refusal:
                return self._envelope(request, refusal)
            return web.json_response(body, headers=self._headers(request))

        return answer

    def _check_limit(self) -> None:
        if code := self.settings["limit_code"]:
            raise GraphRefusal(int(code), f"(#{code}) Request limit reached")

    def _bearer(self, request: web.Request, given: Mapping[str, str]) -> Token:
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() not in {"bearer", "oauth"}:
            value = given.get("access_token", "")
        if not value:
            message = "An active access token must be used to query information about the current user."
            raise GraphRefusal(2500, message)
        return self._live(value)

    def _check_proof(self, token: Token, given: Mapping[str, str]) -> None:
        proof = given.get("appsecret_proof")
        if proof is None:
            if self.settings["require_proof"]:
                message = "API calls from the server require an appsecret_proof argument"
                raise GraphRefusal(100, message, kind="GraphMethodException")
            return
        key = self.apps[token.client_id].client_secret.encode()
        if not secrets.compare_digest(hmac.new(key, token.value.encode(), hashlib.sha256).hexdigest(), proof):
            message = "Invalid appsecret_proof provided in the API argument"
            raise GraphRefusal(100, message, kind="GraphMethodException")

    def _me(self, call: Call) -> Person:
        """Return the person of a user token, if the path names that person."""
        node = call.request.match_info["node"]
        if call.token.kind != "USER" or node not in {"me", scoped_id(call.token)}:
            raise missing(node)
        return self.people[call.token.person]

    async def _permissions(self, call: Call) -> Reply:
        self._me(call)
        return {"data": [{"permission": p, "status": s} for p, s in call.consent.permissions.items()]}

    async def _delete_permissions(self, call: Call) -> Reply:
        person = self._me(call)
        if (one := call.parameters.get("permission")) is not None:
            call.consent.permissions.pop(one, None)
        else:
            self._end(458, person=person.id, client_id=call.token.client_id)
        return {"success": True}

    async def _accounts(self, call: Call) -> Reply:
        person = self._me(call)
        seen = [
            page
            for page in self.pages.values()
            if (person.id in page.roles or person.id in page.onlookers)
            and not (page.owner or page.agency)
            and call.consent.ticked(page.id)
        ]
        return self._listing(call, [] if self.settings["accounts_empty"] else seen)

    async def _businesses(self, call: Call) -> Reply:
        person = self._me(call)
        self._need(call, "business_management")
        rows = [{"id": b.id, "name": b.name} for b in BUSINESSES if person.id in b.people]
        return self._window(call, rows)

    async def _business_pages(self, call: Call) -> Reply:
        self._need(call, "business_management")
        node, edge = call.request.match_info["node"], call.request.match_info["edge"]
        if not any(b.id == node and call.token.person in b.people for b in BUSINESSES):
            raise missing(node)
        held = [p for p in self.pages.values() if (p.owner if edge == "owned_pages" else p.agency) == node]
        return self._listing(call, held)

    async def _node(self, call: Call) -> Reply:
        node = call.request.match_info["node"]
        if call.token.kind == "USER" and node in {"me", scoped_id(call.token)}:
            person = self.people[call.token.person]
            return pick("User", {"id": scoped_id(call.token), "name": person.name}, call.fields("id,name"))
        page_id = call.token.page if node == "me" else node
        if (page := self.pages.get(page_id)) and self._sees(call, page):
            return self._page_view(call, page, call.fields("id,name"))
        owner = next((p for p in self.pages.values() if p.instagram_id == node), None)
        if owner and self._sees(call, owner) and call.consent.allows("instagram_basic"):
            return pick("IGUser", self._instagram_view(owner), call.fields("id"))
        raise missing(node)

    async def _debug_token(self, call: Call) -> Reply:
        if call.token.kind == "PAGE":
            raise GraphRefusal(100, "You must provide an app access token, or a user access token")
        value = call.parameters.get("input_token", "")
        token = self.tokens.get(value)
        if token is None:
            error = {"code": 190, "message": "Invalid OAuth access token."}
            return {"data": {"error": error, "is_valid": False, "scopes": []}}
        if token.client_id != call.token.client_id:
            raise GraphRefusal(100, "(#100) The App_id in the input_token did not match the Viewing App")
        consent = self._consent(token.person, token.client_id)
        scopes = [s for s in consent.permissions if consent.allows(s)]
        data: dict[str, Any] = {
            "app_id": token.client_id,
            "type": token.kind,
            "application": "Octapost",
            "is_valid": True,
            "issued_at": int(token.issued_at),
            "expires_at": int(token.expires_at),
            "data_access_expires_at": int(consent.seen_at + float(self.settings["data_access_life_s"])),
            "user_id": scoped_id(token),
            "scopes": scopes,
            "granular_scopes": [g for s in scopes if (g := self._granular(consent, s))],
        }
        if token.page:
            data["profile_id"] = token.page
        if subcode := self._why_dead(token):
            error = {"code": 190, "message": ENDINGS[subcode], "subcode": subcode}
            data |= {"is_valid": False, "error": error, "scopes": []}
            del data["granular_scopes"]
        return {"data": data}

    def _granular(self, consent: Consent, scope: str) -> Reply:
        """Return the ids ticked for `scope`. An entry without ids means all, so with nothing ticked there is none."""
        targets = consent.targets.get(scope)
        if targets is None or scope not in PAGE_SCOPES | INSTAGRAM_SCOPES:
            return {"scope": scope}
        ids = sorted(targets & self.pages.keys())
        if scope in INSTAGRAM_SCOPES:
            ids = [self.pages[i].instagram_id for i in ids if self.pages[i].instagram]
        return {"scope": scope, "target_ids": ids} if ids else {}

    def _need(self, call: Call, scope: str) -> None:
        if not call.consent.allows(scope):
            raise GraphRefusal(200, f"(#200) Requires {scope} permission to manage the object", status=403)

    def _sees(self, call: Call, page: PageNode) -> bool:
        if call.token.kind == "PAGE":
            return call.token.page == page.id
        person = call.token.person
        return call.consent.ticked(page.id) and (person in page.roles or person in page.onlookers)

    def _listing(self, call: Call, pages: Sequence[PageNode]) -> Reply:
        fields = call.fields("access_token,category,name,id,tasks")
        if not call.consent.allows("pages_show_list"):
            pages = []
        window_of = self._window(call, [{"id": p.id} for p in pages])
        rows = [self._page_view(call, self.pages[row["id"]], fields) for row in window_of["data"]]
        return {**window_of, "data": rows}

    def _window(self, call: Call, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        asked = {**call.parameters, "access_token": call.token.value}
        return window(rows, asked, f"{self.url}{call.request.path}")

    def _page_view(self, call: Call, page: PageNode, fields: Mapping[str, str]) -> Reply:
        acts = self._page_token(call, page) if "access_token" in fields else None
        shown: dict[str, Any] = {
            "id": page.id,
            "name": page.name,
            "username": page.username or None,
            "category": page.category,
            "link": f"https://www.facebook.com/{page.username or page.id}",
            "picture": {"data": {"url": f"{self.url}/pictures/{page.id}.png"}},
            "fan_count": int(page.id[-4:]) * 7,
            "followers_count": int(page.id[-4:]) * 7,
            "tasks": list(page.roles[call.token.person]) if call.token.person in page.roles else None,
            "access_token": acts,
            "instagram_business_account": None,
            "connected_instagram_account": None,
        }
        if call.consent.allows("instagram_basic"):
            linked = self._instagram_view(page) if page.instagram else None
            personal = {"id": f"17842{page.id[-10:]}", "username": "someone"}
            shown["instagram_business_account"] = linked
            shown["connected_instagram_account"] = personal if page.personal_instagram else linked
        return pick("Page", shown, fields)

    def _instagram_view(self, page: PageNode) -> Reply:
        return {
            "id": page.instagram_id,
            "username": page.instagram,
            "name": page.name,
            "profile_picture_url": f"{self.url}/pictures/{page.instagram_id}.png",
            "followers_count": int(page.id[-4:]) * 11,
            "media_count": 42,
        }

    def _page_token(self, call: Call, page: PageNode) -> str | None:
        """Return a token to act as `page`. Made from a long user token it doesn't expire, else it expires with that."""
        user = call.token
        if user.kind == "PAGE":
            return user.value
        if not page.roles.get(user.person) or not call.consent.ticked(page.id):
            return None
        known = self._minted.get((user.value, page.id))
        if known is None or self._why_dead(known):
            known = self._issue("PAGE", self.apps[user.client_id], person=user.person, page=page.id)
            known.expires_at = 0.0 if user.long else user.expires_at
            self._minted[user.value, page.id] = known
        return known.value

    async def _picture(self, request: web.Request) -> web.Response:
        return web.Response(body=square(request.match_info["seed"]), content_type="image/png")

    # Control

    async def _control_role(self, given: dict[str, Any]) -> Any:
        roles = self.pages[given["page"]].roles
        roles.pop(given["person"], None)
        if tasks := given.get("tasks"):
            roles[given["person"]] = tuple(tasks)
        return {"tasks": list(roles.get(given["person"], ()))}

    async def _control_add_pages(self, given: dict[str, Any]) -> Any:
        added = []
        for _ in range(int(given.get("count", 1))):
            page_id = str(self._next_page)
            self._next_page += 1
            name = given.get("name", "New Page")
            self.pages[page_id] = PageNode(id=page_id, name=name, roles={given["person"]: FULL_TASKS})
            added.append(page_id)
        return {"pages": added}
