"""Slack's own hand: requests signed and shaped as Slack's, and everything that comes of each.

Payloads come from the simulated Slack, so that they look as its people's do; ids, metadata and values in
them are whatever a test wants them to be. They go to the app in this process, without a socket between.
"""

from __future__ import annotations

import copy
import io
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import structlog
from slack_bolt.request.async_request import AsyncBoltRequest
from sqlmodel import SQLModel, col, select, update

from adapters.base import App
from bot.ops import logs
from bot.ops.metrics import HANDLED
from bot.slack.dispatch.replies import ENTERED
from bot.slack.routes import Kind
from sandbox.slack.blocks import message_faults, view_faults
from sandbox.slack.delivery import FORM, sign
from sandbox.slack.payloads import event_envelope, interaction, message_json, view_json
from sandbox.slack.state import Message, User, View
from storage.access_requests import AccessRequests, NewAccessRequest
from storage.account_sets import AccountSets
from storage.channels import Channels, NewChannelRequest
from storage.discoveries import Discoveries, Found, NewDiscovery
from storage.draft_links import DraftLinks, NewLink
from storage.drafts import new_draft_id
from storage.grants import Grants, NewGrant
from storage.incidents import Incidents
from storage.invitations import Invitations
from storage.memberships import Members
from storage.models import (
    Delivery,
    DeliveryStatus,
    DeliveryStep,
    Draft,
    IncidentKind,
    MediaAddress,
    MediaPreview,
    Membership,
    PostFile,
    Role,
    StepStatus,
    StoredFile,
    Submission,
    digest,
    new_id,
    new_secret,
    utc_now,
)
from storage.organizations import Organizations
from storage.places import Places
from storage.posts import NewPost, Posts, Target
from storage.slots import Slots
from storage.uploads import Uploads
from storage.workspaces import Workspaces
from tests.tenancy import connected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.routes import Route
    from storage.engine.db import Database
    from tests.application import Office

Json = dict[str, Any]
Rows = dict[str, list[tuple[str, ...]]]

