"""The command line: `octapost run | sandbox | sim | doctor | db | keys | org | manifest`."""

from __future__ import annotations

import gc
import re
import sqlite3
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy.exc import DBAPIError

from adapters.base import Client
from bot import app, process
from bot import doctor as check_up
from bot.ops import logs
from bot.ops.allocation import give_back_large_blocks
from bot.ops.hardening import keep_memory_private
from bot.ops.start_checks import ROLE_FAULTS
from bot.services.errors import ServiceError
from bot.services.organizations.ownership import Appointed
from bot.settings import PROXIES_UNKNOWN, ConfigurationError, Settings
from bot.slack import manifest
from bot.slack.failures import CALL_FAILED, failure
from bot.views.errors import sentence
from storage.copy_database import CopyRefused, copy_database
from storage.engine import urls
from storage.engine.db import Database
from storage.engine.outages import is_database_error
from storage.engine.roles import NoSuchRole, RoleFault
from storage.engine.schema import SchemaTooNew, SchemaTooOld
from storage.key_rotation import remaining, rotate
from storage.vault import KeyRing, VaultError

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Octapost for Slack: connect your team's social accounts, and keep them connected.",
)
database_cli = typer.Typer(no_args_is_help=True, help="Upgrade or move the database.")
keys_cli = typer.Typer(no_args_is_help=True, help="Make and rotate the keys that encrypt tokens.")
cli.add_typer(database_cli, name="db")
organizations_cli = typer.Typer(no_args_is_help=True, help="Help an organization that has no owner.")
cli.add_typer(keys_cli, name="keys")
cli.add_typer(organizations_cli, name="org")
out, err = Console(), Console(stderr=True)
Answer = TypeVar("Answer")
PERSON = re.compile(r"(?:<?@)?([UW][A-Z0-9]{2,})(?:\|[^>]*)?>?")
"""A Slack user id, alone or as a mention."""
NOT_ALLOWED = "42501"
"""PostgreSQL's `insufficient_privilege` (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
NEEDS_OWNER = (
    "The role in OCTAPOST_DATABASE_URL doesn't own the tables. For this command only, set"
    " OCTAPOST_DATABASE_MIGRATION_URL to the same database with the role that does. Nothing changed."
)
ANOTHER_DATABASE = (
    "I upgraded OCTAPOST_DATABASE_MIGRATION_URL, but OCTAPOST_DATABASE_URL is another database."
    " Set both to the same one."
)
UNUSABLE = (ConfigurationError, VaultError, SchemaTooNew, SchemaTooOld, CopyRefused, NoSuchRole)


class Only(StrEnum):
    """The half of the work to do, for installations with several processes."""

    WEB = "web"
    JOBS = "jobs"


def main() -> None:
    """Run the command line, in a process whose memory other processes can't read and that keeps none it has freed."""
    give_back_large_blocks()
    for undone in keep_memory_private():
        err.print(f"Warning: {undone}.", style="yellow", highlight=False)
    cli()


def _fail(error: BaseException | str) -> NoReturn:
    for fault in str(error).split("; "):
        err.print(fault, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1)


def _settings() -> Settings:
    try:
        settings = app.settings_from()
        logs.configure(settings.log_level)
    except (ConfigurationError, ValueError) as error:
        _fail(error)
    return settings


def _go(work: Coroutine[Any, Any, Answer]) -> Answer:
    try:
        return uvloop.run(work)
    except UNUSABLE as error:
        _fail(error)
    except OSError as error:
        _fail(f"{type(error).__name__}: {error.strerror or 'the system refused'}")
    except Exception as error:
        if not is_database_error(error):
            raise
        cause = getattr(error, "orig", None) or error
        # SQLite's own words for these, "unable to open database file" and the like, hold no values.
        reason = cause if isinstance(cause, sqlite3.OperationalError) else type(cause).__name__
        _fail(f"The database refused ({reason}). Nothing changed.")


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    """Yield a database whose statements may take as long as they need."""
    database = Database(url, answered_within=None)
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def _progress(doing: str) -> Iterator[tuple[Progress, TaskID]]:
    columns = TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=out) as bar:
        yield bar, bar.add_task("", total=None)


