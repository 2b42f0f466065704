"""An organization with one of everything, for tests that ask who can see it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlmodel import SQLModel, col, select, update

from storage import tickets
from storage.access_requests import AccessRequests, NewAccessRequest
from storage.account_sets import AccountSets
from storage.accounts import Accounts
from storage.alert_settings import Alerts
from storage.attempt_outcomes import AttemptOutcomes
from storage.attempts import Attempts
from storage.audit import Audit
from storage.browsers import Browsers
from storage.channels import Channels, NewChannelRequest
from storage.deletions import Deletions
from storage.deliveries import Deliveries
from storage.discoveries import Discoveries, Found, NewDiscovery
from storage.draft_links import DraftLinks, NewLink
from storage.drafts import Drafts, new_draft_id
from storage.engine.statements import across, now
from storage.grants import Grants, NewGrant
from storage.grid_homes import Claim, remember
from storage.incidents import Incidents
from storage.install_states import InstallStates
from storage.installations import BotTokenPair, Installations, InstalledApp
from storage.invitations import Invitations
from storage.join_codes import JoinCodes
from storage.media import Files
from storage.memberships import Members
from storage.models import (
    Delivery,
    DeliveryStatus,
    IncidentKind,
    Organization,
    Role,
    StoredFile,
    Ticket,
    new_id,
    new_secret,
    utc_now,
)
from storage.operator_alerts import OperatorAlerts
from storage.organizations import Organizations
from storage.outbox import NewNotice, Notices
from storage.places import Places
from storage.posts import NewPost, Posts, Target
from storage.publishing_uses import PublishingUses
from storage.rate_limits import RateLimit, RateLimits
from storage.recoveries import Recoveries
from storage.revocations import Revocations
from storage.seen_requests import Seen
from storage.sign_ins import SignIns
from storage.slots import Slots
from storage.submissions import Submissions
from storage.tallies import Outcome, Tallies
from storage.tickets import NewTicket, Tickets
from storage.uploads import Uploads
from storage.vault import check_canaries
from storage.workspaces import Workspaces
from tests.databases import owners

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.db import Database
    from storage.models import Account, Draft, Grant, Invitation, Membership
    from storage.vault import Vault
RECIPE = "jpeg"
"""How the second file was drawn."""


@dataclass(frozen=True, kw_only=True)
class World:
    """The ids of one of everything."""

    organization_id: str
    membership_id: str
    user_id: str
    team_id: str
    channel_id: str
    grant_id: str
    pending_id: str
    account_id: str
    discovery_id: str
    found_id: str
    blocked_id: str
    ticket: str
    code: str
    slack_id: str
    incident_id: str
    post_id: str
    delivery_id: str
    late_delivery_id: str
    draft_id: str
    set_id: str
    upload_id: str
    submission_id: str
    media_keys: list[str]
    """Of a file of the post, and of one that nothing has."""
    invitation_id: str
    request_id: str
    access_id: str


async def pending_grant(
    session: AsyncSession, vault: Vault, organization_id: str, platform: str = "x", **more: Any
) -> Grant:
    """Return a pending grant with tokens that name it, also in an organization's session, which may not insert it."""
    values: dict[str, Any] = {
        "platform": platform,
        "app": platform,
        "access": f"access-{new_secret()}",
        "refresh": f"refresh-{new_secret()}",
        "scopes": ["read"],
        "access_expires_in": timedelta(hours=2),
        "refresh_expires_in": timedelta(days=180),
    }
    async with across(session):
        return await Grants(session, vault).create_pending(
            organization_id, NewGrant(connected_by="mem_x", **values | more)
        )


async def two_attempts(session: AsyncSession, vault: Vault, ticket: Ticket) -> None:
    """Begin two trips to a platform, and end one of them."""
    attempts = Attempts(session, vault)
    for _ in range(2):
        state = await attempts.open(ticket=ticket, browser="browser", verifier="verifier")
    redeemed = await attempts.redeem(state, "browser", ticket.platform)
    assert redeemed is not None
    await AttemptOutcomes(session).begin(redeemed.attempt)


