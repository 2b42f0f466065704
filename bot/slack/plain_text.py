"""Slack's markup as plain text: what a person sees is what is published.

https://docs.slack.dev/messaging/formatting-message-text (read 2026-11-30): links, mentions and channels stand in angle
brackets, and `&`, `<` and `>` are escaped.
"""

from __future__ import annotations

import re

_BRACKETS = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")


def plain_text(markup: str) -> str:
    """Return what a person reads: addresses in full, names of people and channels, no markup."""
    shown = _BRACKETS.sub(_shown, markup)
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _shown(found: re.Match[str]) -> str:
    target, label = found[1], found[2] or ""
    if target.startswith(("@", "#")):
        return f"{target[0]}{label.lstrip('@#')}" if label else ""
    if target.startswith("!"):
        return label or f"@{target[1:].split('^')[0]}"
    address = target.removeprefix("mailto:")
    if not label or label in address:
        return address
    return f"{label} ({address})"
