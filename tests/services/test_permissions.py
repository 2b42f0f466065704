"""The table of permissions: what each role may do, and that a fourth role is a change of this table alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.services.permissions import (
    GRANTED_FROM,
    Permission,
    allows,
    role_called,
    roles_with,
    roles_without,
    unlocked_at,
)
from bot.views.roles import article, describe, introduced
from storage.models import Role
from tests.changes import play
from tests.counts import in_full

EDITOR = """
import asyncio, contextlib, pathlib, sys

from sandbox.slack.world import OLGA, OTTO
from tests.application import open_office
from tests.stories.told import connected, joins, said

async def main():
    async with contextlib.AsyncExitStack() as stack:
        office = await open_office(pathlib.Path(sys.argv[1]), stack)
        ada, otto, olga = await office.installed(), await office.person(OTTO), await office.person(OLGA)
        print(await joins(ada, otto, "editor"))
        print(await joins(ada, olga))
        print(await connected(otto, "x", "4711"))
        print(await said(otto, "disconnect"))
        print(await said(olga, "connect x"))
        print(await said(ada, "org code editor"))
        print(await said(ada, "help"))

asyncio.run(main())
"""
"""A day with a fourth role, played by the product that knows one."""


def test_the_table_is_as_it_was_agreed() -> None:
    by_role = {role: set(unlocked_at(role, Permission)) for role in Role}

    assert by_role == {
        Role.MEMBER: {
            Permission.SEE_ACCOUNTS,
            Permission.SEE_MEMBERS,
            Permission.LEAVE_ORGANIZATION,
            Permission.WRITE_POSTS,
        },
        Role.ADMIN: {
            Permission.CONNECT_ACCOUNTS,
            Permission.DISCONNECT_ACCOUNTS,
            Permission.HANDLE_INCIDENTS,
            Permission.PUBLISH,
            Permission.PLAN,
            Permission.RELEASE_LATE_POSTS,
            Permission.CHANGE_ALERTS,
            Permission.CHOOSE_CHANNELS,
            Permission.RECEIVE_NOTICES,
            Permission.SEE_JOIN_CODES,
        },
        Role.OWNER: {
            Permission.INVITE,
            Permission.MANAGE_MEMBERS,
            Permission.RENAME_ORGANIZATION,
            Permission.DELETE_ORGANIZATION,
        },
    }
    assert set(GRANTED_FROM) == set(Permission)


@pytest.mark.parametrize("permission", list(Permission))
def test_a_role_has_what_every_lower_role_has(permission: Permission) -> None:
    without, with_it = roles_without(permission), roles_with(permission)

    assert [*without, *reversed(with_it)] == sorted(Role)
    assert [role for role in Role if allows(role, permission)] == sorted(with_it)
    assert [role for role in Role if allows(int(role), permission)] == sorted(with_it)


def test_roles_are_described_by_what_the_table_grants_them() -> None:
    assert [describe(role) for role in Role] == [
        "Member: sees accounts and how they're doing",
        "Admin: also connects and disconnects accounts",
        "Owner: also manages people",
    ]
    assert introduced() == [
        "Owners: everything, including people and the organization itself.",
        "Admins: connect, reconnect and disconnect accounts.",
        "Members: see accounts and how they're doing.",
    ]
    assert [article(role) for role in Role] == ["a member", "an admin", "an owner"]
    assert [role_called(word) for word in ("member", "owner", "king", "")] == [
        Role.MEMBER,
        Role.OWNER,
        None,
        None,
    ]


@in_full
async def test_a_fourth_role_is_one_line_of_the_table_beside_its_stored_value(tmp_path: Path) -> None:
    words = await play(tmp_path, EDITOR, "storage/models/memberships.py", "bot/services/permissions.py")

    assert "You joined Acme as an editor." in words
    assert "You joined Acme as a member." in words
    assert "✅ Connected to Acme: Octa Demo on X" in words
    assert "This needs an admin of Acme." in words
    assert "This needs an editor of Acme." in words
    assert "can join Acme as an editor with this code" in words
    assert "/octapost org invite @person [member | editor | admin | owner]" in words
