"""A workspace joins a Grid organization: its people get ids of the Grid, and their old ones go on working.

Sources: https://docs.slack.dev/reference/events/grid_migration_finished and
https://docs.slack.dev/reference/methods/migration.exchange, read 2026-11-30.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.slack.calls import Call
from sandbox.slack.state import Refused

if TYPE_CHECKING:
    from sandbox.slack.state import Json, SlackState

MOST_IDS = 400


def join_grid(state: SlackState, team_id: str, enterprise_id: str) -> dict[str, str]:
    """Put a workspace into a Grid organization and return its people's new ids by their old ones."""
    state.workspaces[team_id] = replace(state.workspaces[team_id], enterprise_id=enterprise_id)
    for installation in state.installations.values():
        if installation.team_id == team_id:
            installation.enterprise_id = enterprise_id
    renamed = {user.id: f"W{user.id[1:]}" for user in state.people(team_id)}
    for old, new in renamed.items():
        user = state.users.pop(old)
        user.id, user.enterprise_id, user.team_ids = new, enterprise_id, user.workspaces
        state.users[new] = user
        _rename(state, old, new)
    state.local_ids |= renamed
    state.touch()
    return renamed


def _rename(state: SlackState, old: str, new: str) -> None:
    """Put a person's new id wherever the old one stands."""
    for channel in state.channels.values():
        channel.members = {new if each == old else each for each in channel.members}
        channel.im_user = new if channel.im_user == old else channel.im_user
    for message in (each for messages in state.history.values() for each in messages):
        message.user_id = new if message.user_id == old else message.user_id
        message.ephemeral_for = new if message.ephemeral_for == old else message.ephemeral_for
    for view in (*state.modals[old], *state.homes.values()):
        view.user_id = new if view.user_id == old else view.user_id
    state.modals[new] = state.modals.pop(old)
    state.homes = {(team, new if user == old else user): home for (team, user), home in state.homes.items()}


def exchange(state: SlackState, call: Call) -> Json:
    """Return the answer to `migration.exchange`: the given ids of people -> their ids in the Grid.

    Raises:
        Refused: An argument is missing or wrong.

    """
    given = [each.strip() for each in call.needed("users").split(",")]
    if len(given) > MOST_IDS:
        raise Refused("too_many_users")
    team_id = call.installation.team_id or call.text("team_id")
    workspace = state.workspaces.get(team_id)
    if workspace is None or workspace.enterprise_id is None:
        raise Refused("not_enterprise_team")
    of_the_team = {user.id for user in state.people(team_id)}
    ids = {each: state.local_ids.get(each, each) for each in given}
    return {
        "team_id": team_id,
        "enterprise_id": workspace.enterprise_id,
        "user_id_map": {old: new for old, new in ids.items() if new in of_the_team},
        "invalid_user_ids": [old for old, new in ids.items() if new not in of_the_team],
    }
