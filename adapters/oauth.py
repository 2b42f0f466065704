"""OAuth 2.0 for all platforms: the authorize URL, exchange, refresh and revocation.

Authlib builds what the protocol defines (authorize URLs, PKCE challenges), and our httpx client sends it. Authlib's own
HTTP client is not used: it stores whatever JSON a token endpoint answers, even that of a 429. Here an answer
with tokens has a 2xx status, a JSON object, a non-empty string `access_token` and no `error`; any other raises a
`PlatformError`.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from adapters.base import (
    Busy,
    Client,
    ClientAuth,
    GrantDead,
    Misconfigured,
    OutcomeUnknown,
    Pkce,
    Platform,
    PlatformError,
    Refresh,
    Rejected,
    Tokens,
    body_of,
    text_of,
)
from adapters.http import LONGEST_CALL_S, send
from adapters.numbers import lifetime, wait_of

OUR_FAULT = frozenset(
    {
        "invalid_client",
        "unauthorized_client",
        "deleted_client",
        "redirect_uri_mismatch",
        "invalid_redirect_uri",
        "unsupported_grant_type",
        "invalid_scope",
        "org_internal",
        "admin_policy_enforced",
        "client-forbidden",
        "app-suspended",
    }
)
"""Codes that mean that the operator's app is at fault: OAuth's (RFC 6749 section 5.2), Google's additions, and problem
types of X (https://docs.x.com/x-api/fundamentals/response-codes-and-errors, read 2026-11-23)."""

TRANSIENT = frozenset({"server_error", "temporarily_unavailable", "slow_down", "internal_error"})
TIMEOUT = httpx.Timeout(LONGEST_CALL_S, connect=5.0)
_TIMED = {"timeout": TIMEOUT.as_dict()}


def pkce_of(platform: Platform, client: Client) -> Pkce:
    """Return the PKCE mode to use: the operator's option `pkce`, else the platform's."""
    return Pkce(client.options.get("pkce", platform.pkce))


def user_agent(platform: Platform, client: Client) -> str:
    """Return the User-Agent for calls to `platform`. Empty: the HTTP library's."""
    return client.options.get("user_agent") or platform.user_agent


def authorize_url(
    platform: Platform, client: Client, *, state: str, verifier: str, extra: Mapping[str, str] | None = None
) -> str:
    """Return the URL of the consent page. `verifier` is used only where the platform uses PKCE.

    The option `config_id` names a configuration that holds the permissions, so then none are listed. Facebook Login
    for Business: https://developers.facebook.com/docs/facebook-login/facebook-login-for-business/ (read 2026-11-30).
    """
    parameters = dict(platform.authorize_extra) | dict(extra or {})
    scope: str | None = platform.scope_separator.join(client.scopes)
    if configuration := client.options.get("config_id"):
        parameters["config_id"], scope = configuration, None
    match pkce_of(platform, client):
        case Pkce.S256:
            parameters |= {
                "code_challenge": create_s256_code_challenge(verifier),
                "code_challenge_method": "S256",
            }
        case Pkce.HEX:
            parameters |= {
                "code_challenge": hashlib.sha256(verifier.encode("ascii")).hexdigest(),
                "code_challenge_method": "S256",
            }
        case Pkce.OFF:
            pass
    uri: str = prepare_grant_uri(
        client.at(platform.authorize_url),
        client.client_id,
        "code",
        redirect_uri=client.redirect_uri,
        scope=scope,
        state=state,
        **parameters,
    )
    if platform.client_id_param != "client_id":
        uri = uri.replace("client_id=", f"{platform.client_id_param}=", 1)
    return uri


async def exchange(
    http: httpx.AsyncClient, platform: Platform, client: Client, *, code: str, verifier: str | None
) -> Tokens:
    """Return the tokens for `code`, with one POST.

    Raises:
        PlatformError: As `Adapter.exchange` says.

    """
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri}
    if verifier is not None and pkce_of(platform, client) is not Pkce.OFF:
        form["code_verifier"] = verifier
    response = await _post(http, platform, client, platform.token_url, form, has_effect=True)
    try:
        return tokens_of(platform, response)
    except GrantDead as refusal:
        # There is no grant yet: the person has to start again.
        raise Rejected(refusal.code) from None


async def refresh(http: httpx.AsyncClient, platform: Platform, client: Client, tokens: Tokens) -> Tokens:
    """Return the tokens that replace `tokens`, by their refresh token.

    Raises:
        PlatformError: As `Adapter.refresh` says.

    """
    if tokens.refresh_token is None:
        raise Misconfigured("no_refresh")
    form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
    single_use = platform.refresh is Refresh.SINGLE_USE
    response = await _post(http, platform, client, platform.token_url, form, has_effect=single_use)
    return tokens_of(platform, response, sent_single_use=single_use)


async def revoke(
    http: httpx.AsyncClient,
    platform: Platform,
    client: Client,
    token: str,
    *,
    extra: Mapping[str, str] | None = None,
) -> None:
    """End a grant (RFC 7009). An answer that the token has ended already counts as success.

    Platforms say so in a 400 (TikTok: a 200) with codes of their own, so every code counts as success that is
    neither in OUR_FAULT nor TRANSIENT.

    Raises:
        PlatformError: The grant may still be valid.

    """
    if platform.revoke_url is None:
        raise Misconfigured("no_revocation")
    form = {"token": token} | dict(extra or {})
    response = await _post(http, platform, client, platform.revoke_url, form)
    answered = response.is_success or response.status_code == httpx.codes.BAD_REQUEST
    if answered and code_in(body_of(response)) not in OUR_FAULT | TRANSIENT:
        return
    raise refusal_of(platform, response)


