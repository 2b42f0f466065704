"""Who may do what: the one table. Routes, services and views ask for a permission, never for a role."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from storage.models import Role

if TYPE_CHECKING:
    from collections.abc import Iterable


class Permission(StrEnum):
    """Something a member can be allowed to do."""

    SEE_ACCOUNTS = "see_accounts"
    """See the accounts, their cards and how they are doing."""
    SEE_MEMBERS = "see_members"
    CONNECT_ACCOUNTS = "connect_accounts"
    """Connect an account, or reconnect it."""
    DISCONNECT_ACCOUNTS = "disconnect_accounts"
    HANDLE_INCIDENTS = "handle_incidents"
    """Claim, release and snooze a card, and ask someone else to reconnect. Cards are sent to people who may."""
    WRITE_POSTS = "write_posts"
    """Write drafts, attach files, and submit posts for somebody who may publish them."""
    PUBLISH = "publish"
    """Publish, schedule and cancel posts, decide about submitted ones, and say whether one is live."""
    PLAN = "plan"
    """Choose the weekly times at which accounts publish, and save sets of accounts."""
    RELEASE_LATE_POSTS = "release_late_posts"
    """Decide whether posts that missed their time still go out."""
    CHANGE_ALERTS = "change_alerts"
    CHOOSE_CHANNELS = "choose_channels"
    """Choose which organization a channel is about, and answer requests to change it."""
    RECEIVE_NOTICES = "receive_notices"
    """Get a direct message about changes that others make, such as a disconnected account."""
    SEE_JOIN_CODES = "see_join_codes"
    """See the open join codes and revoke them."""
    INVITE = "invite"
    """Let people in with any role, by invitation or by join code."""
    MANAGE_MEMBERS = "manage_members"
    """Change anyone's role and remove members."""
    RENAME_ORGANIZATION = "rename_organization"
    LEAVE_ORGANIZATION = "leave_organization"
    DELETE_ORGANIZATION = "delete_organization"
    """End it for everyone, with its accounts."""


GRANTED_FROM = {
    Permission.SEE_ACCOUNTS: Role.MEMBER,
    Permission.SEE_MEMBERS: Role.MEMBER,
    Permission.LEAVE_ORGANIZATION: Role.MEMBER,
    Permission.WRITE_POSTS: Role.MEMBER,
    Permission.CONNECT_ACCOUNTS: Role.ADMIN,
    Permission.DISCONNECT_ACCOUNTS: Role.ADMIN,
    Permission.HANDLE_INCIDENTS: Role.ADMIN,
    Permission.PUBLISH: Role.ADMIN,
    Permission.PLAN: Role.ADMIN,
    Permission.RELEASE_LATE_POSTS: Role.ADMIN,
    Permission.CHANGE_ALERTS: Role.ADMIN,
    Permission.CHOOSE_CHANNELS: Role.ADMIN,
    Permission.RECEIVE_NOTICES: Role.ADMIN,
    Permission.SEE_JOIN_CODES: Role.ADMIN,
    Permission.INVITE: Role.OWNER,
    Permission.MANAGE_MEMBERS: Role.OWNER,
    Permission.RENAME_ORGANIZATION: Role.OWNER,
    Permission.DELETE_ORGANIZATION: Role.OWNER,
}
"""The lowest role that has each permission. A role has what every lower role has."""

LOWEST = min(Role)
"""The role of someone who was given no other."""
HIGHEST = max(Role)
"""The role of whoever creates an organization. One member at least always has it."""


def lowest_role(permission: Permission) -> Role:
    """Return the lowest role that has `permission`."""
    return GRANTED_FROM[permission]


def allows(role: int, permission: Permission) -> bool:
    """Tell whether `role` has `permission`. Takes the stored number too."""
    return role >= GRANTED_FROM[permission]


def roles_without(permission: Permission) -> list[Role]:
    """Return the roles that do not have `permission`, lowest first."""
    return [role for role in Role if not allows(role, permission)]


def roles_with(permission: Permission) -> list[Role]:
    """Return the roles that have `permission`, highest first."""
    return [role for role in reversed(Role) if allows(role, permission)]


def role_called(word: str) -> Role | None:
    """Return the role with this name, such as `admin`, or None."""
    return next((role for role in Role if role.word == word), None)


def unlocked_at(role: Role, among: Iterable[Permission]) -> list[Permission]:
    """Return which of these permissions `role` has and no lower role has."""
    return [each for each in among if GRANTED_FROM[each] is role]
