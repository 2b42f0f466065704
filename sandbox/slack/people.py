"""Actions of people in Slack: typing commands, pressing buttons, filling modals. The app gets each as Slack sends it.

Sources: https://docs.slack.dev/interactivity/implementing-slash-commands,
https://docs.slack.dev/interactivity/handling-user-interaction, https://docs.slack.dev/surfaces/modals.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.slack.blocks import option_faults
from sandbox.slack.delivery import TIMED_OUT, UNREACHABLE, Outcome
from sandbox.slack.hands import Hands
from sandbox.slack.payloads import file_json, interaction, view_json
from sandbox.slack.state import (
    SLACKBOT,
    Channel,
    File,
    Installation,
    Json,
    Message,
    Refused,
    Trigger,
    User,
    View,
    elements_of,
    find_element,
    flat_blocks,
    new_id,
)
from sandbox.slack.values import VALUE_KEY, action_of, entered, entry_fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TYPEAHEAD_MINIMUM = 3
"""`min_query_length` if the app sets none."""


class People(Hands):
    """Does what people do in this Slack. `SlackSimulator` is a subclass.

    A person is given by a user id. What Slack's client would not allow raises ValueError: actions of a deactivated
    person, in a channel they are not in, or with an option that is not offered.
    """

    # Commands and messages

    async def command(
        self, user_id: str, team_id: str, channel_id: str, text: str = "", *, thread_ts: str = ""
    ) -> list[Message]:
        """Type the app's slash command and return the messages that the person then sees and did not see before.

        These include messages that the app posted in other ways before it answered. For a later answer through a
        `response_url`, use `until`.
        """
        user, channel = self._person(user_id), self._composing(user_id, channel_id)
        app = self.app()
        if channel.is_archived:
            raise ValueError("an archived channel takes no commands")
        if thread_ts:
            words = f"{app.command} is not supported in threads. Sorry!"
            return [self._slackbot(channel_id, user_id, words, thread_ts=thread_ts)]
        host, installation = self._host(user, team_id, channel)
        if installation is None:
            return [self._slackbot(channel_id, user_id, f"{app.command} is not a valid command.")]
        before = self.state.last_ts()
        workspace = self.state.workspaces[host]
        fields = {
            "token": "verification-token-nobody-should-use",
            "team_id": host,
            "team_domain": workspace.domain,
            "channel_id": channel_id,
            "channel_name": channel.name if channel.kind == "public" else _private_name(channel),
            "user_id": user_id,
            "user_name": user.name,
            "command": app.command,
            "text": text,
            "api_app_id": app.app_id,
            "is_enterprise_install": str(installation.is_enterprise_install).lower(),
            "response_url": self.new_response_url("commands", user_id, channel_id, installation),
            "trigger_id": self.views.new_trigger(user_id, host, channel_id=channel_id),
        }
        if workspace.enterprise_id:
            fields["enterprise_id"] = workspace.enterprise_id
            fields["enterprise_name"] = self.state.enterprises[workspace.enterprise_id].name
        outcome = await self.courier.form(fields)
        self._show_command_answer(channel_id, user_id, text, outcome, installation)
        return self.state.messages_since(before, user_id)

    async def say(
        self, user_id: str, channel_id: str, text: str, *, thread_ts: str = "", files: Sequence[str] = ()
    ) -> Message:
        """Write an ordinary message, with uploaded `files` by id; the app gets an event if it subscribed to that."""
        user, channel = self._person(user_id), self._composing(user_id, channel_id)
        uploaded = [self._own_file(user_id, each) for each in files]
        message = self.state.post(channel_id, user_id, text, thread_ts=thread_ts, file_ids=list(files))
        for file in uploaded:
            file.channel_ids.append(channel_id)
        host, installation = self._host(user, user.team_id, channel)
        if installation is None or installation.bot_user_id not in channel.members:
            return message
        event = self.message_json(message) | {"channel": channel_id, "event_ts": message.ts}
        event |= {"subtype": "file_share"} if files else {}
        kind = {"im": "im", "private": "group", "public": "channel"}[channel.kind]
        plural = {"im": "message.im", "group": "message.groups", "channel": "message.channels"}[kind]
        if plural in self.app().events:
            await self.deliver(host, event | {"channel_type": kind}, installation)
        if f"<@{installation.bot_user_id}>" in text and "app_mention" in self.app().events:
            await self.deliver(host, event | {"type": "app_mention"}, installation)
        return message

    # Buttons, menus, shortcuts

    async def press(
        self,
        user_id: str,
        target: Message | View | str,
        action_id: str,
        *,
        block_id: str | None = None,
        value: Any = None,
        values: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Press a button, or choose `value` in a menu, picker or overflow.

        `target` is a message, a view, or a view's id; a copy of an old one simulates a client that has not redrawn
        yet. `values` fills other inputs of the target first (see `submit`). A failure is also in the message's
        `troubles` or the view's `trouble`.
        """
        user = self._person(user_id)
        found = self._target(target)
        self._fill(user_id, found, values or {})
        block, element = self._element(found, action_id, block_id)
        if user_id not in element.get("visible_to_user_ids", [user_id]):
            raise ValueError(f"{user_id} does not see this button")
        entry = None
        if element["type"] in VALUE_KEY:
            entry = self._entered(user_id, found, element, value)
            found.values.setdefault(block["block_id"], {})[action_id] = entry
        host, installation = self._installed(found)
        body = self._interaction("block_actions", user, found)
        body |= self._surroundings(found, user_id, installation)
        view_id = found.id if isinstance(found, View) and found.type == "modal" else ""
        channel_id = found.channel_id if isinstance(found, Message) else ""
        body["trigger_id"] = self.views.new_trigger(user_id, host, view_id=view_id, channel_id=channel_id)
        body["actions"] = [action_of(block, element, value, entry, self.state.next_ts())]
        outcome = await self.courier.payload(body)
        self._note_trouble(found, user_id, outcome.error)
        if isinstance(found, View) and found.type == "home":
            self.state.home_seen(self.home_of(user_id, found.team_id))
        return outcome

    async def suggest(
        self,
        user_id: str,
        target: Message | View | str,
        action_id: str,
        query: str = "",
        *,
        block_id: str | None = None,
    ) -> list[Json]:
        """Type into an external select and return the options that the app offers, without their groups."""
        answer = await self.suggestions(user_id, target, action_id, query, block_id=block_id)
        grouped = [o for g in answer.get("option_groups") or [] for o in g["options"]]
        return [*(answer.get("options") or []), *grouped]

    async def suggestions(
        self,
        user_id: str,
        target: Message | View | str,
        action_id: str,
        query: str = "",
        *,
        block_id: str | None = None,
    ) -> Json:
        """Type into an external select and return the app's answer: `options` or `option_groups`.

        Empty if the query is shorter than `min_query_length`, or if the app took three seconds or sent an answer that
        Slack does not accept.
        """
        user, found = self._person(user_id), self._target(target)
        block, element = self._element(found, action_id, block_id)
        if len(query) < element.get("min_query_length", TYPEAHEAD_MINIMUM):
            return {}
        _, installation = self._installed(found)
        body = self._interaction("block_suggestion", user, found)
        body |= self._surroundings(found, user_id, installation)
        body.pop("response_url", None)
        body |= {"action_id": action_id, "block_id": block["block_id"], "value": query}
        outcome = await self.courier.payload(body)
        self._note_trouble(found, user_id, outcome.error)
        answer = outcome.json()
        faults = [] if outcome.error else option_faults(answer)
        if outcome.error or faults:
            self.complain("block_suggestion", outcome.error or "invalid_options", faults)
            return {}
        where = found.id if isinstance(found, View) else found.ts
        flat = [o for g in answer.get("option_groups") or [] for o in g["options"]]
        known = self.state.suggested.setdefault((where, action_id), [])
        known.extend(o for o in [*(answer.get("options") or []), *flat] if o not in known)
        return answer

    async def shortcut(
        self, user_id: str, callback_id: str, *, team_id: str = "", message: Message | None = None
    ) -> Outcome:
        """Choose a global shortcut, or with `message` a message shortcut."""
        user = self._person(user_id)
        if message is not None and message.ephemeral_for:
            raise ValueError("a message that only one person sees has no shortcuts")
        channel = self._channel(user_id, message.channel_id) if message else None
        host, installation = self._host(user, team_id or user.team_id, channel)
        if installation is None:
            raise ValueError("the app is not installed there")
        kind = "message_action" if message else "shortcut"
        body = interaction(self.state, kind, user, host, installation, in_channel=message is not None)
        body |= {"callback_id": callback_id, "action_ts": self.state.next_ts()}
        channel_id = message.channel_id if message else ""
        body["trigger_id"] = self.views.new_trigger(user_id, host, channel_id=channel_id)
        if message and channel:
            body |= {
                "channel": {"id": channel.id, "name": _private_name(channel)},
                "message_ts": message.ts,
                "message": self.message_json(message),
                "response_url": self.new_response_url(
                    "app", user_id, channel.id, installation, message_ts=message.ts
                ),
            }
        return await self.courier.payload(body)

    # Modals and the home tab

    def modal_of(self, user_id: str) -> View | None:
        """Return the modal that a person sees."""
        return self.state.top_view(user_id)

    def home_of(self, user_id: str, team_id: str = "") -> View | None:
        """Return a person's App Home as it was last published."""
        return self.state.homes.get((team_id or self.state.users[user_id].team_id, user_id))

    def fill(self, target: Message | View | str, values: Mapping[str, Any]) -> None:
        """Enter values without sending anything; see `submit`."""
        found = self._target(target)
        self._fill(found.user_id if isinstance(found, View) else found.ephemeral_for, found, values)
        self.state.touch()

    async def submit(
        self, user_id: str, view: View | str, values: Mapping[str, Any] | None = None
    ) -> View | None:
        """Fill a modal, press its submit button, and return the modal that the person then sees.

        `values` maps an action_id to an input, or a block_id to such a mapping. An input is a text, an option's value,
        a list of them, a user or channel id, `2026-11-23`, `09:30`, a Unix time, or file ids. Errors are in `errors` of
        the returned view: those of Slack's client (missing or too long input), for which the app gets no request, and
        those of the app (`response_action: errors`).
        """
        user, found = self._person(user_id), self._target(view)
        if not isinstance(found, View):
            raise TypeError("only a view can be submitted")
        self._fill(user_id, found, values or {})
        found.errors, found.trouble = self._client_faults(found), ""
        self.state.touch()
        if found.errors:
            return found
        host, installation = self._installed(found)
        body = self._interaction("view_submission", user, found)
        body["trigger_id"] = self.views.new_trigger(user_id, host, view_id=found.id)
        body["view"] = view_json(found)
        body["response_urls"] = self._response_urls(found, user_id, installation)
        outcome = await self.courier.payload(body)
        if outcome.error:
            self._note_trouble(found, user_id, outcome.error)
        else:
            self._take_response_action(found, outcome, installation)
        return self.state.top_view(user_id)

    async def close(self, user_id: str, view: View | str, *, all_of_them: bool = False) -> View | None:
        """Press a modal's close button (with `all_of_them`, the X) and return the modal below."""
        user, found = self._person(user_id), self._target(view)
        if not isinstance(found, View):
            raise TypeError("only a view can be closed")
        cleared = all_of_them or bool(found.payload.get("clear_on_close"))
        gone = list(reversed(self.state.modals[user_id])) if cleared else [found]
        if cleared:
            self.state.clear_views(user_id)
        else:
            self.state.drop_view(found)
        for closed in gone:
            if closed.payload.get("notify_on_close") and self.settings["view_closed"] != "nothing":
                told = view_json(closed)
                if self.settings["view_closed"] == "bare":
                    del told["state"]
                body = self._interaction("view_closed", user, closed)
                await self.courier.payload(body | {"view": told, "is_cleared": cleared})
        return self.state.top_view(user_id)

    async def open_home(self, user_id: str, team_id: str = "") -> View | None:
        """Open the app's Home tab and return it once the app has answered the event."""
        user = self._person(user_id)
        team = team_id or user.team_id
        if self.state.installation_for(team) is None:
            raise ValueError("the app is not installed there")
        home = self.home_of(user_id, team)
        event: Json = {
            "type": "app_home_opened",
            "user": user_id,
            "channel": self.state.dm(team, user_id).id,
            "tab": "home",
            "event_ts": self.state.next_ts(),
        }
        if home is not None:
            event["view"] = view_json(home)
        await self.event(team, event)
        home = self.home_of(user_id, team)
        self.state.home_seen(home)
        return home

    # Everything else

    def upload(
        self, user_id: str, name: str, content: bytes, mimetype: str = "image/png", *, alt_txt: str = ""
    ) -> File:
        """Choose a local file, for a message or a file_input, and return it; `alt_txt` describes a picture."""
        user = self._person(user_id)
        file = File(
            id=new_id("F", 10),
            name=name,
            user_id=user_id,
            team_id=user.team_id,
            created=int(self.state.now()),
            mimetype=mimetype,
            content=content,
            alt_txt=alt_txt,
            complete=True,
        )
        self.state.files[file.id] = file
        return file

    def describe(self, user_id: str, file_id: str, alt_txt: str) -> None:
        """Describe a picture that the person uploaded."""
        self._own_file(user_id, file_id).alt_txt = alt_txt

    def messages(self, channel_id: str, user_id: str) -> list[Message]:
        """Return the messages that a person sees in a channel, including their ephemeral ones."""
        return self.state.messages(channel_id, user_id)

    def direct_messages(self, user_id: str, team_id: str = "") -> list[Message]:
        """Return a person's direct messages with the app's bot."""
        team = team_id or self.state.users[user_id].team_id
        return self.state.messages(self.state.dm(team, user_id).id, user_id)

    # Internal

    def _person(self, user_id: str) -> User:
        user = self.state.users[user_id]
        if user.deleted:
            raise ValueError(f"{user.real_name} is deactivated")
        return user

    def _channel(self, user_id: str, channel_id: str) -> Channel:
        channel = self.state.channels[channel_id]
        if user_id not in channel.members:
            raise ValueError(f"{user_id} is not in #{channel.name}")
        return channel

    def _composing(self, user_id: str, channel_id: str) -> Channel:
        """Return a channel with a composer: a Messages tab that the app made read-only has none."""
        channel = self._channel(user_id, channel_id)
        if channel.kind == "im" and self.state.app is not None and self.state.app.messages_read_only:
            raise ValueError("sending messages to this app has been turned off")
        return channel

    def _host(self, user: User, team_id: str, channel: Channel | None) -> tuple[str, Installation | None]:
        """Return the workspace whose installation gets the request, and that installation.

        If the person's own workspace does not have the app, this is the host of the shared channel (Slack Connect).
        Then team_id names the host, and only the user's id shows where the person belongs.
        """
        own = team_id if team_id in user.workspaces or channel is None else channel.team_id
        if (found := self.state.installation_for(own)) or channel is None:
            return own, found
        shared = [t for t in sorted(channel.teams) if self.state.installation_for(t)]
        return (shared[0], self.state.installation_for(shared[0])) if shared else (own, None)

    def _installed(self, target: Message | View) -> tuple[str, Installation]:
        team_id = target.team_id
        installation = self.state.installation_for(team_id)
        if installation is None:
            raise ValueError("the app is not installed there any more")
        return team_id, installation

    def _interaction(self, kind: str, user: User, target: Message | View) -> Json:
        host, installation = self._installed(target)
        placed = isinstance(target, Message)
        return interaction(self.state, kind, user, host, installation, in_channel=placed)

    def _target(self, target: Message | View | str) -> Message | View:
        if not isinstance(target, str):
            return target
        view = self.state.view(target)
        if view is None:
            raise ValueError("that view is not open")
        return view

    def _element(self, target: Message | View, action_id: str, block_id: str | None) -> tuple[Json, Json]:
        found = find_element(target.blocks, action_id, block_id)
        if found is None:
            present = [e["action_id"] for b in flat_blocks(target.blocks) for e in elements_of(b)]
            raise ValueError(f"nothing with action_id {action_id!r} there, only {present}")
        return found

    def _entered(self, user_id: str, target: Message | View, element: Json, given: Any) -> Json:
        where = target.id if isinstance(target, View) else target.ts
        offered = self.state.suggested.get((where, element["action_id"]), [])
        entry = entered(element, given, offered, lambda file_id: self._given_file(user_id, file_id))
        self._check_visible(user_id, target.team_id, entry)
        return entry

    def _check_visible(self, user_id: str, team_id: str, entry: Json) -> None:
        """Refuse people and channels that the person does not see in Slack's menus."""
        people: set[str] = set()
        channels: set[str] = set()
        for kind in ("user", "conversation", "channel"):
            chosen = [entry.get(f"selected_{kind}"), *entry.get(f"selected_{kind}s", ())]
            (people if kind == "user" else channels).update(filter(None, chosen))
        seen = {c.id for c in self.state.channels.values() if self._sees(user_id, team_id, c)}
        near = {m for c in seen for m in self.state.channels[c].members}
        here = {u.id for u in self.state.people(team_id, bots=True)}
        if strangers := sorted((people - here - near) | (channels - seen)):
            raise ValueError(f"{user_id} sees no {', '.join(strangers)}")

    def _sees(self, user_id: str, team_id: str, channel: Channel) -> bool:
        public = channel.kind == "public" and team_id in channel.teams
        return user_id in channel.members or (public and not self.state.users[user_id].is_restricted)

    def _own_file(self, user_id: str, file_id: str) -> File:
        file = self.state.files.get(file_id)
        if file is None or file.user_id != user_id:
            raise ValueError(f"{user_id} uploaded no file {file_id}")
        return file

    def _given_file(self, user_id: str, file_id: str) -> Json:
        """Return a file that a person puts into a form of the app, which may read it from now on."""
        file = self._own_file(user_id, file_id)
        file.app_ids.add(self.app().app_id)
        return file_json(self.state, file, url=self.url)

    def _fill(self, user_id: str, target: Message | View, values: Mapping[str, Any]) -> None:
        for name, given in values.items():
            in_block = isinstance(given, dict) and any(b.get("block_id") == name for b in target.blocks)
            for action_id, one in given.items() if in_block else [(name, given)]:
                block, element = self._element(target, action_id, name if in_block else None)
                entry = self._entered(user_id, target, element, one)
                target.values.setdefault(block["block_id"], {})[action_id] = entry

    def _client_faults(self, view: View) -> dict[str, str]:
        faults: dict[str, str] = {}
        for block in view.blocks:
            if block["type"] == "input":
                element = block["element"]
                value = view.values[block["block_id"]][element["action_id"]]
                if fault := entry_fault(element, value, optional=bool(block.get("optional"))):
                    faults[block["block_id"]] = fault
        return faults

    def _surroundings(self, target: Message | View, user_id: str, installation: Installation) -> Json:
        if isinstance(target, View):
            return {"container": {"type": "view", "view_id": target.id}, "view": view_json(target)}
        channel = self.state.channels[target.channel_id]
        found: Json = {
            "container": {
                "type": "message",
                "message_ts": target.ts,
                "channel_id": channel.id,
                "is_ephemeral": bool(target.ephemeral_for),
            },
            "channel": {"id": channel.id, "name": _private_name(channel)},
            "state": {"values": target.values},
            "response_url": self.new_response_url(
                "actions", user_id, channel.id, installation, message_ts=target.ts
            ),
        }
        if not target.ephemeral_for:
            found["message"] = self.message_json(target)
        return found

    def _response_urls(self, view: View, user_id: str, installation: Installation) -> list[Json]:
        urls: list[Json] = []
        for block in view.blocks:
            for element in elements_of(block):
                if element.get("response_url_enabled"):
                    value = view.values[block["block_id"]][element["action_id"]]
                    channel_id = value[VALUE_KEY[element["type"]]]
                    if channel_id:
                        url = self.new_response_url("app", user_id, channel_id, installation)
                        urls.append(
                            {
                                "block_id": block["block_id"],
                                "action_id": element["action_id"],
                                "channel_id": channel_id,
                                "response_url": url,
                            }
                        )
        return urls

    def _take_response_action(self, view: View, outcome: Outcome, installation: Installation) -> None:
        answer = outcome.json()
        try:
            _check_file_input(answer, installation)
            match answer.get("response_action"):
                case None:
                    self.state.drop_view(view)
                case "clear":
                    self.state.clear_views(view.user_id)
                case "update":
                    self.views.update(view, answer.get("view"))
                case "push":
                    trigger = Trigger(value="", user_id=view.user_id, team_id=view.team_id, expires_at=0)
                    self.views.stack(answer.get("view"), trigger, installation)
                case "errors":
                    self._take_errors(view, answer.get("errors"))
                case _:
                    view.trouble = "invalid_response_action"
                    self.complain("view_submission", view.trouble, [])
                    self.state.touch()
        except Refused as refused:
            self.complain("view_submission", refused.error, refused.faults)
            view.trouble = refused.error
            self.state.touch()

    def _take_errors(self, view: View, errors: Any) -> None:
        inputs = {b["block_id"] for b in view.blocks if b["type"] == "input"}
        if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
            raise Refused("invalid_errors", ["errors must be keyed by block_ids of input blocks"])
        view.errors = {key: str(sentence) for key, sentence in errors.items()}
        self.state.touch()

    def _show_command_answer(
        self, channel_id: str, user_id: str, text: str, outcome: Outcome, installation: Installation
    ) -> None:
        command = self.app().command
        error = _command_error(outcome)
        body = outcome.json() or {"text": outcome.text}
        if not error and (body.get("text") or body.get("blocks") or body.get("attachments")):
            if body.get("response_type") == "in_channel":
                self.state.post(channel_id, user_id, f"{command} {text}".strip())
            try:
                self.post_answer(body, None, channel_id, user_id, installation.bot_user_id)
            except Refused as refused:
                self.complain("command", refused.error, refused.faults)
                error = refused.error
        if error:
            self._slackbot(channel_id, user_id, f'{command} failed with the error "{error}"')

    def _slackbot(self, channel_id: str, user_id: str, text: str, thread_ts: str = "") -> Message:
        return self.state.post(channel_id, SLACKBOT, text, ephemeral_for=user_id, thread_ts=thread_ts)

    def _note_trouble(self, target: Message | View, user_id: str, error: str) -> None:
        if isinstance(target, View):
            target.trouble = error
        elif error:
            target.troubles[user_id] = error
        else:
            target.troubles.pop(user_id, None)
        self.state.touch()


def _check_file_input(answer: Json, installation: Installation) -> None:
    """Refuse a view with a `file_input` of an app without files:read, as views.open does."""
    if '"file_input"' in json.dumps(answer.get("view")) and "files:read" not in installation.scopes:
        raise Refused("missing_scope")


def _private_name(channel: Channel) -> str:
    """Return the channel name for interactions, which don't show the names of private channels."""
    return {"im": "directmessage", "private": "privategroup"}.get(channel.kind, channel.name)


def _command_error(outcome: Outcome) -> str:
    if outcome.error in {"", TIMED_OUT, UNREACHABLE}:
        return outcome.error
    return "http_service_error" if outcome.status >= 500 else "http_client_error"
