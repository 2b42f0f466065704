"""What an adapter can do."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from adapters.base.facts import Platform
from adapters.base.values import Client, Discovery, Place, Tokens


class Adapter(Protocol):
    """One platform's behaviour. Tokens arrive as arguments and are never kept."""

    @property
    def platform(self) -> Platform:
        """The facts."""
        ...

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:
        """Trade an authorization code for tokens, once.

        Raises Rejected for a code the platform does not accept (used, late, another's),
        Misconfigured for our own fault, Busy or OutcomeUnknown for the rest.
        """
        ...

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:
        """Return newer tokens for the same grant.

        Raises GrantDead only for a code in `platform.dead_grant_codes` (or `dead_grant_words`),
        OutcomeUnknown when the request left and the answer was lost, Misconfigured where the
        platform has no refresh for this grant.
        """
        ...

    async def revoke(self, client: Client, tokens: Tokens) -> None:
        """End the grant at the platform. Returns too when it was already over."""
        ...

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        """Return whose grant this is and every account it can see, usable ones first, by name."""
        ...

    async def places(self, client: Client, tokens: Tokens, account_id: str) -> tuple[Place, ...]:
        """Return every place of the account where it may post, by name; empty where there are none."""
        ...


@runtime_checkable
class AccountTokens(Adapter, Protocol):
    """An adapter whose accounts have tokens of their own: Facebook Pages, and Instagram through them."""

    async def ended(self, client: Client, token: str) -> str:
        """Return the code, of `platform.dead_grant_codes`, with which an account's token ended.

        Empty while the platform takes it. Whatever else is answered raises a verdict: it is not a no.
        """
        ...
