"""Sign in with Slack: proves which Slack person uses a browser.

Sources, read 2026-11-30: Slack's discovery document (https://slack.com/.well-known/openid-configuration) for the
endpoints, claims and RS256, and https://docs.slack.dev/authentication/sign-in-with-slack.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from adapters.http import WITHIN
from bot.slack.failures import SlackRefused, SlackSilent
from storage.models import digest

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.slack.clients import SlackClients

ISSUER = "https://slack.com"
TEAM = "https://slack.com/team_id"
USER = "https://slack.com/user_id"
LEEWAY_S = 60
"""How much Slack's clock and ours may differ."""
TIMEOUT = httpx.Timeout(10.0, connect=5.0)
ALL_OF_IT = {WITHIN: 10.0}
"""Seconds for the whole answer."""


class NotProved(Exception):
    """Slack's answer does not prove who the person is. The text is a code that is safe to log."""


class Unreachable(Exception):
    """Slack did not answer, so we don't know who the person is. The text is a code that is safe to log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The person who uses this browser, according to Slack."""

    user_id: str
    team_id: str


class SignInWithSlack:
    """Uses Slack as an OpenID provider to identify a person. Keeps no token."""

    def __init__(self, settings: Settings, clients: SlackClients, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._clients = clients
        self._http = http
        self._keys: KeySet | None = None
        self._fetching = asyncio.Lock()
        self._redirect_uri = f"{settings.public_url}/slack/identity"

    def authorize_url(self, *, state: str, nonce: str, team_id: str) -> str:
        """Return the address of Slack's sign-in page, for the workspace in which the link was requested."""
        query = {
            "response_type": "code",
            "scope": "openid",
            "client_id": self._settings.slack_client_id,
            "redirect_uri": self._redirect_uri,
            "state": state,
            "nonce": nonce,
            "team": team_id,
        }
        return f"{self._settings.slack_web_url}/openid/connect/authorize?{urlencode(query)}"

    async def who(self, code: str, nonce_hash: bytes) -> Person:
        """Exchange `code` for an ID token and return the person that it names.

        Raises:
            NotProved: Slack refused the code, or the token is not valid for us and this sign-in.
            Unreachable: Slack did not answer.

        """
        try:
            answer = await self._clients.oauth(
                "openid.connect.token",
                code=code,
                redirect_uri=self._redirect_uri,
                grant_type="authorization_code",
            )
        except SlackRefused as error:
            raise NotProved(str(error)) from None
        except SlackSilent as error:
            raise Unreachable(str(error)) from None
        return await self.verify(answer.get("id_token"), nonce_hash)

    async def verify(self, id_token: object, nonce_hash: bytes) -> Person:
        """Return the person that an ID token names.

        Slack's keys are kept, and fetched once more if a token names an unknown one.

        Raises:
            NotProved: Slack did not issue the token for us and this sign-in.
            Unreachable: The keys can't be fetched.

        """
        if not isinstance(id_token, str):
            raise NotProved("no_id_token")
        known = self._keys
        try:
            try:
                claims = _claims(id_token, await self._key_set(None))
            except InvalidKeyIdError:
                claims = _claims(id_token, await self._key_set(known))
            _registry(self._settings.slack_client_id).validate(claims)
            _only_for(self._settings.slack_client_id, claims)
        except JoseError as error:
            raise NotProved(error.error) from None
        except (ValueError, TypeError, RecursionError):
            raise NotProved("malformed_token") from None
        return _person(claims, nonce_hash)

    async def _key_set(self, stale: KeySet | None) -> KeySet:
        """Return Slack's keys: those we have, unless they are `stale`. Concurrent callers share one request."""
        async with self._fetching:
            if self._keys is None or self._keys is stale:
                self._keys = await self._fetch_keys()
            return self._keys

    async def _fetch_keys(self) -> KeySet:
        try:
            response = await self._http.get(
                f"{self._settings.slack_web_url}/openid/connect/keys", timeout=TIMEOUT, extensions=ALL_OF_IT
            )
            if response.status_code != httpx.codes.OK:
                raise Unreachable(f"keys_http_{response.status_code}")
            return KeySet.import_key_set(response.json())
        except httpx.HTTPError:
            raise Unreachable("keys_no_answer") from None
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            raise Unreachable("keys_malformed") from None


def _claims(id_token: str, keys: KeySet) -> dict[str, Any]:
    """Return the claims if an RSA key of the set signed them. No other algorithm is accepted."""
    return jwt.decode(id_token, keys, algorithms=["RS256"]).claims


def _registry(client_id: str) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        leeway=LEEWAY_S,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        iat={"essential": True},
    )


def _only_for(client_id: str, claims: dict[str, Any]) -> None:
    """Raise NotProved for a token that is also for others (OpenID Connect Core 3.1.3.7, point 3)."""
    if claims["aud"] not in (client_id, [client_id]):
        raise NotProved("wrong_audience")


def _person(claims: dict[str, Any], nonce_hash: bytes) -> Person:
    nonce, user_id, team_id = claims.get("nonce"), claims.get(USER), claims.get(TEAM)
    if not isinstance(nonce, str) or not hmac.compare_digest(digest(nonce), nonce_hash):
        raise NotProved("wrong_nonce")
    if not (isinstance(user_id, str) and user_id and isinstance(team_id, str) and team_id):
        raise NotProved("no_person")
    return Person(user_id=user_id, team_id=team_id)