async def _posts(
    session: AsyncSession, vault: Vault, account: Account, member: Membership, suffix: str
) -> tuple[Delivery, Delivery, Draft]:
    """Return a delivery that may be live, one of the same post that is late, and a draft."""
    organization_id = account.organization_id
    post = await Posts(session).schedule(
        organization_id,
        NewPost(draft_id=new_id("drf"), author=member.id, text=f"Mugs of {suffix}"),
        [
            Target(
                account_id=account.id,
                due_at=utc_now() + timedelta(days=1),
                place=place,
                content={"format": "text", "text": f"Mugs of {suffix}"},
            )
            for place in ("p1", "p2", "p3")
        ],
    )
    for place, status in (("p2", DeliveryStatus.HELD), ("p3", DeliveryStatus.LATE)):
        one = update(Delivery).where(col(Delivery.post_id) == post.id, col(Delivery.place) == place)
        await session.exec(one.values(status=status))
    found = select(Delivery).where(Delivery.post_id == post.id).order_by(col(Delivery.place))
    sent, _, late = await session.exec(found)
    await Deliveries(session, vault).keep(sent, {"media": f"handle-{suffix}"})
    await Deliveries(session, vault).arm(sent, 0, "post")
    await Deliveries(session, vault).settle(sent, DeliveryStatus.UNKNOWN)
    written = {"text": f"Cups of {suffix}", "accounts": [account.id]}
    draft = await Drafts(session).save(
        organization_id, member.id, new_draft_id(member.id), written, slack_id="", channel=""
    )
    return sent, late, draft


async def _planned(session: AsyncSession, account: Account, suffix: str) -> str:
    """Give an account weekly times, and return the id of a set with it."""
    organization_id = account.organization_id
    await Slots(session).save(organization_id, [account.id], ["0 09:00"], f"Europe/Z{suffix}")
    chosen = await AccountSets(session).save(
        organization_id, f"Set {suffix}", {account.id: f"octa {suffix}"}, slack_id="T1", channel="C1"
    )
    return chosen.id


async def _files(session: AsyncSession, delivery: Delivery, suffix: str) -> list[str]:
    """Return the keys of a file of the delivery's post, which its platform may fetch, and of one that nothing has.

    The second was drawn from the first.
    """
    files, organization_id, keys = Files(session), delivery.organization_id, [f"one{suffix}", f"two{suffix}"]
    for key in (*keys, f"three{suffix}"):
        await files.announce(key)
    original, drawn = (stored_file(organization_id, key) for key in keys)
    drawn.made_from, drawn.recipe = original.key, RECIPE
    for file in (original, drawn):
        await files.add(file)
    await files.use(organization_id, delivery.post_id, keys[:1])
    await files.open_address(new_secret(), organization_id, keys[0], delivery.id, timedelta(hours=2))
    await files.open_preview(new_secret(), organization_id, keys[1], timedelta(minutes=10))
    return keys


async def _submission(session: AsyncSession, draft: Draft) -> str:
    """Return the id of a post like the draft that waits for somebody who may publish it."""
    organization_id, draft_id = draft.organization_id, new_draft_id(draft.author)
    await Drafts(session).save(
        organization_id, draft.author, draft_id, draft.written, slack_id="", channel=""
    )
    return (await Submissions(session).submit(organization_id, draft.author, draft_id, draft.written)).id


async def _upload(session: AsyncSession, draft: Draft, suffix: str) -> str:
    """Return the id of an upload of which one piece has arrived."""
    uploads, organization_id = Uploads(session), draft.organization_id
    link = NewLink(
        token=new_secret(),
        organization_id=organization_id,
        membership_id=draft.author,
        team_id="T1",
        draft_id=draft.id,
        lives=timedelta(days=1),
        form={"id": f"V{suffix}"},
    )
    await DraftLinks(session).open(link)
    upload = await uploads.create(organization_id, draft.id, f"Clip {suffix}.mp4", 2000)
    await Files(session).announce(f"piece{suffix}")
    await uploads.append(upload, 0, 1000, f"piece{suffix}")
    return upload.id


def stored_file(organization_id: str, key: str, name: str = "mugs.jpg") -> StoredFile:
    """Return a file that is not stored yet."""
    return StoredFile(
        organization_id=organization_id,
        key=key,
        name=name,
        kind="image",
        type="image/jpeg",
        size=4,
        sha256=bytes(32),
        used_at=utc_now(),
    )


