"""The login that Facebook and Instagram share: a person's tokens, and how they end."""

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
    """The login that Facebook and Instagram share. Each adds what it discovers."""

    platform: ClassVar[Platform]

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:  # noqa: ARG002 - Meta has no PKCE
        """Return a user token of about 60 days for `code`. See `Adapter.exchange`.

        In two steps: the code is exchanged for a token of an hour or two, and that for a long-lived one. If the second
        step fails, the short-lived token is returned, and the first refresh replaces it. What the answers leave out is
        asked of debug_token; without its answer the first refresh finds out.
        """
        graph = Graph(self._http, client)
        form = {"redirect_uri": client.redirect_uri, "code": code}
        try:
            short = await graph.tokens(self.platform, form, has_effect=True)
        except TokenRefused as refusal:
            # There is no grant yet: the person has to start again.
            raise Rejected(refusal.code) from None
        try:
            long = await graph.long_lived(self.platform, short.access_token)
        except PlatformError:
            return short
        if long.expires_in is None or self.platform.data_access_window is not None:
            with suppress(PlatformError):
                return self._with_lifetimes(long, await graph.debug(long.access_token))
        return long

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:
        """Return a newer user token, which debug_token calls valid. See `Adapter.refresh`.

        Meta does not promise that it expires later; the lifetime returned is the new token's own. Page tokens that were
        made from a long-lived user token do not expire, and may work after the user token has ended.
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
        return self._with_lifetimes(fresh, facts)

    async def ended(self, client: Client, token: str) -> str:
        """Return the code with which a Page's token ended. Empty: it works. See `AccountTokens.ended`."""
        facts = await Graph(self._http, client).debug(token)
        if facts.get("is_valid") is True:
            return ""
        error = object_of(facts.get("error"))
        code, subcode = whole(error.get("code")), whole(error.get("subcode"))
        if facts.get("is_valid") is not False or (error and code not in TOKEN_CODES):
            raise Busy("not_clearly_over")
        return found if (found := f"{code}_{subcode}") in ENDED else "190"

    async def revoke(self, client: Client, tokens: Tokens) -> None:
        """Withdraw all permissions from the app, which ends every Page and Instagram token of this person.

        Raises:
            TokenRefused: Meta demands that the person signs in first, and nothing has ended.
            PlatformError: The grant may still be valid.

        """
        try:
            body = await Graph(self._http, client).call("DELETE", "/me/permissions", tokens.access_token)
        except TokenRefused as refusal:
            if refusal.code in AWAITS_PERSON:
                raise
            return
        if body.get("success") is not True:
            raise Busy("not_revoked")

    def _with_lifetimes(self, tokens: Tokens, facts: Mapping[str, Any]) -> Tokens:
        """Return `tokens` with the lifetimes and scopes that debug_token names, where the token's answer had none.

        A person's consents to Facebook and to Instagram are one at Meta, so the scopes may include the other's.
        """
        ends, shown = left_until(facts.get("expires_at")), left_until(facts.get("data_access_expires_at"))
        left = lifetime(ends.total_seconds()) if ends else None
        return replace(
            tokens,
            expires_in=tokens.expires_in or left,
            scopes=_granted(facts) or None,
            data_access_expires_in=shown if self.platform.data_access_window is not None else None,
        )

    async def places(self, client: Client, tokens: Tokens, account_id: str) -> tuple[Place, ...]:  # noqa: ARG002 - the contract
        """Return nothing: a Page or profile has no places."""
        return ()


def _granted(facts: Mapping[str, Any]) -> frozenset[str]:
    """Return the granted permissions. One that was granted for some Pages only may be in the second list alone."""
    whole = facts.get("scopes")
    partly = [entry.get("scope") for entry in objects_of(facts.get("granular_scopes"))]
    return frozenset(s for s in [*(whole if isinstance(whole, list) else []), *partly] if isinstance(s, str))