SELECTS = {
    "home.switch": "static_select",
    "org.change": "overflow",
    "start.organization": "static_select",
    "account.place": "external_select",
    "incident.snooze": "static_select",
    "compose.text": "plain_text_input",
    "compose.accounts": "multi_static_select",
    "compose.when": "datetimepicker",
    "compose.extras": "checkboxes",
    "compose.link": "plain_text_input",
    "compose.comment": "plain_text_input",
    "compose.title": "plain_text_input",
    "compose.own_text": "plain_text_input",
    "compose.part": "plain_text_input",
    "compose.place": "multi_external_select",
    "compose.option": "checkboxes",
    "compose.draft": "checkboxes",
}
"""What is chosen in a menu; everything else is a button."""
SILENT = frozenset({Kind.OPTIONS, Kind.CLOSED})
"""Requests whose answer nobody reads."""
REFUSED = frozenset({"external_user", "not_member", "not_allowed"})
"""Outcomes of a request whose sender may not ask for that."""
IDS = re.compile(r"\b(?:org|acc|grt|dis|mem|fnd|inc)_[0-9a-f]{20}\b")
UNTOLD = {
    "seen_request": None,  # every request that changes something is remembered there
    "beat": None,  # counted every minute, whoever asks for what
    "grid_home": None,  # what Slack said of whose people are whose
    "notice": (
        "id",
        "key",
        "organization_id",
        "slack_id",
        "channel",
        "body",
    ),  # the rest is the sender's work
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Everything one request came to."""

    status: int
    response: Json
    messages: tuple[Message, ...] = ()
    view: View | None = None
    """The modal that was opened, pushed or changed meanwhile."""
    home: bool = False
    outcomes: tuple[str, ...] = ()
    """What the app counted: `ok`, `replay`, or the refusal's name."""

    @property
    def text(self) -> str:
        """Every word the person gets, in a fixed order, ids blanked."""
        return IDS.sub("ID", "\n".join(self.words()))

    def words(self) -> Iterator[str]:
        yield from texts(self.response)
        for message in self.messages:
            yield from texts(message.blocks or [{"text": message.text}])
        if self.view is not None:
            yield from texts([self.view.payload.get("title"), self.view.blocks])

    @property
    def everything(self) -> str:
        """All of it as JSON: also what is not read, such as values and metadata."""
        shown = [self.response, [message_json(m) for m in self.messages]]
        return json.dumps([*shown, self.view.payload if self.view else {}], ensure_ascii=False)

    @property
    def places(self) -> int:
        """In how many places something is said."""
        said = any(self.response.get(key) for key in ("text", "blocks", "view", "errors", "options"))
        return len(self.messages) + (self.view is not None) + bool(said)

    @property
    def faults(self) -> list[str]:
        """What Slack would refuse in the HTTP answer; the rest the simulated Slack has checked itself."""
        found = view_faults(self.response["view"]) if "view" in self.response else []
        return found + (message_faults(self.response["blocks"]) if "blocks" in self.response else [])


def squashed(sentence: str) -> str:
    """Return a sentence without what blocks make of it: code without backticks, in several texts."""
    return "".join(sentence.replace("`", "").split())


def texts(node: Any) -> Iterator[str]:
    """Return every text in a piece of Block Kit, and the sentences under fields."""
    if isinstance(node, Mapping):
        if isinstance(node.get("errors"), Mapping):
            yield from (str(sentence) for sentence in node["errors"].values())
        for key, value in node.items():
            if key == "text" and isinstance(value, str):
                yield value
            else:
                yield from texts(value)
    elif isinstance(node, list | tuple):
        for item in node:
            yield from texts(item)


@dataclass(kw_only=True)
class Desk:
    """The place from which a test plays Slack. `channel_id` is where people are."""

    office: Office
    team_id: str
    channel_id: str

    def __post_init__(self) -> None:
        self.slack.settings["message_interval_s"] = 0

    @property
    def slack(self) -> Any:
        return self.office.slack

    def person(self, user_id: str, name: str, team_id: str = "", **facts: Any) -> str:
        """Let somebody join the workspace and the channel, and return their id."""
        values = {"team_id": team_id or self.team_id, "name": name, "real_name": name.title()} | facts
        self.slack.state.add(User(id=user_id, **values))
        self.slack.state.channels[self.channel_id].members.add(user_id)
        return user_id

    # Payloads

    def _interaction(self, kind: str, user_id: str, *, in_channel: bool) -> Json:
        state = self.slack.state
        installation = state.installation_for(self.team_id)
        return interaction(
            state, kind, state.users[user_id], self.team_id, installation, in_channel=in_channel
        )

    def _response_url(self, user_id: str, message_ts: str = "") -> str:
        installation = self.slack.state.installation_for(self.team_id)
        url: str = self.slack.new_response_url(
            "actions", user_id, self.channel_id, installation, message_ts=message_ts
        )
        return url

    def command(self, user_id: str, text: str) -> Json:
        workspace = self.slack.state.workspaces[self.team_id]
        fields = {
            "team_id": self.team_id,
            "channel_id": self.channel_id,
            "user_id": user_id,
            "command": "/octapost",
            "text": text,
            "response_url": self._response_url(user_id),
            "trigger_id": self.slack.views.new_trigger(user_id, self.team_id, channel_id=self.channel_id),
        }
        return fields | ({"enterprise_id": workspace.enterprise_id} if workspace.enterprise_id else {})

    def modal(self, user_id: str, callback_id: str = "any", metadata: str = "") -> View:
        """Let the person look at a modal, their only one."""
        payload = {
            "type": "modal",
            "callback_id": callback_id,
            "title": {"type": "plain_text", "text": "A modal"},
            "blocks": [{"type": "section", "text": {"type": "plain_text", "text": "Of ours"}}],
            "private_metadata": metadata,
        }
        trigger = self.slack.views.new_trigger(user_id, self.team_id)
        installation = self.slack.state.installation_for(self.team_id)
        view: View = self.slack.views.open(trigger, payload, installation)
        return view

    def action(self, user_id: str, action_id: str, value: str, *, modal: View | None = None) -> Json:
        """Press a button or choose in a menu: in a message, or in a modal. An input is in a modal about `value`."""
        kind = SELECTS.get(action_id, "button")
        if kind in ENTERED:
            modal = self.modal(user_id, "any", value)
        body = self._interaction("block_actions", user_id, in_channel=modal is None)
        pressed: Json = {"type": kind, "action_id": action_id, "block_id": "b1"}
        if kind == "button":
            pressed |= {"value": value} if value else {}
        else:
            pressed["selected_option"] = {"text": {"type": "plain_text", "text": "It"}, "value": value}
        body["actions"] = [pressed]
        if modal is None:
            body |= {"channel": {"id": self.channel_id, "name": "social"}}
            body |= {"response_url": self._response_url(user_id), "state": {"values": {}}}
        else:
            body["view"] = view_json(modal)
        view_id = modal.id if modal else ""
        body["trigger_id"] = self.slack.views.new_trigger(user_id, self.team_id, view_id=view_id)
        return body

    def submission(self, user_id: str, callback_id: str, metadata: str, values: Json | None = None) -> Json:
        """Submit a modal with anything in it."""
        body = self._interaction("view_submission", user_id, in_channel=False)
        view = view_json(self.modal(user_id, callback_id, metadata))
        body["view"] = view | {"state": {"values": values or {}}}
        body["trigger_id"] = self.slack.views.new_trigger(user_id, self.team_id, view_id=view["id"])
        return body

    def closed(self, user_id: str, callback_id: str, metadata: str) -> Json:
        """Close a modal that asked to be told."""
        body = self._interaction("view_closed", user_id, in_channel=False)
        return body | {"view": view_json(self.modal(user_id, callback_id, metadata)), "is_cleared": False}

    def options(self, user_id: str, action_id: str, metadata: str, query: str = "") -> Json:
        """Type into a select."""
        body = self._interaction("block_suggestion", user_id, in_channel=False)
        view = view_json(self.modal(user_id, "any", metadata))
        return body | {"view": view, "action_id": action_id, "block_id": "b1", "value": query}

    def shortcut(self, user_id: str, callback_id: str) -> Json:
        body = self._interaction("shortcut", user_id, in_channel=False)
        trigger = self.slack.views.new_trigger(user_id, self.team_id)
        return body | {"callback_id": callback_id, "trigger_id": trigger}

    def event(self, event: Json) -> Json:
        installation = self.slack.state.installation_for(self.team_id)
        return event_envelope(self.slack.state, event, self.team_id, installation)

    def request(self, route: Route, user_id: str, target: str, *, in_modal: bool = False) -> Json:
        """Ask for a route about `target`, with whatever else it takes to be worth a handler's while."""
        match route.kind:
            case Kind.COMMAND:
                return self.command(user_id, f"{route.key} {target}".strip())
            case Kind.ACTION:
                modal = self.modal(user_id) if in_modal else None
                return self.action(user_id, route.key, target, modal=modal)
            case Kind.SUBMISSION:
                return self.submission(user_id, route.key, target)
            case Kind.CLOSED:
                return self.closed(user_id, route.key, target)
            case Kind.OPTIONS:
                return self.options(user_id, route.key, target)
            case Kind.SHORTCUT:
                return self.shortcut(user_id, route.key)
            case _:
                raise ValueError(route.kind)

    # Delivery

    async def send(self, body: Json, *, user_id: str = "") -> Answer:
        """Sign a payload as of now, hand it to the app, and return what came of it."""
        state = self.slack.state
        user_id = user_id or str((body.get("user") or {}).get("id") or body.get("user_id") or "")
        ts, counted = state.next_ts(), outcomes()
        view = (body.get("view") or {}).get("id")
        if view is None:
            state.clear_views(user_id)
        shown = {one.id: one.hash for one in state.modals[user_id]}
        homes = {key: one.hash for key, one in state.homes.items()}
        response = await self.office.parts.bolt.async_dispatch(self.signed(body))
        top = state.top_view(user_id)
        return Answer(
            status=response.status,
            response=json.loads(response.body) if response.body.startswith("{") else {},
            messages=tuple(
                m for m in state.messages(self.channel_id, user_id) if m.ts > ts and m.user_id != user_id
            ),
            view=top if top is not None and shown.get(top.id) != top.hash else None,
            home=homes != {key: one.hash for key, one in state.homes.items()},
            outcomes=tuple(sorted(key for key, count in outcomes().items() if count > counted.get(key, 0))),
        )

    def signed(self, body: Json) -> AsyncBoltRequest:
        """Return the request as it would come out of our HTTP server."""
        if body.get("type") == "event_callback":
            raw, content_type = json.dumps(body), "application/json"
        else:
            raw = urlencode({"payload": json.dumps(body)} if "type" in body else body)
            content_type = FORM
        stamp = str(int(time.time()))
        headers = {
            "content-type": content_type,
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": sign(self.office.world.signing_secret, stamp, raw),
        }
        return AsyncBoltRequest(body=raw, headers=dict(headers))

    def retriggered(self, body: Json) -> Json:
        """Return an old payload as Slack sends it today: the same, with a fresh trigger_id."""
        fresh = copy.deepcopy(body)
        user_id = body["user"]["id"]
        view_id = (body.get("view") or {}).get("id", "")
        fresh["trigger_id"] = self.slack.views.new_trigger(user_id, self.team_id, view_id=view_id)
        if "response_url" in body:
            fresh["response_url"] = self._response_url(user_id)
        return fresh


@contextmanager
def listening(level: str = "DEBUG") -> Iterator[io.StringIO]:
    """Log as the product logs, into what is returned; enter it before the product is built."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, before = root.handlers[:], root.level
    logs.configure(level, stream)
    try:
        yield stream
    finally:
        root.handlers[:] = handlers
        root.setLevel(before)
        structlog.reset_defaults()


def outcomes() -> dict[str, float]:
    """Return how often each outcome was counted so far."""
    counted: dict[str, float] = {}
    # `HANDLED.collect()` says the same, with 300 samples made for it; this is asked before and after all.
    for (*_, outcome), counter in HANDLED._metrics.items():
        counted[outcome] = counted.get(outcome, 0) + counter._value.get()  # type: ignore[attr-defined]
    return counted


# Who there is, and what they own


INVITED = "U0INVITED"
"""Somebody with an invitation to every tenant, who never asks for anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """An organization with one of everything; every name in it contains `word`."""

    word: str
    organization: str
    membership: str
    """Its owner's."""
    account: str
    grant: str
    pending: str
    discovery: str
    """Of the owner."""
    found: str
    incident: str
    invitation: str
    """Of `INVITED`."""
    request: str
    """Of the owner, for a channel."""
    delivery: str
    """Late: it waits for somebody to decide."""
    post: str
    """The one of that delivery."""
    draft: str
    """Of the owner."""
    set: str
    """Of the account."""
    live: str
    """The id of a delivery that is live."""
    submission: str
    """Of the owner."""
    access: str
    """A request for access, of somebody who is nobody else's."""


async def tenant(
    office: Office, word: str, user_id: str, team_id: str, *, realm: str = "", role: Role = Role.OWNER
) -> Tenant:
    """Return a new organization that is used from a workspace, owned by `user_id`."""
    async with office.database.system() as session:
        organization = await Organizations(session).create(f"{word} Bakery")
        workspaces = Workspaces(session)
        await workspaces.ensure(team_id, None if realm in {"", team_id} else realm, f"Workspace {team_id}")
        await workspaces.link(team_id, organization.id)
        owner = await Members(session).add(
            organization.id, realm=realm or team_id, user_id=user_id, team_id=team_id, role=role
        )
    return await belongings(office, word, owner)


async def belongings(office: Office, word: str, owner: Membership) -> Tenant:
    """Give an organization an account, a grant in use and one pending, a list to choose from and a late post."""
    organization_id, vault = owner.organization_id, office.parts.vault
    app: App = office.parts.adapters["reddit"].platform.apps[0]
    values: Json = {
        "platform": "reddit",
        "app": app.key,
        "refresh": f"refresh-{word}",
        "scopes": [scope.name for scope in app.scopes],
        "access_expires_in": None,
        "refresh_expires_in": None,
    }
    async with office.database.system() as session:
        discoveries = Discoveries(session, vault)
        new = NewGrant(connected_by=owner.id, access=f"access-{word}", **values)
        found_one = Found(remote_id=f"r-{word}", kind="Profile", name=f"{word} Crumbs", handle=f"u/{word}")
        grant, account = await connected(
            session, vault, organization_id, new, (f"person-{word}", word), found_one
        )
        pending = await Grants(session, vault).create_pending(
            organization_id, NewGrant(connected_by=owner.id, access=f"pending-{word}", **values)
        )
        await Places(session).replace(organization_id, account.id, [(f"t5_{word}", f"r/{word}", "")])
        discovery = await discoveries.keep(
            organization_id,
            NewDiscovery(membership_id=owner.id, grant_id=grant.id, team_id=owner.team_id, channel_id=""),
            [Found(remote_id=f"f-{word}", kind="Page", name=f"{word} Page", token=f"page-{word}")],
        )
        (found,) = await discoveries.search(organization_id, discovery.id, "")
        incident, _ = await Incidents(session).open(
            organization_id, grant=grant, kind=IncidentKind.NEEDS_RECONNECT, accounts=[account]
        )
        incident.accounts = incident.renewed = {account.id: account.name}
        incident.late_posts = 1
        await Posts(session).schedule(
            organization_id,
            NewPost(draft_id=new_id("drf"), author=owner.id, text=f"{word} cakes"),
            [
                Target(
                    account_id=account.id,
                    due_at=utc_now(),
                    content={"format": "text", "text": f"{word} cakes"},
                )
            ],
        )
        ours = update(Delivery).where(col(Delivery.account_id) == account.id)
        await session.exec(ours.values(status=DeliveryStatus.LATE, work_at=None))
        waiting = (await session.exec(select(Delivery).where(Delivery.account_id == account.id))).one()
        session.add(
            DeliveryStep(
                delivery_id=waiting.id,
                position=0,
                organization_id=organization_id,
                kind="post",
                status=StepStatus.SENT,
                started_at=utc_now(),
            )
        )
        file = StoredFile(
            organization_id=organization_id,
            key=new_secret(),
            name=f"{word}.jpg",
            kind="image",
            type="image/jpeg",
            size=1,
            sha256=bytes(32),
            used_at=utc_now(),
        )
        session.add(file)
        await session.flush()
        session.add(PostFile(post_id=waiting.post_id, media_id=file.id, organization_id=organization_id))
        session.add(
            MediaPreview(
                token_hash=digest(new_secret()),
                organization_id=organization_id,
                media_id=file.id,
                expires_at=utc_now() + timedelta(days=1),
            )
        )
        session.add(
            MediaAddress(
                token_hash=digest(new_secret()),
                organization_id=organization_id,
                media_id=file.id,
                delivery_id=waiting.id,
                expires_at=utc_now() + timedelta(days=1),
            )
        )
        draft = Draft(
            id=new_draft_id(owner.id),
            organization_id=organization_id,
            author=owner.id,
            written={"text": f"{word} cups"},
        )
        session.add(draft)
        live = Delivery(
            organization_id=organization_id,
            post_id=waiting.post_id,
            account_id=account.id,
            place="live",
            content={"format": "text", "text": f"{word} cakes"},
            status=DeliveryStatus.SENT,
            due_at=utc_now(),
        )
        session.add(live)
        submission = Submission(
            organization_id=organization_id,
            draft_id=new_draft_id(owner.id),
            author=owner.id,
            written={"text": f"{word} plates", "accounts": [account.id]},
        )
        session.add(submission)
        await Slots(session).save(organization_id, [account.id], ["0 09:00"], "UTC")
        chosen = await AccountSets(session).save(
            organization_id, f"{word} set", {account.id: account.name}, slack_id="", channel=""
        )
        await session.flush()
        link = new_secret()
        await DraftLinks(session).open(
            NewLink(
                token=link,
                organization_id=organization_id,
                membership_id=owner.id,
                team_id=owner.team_id,
                draft_id=draft.id,
                lives=timedelta(days=1),
                form={},
            )
        )
        upload = await Uploads(session).create(organization_id, draft.id, f"{word}.mp4", 2000)
        await Uploads(session).append(upload, 0, 1000, new_secret())
        place = {"realm": owner.realm, "team_id": owner.team_id}
        invitation = await Invitations(session).invite(
            organization_id, **place, user_id=INVITED, role=Role.MEMBER, invited_by=owner.id
        )
        request = await Channels(session).request(
            organization_id,
            NewChannelRequest(
                **place,
                channel_id=f"C0{word.upper()}",
                wanted_id=organization_id,
                requested_by=owner.id,
                user_id=owner.user_id,
            ),
        )
        access = await AccessRequests(session).request(
            organization_id, NewAccessRequest(**place, user_id=f"U0ASKS{word.upper()}", role=Role.MEMBER)
        )
        assert request is not None
        assert access is not None
    return Tenant(
        word=word,
        organization=organization_id,
        membership=owner.id,
        account=account.id,
        grant=grant.id,
        pending=pending.id,
        discovery=discovery.id,
        found=found.id,
        incident=incident.id,
        invitation=invitation.id,
        request=request.id,
        delivery=waiting.id,
        post=waiting.post_id,
        draft=draft.id,
        set=chosen.id,
        live=live.id,
        submission=submission.id,
        access=access.id,
    )


async def seat(
    office: Office, organization_id: str, user_id: str, team_id: str, role: Role, realm: str = ""
) -> Membership:
    """Make somebody a member."""
    async with office.database.system() as session:
        return await Members(session).add(
            organization_id, realm=realm or team_id, user_id=user_id, team_id=team_id, role=role
        )


async def first_organization(office: Office, team_id: str) -> Membership:
    """Return the owner of the organization that came with the installation."""
    async with office.database.system(write=False) as session:
        (organization,) = await Workspaces(session).organizations(team_id)
        (owner,) = await Members(session).owners(organization.id)
    return owner


async def dump(database: Database, *, organization_id: str = "", whole: bool = False) -> Rows:
    """Return every row that a request could have changed; with `organization_id`, its own only.

    `whole`: every column of every table, also what is kept about requests themselves.
    """
    rows: Rows = {}
    async with database.system(write=False) as session:
        connection = await session.connection()
        for table in SQLModel.metadata.sorted_tables:
            every = [column.name for column in table.columns]
            columns: Sequence[str] | None = every if whole else UNTOLD.get(table.name, every)
            if columns is None or (organization_id and table.name not in TENANTS):
                continue
            query = table.select()
            if organization_id:
                query = query.where(table.columns[TENANTS[table.name]] == organization_id)
            found = (await connection.execute(query)).mappings()
            rows[table.name] = sorted(tuple(repr(row[name]) for name in columns) for row in found)
    return rows


TENANTS = {
    table.name: "organization_id"
    for table in SQLModel.metadata.sorted_tables
    if "organization_id" in table.columns
} | {"organization": "id"}
"""The tables whose rows belong to one organization, and the column that says to which."""


def changed(before: Rows, after: Rows) -> dict[str, list[tuple[str, ...]]]:
    """Return the rows that differ, by table; empty when nothing happened."""
    return {
        name: sorted(set(rows) ^ set(after[name])) for name, rows in before.items() if rows != after[name]
    }