@cli.command()
def run(
    only: Annotated[Only | None, typer.Option(help="Only serve the web, or only run the jobs.")] = None,
    socket_mode: Annotated[
        bool, typer.Option("--socket-mode", help="Receive Slack's requests over a WebSocket.")
    ] = False,
) -> None:
    """Serve Slack and the browser, and run the background jobs."""
    settings = _settings()

    async def until_stopped() -> None:
        stop = process.shutdown_event()
        async with process.run(
            settings, serve=only is not Only.JOBS, work=only is not Only.WEB, socket_mode=socket_mode
        ):
            # The objects that exist now will stay. Checking them in every collection would stop all requests for 0.1 s.
            gc.collect()
            gc.freeze()
            await stop.wait()

    _go(until_stopped())


@cli.command()
def sandbox(
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65534,
            help="The simulated Slack's port; Octapost takes the next one. 0 picks free ports.",
        ),
    ] = 3000,
    tour: Annotated[
        bool, typer.Option("--tour", help="Play the whole story in the terminal, then exit.")
    ] = False,
) -> None:
    """Try everything offline, with a simulated Slack and seven simulated platforms."""
    from sandbox import start  # noqa: PLC0415 - the only way into the sandbox; `run` never loads it

    try:
        status = _go(start.play(port) if tour else start.stay(port))
    except start.PortRefused as error:
        _fail(error)
    raise typer.Exit(status)


@cli.command()
def sim(
    seeds: Annotated[int, typer.Option(min=1, help="How many invented days the engine lives through.")] = 300,
    seed: Annotated[
        int, typer.Option(min=0, help="The first of them. The same number is always the same day.")
    ] = 1,
) -> None:
    """Try to make the publishing engine post twice, or lose a post, with crashes and faults in virtual time."""
    from sandbox.simulation.running import Total, days  # noqa: PLC0415 - `run` never loads it

    logs.configure("CRITICAL")  # what fails here fails on purpose
    total = Total()
    with _progress("Simulating") as (bar, task):
        for report in days(seed, seeds):
            total.add(report)
            bar.update(task, completed=total.days, total=seeds)
            if report.violations:
                break
    if report.violations:
        for line in report.history:
            out.print(line, markup=False, highlight=False)
        _fail(
            f"Seed {report.seed}: {'; '.join(report.violations)}. Repeat it with --seed {report.seed} --seeds 1"
        )
    for line in total.lines():
        out.print(line, highlight=False)
    out.print("Nothing was published twice, lost, or sent against what people had decided.", highlight=False)


@cli.command()
def doctor(
    slack: Annotated[
        bool, typer.Option("--slack", help="Also ask Slack whether it accepts our messages and forms.")
    ] = False,
) -> None:
    """Check the settings, the database and the keys, and list the addresses to register."""
    settings = _settings()
    platforms = Table("Connects", "Ready", "Permissions asked for")
    for found in settings.platforms().values():
        for one in found.platform.apps:
            client = found.clients.get(one.key)
            platforms.add_row(
                one.connects,
                "yes" if client else "no, not set up",
                _asked_for(client) if client else "",
            )
    out.print(platforms)
    out.print("Addresses to register:", highlight=False)
    for console, group in groupby(check_up.addresses(settings), attrgetter("console")):
        out.print(f"  {console}", highlight=False)
        for address in group:
            sys.stdout.write(f"    {address.field}: {address.url}\n")
    doubts = settings.doubts()
    stored = _go(check_up.look(settings))
    out.print(f"Database and keys: {stored.sealed}", highlight=False)
    for trouble in [*doubts, *stored.troubles]:
        out.print(trouble, style="yellow", markup=False, highlight=False, soft_wrap=True)
    if slack:
        _validate(settings)
    if settings.proxies_unknown:
        _fail(PROXIES_UNKNOWN)


def _asked_for(client: Client) -> str:
    """Return the permissions that an app asks for, or the configuration that the platform reads them from."""
    configuration = client.options.get("config_id")
    return f"configuration {configuration}" if configuration else " ".join(client.scopes)


def _validate(settings: Settings) -> None:
    """Say what Slack thinks of a sample of our views; end the command where it refuses one."""
    try:
        found = _go(check_up.validate(settings))
    except check_up.SlackDidNotAnswer as error:
        _fail(f"Slack didn't say whether it accepts our messages and forms ({error}).")
    for fault in found.refused:
        err.print(fault, style="red", markup=False, highlight=False, soft_wrap=True)
    if found.refused:
        _fail("Slack refuses the messages or forms above. Please report them to the authors of Octapost.")
    out.print(f"Slack accepts our messages and forms ({found.asked} samples).", highlight=False)


