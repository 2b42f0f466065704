"""The JSON objects of Slack's requests and answers: users, channels, messages, views, and their envelopes.

Shapes: https://docs.slack.dev/reference/interaction-payloads (block_actions, views, shortcuts, block
suggestions), https://docs.slack.dev/interactivity/implementing-slash-commands,
https://docs.slack.dev/apis/events-api and https://docs.slack.dev/reference/objects.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sandbox.slack.rich_text import rich_text
from sandbox.slack.state import (
    SLACKBOT,
    Channel,
    File,
    Installation,
    Json,
    Message,
    SlackState,
    User,
    View,
    new_id,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def user_json(user: User, *, asked_from: Sequence[str]) -> Json:
    """Return a user as `users.info` answers to the workspaces `asked_from`: strangers are marked."""
    stranger = not user.workspaces & set(asked_from)
    found: Json = {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": user.deleted,
        "profile": {
            "real_name": user.real_name,
            "display_name": user.name,
            "team": user.team_id,
            "image_48": "",
        },
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": 1,
        "is_stranger": stranger,
    }
    if user.is_bot:
        found["profile"] |= {"bot_id": user.bot_id, "api_app_id": "A0OCTAPOST"}
    if not user.deleted:
        found |= {"tz": user.tz, "tz_label": user.tz_label, "tz_offset": user.tz_offset}
        if not stranger:
            found |= {
                "locale": user.locale,
                "is_admin": user.is_admin,
                "is_owner": user.is_owner,
                "is_primary_owner": False,
                "is_restricted": user.is_restricted,
                "is_ultra_restricted": False,
            }
    if user.enterprise_id:
        found["enterprise_user"] = {
            "id": user.id,
            "enterprise_id": user.enterprise_id,
            "teams": sorted(user.workspaces),
            "is_admin": user.is_admin,
            "is_owner": user.is_owner,
        }
    return found


def channel_json(channel: Channel, *, member: str) -> Json:
    """Return a conversation object; `member` (the bot) decides `is_member`."""
    if channel.kind == "im":
        return {
            "id": channel.id,
            "is_im": True,
            "is_channel": False,
            "is_group": False,
            "is_mpim": False,
            "is_private": True,
            "is_archived": channel.is_archived,
            "is_org_shared": False,
            "user": channel.im_user,
            "context_team_id": channel.team_id,
        }
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": channel.kind == "public",
        "is_group": channel.kind == "private",
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_general": channel.is_general,
        "is_member": member in channel.members,
        "is_shared": bool(channel.shared_with),
        "is_ext_shared": bool(channel.shared_with),
        "is_org_shared": False,
        "context_team_id": channel.team_id,
        "shared_team_ids": sorted(channel.teams),
        "num_members": len(channel.members),
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }


def message_json(message: Message, *, files: Sequence[Json] = ()) -> Json:
    """Return a message object with the file objects of its files.

    A person's message has its text as a `rich_text` block too, as Slack's composer writes it.
    """
    found: Json = {"type": "message", "user": message.user_id, "text": message.text, "ts": message.ts}
    if message.user_id == SLACKBOT:
        found["subtype"] = "bot_message"
    if message.bot_id:
        found |= {"bot_id": message.bot_id, "app_id": message.app_id}
    if message.team_id:
        found["team"] = message.team_id
    if files:
        found |= {"files": list(files), "upload": False, "display_as_bot": False}
    if blocks := message.blocks or _composed(message):
        found["blocks"] = blocks
    if message.attachments:
        found["attachments"] = message.attachments
    if message.metadata:
        found["metadata"] = message.metadata
    if message.thread_ts:
        found["thread_ts"] = message.thread_ts
    if message.edited:
        found["edited"] = {"user": message.user_id, "ts": message.ts}
    return found


def _composed(message: Message) -> list[Json]:
    """Return the block that Slack's composer writes of a person's text; none for an app's message."""
    theirs = not message.bot_id and message.user_id != SLACKBOT
    return [rich_text(message.text)] if theirs and message.text else []


def view_json(view: View) -> Json:
    """Return a view object with its state, as in answers of `views.open` and in interactions."""
    payload = view.payload
    return {
        "id": view.id,
        "team_id": view.team_id,
        "type": view.type,
        "blocks": view.blocks,
        "private_metadata": payload.get("private_metadata", ""),
        "callback_id": payload.get("callback_id", ""),
        "external_id": payload.get("external_id", ""),
        "state": {"values": view.values},
        "hash": view.hash,
        "title": payload.get("title") or {"type": "plain_text", "text": "View Title", "emoji": True},
        "clear_on_close": bool(payload.get("clear_on_close")),
        "notify_on_close": bool(payload.get("notify_on_close")),
        "close": payload.get("close"),
        "submit": payload.get("submit"),
        "previous_view_id": view.previous_view_id or None,
        "root_view_id": view.root_view_id,
        "app_id": view.app_id,
        "app_installed_team_id": view.installed_team_id,
        "bot_id": view.bot_id,
    }


