"""What every adapter can do, and what some can do besides."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from adapters.base.facts import Platform
from adapters.base.publishing import Publisher
from adapters.base.values import Client, Discovery, Place, Tokens


class Adapter(Protocol):
    """One platform's behaviour. It keeps no tokens: they are arguments."""

    @property
    def platform(self) -> Platform:
        """The facts."""
        ...

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:
        """Return the tokens for an authorization code, which works once.

        Raises:
            Rejected: The platform does not accept the code: used, expired or somebody else's.
            Misconfigured: Our app is at fault.
            Busy: The platform is unavailable.
            OutcomeUnknown: The answer was lost, and the code may be used.

        """
        ...

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:
        """Return newer tokens for the same grant.

        Raises:
            GrantDead: The answer has a code of `platform.dead_grant_codes` or `dead_grant_words`.
            Rejected: The platform refuses, and does not document that this means that the grant has ended.
            Misconfigured: Our app is at fault, or this grant cannot be refreshed (`no_refresh`).
            Busy: The platform is unavailable, or its answer proves nothing.
            OutcomeUnknown: The answer to a single-use refresh token was lost.

        """
        ...

    async def revoke(self, client: Client, tokens: Tokens) -> None:
        """End the grant at the platform. A grant that had ended already is no error.

        Raises:
            PlatformError: The grant may still be valid.

        """
        ...

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        """Return whose grant this is and every account it shows: usable ones first, then by name.

        Raises:
            PlatformError: The platform did not answer, or refused the token.

        """
        ...

    async def places(self, client: Client, tokens: Tokens, account_id: str) -> tuple[Place, ...]:
        """Return the places of the account where it may post, by name. Empty: it has none.

        Raises:
            PlatformError: The platform did not answer, or refused the token.

        """
        ...


@runtime_checkable
class AccountTokens(Adapter, Protocol):
    """An adapter of a platform with `account_tokens`."""

    async def ended(self, client: Client, token: str) -> str:
        """Return the code, one of `platform.dead_grant_codes`, with which an account's token ended. Empty: it works.

        Raises:
            PlatformError: The answer says neither.

        """
        ...


@runtime_checkable
class Publishes(Adapter, Protocol):
    """An adapter of a platform that Octapost can publish to."""

    @property
    def publisher(self) -> Publisher:
        """How it publishes."""
        ...