@database_cli.command("upgrade")
def upgrade() -> None:
    """Upgrade the database to this version's schema, with OCTAPOST_DATABASE_MIGRATION_URL if it is set."""
    settings = _settings()
    ours = settings.database_url.get_secret_value()

    async def work() -> list[RoleFault]:
        role = settings.application_role
        owners = settings.database_migration_url
        async with _opened(ours if owners is None else owners.get_secret_value()) as owner:
            try:
                await owner.upgrade(for_role=role)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", "") == NOT_ALLOWED and owners is None:
                    raise ConfigurationError(NEEDS_OWNER) from None
                raise
        async with _opened(ours) as database:
            try:
                await database.check()
            except SchemaTooOld:
                raise ConfigurationError(ANOTHER_DATABASE) from None
            return await database.role_faults()

    troubles = _go(work())
    out.print("The database is up to date.")
    for fault in troubles:
        out.print(ROLE_FAULTS[fault], style="yellow", markup=False, highlight=False)


@database_cli.command("move")
def move_database(
    to: Annotated[
        str,
        typer.Option(
            prompt="Where to",
            hide_input=True,
            help="The other database's URL. Asked for if you leave it out.",
        ),
    ],
) -> None:
    """Copy the configured database to an empty, upgraded one. It copies everything or nothing."""
    settings = _settings()
    try:
        for secret in urls.secrets_in(to):
            logs.register_secret(secret)
    except ValueError as error:
        _fail(f"--to: {error}")
    if to == settings.database_url.get_secret_value():
        _fail("That is the configured database itself. Enter the one to move to.")

    async def work() -> dict[str, int]:
        async with _opened(to) as target, app.parts_of(settings, answered_within=None) as parts:
            with _progress("Copying rows") as (bar, task):
                return await copy_database(
                    parts.database,
                    target,
                    parts.vault,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )

    counts = _go(work())
    out.print(f"Copied and checked {sum(counts.values())} rows in {len(counts)} tables.")
    out.print("Now set OCTAPOST_DATABASE_URL to the new database and restart.")


@keys_cli.command("new")
def new_keys() -> None:
    """Print a new key ring for OCTAPOST_VAULT_KEYS. Don't keep it with the database's backups."""
    sys.stdout.write(KeyRing.generate() + "\n")


@keys_cli.command("rotate")
def rotate_keys() -> None:
    """Encrypt every token again with the first key of the ring. Safe to stop and repeat."""
    settings = _settings()

    async def work() -> tuple[int, dict[int, int]]:
        async with app.parts_of(settings, answered_within=None) as parts:
            with _progress("Encrypting again") as (bar, task):
                count = await rotate(
                    parts.database,
                    parts.vault,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
            return count, await remaining(parts.database, parts.vault)

    count, left = _go(work())
    out.print(f"Encrypted {count} values again. Values by key: {left or 'none'}", highlight=False)
    out.print("Remove the older keys once you have deleted every backup from before today.")


@organizations_cli.command("owner")
def appoint_owner(
    organization: Annotated[str, typer.Argument(help="The organization's name, or its id (org_...).")],
    person: Annotated[str, typer.Argument(help="The Slack user id of the new owner, such as U0123ABCD.")],
) -> None:
    """Make someone the owner of an organization that has no owner. I tell all its members."""
    settings = _settings()
    found = PERSON.fullmatch(person.strip())
    if found is None:
        _fail("Enter the person's Slack user id: in their Slack profile, press ⋮ and Copy member ID.")

    async def work() -> Appointed:
        async with app.parts_of(settings) as parts:
            return await parts.ownership.appoint(organization, found[1])

    try:
        appointed = _go(work())
    except ServiceError as error:
        _fail(sentence(error))
    except CALL_FAILED as error:
        _fail(f"Slack didn't say who that is ({failure(error).code}). Nothing changed.")
    out.print(
        f"{appointed.name} now owns {appointed.organization}. Members told: {appointed.told}.",
        markup=False,
        highlight=False,
    )


@cli.command("manifest")
def print_manifest(
    url: Annotated[
        str, typer.Option(help="The public address of this installation, such as https://bot.example.com")
    ],
    socket_mode: Annotated[bool, typer.Option("--socket-mode", help="For Socket Mode.")] = False,
) -> None:
    """Print the Slack app manifest for your address, to paste into Slack's "Create an app"."""
    try:
        text = manifest.filled_in(url, socket_mode=socket_mode)
    except ValueError as error:
        _fail(str(error))
    sys.stdout.write(text)