async def install(session: AsyncSession, vault: Vault, team: str, user: str) -> None:
    """Install the app in a workspace, whose tokens this vault can open."""
    await check_canaries(session, vault)
    installed = InstalledApp(
        slack_id=team,
        team_id=team,
        enterprise_id=None,
        name="Workspace",
        app_id="A1",
        bot_user_id="UBOT",
        scopes=["chat:write"],
        installed_by=user,
    )
    await Installations(session, vault).save(
        installed, BotTokenPair(access=f"xoxb-{team.removeprefix('T')}", refresh="xoxe-1")
    )


async def build(database: Database, vault: Vault, suffix: str) -> World:
    """Return a world in which every table has a row."""
    async with database.system() as session:
        team, channel, user = f"T{suffix}", f"C{suffix}", f"U{suffix}"
        organization = await Organizations(session).create(f"Org {suffix}")
        workspaces = Workspaces(session)
        await workspaces.ensure(team, None, f"Workspace {suffix}")
        await workspaces.link(team, organization.id)
        await workspaces.set_default(team, organization.id)
        await workspaces.set_channel_default(team, channel, organization.id)
        member = await Members(session).add(
            organization.id, realm=team, user_id=user, team_id=team, role=Role.OWNER
        )
        await install(session, vault, team, user)
        invitation = await invite_twice(session, organization.id, member)
        request = await Channels(session).request(
            organization.id,
            NewChannelRequest(
                team_id=team,
                channel_id=channel,
                wanted_id=organization.id,
                requested_by=member.id,
                realm=team,
                user_id=user,
            ),
        )
        assert request is not None
        access_id = await ask_for_access(session, organization.id, member)
        code = await JoinCodes(session).create(organization.id, Role.MEMBER, member.id)
        await InstallStates(session).spend(f"state-{suffix}", await InstallStates(session).expiry())
        ticket = await open_ticket(session, organization.id, member.id)
        row = await Tickets(session).peek(ticket)
        assert isinstance(row, Ticket)
        await SignIns(session, vault).open(ticket, "browser")
        claim = Claim(enterprise_id=f"E{suffix}", team_id=f"T{suffix}9", user_id=user)
        await remember(session, claim, ours=True)
        await Browsers(session).prove(f"browser-{suffix}", team, team, user)
        await two_attempts(session, vault, row)
        await Seen(session).first(f"signature-{suffix}")
        grants = Grants(session, vault)
        pending = await pending_grant(session, vault, organization.id)
        grant = await pending_grant(session, vault, organization.id)
        grant = await grants.activate(
            organization.id, grant.id, external_id=f"x-{suffix}", external_name="Somebody", scopes=["read"]
        )
        await delete_another(session, vault, member, suffix)
        account = await Accounts(session, vault).attach(
            organization.id, grant=grant, connected_by=member.id, found=new_account(suffix)
        )
        discoveries = Discoveries(session, vault)
        discovery = await discoveries.keep(
            organization.id,
            NewDiscovery(
                membership_id=member.id,
                grant_id=grant.id,
                team_id=team,
                channel_id=channel,
                hints=["no_channel"],
                message_key=f"settled:{suffix}",
            ),
            [
                Found(remote_id="r2", kind="Page", name="Mugs", token="page-token"),
                Found(remote_id="r3", kind="Page", name="Cups", blocker="suspended"),
            ],
        )
        found, blocked = await discoveries.search(organization.id, discovery.id, "")
        await Places(session).replace(organization.id, account.id, [("p1", "r/mugs", "21 members")])
        sent, late, draft = await _posts(session, vault, account, member, suffix)
        keys, set_id = await _files(session, sent, suffix), await _planned(session, account, suffix)
        upload_id, submission_id = await _upload(session, draft, suffix), await _submission(session, draft)
        incident, _ = await Incidents(session).open(
            organization.id, grant=grant, kind=IncidentKind.NEEDS_RECONNECT, accounts=[account]
        )
        incident.card.channel, incident.card.recipients_tried = member.user_id, [member.id]
        await Alerts(session).save(organization.id, slack_id=team, channel_id=channel)
        await Tallies(session).count(f"x-{suffix}", 1, {Outcome.FRESH: 1})
        rate_limit = RateLimit(calls=100, per=timedelta(minutes=1))
        await RateLimits(session).consume(await RateLimits(session).lock(f"x-{suffix}", rate_limit), 1)
        await Recoveries(session).count(0)
        await PublishingUses(session).lock(f"account/x-{suffix}", utc_now())
        await OperatorAlerts(session).raise_once(f"x-{suffix}", "invalid_client", timedelta(hours=1))
        await Audit(session).write(organization.id, member.id, "account connected", account.id)
        await Notices(session).put(
            NewNotice(
                key=f"hello:{suffix}",
                slack_id=team,
                channel=channel,
                kind="text",
                facts={"text": "hello"},
                organization_id=organization.id,
            )
        )
    return World(
        organization_id=organization.id,
        membership_id=member.id,
        user_id=user,
        team_id=team,
        channel_id=channel,
        grant_id=grant.id,
        pending_id=pending.id,
        account_id=account.id,
        discovery_id=discovery.id,
        found_id=found.id,
        blocked_id=blocked.id,
        ticket=ticket,
        code=code,
        slack_id=team,
        incident_id=incident.id,
        post_id=sent.post_id,
        delivery_id=sent.id,
        late_delivery_id=late.id,
        draft_id=draft.id,
        set_id=set_id,
        upload_id=upload_id,
        submission_id=submission_id,
        media_keys=keys,
        invitation_id=invitation.id,
        request_id=request.id,
        access_id=access_id,
    )


