"""Named sets of accounts, and the one that is chosen beforehand in a channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.acting import acting
from bot.services.errors import NotFoundError, NothingChosenError, Thing
from bot.services.permissions import Permission
from bot.services.posts.composing import Where
from storage.account_labels import labels
from storage.account_listings import Listings
from storage.account_sets import AccountSets
from storage.audit import Audit
from storage.folding import fold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.services.access import Actor
    from storage.engine.db import Database
    from storage.models import AccountSet

LONGEST_NAME = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SetReport:
    """A set as it is now."""

    id: str
    name: str
    accounts: Mapping[str, str]
    """What each of its accounts that is still connected is called, by id."""
    gone: tuple[str, ...]
    """The names of those that are not connected any more."""
    channel: str
    """Where it is chosen beforehand; empty: in no channel of this workspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSet:
    """A set as a form has it."""

    name: str
    account_ids: Sequence[str]
    here: bool = False
    """It is chosen beforehand in the channel where it is saved."""
    replaces: str = ""
    """The set that the form was opened for."""


@dataclass(frozen=True)
class AccountSetService:
    """Reads and stores sets. Built once, in `bot.app`."""

    database: Database

    async def all(self, actor: Actor) -> list[SetReport]:
        """Return the sets of the actor's organization, by name."""
        async with self.database.organization(actor.organization_id, write=False) as session:
            found = await AccountSets(session).all(actor.organization_id)
            listed = await Listings(session).all(actor.organization_id) if found else []
        called = labels(one.account for one in listed)
        return [_report(one, called, actor) for one in found]

    async def of_channel(self, actor: Actor, where: Where) -> SetReport | None:
        """Return the set that is chosen beforehand where a post is begun; None if there is none."""
        if not where.channel:
            return None
        ours = (actor.organization_id, where.slack_id, where.channel)
        async with self.database.organization(actor.organization_id, write=False) as session:
            found = await AccountSets(session).of_channel(*ours)
            listed = await Listings(session).all(actor.organization_id) if found else []
        return _report(found, labels(one.account for one in listed), actor) if found is not None else None

    async def save(self, actor: Actor, new: NewSet, where: Where) -> SetReport:
        """Store a set, in place of one of the same name, and return it. `where`: the channel it is saved from.

        Raises:
            NothingChosenError: No account was chosen.
            NotFoundError: One is not connected any more, or not the organization's.

        """
        if not new.account_ids:
            raise NothingChosenError
        organization_id = actor.organization_id
        async with acting(self.database, actor, Permission.PLAN) as session:
            sets, listed = AccountSets(session), await Listings(session).all(organization_id)
            called = labels(one.account for one in listed)
            if not set(new.account_ids) <= set(called):
                raise NotFoundError(Thing.ACCOUNT)
            known = [one for one in await sets.all(organization_id) if fold(one.name) == fold(new.name)]
            place = where if new.here else _elsewhere(known, where)
            stored = await sets.save(
                organization_id,
                new.name,
                {account_id: called[account_id] for account_id in new.account_ids},
                slack_id=place.slack_id,
                channel=place.channel,
            )
            if new.replaces and new.replaces != stored.id:
                await sets.delete(organization_id, new.replaces)
            many = len(new.account_ids)
            await Audit(session).write(
                organization_id, actor.membership_id, "account set saved", stored.id, accounts=many
            )
            return _report(stored, called, actor)

    async def delete(self, actor: Actor, set_id: str) -> None:
        """Delete a set.

        Raises:
            NotFoundError: The organization has no such set.

        """
        async with acting(self.database, actor, Permission.PLAN) as session:
            if await AccountSets(session).delete(actor.organization_id, set_id) is None:
                raise NotFoundError(Thing.ACCOUNT_SET)
            await Audit(session).write(
                actor.organization_id, actor.membership_id, "account set deleted", set_id
            )


def _elsewhere(known: Sequence[AccountSet], here: Where) -> Where:
    """Return where a set is chosen beforehand already, unless that is `here`."""
    for one in known:
        there = Where(slack_id=one.slack_id, channel=one.channel)
        if there != here:
            return there
    return Where()


def _report(one: AccountSet, called: Mapping[str, str], actor: Actor) -> SetReport:
    here = one.slack_id == actor.sender.team_id
    return SetReport(
        id=one.id,
        name=one.name,
        accounts={account_id: called[account_id] for account_id in one.accounts if account_id in called},
        gone=tuple(name for account_id, name in one.accounts.items() if account_id not in called),
        channel=one.channel if here else "",
    )
