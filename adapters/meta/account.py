"""The login that Facebook and Instagram share: tokens for a person and what ends them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

import httpx

from adapters.base import (
    Busy,
    Client,
    GrantDead,
    Place,
    Platform,
    PlatformError,
    Rejected,
    TokenRefused,
    Tokens,
    object_of,
    objects_of,
)
from adapters.meta import AWAITS_PERSON, ENDED
from adapters.meta.graph import TOKEN_CODES, Graph
from adapters.numbers import left_until, lifetime, whole


class MetaAdapter:
    """The login that Facebook and Instagram share; the two add what they discover."""

    platform: ClassVar[Platform]

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:  # noqa: ARG002 - Meta has no PKCE
        """Trade `code` for a user token of about 60 days.

        Two steps: the code buys a token of an hour or two, which buys the long one. If the second
        step fails the short token is returned: a refresh makes it long later.
        """
        graph = Graph(self._http, client)
        form = {"redirect_uri": client.redirect_uri, "code": code}
        try:
            short = await graph.tokens(self.platform, form, unsure=True)
        except TokenRefused as refusal:
            # There is no grant yet: a refused token here is a trip to take again.
            raise Rejected(refusal.code) from None
        try:
            long = await graph.long_lived(self.platform, short.access_token)
        except PlatformError:
            return short
        if long.expires_in is None:
            with suppress(PlatformError):
                return _dated(long, await graph.debug(long.access_token))
        return long

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:
        """Trade the user token for a later one that debug_token calls valid.

        Meta promises no later expiry; the lifetime returned is the new token's own. Page tokens made
        from a long user token do not expire and need none of this; they may live on when it is over.
        """
        graph = Graph(self._http, client)
        try:
            fresh = await graph.long_lived(self.platform, tokens.access_token)
        except TokenRefused as refusal:
            code = refusal.code
            if code not in ENDED:
                facts = await graph.debug(tokens.access_token)
                if facts.get("is_valid") is not False:
                    raise Busy(code) from None
                code = "190"
            raise GrantDead(code) from None
        facts = await graph.debug(fresh.access_token)
        if facts.get("is_valid") is not True:
            raise Busy("new_token_invalid")
        return _dated(fresh, facts)

    async def ended(self, client: Client, token: str) -> str:
        """Return why Meta calls a Page's token invalid, empty while it is valid; an unclear answer is Busy."""
        facts = await Graph(self._http, client).debug(token)
        if facts.get("is_valid") is True:
            return ""
        error = object_of(facts.get("error"))
        code, subcode = whole(error.get("code")), whole(error.get("subcode"))
        if facts.get("is_valid") is not False or (error and code not in TOKEN_CODES):
            raise Busy("not_clearly_over")
        return found if (found := f"{code}_{subcode}") in ENDED else "190"

    async def revoke(self, client: Client, tokens: Tokens) -> None:
        """Take all permissions back from the app: every Page and Instagram token of this person dies.

        Raises TokenRefused when Meta wants the person to sign in first, because nothing ended then.
        """
        try:
            body = await Graph(self._http, client).call("DELETE", "/me/permissions", tokens.access_token)
        except TokenRefused as refusal:
            if refusal.code in AWAITS_PERSON:
                raise
            return
        if body.get("success") is not True:
            raise Busy("not_revoked")

    async def places(self, client: Client, tokens: Tokens, account_id: str) -> tuple[Place, ...]:  # noqa: ARG002 - the contract
        """Return nothing: a Page or profile has no places."""
        return ()


def _dated(tokens: Tokens, facts: Mapping[str, Any]) -> Tokens:
    """Return `tokens` with the lifetimes and scopes that debug_token names, where the answer had none.

    Of the permissions we ask for, only Instagram's are subject to the data-access window of 90 days:
    https://developers.facebook.com/docs/facebook-login/auth-vs-data.
    """
    ends, shown = left_until(facts.get("expires_at")), left_until(facts.get("data_access_expires_at"))
    left = lifetime(ends.total_seconds()) if ends else None
    scopes = _granted(facts)
    limited = any(scope.startswith("instagram_") for scope in scopes)
    return replace(
        tokens,
        expires_in=tokens.expires_in or left,
        scopes=scopes or None,
        data_access_expires_in=shown if limited else None,
    )


def _granted(facts: Mapping[str, Any]) -> frozenset[str]:
    """Return the permissions in force; one that was given for some Pages only may stand in the second list alone."""
    whole = facts.get("scopes")
    partly = [entry.get("scope") for entry in objects_of(facts.get("granular_scopes"))]
    return frozenset(s for s in [*(whole if isinstance(whole, list) else []), *partly] if isinstance(s, str))
