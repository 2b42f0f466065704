"""Modals and home tabs: opening, pushing, updating, publishing, with Slack's limits.

Sources: https://docs.slack.dev/surfaces/modals (trigger ids, stack, hash, what updating keeps),
https://docs.slack.dev/reference/methods/views.open, views.push, views.update, views.publish.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.slack.blocks import view_faults
from sandbox.slack.state import MODAL_DEPTH, Installation, Json, Refused, SlackState, Trigger, View, new_id
from sandbox.slack.values import initial_values, with_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

TRIGGER_LIFE_S = 3.0
VIEW_BYTES = 250_000


class Views:
    """What an app can do with views. The methods raise Refused with Slack's error code."""

    def __init__(self, state: SlackState, settings: Mapping[str, Any]) -> None:
        self._state = state
        self._settings = settings

    def new_trigger(self, user_id: str, team_id: str, *, view_id: str = "", channel_id: str = "") -> str:
        """Return a new `trigger_id` for an action of a person."""
        value = f"{new_id('', 11)}.{new_id('', 9)}.{new_id('', 32).lower()}"
        self._state.triggers[value] = Trigger(
            value=value,
            user_id=user_id,
            team_id=team_id,
            expires_at=self._state.now() + float(self._settings["trigger_life_s"]),
            view_id=view_id,
            channel_id=channel_id,
        )
        return value

    def open(self, trigger_id: str, payload: Any, installation: Installation) -> View:
        """Open a root modal; another stack of the same person is closed."""
        self._check(payload, "modal")
        trigger = self._spend(trigger_id, installation)
        view = self._build(payload, trigger, installation)
        self._state.modals[trigger.user_id] = [view]
        self._state.touch()
        return view

    def push(self, trigger_id: str, payload: Any, installation: Installation) -> View:
        """Push a modal onto the stack in which the trigger was created."""
        self._check(payload, "modal")
        trigger = self._spend(trigger_id, installation, pushing=True)
        return self.stack(payload, trigger, installation)

    def stack(self, payload: Any, trigger: Trigger, installation: Installation) -> View:
        """Push without a trigger_id, as `response_action: push` does; the stack's depth is checked."""
        self._check(payload, "modal")
        below = self._state.modals[trigger.user_id]
        if len(below) >= MODAL_DEPTH:
            raise Refused("push_limit_reached")
        view = self._build(payload, trigger, installation)
        view.root_view_id, view.previous_view_id = below[0].id, below[-1].id
        below.append(view)
        self._state.touch()
        return view

    def update(self, view: View, payload: Any, known_hash: str = "") -> View:
        """Replace a view's content.

        Raises:
            Refused: With `hash_conflict`: the view has changed since `known_hash`.

        """
        self._check(payload, view.type, but=view)
        if known_hash and known_hash != view.hash:
            raise Refused("hash_conflict")
        view.payload = payload | {"blocks": with_ids(payload["blocks"])}
        view.values = initial_values(view.blocks, view.values)
        view.hash, view.errors, view.trouble = self._state.new_hash(), {}, ""
        self._state.touch()
        return view

    def publish(
        self, user_id: str, team_id: str, payload: Any, installation: Installation, known_hash: str = ""
    ) -> View:
        """Draw a person's App Home in one workspace."""
        self._check(payload, "home")
        old = self._state.homes.get((team_id, user_id))
        if old is not None:
            return self.update(old, payload, known_hash)
        trigger = Trigger(value="", user_id=user_id, team_id=team_id, expires_at=0)
        view = self._build(payload, trigger, installation)
        self._state.homes[team_id, user_id] = view
        self._state.touch()
        return view

    def find(self, view_id: str, external_id: str = "") -> View:
        """Return an open view by id or external_id.

        Raises:
            Refused: With `not_found`: there is none.

        """
        view = self._state.view(view_id) if view_id else None
        if view is None and external_id:
            stacks = self._state.modals.values()
            every = [v for stack in stacks for v in stack] + list(self._state.homes.values())
            view = next((v for v in every if v.payload.get("external_id") == external_id), None)
        if view is None:
            raise Refused("not_found")
        return view

    def _check(self, payload: Any, kind: str, *, but: View | None = None) -> None:
        faults = view_faults(payload)
        if not faults and payload["type"] != kind:
            faults = [f"must be a {kind} view [json-pointer:/view/type]"]
        if faults:
            raise Refused("invalid_arguments", faults)
        if len(json.dumps(payload)) > VIEW_BYTES:
            raise Refused("view_too_large")
        external_id = payload.get("external_id")
        if external_id:
            stacks = self._state.modals.values()
            if any(v is not but and v.payload.get("external_id") == external_id for s in stacks for v in s):
                raise Refused("duplicate_external_id")

    def _spend(self, trigger_id: str, installation: Installation, *, pushing: bool = False) -> Trigger:
        trigger = self._state.triggers.get(trigger_id)
        if trigger is None or trigger.team_id not in self._state.installation_teams(installation):
            raise Refused("invalid_trigger_id")
        if trigger.used:
            raise Refused("exchanged_trigger_id")
        if self._state.now() > trigger.expires_at:
            raise Refused("expired_trigger_id")
        if pushing:
            if self._state.top_view(trigger.user_id) is None or not trigger.view_id:
                raise Refused("not_found")
            if len(self._state.modals[trigger.user_id]) >= MODAL_DEPTH:
                raise Refused("push_limit_reached")
        trigger.used = True
        return trigger

    def _build(self, payload: Json, trigger: Trigger, installation: Installation) -> View:
        drawn = payload | {"blocks": with_ids(payload["blocks"])}
        view_id = new_id("V", 10)
        return View(
            id=view_id,
            type=payload["type"],
            team_id=trigger.team_id,
            user_id=trigger.user_id,
            hash=self._state.new_hash(),
            payload=drawn,
            root_view_id=view_id,
            bot_id=installation.bot_id,
            app_id=self._state.app.app_id if self._state.app else "",
            installed_team_id=installation.team_id or installation.enterprise_id or "",
            values=initial_values(drawn["blocks"], channel_id=trigger.channel_id),
        )
