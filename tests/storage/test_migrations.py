"""Upgrades keep what is stored: rows written under an older schema are read under the newest."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

from storage.engine.schema import MIGRATIONS
from tests.counts import in_full
from tests.storage.world import run_sql

if TYPE_CHECKING:
    from storage.engine.db import Database

AT = "2026-11-01 00:00:00+00"


async def upgrade(url: str, revision: str) -> None:
    """Bring the schema of a database to this revision."""
    config = Config(str(MIGRATIONS / "alembic.ini"), cmd_opts=argparse.Namespace(x=[f"url={url}"]))
    await asyncio.to_thread(command.upgrade, config, revision)


async def insert(database: Database, table: str, **values: object) -> None:
    """Insert one row, in whatever columns the table has under the present schema."""
    names = ", ".join(values)
    marks = ", ".join(f"'{value}'" if value == AT else f":{name}" for name, value in values.items())
    given = {name: value for name, value in values.items() if value != AT}
    await run_sql(database, f"INSERT INTO {table} ({names}) VALUES ({marks})", **given)  # noqa: S608


def json_of(value: object) -> object:
    """Return the value; a JSON text is read, which SQLite returns as it is stored."""
    return json.loads(value) if isinstance(value, str) and value[:1] in {"[", "{"} else value


@in_full
async def test_an_incident_keeps_its_card(bare: Database, bare_url: str) -> None:
    await upgrade(bare_url, "0024")
    await insert(bare, "organization", id="org_1", name="Octa", created_at=AT)
    texts = dict.fromkeys(["code", "resolution", "late_answer"], "")
    await insert(
        bare,
        "incident",
        id="inc_1",
        organization_id="org_1",
        generation=1,
        kind="expiring",
        platform="x",
        accounts="{}",
        connected_by="mem_1",
        since=AT,
        days=7,
        sign_in_lives=True,
        renewed="{}",
        released=0,
        late_posts=0,
        lines='["7 days left."]',
        slack_id="T1",
        channel="C1",
        trouble="is_archived",
        asked='["mem_1"]',
        pleas='{"please:1": "mem_2"}',
        left_behind="incident:inc_1:1",
        card=2,
        version=5,
        **texts,
    )

    await upgrade(bare_url, "head")

    card = await run_sql(
        bare,
        "SELECT organization_id, slack_id, channel, channel_error, recipients_tried, pending_replies,"
        " requests_sent, stale_message_key, number, version, quiet_until FROM incident_card"
        " WHERE incident_id = 'inc_1'",
    )
    assert [tuple(json_of(value) for value in row) for row in card] == [
        (
            *("org_1", "T1", "C1", "is_archived", ["mem_1"], ["7 days left."], {"please:1": "mem_2"}),
            *("incident:inc_1:1", 2, 5, None),
        )
    ]
    kept = await run_sql(bare, "SELECT reminder_day, grant_still_valid FROM incident")
    assert [(day, bool(valid)) for day, valid in kept] == [(7, True)]


@in_full
async def test_a_grants_verdict_becomes_an_outcome_and_a_code(bare: Database, bare_url: str) -> None:
    await upgrade(bare_url, "0025")
    verdicts = ["", "fresh", "Busy http_503", "GrantDead invalid_grant", "accounts_only 190_463"]
    for number, verdict in enumerate(verdicts):
        await insert(
            bare,
            "grant_",
            id=f"grt_{number}",
            platform="x",
            app="x",
            external_name="",
            scopes="[]",
            generation=1,
            status="healthy",
            reason="",
            created_at=AT,
            renewed_at=AT,
            ladder_at=AT,
            verdict=verdict,
            failures=0,
            in_doubt=False,
        )

    await upgrade(bare_url, "head")

    stored = await run_sql(bare, "SELECT last_outcome, last_error_code FROM grant_ ORDER BY id")
    assert [tuple(row) for row in stored] == [
        ("", ""),
        ("fresh", ""),
        ("Busy", "http_503"),
        ("GrantDead", "invalid_grant"),
        ("accounts_only", "190_463"),
    ]
    assert await run_sql(bare, "SELECT count(*) FROM grant_ WHERE next_reminder_at IS NOT NULL") == [(5,)]


@in_full
async def test_renamed_tables_and_columns_keep_their_rows(bare: Database, bare_url: str) -> None:
    await upgrade(bare_url, "0027")
    await insert(bare, "organization", id="org_1", name="Octa", created_at=AT)
    await insert(bare, "trouble", platform="x", code="outage", met_at=AT)
    await insert(bare, "app_budget", app="x", full_at=AT, held_until=AT)
    texts = dict.fromkeys(["handle", "url", "avatar_url"], "")
    await insert(
        bare,
        "account",
        id="acc_1",
        organization_id="org_1",
        platform="x",
        app="x",
        remote_id="1",
        kind="Profile",
        name="Octa",
        missing="[]",
        connected_by="mem_1",
        connected_at=AT,
        asked_at=AT,
        lost="left_out",
        **texts,
    )
    await insert(
        bare,
        "alert_settings",
        organization_id="org_1",
        slack_id="T1",
        channel_id="C1",
        trouble="is_archived",
        trouble_since=AT,
        days="[3, 1]",
        digest="daily",
        quiet_from="",
        quiet_to="",
        timezone="UTC",
        told_at=AT,
    )

    await upgrade(bare_url, "head")

    counts = [
        "SELECT count(*) FROM operator_alert WHERE last_seen_at IS NOT NULL",
        "SELECT count(*) FROM app_rate_limit WHERE paused_until IS NOT NULL",
        "SELECT count(*) FROM account WHERE access_error = 'left_out' AND token_checked_at IS NOT NULL",
        (
            "SELECT count(*) FROM alert_settings WHERE channel_error = 'is_archived' AND digest_sent_at IS NOT NULL"
            " AND channel_error_since IS NOT NULL AND reminder_days IS NOT NULL"
        ),
    ]
    assert [await run_sql(bare, one) for one in counts] == [[(1,)]] * len(counts)


@in_full
async def test_a_message_from_before_is_found_by_the_organization_it_names(
    bare: Database, bare_url: str
) -> None:
    await upgrade(bare_url, "0038")
    mine, other = "org_00000000000000000001", "org_00000000000000000002"
    await insert(bare, "organization", id=mine, name="Octa", created_at=AT)
    texts = dict.fromkeys(["fallback", "failure"], "")
    for key, facts in {
        "own": {"organization_id": mine},
        "other": {"organization_id": mine, "wanted": {"organization_id": other}},
    }.items():
        await insert(
            bare,
            "notice",
            id=key,
            key=key,
            sequence=1,
            organization_id=mine,
            slack_id="T1",
            channel="C1",
            kind="text",
            facts=json.dumps(facts),
            body="{}",
            created_at=AT,
            attempts=0,
            **texts,
        )

    await upgrade(bare_url, "head")

    named = await run_sql(bare, "SELECT key, names_organization_id FROM notice ORDER BY key")
    assert named == [("other", other), ("own", None)]
