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
        "files:read": "take the pictures, videos and PDFs that you attach to a post; optional",
    }
)
"""Bot scope -> the reason, as a clause that completes "so that Octapost can ..."."""

OPTIONAL_BOT_SCOPES = frozenset({"files:read"})
"""Those that a workspace may decline (https://docs.slack.dev/changelog/2026/03/16/optional-scopes)."""

USER_SCOPES: Mapping[str, str] = MappingProxyType(
    {"openid": "make sure that the person who opens a private link is the one it was made for"}
)
"""User scopes, requested only by Sign in with Slack, never by the install link."""