async def delete_another(session: AsyncSession, vault: Vault, owner: Membership, suffix: str) -> None:
    """Let the same owner have deleted another organization, of which a sign-in is not revoked yet."""
    former = await pending_grant(session, vault, owner.organization_id)
    receivers = [(owner.team_id, owner.user_id)]
    deletion = await Deletions(session).begin(Organization(name=f"Former {suffix}"), 1, receivers)
    people = [f"{owner.realm}/{owner.user_id}"]
    await Revocations(session, vault).put(former, people, deletion_id=deletion.id, accounts=["Former mugs"])


async def invite_twice(session: AsyncSession, organization_id: str, inviter: Membership) -> Invitation:
    """Return an invitation of a person who has declined one before."""
    declined = await invite(session, organization_id, inviter)
    await Invitations(session).decline(declined.id, inviter.realm, inviter.user_id)
    return await invite(session, organization_id, inviter)


async def invite(session: AsyncSession, organization_id: str, inviter: Membership) -> Invitation:
    """Return an invitation of somebody to the organization; here the inviter themselves, who is at hand."""
    return await Invitations(session).invite(
        organization_id,
        realm=inviter.realm,
        user_id=inviter.user_id,
        team_id=inviter.team_id,
        role=Role.MEMBER,
        invited_by=inviter.id,
    )


def new_account(suffix: str = "1", **more: Any) -> Found:
    """Return an account to attach."""
    values = {"remote_id": f"r-{suffix}", "kind": "Profile", "name": f"Octa {suffix}", "token": "page-token"}
    return Found(**values | more)


async def open_ticket(
    session: AsyncSession,
    organization_id: str,
    membership_id: str,
    *,
    request: str | None = None,
    **more: str,
) -> str:
    """Return a ticket of this member."""
    values = {"team_id": "T1", "channel_id": "C1", "platform": "x", "app": "x"}
    new = NewTicket(organization_id=organization_id, membership_id=membership_id, **values | more)
    return await tickets.open_ticket(session, new, request=request)


async def tenant(database: Database, name: str = "Octa") -> str:
    """Return the id of a new organization."""
    async with database.system() as session:
        return (await Organizations(session).create(name)).id


async def run_sql(database: Database, sql: str, **values: object) -> list[Any]:
    """Run a statement as the system and return its rows."""
    async with database.system() as session:
        result = await (await session.connection()).execute(text(sql), values)
        return list(result.all()) if result.returns_rows else []


async def run_sql_as_owner(database: Database, sql: str, **values: object) -> list[Any]:
    """Run a statement as the owner of the tables and return its rows."""
    owner = owners(database)
    try:
        return await run_sql(owner, sql, **values)
    finally:
        await owner.close()


