"""The scopes we request from Slack, and why: the one list behind the manifest and the install link."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

BOT_SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "commands": "answer /octapost and offer its shortcut",
        "chat:write": "send the results you asked for and warnings about accounts, as direct messages",
        "users:read": "tell members from guests and bots, and notice when someone leaves Slack",
        "team:read": "call an organization by your workspace's name",
    }
)
"""Bot scope -> the reason, as a clause that completes "so that Octapost can ..."."""

USER_SCOPES: Mapping[str, str] = MappingProxyType(
    {"openid": "make sure that the person who opens a private link is the one it was made for"}
)
"""User scopes, requested only by Sign in with Slack, never by the install link."""
