"""Nobody sees another organization's rows: not through a repository, and not past one."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import SQLModel, col, update

import storage
from storage.accounts import Accounts
from storage.discoveries import Found, NewDiscovery
from storage.engine.db import Database
from storage.grants import Grants
from storage.memberships import LastOwner
from storage.models import (
    Delivery,
    DeliveryStatus,
    Grant,
    Role,
    SubmissionStatus,
    Upload,
    UploadState,
    digest,
    new_id,
)
from storage.organizations import Organizations
from storage.outbox import StandIn
from storage.post_listings import Which
from storage.posts import NewPost, Target
from tests.counts import in_full, sampled
from tests.databases import APP, OWNER
from tests.storage.world import RECIPE, World, build, contents, pending_grant, run_sql

if TYPE_CHECKING:
    from storage.vault import Vault
    from tests.databases import Postgres

REPOSITORIES = [
    importlib.import_module(f"storage.{module.name}")
    for module in pkgutil.iter_modules(storage.__path__)
    if not module.ispkg
]
"""The modules whose classes are tried, each with two organizations."""
CREATES = {
    "AccessRequests.request": "adds a request to the organization it names",
    "AccountSets.save": "adds a set of the organization it names",
    "Accounts.attach": "takes the grant itself, which only `Grants` of the organization hands out",
    "Audit.write": "adds a line of the organization it names",
    "Channels.request": "adds a request to the organization it names",
    "Drafts.save": "adds a draft of the organization it names; of an id that another draft has it says so",
    "Grants.create_pending": "adds a grant of the organization it names",
    "Incidents.open": "takes the grant itself, and opens it for the organization it names",
    "Invitations.invite": "adds an invitation of the organization it names",
    "JoinCodes.create": "adds a code of the organization it names",
    "Members.add": "adds a member of the organization it names",
    "Workspaces.link": "called by whoever may let an organization be used from a workspace",
    "Workspaces.set_channel_default": "names an organization the caller was found to belong to",
    "Workspaces.set_default": "names an organization the caller was found to belong to",
}


def scoped_methods() -> dict[str, tuple[type, str]]:
    """Return every repository method that takes an organization, by `Class.method`."""
    return {
        f"{name}.{method}": (kind, method)
        for module in REPOSITORIES
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and kind.__module__ == module.__name__
        for method, function in vars(kind).items()
        if inspect.iscoroutinefunction(function)
        and not method.startswith("_")
        and "organization_id" in inspect.signature(function).parameters
    }


METHODS = scoped_methods()
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
ABSENT = {
    "grant_id": "grt_absent",
    "account_id": "acc_absent",
    "membership_id": "mem_absent",
    "discovery_id": "dis_absent",
    "incident_id": "inc_absent",
    "invitation_id": "inv_absent",
    "request_id": "chr_absent",
    "access_id": "arq_absent",
    "code_id": "0123456789abcdef",
    "account_ids": ["acc_absent"],
    "targets": [Target(account_id="acc_absent", due_at=WHEN, content={})],
    "ids": ["fnd_absent"],
    "realm": "T_absent",
    "user_id": "U_absent",
    "delivery_id": "dlv_absent",
    "author": "mem_absent",
    "post_id": "pst_absent",
    "draft_id": "drf_absent",
    "set_id": "set_absent",
    "upload_id": "upl_absent",
    "submission_id": "sub_absent",
    "key": "absent",
    "keys": ["absent"],
    "new": NewDiscovery(membership_id="mem_absent", grant_id="grt_absent", team_id="T1", channel_id="C1"),
}
HARMLESS: dict[str, Any] = {
    "role": Role.ADMIN,
    "least": Role.ADMIN,
    "name": "Renamed",
    "text": "octa 1",
    "query": "",
    "usable": None,
    "limit": 100,
    "platform": "x",
    "places": [("p9", "r/hacked", "")],
    "max_age": timedelta(days=1),
    "external_id": "x-other",
    "external_name": "Other",
    "scopes": ["all"],
    "team_id": "T1",
    "channel_id": "C1",
    "found": [],
    "code": "is_archived",
    "before": WHEN,
    "written": {"text": "Mugs"},
    "new_post": NewPost(draft_id=new_id("drf"), author="mem_x", text="Mugs"),
    "slack_id": "T1",
    "channel": "C1",
    "due_at": WHEN,
    "until": WHEN,
    "by": timedelta(hours=1),
    "token": "a" * 43,
    "lives": timedelta(hours=2),
    "which": Which.OPEN,
    "stand_in": StandIn(kind="text", facts={}),
    "asking": ["text"],
    "open_keys": [],
    "first": 0,
    "weekly": ["1 10:00"],
    "timezone": "UTC",
    "accounts": {"acc_absent": "Mugs"},
    "size": 1,
    "wish": {"kind": "delete", "text": ""},
    "status": SubmissionStatus.RETURNED,
    "decided_by": "mem_x",
    "reason": "Say where",
    "recipe": RECIPE,
}


def test_every_exception_from_the_rule_still_exists() -> None:
    assert set(CREATES) <= set(METHODS)
    assert len(METHODS) >= 40


def of(world: World) -> dict[str, Any]:
    return {
        "grant_id": world.grant_id,
        "account_id": world.account_id,
        "membership_id": world.membership_id,
        "discovery_id": world.discovery_id,
        "incident_id": world.incident_id,
        "post_id": world.post_id,
        "delivery_id": world.delivery_id,
        "author": world.membership_id,
        "draft_id": world.draft_id,
        "set_id": world.set_id,
        "upload_id": world.upload_id,
        "submission_id": world.submission_id,
        "key": world.media_keys[0],
        "keys": world.media_keys,
        "invitation_id": world.invitation_id,
        "request_id": world.request_id,
        "access_id": world.access_id,
        "code_id": digest(world.code.replace("-", "")).hex()[:16],
        "account_ids": [world.account_id],
        "targets": [Target(account_id=world.account_id, due_at=WHEN, content={})],
        "ids": [world.found_id, world.blocked_id],
        "realm": world.team_id,
        "user_id": world.user_id,
        "new": NewDiscovery(
            membership_id=world.membership_id, grant_id=world.grant_id, team_id="T1", channel_id="C1"
        ),
    }


async def ask(
    database: Database, vault: Vault, method: str, organization_id: str, ids: dict[str, Any]
) -> str:
    """Return what a method answers, as text, in a session that no policy protects on SQLite."""
    kind, name = METHODS[method]
    parts = [vault] if "vault" in inspect.signature(kind).parameters else []
    wanted = inspect.signature(getattr(kind, name)).parameters
    values = {key: value for key, value in (HARMLESS | ids).items() if key in wanted}
    try:
        async with database.system() as session:
            answer = await getattr(kind(session, *parts), name)(organization_id=organization_id, **values)
    except (LookupError, IntegrityError, LastOwner) as refusal:
        return type(refusal).__name__
    return repr(answer)


SCOPED = sorted(set(METHODS) - set(CREATES))
NAMES_SOMETHING = [
    method for method in SCOPED if set(inspect.signature(getattr(*METHODS[method])).parameters) & set(ABSENT)
]


async def test_anothers_things_read_exactly_like_absent_ones(database: Database, vault: Vault) -> None:
    mine, theirs = await build(database, vault, "1"), await build(database, vault, "2")
    before, tried = await contents(database, theirs.organization_id), sampled(SCOPED, 9)

    for method in tried:
        others = await ask(database, vault, method, mine.organization_id, of(theirs))
        untouched = await contents(database, theirs.organization_id)
        absent = await ask(database, vault, method, mine.organization_id, ABSENT)

        assert untouched == before, method
        assert method not in NAMES_SOMETHING or others == absent, method
        for name in (theirs.organization_id, theirs.grant_id, theirs.account_id, "Org 2", "Octa 2"):
            assert name not in others, method
    print(
        f"{database.dialect}: {len(sampled(SCOPED, 9))} of {len(SCOPED)} methods, 0 of another's rows read or changed"
    )


async def connect_found(database: Database, vault: Vault, world: World) -> None:
    """Connect an account that the discovery of this world shows."""
    async with database.system() as session:
        grant = await Grants(session, vault).get(world.organization_id, world.grant_id)
        assert grant is not None
        found = Found(remote_id="r2", kind="Page", name="Mugs")
        await Accounts(session, vault).attach(
            world.organization_id, grant=grant, connected_by=world.membership_id, found=found
        )


async def arrive(database: Database, world: World) -> None:
    """Let the upload of this world be there, and unchecked."""
    async with database.system() as session:
        upload = update(Upload).where(col(Upload.id) == world.upload_id)
        await session.exec(upload.values(state=UploadState.CHECKING))


async def go_live(database: Database, world: World) -> None:
    """Let the delivery that may be live be so."""
    async with database.system() as session:
        ours = update(Delivery).where(col(Delivery.id) == world.delivery_id)
        await session.exec(ours.values(status=DeliveryStatus.SENT))


PREPARED = {"DeliveryDecisions.alter": go_live, "Uploads.claim": arrive}
"""What happens to one's own things before they are asked about."""