def tokens_of(platform: Platform, response: httpx.Response, *, sent_single_use: bool = False) -> Tokens:
    """Return the tokens in an answer of the token endpoint.

    `sent_single_use`: the request used a single-use refresh token, which a 2xx answer without tokens may have spent.

    Raises:
        PlatformError: The answer has no tokens.

    """
    body = body_of(response)
    access = token_in(body, "access_token")
    if response.is_success and access is not None and "error" not in body:
        return Tokens(
            access_token=access,
            refresh_token=token_in(body, "refresh_token"),
            expires_in=lifetime(body.get("expires_in")),
            refresh_expires_in=lifetime(body.get("refresh_expires_in", body.get("refresh_token_expires_in"))),
            scopes=scopes_of(body.get("scope")),
            subject=body["open_id"] if isinstance(body.get("open_id"), str) else None,
        )
    if sent_single_use and response.is_success and "error" not in body:
        raise OutcomeUnknown("answer_without_token")
    raise refusal_of(platform, response)


def refusal_of(platform: Platform, response: httpx.Response) -> PlatformError:
    """Return the error that a token endpoint's answer without tokens means. Only documented codes are GrantDead."""
    body = body_of(response)
    code = code_in(body)
    status = response.status_code
    wait = retry_after(response)
    if status == httpx.codes.TOO_MANY_REQUESTS and wait is None:
        wait = wait_of(response.headers.get("x-rate-limit-reset"), answered_at(response))  # X's, a Unix time
    if response.is_redirect:  # sent by a proxy in front of the platform, so its body proves nothing
        return Busy(f"http_{status}", retry_after=wait)
    if _ended(platform, body) and status < httpx.codes.INTERNAL_SERVER_ERROR and status != 429:
        return GrantDead(code)
    # Reddit refuses an app with a 401 whose JSON has no code; a gateway's HTML page says nothing about us.
    if code in OUR_FAULT or status in {402, 426} or (status == 401 and body):
        return Misconfigured(code or f"http_{status}")
    if code in TRANSIENT or status in {408, 425, 429} or status >= 500:
        return Busy(code or f"http_{status}", retry_after=wait, whole_app=status == 429)
    if code:
        return Rejected(code)
    # A refusal that a program wrote, such as Reddit's {"message": "Bad Request", "error": 400}. An HTML page may be a
    # gateway's, and a 2xx without tokens says nothing.
    return (Rejected if body and response.is_client_error else Busy)(f"http_{status}", retry_after=wait)


def token_in(body: Mapping[str, Any], key: str) -> str | None:
    """Return the token at `key` of an answer, or None. See `token_of`."""
    return token_of(body.get(key))


def token_of(raw: object) -> str | None:
    """Return `raw` if it is a token that fits in a header (RFC 6749 appendix A.12), else None."""
    return raw if isinstance(raw, str) and re.fullmatch(r"[\x21-\x7e]+", raw) else None


def code_in(body: Mapping[str, Any]) -> str:
    """Return the error code of an answer: OAuth's, or the last part of a problem's type (RFC 9457).

    Empty for what does not look like a code.
    """
    raw = body.get("error", text_of(body.get("type")).rpartition("/")[2])
    return raw if isinstance(raw, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", raw) else ""


def scopes_of(raw: object) -> frozenset[str] | None:
    """Return the scopes in a string separated by spaces or commas (LinkedIn also sends %20). None: there are none."""
    if not isinstance(raw, str) or not raw.strip():
        return None
    return frozenset(raw.replace("%20", " ").replace(",", " ").split())


def retry_after(response: httpx.Response) -> timedelta | None:
    """Return how long the `Retry-After` or, at Reddit, `x-ratelimit-reset` header asks us to wait.

    Only the form in seconds is read: no platform sends a date. Reddit Data API Wiki (read 2026-11-23).
    """
    asked = response.headers.get("retry-after", response.headers.get("x-ratelimit-reset"))
    return wait_of(asked, answered_at(response))


def answered_at(response: httpx.Response) -> datetime:
    """Return the platform's time when it answered, from its Date header, or our time if there is none.

    Platforms give the end of a limit by their own clock. Compared with ours, if that is an hour slow, each wait
    would be an hour longer.
    """
    try:
        answered = parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)
    return answered if answered.tzinfo is not None else answered.replace(tzinfo=UTC)


def _ended(platform: Platform, body: Mapping[str, Any]) -> bool:
    code = code_in(body)
    words = platform.dead_grant_words.get(code)
    return code in platform.dead_grant_codes or (
        words is not None and words in str(body.get("error_description", ""))
    )


async def _post(
    http: httpx.AsyncClient,
    platform: Platform,
    client: Client,
    url: str,
    form: Mapping[str, Any],
    *,
    has_effect: bool = False,
) -> httpx.Response:
    # Not `http.build_request`, which takes three times as long: with a million grants, refreshes are frequent.
    headers = httpx.Headers(http.headers)
    headers["Content-Type"], headers["Accept"] = "application/x-www-form-urlencoded", "application/json"
    if agent := user_agent(platform, client):
        headers["User-Agent"] = agent
    body = dict(form)
    if platform.client_auth is ClientAuth.BASIC:
        pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
        headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode("ascii")
    else:
        body |= {platform.client_id_param: client.client_id, "client_secret": client.client_secret}
    request = httpx.Request(
        "POST", _parsed(client.at(url)), headers=headers, content=urlencode(body), extensions=_TIMED
    )
    return await send(http, request, has_effect=has_effect)


@lru_cache(maxsize=64)
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)