async def backdate(database: Database, model: type[SQLModel], column: str, age: timedelta) -> None:
    """Set a time of every row to `age` ago, by the database's clock."""
    table = SQLModel.metadata.tables[str(model.__tablename__)]
    async with database.system() as session:
        await (await session.connection()).execute(table.update().values({column: now(-age)}))


async def ahead(database: Database, table: str, column: str, by: timedelta) -> None:
    """Move a time of every row on, as if the database's clock had been set back since."""
    async with database.system() as session:
        connection = await session.connection()
        if database.dialect == "sqlite":
            moved = f"strftime('%Y-%m-%d %H:%M:%f', {column}, '+{by.total_seconds()} seconds') || '000'"
        else:
            moved = f"{column} + interval '{by.total_seconds()} seconds'"
        await connection.execute(text(f"UPDATE {table} SET {column} = {moved}"))  # noqa: S608 - our own tables


async def expire(database: Database, model: type[SQLModel]) -> None:
    """Let every row be past its time by a second."""
    await backdate(database, model, "expires_at", timedelta(seconds=1))


async def contents(database: Database, organization_id: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of an organization, by table."""
    rows: dict[str, list[tuple[Any, ...]]] = {}
    async with database.system(write=False) as session:
        connection = await session.connection()
        for table in SQLModel.metadata.sorted_tables:
            query = table.select()
            if "organization_id" in table.columns:
                query = query.where(table.columns.organization_id == organization_id)
            elif table.name == "grant_":
                held = SQLModel.metadata.tables["grant_holder"]
                query = query.join(held).where(held.columns.organization_id == organization_id)
            else:
                continue
            rows[table.name] = sorted(tuple(map(repr, row)) for row in await connection.execute(query))
    return rows


async def consent(
    database: Database,
    vault: Vault,
    organization: str,
    person: str = "p1",
    *,
    account: str | None = "1",
    **more: Any,
) -> Grant:
    """Return the settled grant of a person, with one account attached unless told otherwise."""
    async with database.organization(organization) as session:
        pending = await pending_grant(session, vault, organization, **more)
    async with database.organization(organization) as session:
        grant = await Grants(session, vault).activate(
            organization, pending.id, external_id=person, external_name=f"Name {person}", scopes=["write"]
        )
        if account is not None:
            await Accounts(session, vault).attach(
                organization, grant=grant, connected_by="mem_1", found=new_account(account)
            )
    return grant


async def plan(database: Database, sql: str, **values: object) -> str:
    """Return how the database would answer, after it has counted its rows."""
    explain = "EXPLAIN QUERY PLAN " if database.dialect == "sqlite" else "EXPLAIN "
    async with database.system() as session:
        connection = await session.connection()
        await connection.execute(text("ANALYZE"))
        return repr((await connection.execute(text(explain + sql), values)).all())


CALLERS = 16


async def ticket_of(database: Database, **more: str) -> tuple[str, Ticket]:
    """Return a new organization's ticket and its row."""
    organization = await tenant(database)
    async with database.system() as session:
        ticket = await open_ticket(session, organization, "mem_1", **more)
        row = await Tickets(session).peek(ticket)
    assert row is not None
    return ticket, row


async def winners(redeem: Callable[[], Awaitable[object]]) -> int:
    """Return how many of the callers who redeem the same thing at once get it."""
    answers = await asyncio.gather(*(redeem() for _ in range(CALLERS)))
    return sum(bool(answer) for answer in answers)


async def join(
    database: Database, organization_id: str, user_id: str, role: Role = Role.MEMBER, team_id: str = "T1"
) -> Membership:
    async with database.organization(organization_id) as session:
        return await Members(session).add(
            organization_id, realm="T1", user_id=user_id, team_id=team_id, role=role
        )


async def ask_for_access(session: AsyncSession, organization_id: str, person: Membership) -> str:
    """Return the id of a request for access; here by a member, who is at hand."""
    new = NewAccessRequest(
        realm=person.realm, user_id=person.user_id, team_id=person.team_id, role=Role.OWNER
    )
    asked = await AccessRequests(session).request(organization_id, new)
    assert asked is not None
    return asked.id