async def test_ones_own_things_are_answered_otherwise_than_absent_ones(
    database: Database, vault: Vault
) -> None:
    """Else the test above would prove nothing."""
    worlds = 0
    world: World | None = None
    for method in sampled(NAMES_SOMETHING, 9):
        if world is None:
            worlds += 1
            world = await build(database, vault, f"own{worlds}")
            await share(database, vault, f"x-own{worlds}")
        before = await contents(database, world.organization_id)
        ids = of(world)
        if method == "Grants.drop_pending":
            ids["grant_id"] = world.pending_id
        if method in {"DeliveryDecisions.cancel", "DeliveryDecisions.publish", "DeliveryDecisions.stop"}:
            ids["delivery_id"] = world.late_delivery_id
        if method == "Holds.resume":
            await ask(database, vault, "Holds.hold", world.organization_id, ids)
            before = await contents(database, world.organization_id)
        if method == "PostEdits.edit":
            ids["draft_id"] = f"drf_{world.post_id.removeprefix('pst_')}.0.x"
        if method in PREPARED:
            await PREPARED[method](database, world)
            before = await contents(database, world.organization_id)
        if method == "Discoveries.connected":
            await connect_found(database, vault, world)
        if method == "Grants.release":  # only a grant without accounts is left
            await ask(database, vault, "Accounts.disconnect", world.organization_id, ids)
        own = await ask(database, vault, method, world.organization_id, ids)
        after = await contents(database, world.organization_id)
        absent = await ask(database, vault, method, world.organization_id, ABSENT)

        assert own != absent or after != before, method
        world = world if after == before else None


