"""Who sent a Slack payload, and from where. No other module reads a person or a team from one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.services.access import Sender
from bot.services.errors import ExternalUserError

JOINED_A_GRID = "grid_migration_finished"
USER_ID = re.compile(r"[UW][A-Z0-9]{2,20}")


def sender_of(body: Mapping[str, Any]) -> Sender:
    """Return who sent this payload.

    In interactive payloads `user.team_id` is the *sender's* team. `team` (and Bolt's `context.team_id`,
    `context.actor_team_id`) is the workspace of the message, even when a person from another company presses the
    button in a shared channel.

    In a Grid the two may differ for the Grid's own people too. There the enterprise is the realm, and a different team
    of the sender is returned as `claimed_team`: it has to be checked (`bot.slack.grids`) before the user id can be
    trusted. `Sender.team_id` is then the workspace of the message, as for commands: `team`, or in the views of an
    org-wide installation, where that is null, `view.team_id`.

    Raises:
        ExternalUserError: They are from another company, or the payload names nobody.

    """
    enterprise_id = _enterprise_of(body)
    user = body.get("user")
    if not isinstance(user, Mapping):
        return _sender_of_command(body, enterprise_id)
    team, view = body.get("team"), body.get("view")
    host = team.get("id") if isinstance(team, Mapping) else None
    own = user.get("team_id") or host
    if not user.get("id") or not own:
        raise ExternalUserError
    if host is not None and own != host and not enterprise_id:
        raise ExternalUserError
    place = host or (view.get("team_id") if isinstance(view, Mapping) else None)
    at_home = place if enterprise_id and str(place or "").startswith("T") else own
    channel = body.get("channel")
    return Sender(
        user_id=str(user["id"]),
        team_id=str(at_home),
        enterprise_id=enterprise_id,
        channel_id=str(channel.get("id", "")) if isinstance(channel, Mapping) else "",
        claimed_team=str(own) if enterprise_id and own not in {enterprise_id, host} else "",
    )


def _sender_of_command(body: Mapping[str, Any], enterprise_id: str | None) -> Sender:
    """Return who sent a command or an event, whose envelopes name the sender's own team at the top level."""
    team_id, user_id = body.get("team_id"), body.get("user_id")
    if not team_id or not user_id:
        raise ExternalUserError
    return Sender(
        user_id=str(user_id),
        team_id=str(team_id),
        enterprise_id=enterprise_id or None,
        channel_id=str(body.get("channel_id", "")),
    )


def opener_of(body: Mapping[str, Any]) -> Sender:
    """Return who opened the App Home, from an event's envelope.

    Raises:
        ExternalUserError: It names nobody.

    """
    event = body.get("event") or {}
    team_id, user_id = body.get("team_id"), event.get("user")
    if not team_id or not user_id:
        raise ExternalUserError
    return Sender(
        user_id=str(user_id),
        team_id=str(team_id),
        enterprise_id=body.get("enterprise_id") or None,
        channel_id="",
    )


def leaver_of(body: Mapping[str, Any]) -> Sender | None:
    """Return whom Slack has just deactivated, from a `user_change` envelope; see `_changed`."""
    return _changed(body, deleted=True)


def returner_of(body: Mapping[str, Any]) -> Sender | None:
    """Return who is active in Slack and has changed, perhaps by coming back; see `_changed`."""
    return _changed(body, deleted=False)


def _changed(body: Mapping[str, Any], *, deleted: bool) -> Sender | None:
    """Return whom a `user_change` is about if they are deactivated or not, as `deleted` says, else None.

    None also for people of other companies, whose changes Slack tells us as well. In a Grid that may have to be
    looked up: see `Sender.claimed_team`.
    """
    user = (body.get("event") or {}).get("user")
    team_id, enterprise_id = workspace_of(body)
    if not isinstance(user, Mapping) or user.get("deleted") is not deleted or not (enterprise_id or team_id):
        return None
    own, grid = user.get("team_id"), user.get("enterprise_user")
    theirs = grid.get("enterprise_id") if isinstance(grid, Mapping) else None
    # Who was in the workspace before it joined its Grid has two ids; we know them by the Grid's.
    wide = grid.get("id") if isinstance(grid, Mapping) and theirs == enterprise_id else None
    user_id = str(wide or user.get("id", ""))
    foreign = theirs not in {None, enterprise_id} if enterprise_id else own not in {None, team_id}
    if not USER_ID.fullmatch(user_id) or foreign or user.get("is_stranger") is True:
        return None
    unsure = bool(enterprise_id) and theirs is None and own not in {None, enterprise_id, team_id}
    return Sender(
        user_id=user_id,
        team_id=team_id or "",
        enterprise_id=enterprise_id,
        channel_id="",
        claimed_team=str(own) if unsure else "",
    )


def workspace_of(body: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the (team, enterprise) that the app is installed in for this payload."""
    team, enterprise_id = body.get("team"), _enterprise_of(body)
    team_id = team.get("id") if isinstance(team, Mapping) else body.get("team_id")
    if team_id is None and isinstance(view := body.get("view"), Mapping):
        team_id = view.get("app_installed_team_id")
    return (str(team_id) if team_id else None, enterprise_id)


def _enterprise_of(body: Mapping[str, Any]) -> str | None:
    """Return the Grid organization a payload names, in any of the four places where Slack may name it.

    `grid_migration_finished` names it in the event (https://docs.slack.dev/reference/events/grid_migration_finished,
    read 2026-11-30).
    """
    enterprise, team, event = body.get("enterprise"), body.get("team"), body.get("event")
    found = enterprise.get("id") if isinstance(enterprise, Mapping) else body.get("enterprise_id")
    if not found and isinstance(team, Mapping):
        found = team.get("enterprise_id")
    if not found and isinstance(event, Mapping) and event.get("type") == JOINED_A_GRID:
        found = event.get("enterprise_id")
    return str(found) if found else None
