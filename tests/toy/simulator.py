"""The simulated Toy.

The setting `extends`: an exchanged token lives as long as a new one; else it ends when the old one would have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.values import Grant, OAuthRefusal, Person, RegisteredApp, Registration, Rules


class ToySimulator(OAuthSimulator):
    """toy.example."""

    name = "toy"
    title = "Toy"
    registrations = (
        Registration(app="toy", platform="toy", client_id="toy-app", client_secret="toy-secret"),
    )
    known_scopes: ClassVar[frozenset[str]] = frozenset({"post"})
    rules = Rules(
        authorize_path="/authorize",
        token_path="/token",
        revoke_path="/revoke",
        access_life_s=60 * 86_400,
        issues_refresh=False,
    )

    def __init__(self) -> None:
        super().__init__()
        self.people = {"tess": Person(id="tess", name="Tess Toy")}
        self.settings["extends"] = True

    def routes(self) -> list[web.RouteDef]:
        """Serve the login, and who is signed in."""
        return [*super().routes(), web.get("/me", self.me)]

    async def me(self, request: web.Request) -> web.Response:
        """Answer whose token it is."""
        grant = self.live_grant(request)
        if grant is None:
            return web.json_response({"error": "unauthorized"}, status=401)
        return web.json_response({"id": grant.person.id, "name": grant.person.name})

    def granted(self, app: RegisteredApp, form: Mapping[str, str]) -> Grant:
        """Take a live token, besides what every platform takes."""
        if form.get("grant_type") != "exchange_token":
            return super().granted(app, form)
        grant = self.grant_of(form.get("token", ""))
        if grant is None or grant.dead or grant.access[form["token"]] <= self.clock.now():
            raise OAuthRefusal("invalid_grant", "The token is no longer valid")
        return grant

    def issue(self, grant: Grant) -> dict[str, Any]:
        """Return a new token's answer."""
        last = max(grant.access.values(), default=None)
        body = super().issue(grant)
        if last is not None and not self.settings["extends"]:
            grant.access[body["access_token"]] = last
            body["expires_in"] = int(last - self.clock.now())
        return body
