"""Slack's two consent pages: install, and sign in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, select_autoescape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.slack.state import AppConfig, SlackState, User

PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "oauth_templates"),
    autoescape=select_autoescape(default=True),
)
SCOPES = {
    "app_mentions:read": "View messages that mention it",
    "channels:join": "Join public channels",
    "channels:read": "View basic information about public channels",
    "chat:write": "Send messages as @octapost",
    "chat:write.public": "Send messages to channels it isn't a member of",
    "commands": "Add shortcuts and slash commands that people can use",
    "email": "View your e-mail address",
    "files:read": "View files shared in conversations it has been added to",
    "files:write": "Upload, edit and delete files as @octapost",
    "groups:read": "View basic information about private channels it has been added to",
    "im:read": "View basic information about direct messages it has been added to",
    "im:write": "Start direct messages with people",
    "links:read": "View URLs in messages",
    "links:write": "Show previews of URLs in messages",
    "openid": "Confirm who you are",
    "profile": "View your name and picture",
    "team:read": "View the name, domain and icon of the workspace",
    "users:read": "View people in the workspace",
}
"""Slack's descriptions of scopes: https://docs.slack.dev/reference/scopes."""


def consent_page(
    *,
    app: AppConfig,
    state: SlackState,
    installing: bool,
    people: Sequence[tuple[User, str]],
    chosen: str,
    scopes: Sequence[str],
) -> str:
    """Return the page that asks who the person is, and whether they allow the app.

    `chosen` is `<user id>.<workspace id>` or a user id: the person who is preselected.
    """
    rows = [
        {
            "id": f"{user.id}.{team_id}",
            "name": user.real_name,
            "about": user.about,
            "workspace": state.workspaces[team_id].name,
            "chosen": chosen in {user.id, f"{user.id}.{team_id}"},
        }
        for user, team_id in people
    ]
    if rows and not any(row["chosen"] for row in rows):
        rows[0]["chosen"] = True
    grid = sorted({w.enterprise_id for _, t in people if (w := state.workspaces[t]).enterprise_id})
    return PAGES.get_template("consent.html").render(
        app=app,
        installing=installing,
        rows=rows,
        scopes=[(scope, SCOPES.get(scope, scope)) for scope in scopes],
        organizations=[state.enterprises[e].name for e in grid],
    )


def refusal_page(error: str, sentences: Sequence[str]) -> str:
    """Return the page for a request that cannot be granted."""
    return PAGES.get_template("refusal.html").render(error=error, sentences=sentences)