async def share(database: Database, vault: Vault, person: str) -> None:
    """Let another organization hold the grant of the same person."""
    async with database.system() as session:
        other = (await Organizations(session).create("Other")).id
        pending = await pending_grant(session, vault, other)
        await Grants(session, vault).activate(
            other, pending.id, external_id=person, external_name="", scopes=[]
        )


# The second wall


def connect(postgres: Postgres, user: str = APP) -> Any:
    return asyncpg.connect(postgres.url(postgres.name, user).replace("+asyncpg", ""))


TABLES = [table.name for table in SQLModel.metadata.sorted_tables]
TENANTS = [table.name for table in SQLModel.metadata.sorted_tables if "organization_id" in table.columns]
TENANTS += ["organization", "grant_"]


async def visible(connection: Any, *settings: str) -> dict[str, int]:
    """Return how many rows of each table a transaction with these settings sees."""
    async with connection.transaction():
        for setting in settings:
            await connection.execute(setting)
        return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES}  # noqa: S608


@in_full
@pytest.mark.parametrize("role", ["the owner of the tables", "the application's role"])
async def test_rows_are_visible_to_their_organization_and_to_the_system_only(
    postgres: Postgres, postgres_database: Database, vault: Vault, role: str
) -> None:
    mine = await build(postgres_database, vault, "1")
    theirs = await build(postgres_database, vault, "2")
    connection = await connect(postgres, OWNER if role == "the owner of the tables" else APP)
    try:
        nobody = await visible(connection)
        wrong = await visible(connection, "SET LOCAL octapost.organization = 'org_absent'")
        empty = await visible(
            connection, "SET LOCAL octapost.organization = ''", "SET LOCAL octapost.system = 'off'"
        )
        one = await visible(connection, f"SET LOCAL octapost.organization = '{mine.organization_id}'")
        other = await visible(connection, f"SET LOCAL octapost.organization = '{theirs.organization_id}'")
        system = await visible(connection, "SET LOCAL octapost.system = 'on'")
    finally:
        await connection.close()

    assert nobody == wrong == empty == dict.fromkeys(TABLES, 0)
    assert all(system.values()), "every table has rows, or this test proves nothing"
    assert {table: one[table] + other[table] for table in TENANTS} == {
        table: system[table] for table in TENANTS
    }
    assert all(one[table] for table in TENANTS)
    assert {table for table in TABLES if one[table]} == set(TENANTS)


