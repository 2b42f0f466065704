"""Roles in words. What a role may do is read from the table of permissions, so a new role needs no sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.permissions import Permission, roles_with, unlocked_at
from bot.views import kit
from storage.models import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

DOES = {
    Permission.SEE_ACCOUNTS: "sees accounts and how they're doing",
    Permission.CONNECT_ACCOUNTS: "connects and disconnects accounts",
    Permission.MANAGE_MEMBERS: "manages people",
}
"""What distinguishes roles, shown where one is chosen."""
INTRODUCED = {
    Permission.MANAGE_MEMBERS: "everything, including people and the organization itself",
    Permission.CONNECT_ACCOUNTS: "connect, reconnect and disconnect accounts",
    Permission.SEE_ACCOUNTS: "see accounts and how they're doing",
}
"""The same for someone who reads about roles for the first time."""


def article(role: Role, quote: str = "") -> str:
    """Return a role with its article: "an admin"."""
    return f"{'an' if role.word[0] in 'aeiou' else 'a'} {quote}{role.word}{quote}"


def describe(role: Role) -> str:
    """Return one line about what a role may do."""
    also = "" if role is min(Role) else "also "
    return f"{role.word.title()}: {also}{_what(role, DOES)}"


def able_to(permission: Permission) -> str:
    """Return the roles that have a permission, lowest first: "admins and owners"."""
    return kit.listed(f"{role.word}s" for role in reversed(roles_with(permission)))


def introduced() -> list[str]:
    """Return one line per role, the highest first."""
    return [f"{role.word.title()}s: {_what(role, INTRODUCED)}." for role in reversed(Role)]


def _what(role: Role, said: Mapping[Permission, str]) -> str:
    return ", ".join(said[each] for each in unlocked_at(role, said))
