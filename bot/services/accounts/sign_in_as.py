"""Whom a person has to sign in as at a platform to reconnect what is connected already."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.accounts import Accounts
from storage.grants import Grants

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.models import Account, Grant
    from storage.vault import Vault

PICTURE = re.compile(r"https://[a-z0-9.-]+(:\d+)?/[!-~]*|http://localhost:\d+/[!-~]*", re.IGNORECASE)
"""The addresses of pictures we show: encrypted ones, and the sandbox's."""
LONGEST_ADDRESS = 3000
"""Slack takes no longer one (https://docs.slack.dev/reference/block-kit/block-elements/image-element)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAs:
    """The person or account a sign-in belongs to, as its platform shows them."""

    name: str
    handle: str = ""
    picture: str = ""
    """The address of their picture; empty: there is none we can show."""

    @property
    def shown(self) -> str:
        """The handle, or else the name."""
        return self.handle or self.name


async def sign_in_as(
    session: AsyncSession, vault: Vault, organization_id: str, grant_id: str
) -> SignInAs | None:
    """Return whose sign-in a grant of the organization is; None: the organization doesn't hold it, or nobody knows."""
    grant = await Grants(session, vault).get(organization_id, grant_id)
    return None if grant is None else await owner_of(session, vault, organization_id, grant)


async def owner_of(
    session: AsyncSession, vault: Vault, organization_id: str, grant: Grant
) -> SignInAs | None:
    """Return whose sign-in a grant is, as one of its organizations sees it; None: nobody knows."""
    every = await Accounts(session, vault).all(organization_id)
    return whose(grant, [one for one, held in every if held == grant])


def whose(grant: Grant, accounts: Iterable[Account]) -> SignInAs | None:
    """Return whose sign-in a grant is, read from the account that is the person themselves where there is one.

    A Facebook Page is not the person who manages it: there we know a name, and no picture of theirs.
    """
    own = next((one for one in accounts if one.remote_id == grant.external_id), None)
    if own is not None:
        return SignInAs(name=own.name, handle=own.handle, picture=picture(own.avatar_url))
    return SignInAs(name=grant.external_name) if grant.external_name else None


def picture(url: str) -> str:
    """Return the address of a picture if we show pictures from there, else an empty string."""
    return url if len(url) <= LONGEST_ADDRESS and PICTURE.fullmatch(url) else ""