async def test_an_organizations_transaction_sees_nothing_of_anothers(
    postgres_database: Database, vault: Vault
) -> None:
    mine, theirs = await build(postgres_database, vault, "1"), await build(postgres_database, vault, "2")

    async with postgres_database.organization(mine.organization_id, write=False) as session:
        connection = await session.connection()
        seen = [
            repr((await connection.execute(SQLModel.metadata.tables[table].select())).all())
            for table in TABLES
        ]

    assert all(theirs.organization_id not in rows and theirs.grant_id not in rows for rows in seen)
    assert any(mine.grant_id in rows for rows in seen)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO channel_default (team_id, channel_id, organization_id) VALUES ('T1', 'C', :theirs)",
        "UPDATE account SET organization_id = :theirs",
        "INSERT INTO seen_request (signature_hash, seen_at) VALUES ('1', now())",
    ],
)
async def test_an_organizations_transaction_writes_nothing_for_another_or_for_the_system(
    postgres_database: Database, vault: Vault, statement: str
) -> None:
    mine, theirs = await build(postgres_database, vault, "1"), await build(postgres_database, vault, "2")
    values = {"theirs": theirs.organization_id} if ":theirs" in statement else {}

    async with postgres_database.organization(mine.organization_id) as session:
        connection = await session.connection()
        with pytest.raises(DBAPIError, match="row-level security"):
            await connection.execute(text(statement), values)


async def test_an_id_that_is_no_id_cannot_break_out_of_its_setting(
    postgres_database: Database, vault: Vault
) -> None:
    await build(postgres_database, vault, "1")

    for hostile in (
        "'; SET octapost.system = 'on",
        "x' OR '1'='1",
        "\\'; SET octapost.system = 'on'; --",
        "é'",
    ):
        async with postgres_database.organization(hostile, write=False) as session:
            connection = await session.connection()
            rows = (await connection.execute(SQLModel.metadata.tables["account"].select())).all()
        assert rows == []
    assert len(await run_sql(postgres_database, "SELECT 1 FROM account")) == 1


@in_full
async def test_an_organizations_transaction_is_held_where_the_flag_is_on_for_the_whole_role(
    postgres: Postgres, postgres_database: Database, vault: Vault
) -> None:
    mine, theirs = await build(postgres_database, vault, "1"), await build(postgres_database, vault, "2")
    await postgres.run(f"ALTER ROLE {APP} IN DATABASE {postgres.name} SET octapost.system = 'on'")
    flagged = Database(postgres.url(postgres.name))
    try:
        async with flagged.organization(mine.organization_id, write=False) as session:
            table = SQLModel.metadata.tables["organization"]
            seen = (await (await session.connection()).execute(table.select())).all()
    finally:
        await flagged.close()
        await postgres.run(f"ALTER ROLE {APP} IN DATABASE {postgres.name} RESET octapost.system")

    assert [row.id for row in seen] == [mine.organization_id] != [theirs.organization_id]


async def test_only_a_system_transaction_inserts_a_grant(postgres_database: Database, vault: Vault) -> None:
    world = await build(postgres_database, vault, "1")

    async with postgres_database.organization(world.organization_id) as session:
        session.add(Grant(platform="x", app="x"))
        with pytest.raises(DBAPIError, match="row-level security"):
            await session.flush()
        await session.rollback()

    async with postgres_database.system() as session:
        session.add(Grant(platform="x", app="x"))


async def test_what_a_transaction_works_for_ends_with_it(
    postgres: Postgres, vault: Vault, postgres_database: Database
) -> None:
    world = await build(postgres_database, vault, "1")
    one_connection = Database(postgres.url(postgres.name), pool_size=1)
    counts = []
    for organization in (world.organization_id, "org_absent", world.organization_id):
        async with one_connection.system() as session:
            await session.connection()
        async with one_connection.organization(organization, write=False) as session:
            table = SQLModel.metadata.tables["account"]
            counts.append(len((await (await session.connection()).execute(table.select())).all()))
    await one_connection.close()

    assert counts == [1, 0, 1]
