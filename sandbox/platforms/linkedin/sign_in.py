"""LinkedIn: sign-in, tokens, the member and their pages, as learn.microsoft.com/linkedin describes them.

From "Authorization Code Flow": no PKCE, codes live 30 minutes, the secret is sent in the form, scopes are returned
separated by commas, a scope that the app's products don't include sends the member back at once with
`unauthorized_scope_error`, and a consent to other scopes than before ends the older tokens of that member and app.
From "Refresh Tokens with OAuth 2.0": only partners get them (`issues_refresh`), and they live 365 days from the
consent, however often they are used. From "API Versioning": `LinkedIn-Version` on `/rest`, 426 for a version that is
not active. From "Sign In with LinkedIn using OpenID Connect": ids differ from app to app.

Different on purpose: `/rest` requires `X-Restli-Protocol-Version`, there is no `id_token`, and `/oauth/v2/revoke`,
which is in common use but not documented by LinkedIn, is assumed to answer an empty 200.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from urllib.parse import urlencode

from aiohttp import web

from sandbox.platforms.oauth import OAuthSimulator, renamed
from sandbox.platforms.values import Grant, OAuthRefusal, Person, RegisteredApp, Registration, Rules

WARNING_DAY = 53
"""The day on which a token has a week left of its 60, and an organization gets a warning."""
PAGE_SCOPES = frozenset({"rw_organization_admin", "r_organization_admin"})
ADMINISTRATOR = "ADMINISTRATOR"
TAKE_ROLE, GIVE_ROLE = "Take away a Page role", "Give it back"
BAD_CODE = (
    "Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization code. "
    "Or authorization code expired. Or external member binding exists"
)
BAD_REFRESH = "The provided authorization grant or refresh token is invalid, expired or revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """A company with a page, and who has which role there (person id -> role)."""

    id: int
    name: str
    vanity: str
    roles: Mapping[str, str]
    state: str = "APPROVED"
    """Of those roles: APPROVED, REQUESTED, REJECTED or REVOKED."""


class LinkedInSignIn(OAuthSimulator):
    """Sign-in, tokens, the member and the pages.

    Settings besides the common ones: `products_off` (scopes that no app has), `omits_scopes` (leave them out of the
    grant instead of refusing the sign-in), `cancel_code` (what Cancel sends back), `fresh_token_delay_s` (for how long
    a new token is called revoked), `acl_key` (the field in which a role names its page; empty: as the form of the
    request asks), `oldest_version` and `newest_version`.
    """

    name = "linkedin"
    title = "LinkedIn"
    registrations = (
        # The Community Management API must be the only product of its app, hence two:
        # learn.microsoft.com/linkedin/marketing/community-management-app-review
        Registration(
            app="linkedin",
            platform="linkedin",
            client_id="86li0profile",
            client_secret="linkedin-secret-of-the-sandbox",
            scopes=("openid", "profile", "email", "w_member_social"),
        ),
        Registration(
            app="linkedin_page",
            platform="linkedin",
            client_id="86li0pages",
            client_secret="linkedin-page-secret-of-the-sandbox",
            scopes=(
                "r_basicprofile",
                "w_organization_social",
                "r_organization_social",
                "rw_organization_admin",
            ),
        ),
    )
    warning_day = WARNING_DAY
    colour = "#0a66c2"
    rules = Rules(
        authorize_path="/oauth/v2/authorization",
        token_path="/oauth/v2/accessToken",
        revoke_path="/oauth/v2/revoke",
        answer_scope_separator=",",
        code_life_s=30 * 60,
        access_life_s=60 * 24 * 3600,
        refresh_life_s=365 * 24 * 3600,
        issues_refresh=False,
        untickable=False,
    )
    known_scopes: ClassVar[frozenset[str]] = frozenset(
        {
            "openid",
            "profile",
            "email",
            "w_member_social",
            "r_basicprofile",
            "w_organization_social",
            "r_organization_social",
            "rw_organization_admin",
        }
    )

    def __init__(self) -> None:
        super().__init__()
        self.settings |= {
            "products_off": [],
            "omits_scopes": False,
            "cancel_code": "user_cancelled_authorize",
            "fresh_token_delay_s": 0,
            "acl_key": "",
            "oldest_version": "202601",
            "newest_version": "202610",
        }
        self.people = {person.id: person for person in PEOPLE}
        self.organizations = {organization.id: organization for organization in ORGANIZATIONS}
        self._born: dict[str, float] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of sign-in, tokens, the member and the pages."""
        return [
            *super().routes(),
            web.post("/oauth/v2/introspectToken", self.introspect),
            web.get("/v2/userinfo", self.userinfo),
            web.get("/v2/me", self.me),
            web.get("/rest/organizationAcls", self.organization_acls),
            web.get("/rest/organizations/{id}", self.organization),
        ]

    def controls(self) -> Mapping[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Add `role` {"person": id, "page": number, "role": name}: the person's role there; an empty name takes it."""
        return {**super().controls(), "role": self._control_role}

    async def _control_role(self, given: dict[str, Any]) -> Any:
        page = self.organizations[int(given["page"])]
        return {"roles": self._give_role(page, str(given["person"]), str(given["role"]))}

    def _give_role(self, page: Organization, person: str, role: str) -> dict[str, str]:
        roles = {who: had for who, had in page.roles.items() if who != person}
        roles |= {person: role} if role else {}
        self.organizations[page.id] = replace(page, roles=roles)
        return roles

    def buttons(self) -> list[str]:
        """Return the labels, with those for a Page role, which is the Page's and not the person's."""
        return [TAKE_ROLE, GIVE_ROLE, *super().buttons()]

    def act(self, label: str, person: Person) -> str:
        """Take away the person's role at the first Page that they administer, or give it back."""
        if label not in {TAKE_ROLE, GIVE_ROLE}:
            return super().act(label, person)
        wanted = "" if label == TAKE_ROLE else ADMINISTRATOR
        theirs = [p for p in ORGANIZATIONS if p.roles.get(person.id) == ADMINISTRATOR]
        pages = [p for p in theirs if self.organizations[p.id].roles.get(person.id, "") != wanted]
        if not pages:
            raise ValueError(
                f"{person.name} {'has no Page left' if label == TAKE_ROLE else 'has every Page'}"
            )
        page = self.organizations[pages[0].id]
        self._give_role(page, person.id, wanted)
        return f"{person.name} " + (
            f"administers {page.name} again" if wanted else f"has no role at {page.name} any more"
        )

    def rename(self, person: Person) -> str:
        """Rename the person, and the first Page that they administer."""
        done = super().rename(person)
        page = next((p for p in self.organizations.values() if p.roles.get(person.id) == ADMINISTRATOR), None)
        if page is None:
            return done
        self.organizations[page.id] = replace(page, name=renamed(page.name))
        return f"{done}, and the Page {page.name} is called {self.organizations[page.id].name}"

    # Sign-in and tokens

    def new_token(self, kind: str) -> str:
        """Return a token of about 500 characters, as LinkedIn's are; codes are shorter."""
        return f"AQ{kind[0].upper()}{secrets.token_urlsafe(96 if kind == 'code' else 372)}"

    def deny_parameters(self) -> dict[str, str]:
        """Return what the redirect says when the member cancels the consent or the login before it."""
        return {
            "error": str(self.settings["cancel_code"]),
            "error_description": "The user cancelled LinkedIn login or did not authorize the application",
        }

    async def show_consent(self, request: web.Request) -> web.Response:
        """Answer the consent page, or send the member back if a product is missing."""
        self._demand_products(request.query)
        return await super().show_consent(request)

    async def take_consent(self, request: web.Request) -> web.Response:
        """Answer the consent form, under the same condition."""
        self._demand_products(request.query)
        return await super().take_consent(request)

    def token_answer(self, grant: Grant, body: dict[str, Any]) -> dict[str, Any]:
        """Return the token answer; for partners with the refresh token and the rest of its lifetime."""
        self._born[body["access_token"]] = self.clock.now()
        body["token_type"] = "Bearer"
        for token, expires in grant.refresh.items():
            body["refresh_token"] = token
            if expires is not None:
                body["refresh_token_expires_in"] = int(expires - self.clock.now())
        return body

    async def revoke(self, request: web.Request) -> web.Response:
        """Answer an empty 200."""
        answer = await super().revoke(request)
        return answer if answer.status != web.HTTPOk.status_code else web.Response()

    async def introspect(self, request: web.Request) -> web.Response:
        """Answer "Token Introspection": whether a token of the calling app is active, expired or revoked."""
        form = {k: str(v) for k, v in (await request.post()).items()}
        try:
            app = self._authenticate(request, form)
        except OAuthRefusal as refusal:
            return self.refusal_answer(refusal)
        token = form.get("token", "")
        grant = self.grant_of(token)
        if grant is None:
            return self.refusal_answer(OAuthRefusal("invalid_request", "Invalid token"))
        if grant.client_id != app.client_id:
            return web.json_response({"active": False})
        expires = grant.access.get(token) or grant.refresh.get(token) or 0.0
        status = "revoked" if grant.dead else "active" if expires > self.clock.now() else "expired"
        return web.json_response(
            {
                "active": status == "active",
                "status": status,
                "auth_type": "3L",
                "client_id": app.client_id,
                "authorized_at": int(grant.issued_at),
                "created_at": int(self._born.get(token, grant.issued_at)),
                "expires_at": int(expires),
                "scope": ",".join(sorted(grant.scopes)),
            }
        )

    def _carried(self, app: RegisteredApp) -> frozenset[str]:
        return app.scopes - frozenset(self.settings["products_off"])

    def _demand_products(self, query: Mapping[str, str]) -> None:
        app = self.apps.get(query.get("client_id", ""))
        if app is None or self._authorize_fault(app, query) or self.settings["omits_scopes"]:
            return
        missing = sorted(frozenset(query.get("scope", "").split()) - self._carried(app))
        if missing:
            answer = {
                "error": "unauthorized_scope_error",
                # LinkedIn escapes the quotes for HTML before it encodes them for the URL.
                "error_description": f"Scope &quot;{missing[0]}&quot; is not authorized for your application",
            } | ({"state": query["state"]} if "state" in query else {})
            raise web.HTTPSeeOther(f"{query['redirect_uri']}?{urlencode(answer)}")

    def _new_grant(
        self, person: Person, app: RegisteredApp, scopes: frozenset[str], assets: frozenset[str]
    ) -> Grant:
        scopes &= self._carried(app)
        for older in self.grants.values():
            same = older.person.id == person.id and older.client_id == app.client_id
            if same and older.scopes != scopes and not older.dead:
                self.end(older, "a newer consent to other scopes")
        return super()._new_grant(person, app, scopes, assets)

    def _redeem(self, app: RegisteredApp, form: Mapping[str, str]) -> Grant:
        _demand(form, "code", "redirect_uri")
        try:
            return super()._redeem(app, form)
        except OAuthRefusal:
            raise OAuthRefusal("invalid_request", BAD_CODE) from None

    def _refresh(self, app: RegisteredApp, form: Mapping[str, str]) -> Grant:
        _demand(form, "refresh_token")
        try:
            return super()._refresh(app, form)
        except OAuthRefusal:
            raise OAuthRefusal("invalid_request", BAD_REFRESH) from None

    # The API

    async def userinfo(self, request: web.Request) -> web.Response:
        """Answer with the OpenID claims that the granted scopes allow."""
        grant = self._grant(request, frozenset({"openid"}), "userinfo.GET")
        first, _, last = grant.person.name.partition(" ")
        claims: dict[str, Any] = {"sub": self._member_id(grant)}
        if "profile" in grant.scopes:
            claims |= {
                "name": grant.person.name,
                "given_name": first,
                "family_name": last,
                "picture": f"https://media.licdn.com/dms/image/{grant.person.id}/profile-displayphoto-100",
                "locale": {"country": "US", "language": "en"},
            }
        if "email" in grant.scopes:
            claims |= {"email": f"{grant.person.id}@example.com", "email_verified": True}
        return web.json_response(claims)

    async def me(self, request: web.Request) -> web.Response:
        """Answer with the basic profile."""
        grant = self._grant(request, frozenset({"r_basicprofile"}), "me.GET.NO_VERSION")
        first, _, last = grant.person.name.partition(" ")
        return web.json_response(
            {
                "id": self._member_id(grant),
                "localizedFirstName": first,
                "localizedLastName": last,
                "localizedHeadline": grant.person.about,
                "vanityName": grant.person.id,
                "profilePicture": {"displayImage": f"urn:li:digitalmediaAsset:{grant.person.id}"},
            }
        )

    async def organization_acls(self, request: web.Request) -> web.Response:
        """Answer with the member's roles at pages: `count` of them, from `start`."""
        self._demand_version(request)
        grant = self._grant(request, PAGE_SCOPES, "organizationAcls.FINDER-roleAssignee")
        query = request.query
        try:
            start, count = int(query.get("start", 0)), int(query.get("count", 10))
        except ValueError:
            start, count = -1, 0
        if query.get("q") != "roleAssignee" or start < 0 or not 0 < count <= 100:
            raise fault(400, "ILLEGAL_ARGUMENT", "q, start or count is invalid")
        paged = "start" in query or "count" in query
        key = self.settings["acl_key"] or ("organizationTarget" if paged else "organization")
        elements = [
            {
                "role": organization.roles[grant.person.id],
                "roleAssignee": f"urn:li:person:{self._member_id(grant)}",
                "state": organization.state,
                key: f"urn:li:organization:{organization.id}",
            }
            for organization in self.organizations.values()
            if grant.person.id in organization.roles
            and query.get("role") in {None, organization.roles[grant.person.id]}
            and query.get("state") in {None, organization.state}
        ]
        links = []
        if start + count < len(elements):
            following = urlencode(dict(query) | {"start": start + count, "count": count})
            href = f"/rest/organizationAcls?{following}"
            links.append({"rel": "next", "type": "application/json", "href": href})
        paging = {"start": start, "count": count, "links": links}
        return web.json_response({"paging": paging, "elements": elements[start : start + count]})

    async def organization(self, request: web.Request) -> web.Response:
        """Answer with a page's names, for people with a role there."""
        self._demand_version(request)
        grant = self._grant(request, PAGE_SCOPES, "organizations.GET")
        wanted = request.match_info["id"]
        found = self.organizations.get(int(wanted)) if wanted.isdecimal() else None
        if found is None:
            raise fault(404, "NOT_FOUND", f"Could not find organization {wanted}")
        if grant.person.id not in found.roles:
            raise fault(
                403, "ACCESS_DENIED", "Member does not have permission to read this organization", 100
            )
        return web.json_response(
            {
                "id": found.id,
                "localizedName": found.name,
                "vanityName": found.vanity,
                "logoV2": {"original": f"urn:li:digitalmediaAsset:logo{found.id}"},
            }
        )

    def _member_id(self, grant: Grant) -> str:
        """Return the person's id for this app; it differs from app to app."""
        return hashlib.sha256(f"{grant.client_id}:{grant.person.id}".encode()).hexdigest()[:10]

    def _demand_version(self, request: web.Request) -> None:
        version = request.headers.get("LinkedIn-Version", "")
        if not version:
            raise fault(400, "VERSION_MISSING", "A version must be present. Please specify a version.")
        oldest, newest = str(self.settings["oldest_version"]), str(self.settings["newest_version"])
        if len(version) != len(newest) or not oldest <= version <= newest:
            raise fault(426, "NONEXISTENT_VERSION", f"Requested version {version} is not active")
        if request.headers.get("X-Restli-Protocol-Version") != "2.0.0":
            raise fault(400, "ILLEGAL_ARGUMENT", "X-Restli-Protocol-Version must be 2.0.0")

    def _grant(self, request: web.Request, needed: frozenset[str], resource: str) -> Grant:
        """Return the grant behind the token if it has one of the scopes `needed`."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise fault(401, "EMPTY_ACCESS_TOKEN", "Empty oauth2 access token", 65604)
        grant = self.grant_of(token)
        if grant is None or token not in grant.access:
            raise fault(401, "INVALID_ACCESS_TOKEN", "Invalid access token", 65600)
        fresh = self.clock.now() < self._born.get(token, 0) + float(self.settings["fresh_token_delay_s"])
        if grant.dead or fresh:
            raise fault(401, "REVOKED_ACCESS_TOKEN", "The token used in the request has been revoked", 65601)
        if grant.access[token] <= self.clock.now():
            raise fault(401, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired", 65602)
        if not grant.scopes & needed:
            raise fault(403, "ACCESS_DENIED", f"Not enough permissions to access: {resource}", 100)
        return grant


def _demand(form: Mapping[str, str], *names: str) -> None:
    for name in names:
        if not form.get(name):
            raise OAuthRefusal("invalid_request", f'A required parameter "{name}" is missing')


def fault(status: int, code: str, message: str, service: int | None = None) -> web.HTTPException:
    """Return an error to raise, in the shape of "Error Handling"."""
    body: dict[str, Any] = {"status": status, "code": code, "message": message}
    if service is not None:
        body["serviceErrorCode"] = service
    return FAULTS[status](text=web.json_response(body).text, content_type="application/json")


FAULTS: dict[int, type[web.HTTPException]] = {
    400: web.HTTPBadRequest,
    401: web.HTTPUnauthorized,
    403: web.HTTPForbidden,
    404: web.HTTPNotFound,
    429: web.HTTPTooManyRequests,
    426: web.HTTPUpgradeRequired,
}

PEOPLE = (
    Person(id="ana-ruiz", name="Ana Ruiz", about="administers two company pages, analyst of a third"),
    Person(id="ben-okafor", name="Ben Okafor", about="a profile without any company page"),
    Person(id="big-holding", name="Big Holding", about="administers 45 company pages"),
)

ORGANIZATIONS = (
    Organization(id=5515, name="Blue Door", vanity="blue-door", roles={"ana-ruiz": ADMINISTRATOR}),
    Organization(id=5516, name="Octa Mugs", vanity="octa-mugs", roles={"ana-ruiz": ADMINISTRATOR}),
    Organization(id=5517, name="Harbour Lights", vanity="harbour-lights", roles={"ana-ruiz": "ANALYST"}),
    *(
        Organization(
            id=7000 + number,
            name=f"Holding Branch {number:02}",
            vanity=f"holding-branch-{number:02}",
            roles={"big-holding": ADMINISTRATOR},
        )
        for number in range(1, 46)
    ),
)