def file_json(state: SlackState, file: File, *, url: str) -> Json:
    """Return a file object; `url` is this Slack's origin."""
    suffix = filetype(file.name)
    path = f"/files-pri/{file.team_id}-{file.id}"
    shared = [state.channels[c] for c in file.channel_ids]
    return {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": file.mimetype,
        "filetype": suffix,
        "pretty_type": suffix.upper(),
        "user": file.user_id,
        "user_team": file.team_id,
        "editable": False,
        "size": len(file.content),
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": any(c.kind == "public" for c in shared),
        "public_url_shared": False,
        "display_as_bot": False,
        "url_private": f"{url}{path}/{file.name}",
        "url_private_download": f"{url}{path}/download/{file.name}",
        "permalink": f"{url}/files/{file.user_id}/{file.id}/{file.name}",
        "alt_txt": file.alt_txt,
        "channels": [c.id for c in shared if c.kind == "public"],
        "groups": [c.id for c in shared if c.kind == "private"],
        "ims": [c.id for c in shared if c.kind == "im"],
        "has_rich_preview": False,
        "file_access": "visible",
    }


def shared_file_json(state: SlackState, file: File, channel: Channel, *, url: str) -> Json:
    """Return a file object as payloads about a message have it: without its facts in a channel of two companies.

    There `files.info` must be asked: https://docs.slack.dev/reference/events/message/file_share (read 2026-11-30).
    """
    if channel.shared_with:
        hidden = {"mode": "file_access", "file_access": "check_file_info"}
        return {"id": file.id, **hidden, "created": 0, "timestamp": 0, "user": ""}
    return file_json(state, file, url=url)


def filetype(name: str) -> str:
    """Return Slack's name for the type of a file, from its ending: https://docs.slack.dev/reference/objects/file-object."""
    suffix = PurePosixPath(name).suffix.lstrip(".").lower()
    return {"jpeg": "jpg", "tif": "tiff", "htm": "html", "text": "txt"}.get(suffix, suffix or "binary")


def team_json(state: SlackState, team_id: str) -> Json:
    """Return an interaction's `team`; a Grid workspace names its organization."""
    workspace = state.workspaces[team_id]
    found: Json = {"id": workspace.id, "domain": workspace.domain}
    if workspace.enterprise_id:
        enterprise = state.enterprises[workspace.enterprise_id]
        found |= {"enterprise_id": enterprise.id, "enterprise_name": enterprise.name}
    return found


def enterprise_json(state: SlackState, team_id: str) -> Json | None:
    """Return an interaction's `enterprise`, or None outside of a Grid."""
    enterprise_id = state.workspaces[team_id].enterprise_id
    if not enterprise_id:
        return None
    return {"id": enterprise_id, "name": state.enterprises[enterprise_id].name}


def interaction(
    state: SlackState, kind: str, user: User, team_id: str, installation: Installation, *, in_channel: bool
) -> Json:
    """Return the fields that all interactions have.

    `team_id` is where the app is installed. `user.team_id` is the person's own workspace, which differs for somebody
    who uses a shared channel (Slack Connect). An org-wide installation gets no `team` for interactions outside of
    channels (see `slack_bolt.request.internals.extract_team_id`).
    """
    placed = in_channel or not installation.is_enterprise_install
    own = team_id if team_id in user.workspaces else user.team_id
    return {
        "type": kind,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": own},
        "api_app_id": state.app.app_id if state.app else "",
        "token": "verification-token-nobody-should-use",
        "team": team_json(state, team_id) if placed else None,
        "enterprise": enterprise_json(state, team_id),
        "is_enterprise_install": installation.is_enterprise_install,
    }


def event_envelope(state: SlackState, event: Json, team_id: str, installation: Installation) -> Json:
    """Return the `event_callback` around an event: https://docs.slack.dev/apis/events-api."""
    enterprise_id = installation.enterprise_id
    return {
        "token": "verification-token-nobody-should-use",
        "team_id": team_id,
        **({"enterprise_id": enterprise_id} if enterprise_id else {}),
        "context_team_id": team_id,
        "context_enterprise_id": enterprise_id,
        "api_app_id": state.app.app_id if state.app else "",
        "event": event,
        "type": "event_callback",
        "event_id": new_id("Ev", 10),
        "event_time": int(state.now()),
        "authorizations": [
            {
                "enterprise_id": enterprise_id,
                "team_id": installation.team_id,
                "user_id": installation.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": installation.is_enterprise_install,
            }
        ],
        "is_ext_shared_channel": False,
    }
