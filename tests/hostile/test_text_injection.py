"""Names that want to be more than names: in everything the product says, they stay letters.

Organizations are named by their owners, accounts by whoever owns them at a platform, people and workspaces
by Slack's own users. The views are found by walking `bot.views`, so a new one is tried without a line here.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import inspect
import pkgutil
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from enum import Enum, StrEnum
from types import ModuleType, NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

import bot.views
from adapters.base import (
    App,
    Blocker,
    Capability,
    Defect,
    Format,
    Hint,
    Media,
    Platform,
    PlatformError,
    PublishingFacts,
    Rejected,
)  # fmt: skip
from adapters.base import Problem as PublishingProblem
from adapters.reddit.formats import FACTS
from bot.services.access import Sender
from bot.services.accounts.choosing import Choice, Chosen
from bot.services.accounts.diagnosis import AccountState, diagnose
from bot.services.accounts.disconnecting import Disconnection, Outlook
from bot.services.accounts.problems import BlockedAccount, CannotPublish, Problem
from bot.services.accounts.profiles import AccountProfile
from bot.services.accounts.reconnecting import ReconnectLink
from bot.services.accounts.revoking import RevocationResult
from bot.services.accounts.sign_in_as import SignInAs, picture
from bot.services.errors import NotFoundError, ServiceError, Thing
from bot.services.incidents.card_facts import IncidentCard, RequestFacts
from bot.services.incidents.digests import DigestFacts
from bot.services.notifications import (
    Failure,
    InvitationReceived,
    Notification,
    ReceiptLine,
)
from bot.services.organizations.access_requests import AccessAsked, Asked, Asks, Door, WhoCanHelp
from bot.services.organizations.channels import Switched
from bot.services.organizations.deletion import DeletionOutlook
from bot.services.organizations.join_codes import OpenCodes
from bot.services.organizations.members import Removed, Roster
from bot.services.organizations.organizations import Overview
from bot.services.posts.candidates import AccountProblems, Candidate
from bot.services.posts.drafts import Details, ThreadPart, Written
from bot.services.posts.errors import ProblemsError
from bot.services.posts.faults import Fault as PostFault
from bot.services.posts.faults import FaultKind
from bot.services.posts.live import TextProblemsError
from bot.settings import PlatformSettings
from bot.slack.routes import Route
from bot.views import kit
from bot.views.accounts import Page
from bot.views.help import Command
from bot.views.home import Reader
from bot.views.kit import Message
from sandbox.browser import Consent
from sandbox.slack.blocks import message_faults, option_faults, view_faults
from sandbox.slack.world import ACME, ADA, BEA, BLUE, OTTO
from storage.deletions import Inventory
from storage.models import (
    Account,
    Discovery,
    FoundAccount,
    Grant,
    GrantStatus,
    Incident,
    IncidentKind,
    Invitation,
    JoinCode,
    LateAnswer,
    Membership,
    Role,
)
from storage.models import IncidentCard as StoredCard
from storage.organization_summaries import Owner, Summary
from storage.posts import Waiting
from storage.standing import Seat, Standing
from tests.application import Office, routes_of, settings
from tests.counts import sampled
from tests.hostile.slack_side import INVITED, Desk, belongings, first_organization, seat

Json = dict[str, Any]
PUBLIC_URL = "http://localhost:1/connect/ticket"
ATOMS = [
    "<!channel>", "<!here>", "<!everyone>", "<@U0OTTO>", "<@W0IRIS|iris>", "<#C0ACMEGEN>", "<#C0ACMEGEN|general>",
    "<!subteam^S0TEAM|@team>", "<!date^1392734382^{date}^https://evil.example|soon>", "<https://evil.example|Acme>",
    "<https://evil.example>", "<mailto:ceo@evil.example|the boss>", "<slack://open?team=T0>", "https://evil.example",
    "http://evil.example/x?y=1&z=2", "www.evil.example", "evil.example", "@channel", "@here", "@otto", "#general",
    "&lt;!channel&gt;", "&amp;lt;!here&amp;gt;", "&#60;!channel&#62;", "%3C!channel%3E", "`", "``", "```", "*bold*",
    "_it_", "~no~", "> quoted", "|", "<", ">", "&", "<|>", ":tada:", ":smile", "\u202eevil\u202c", "\u2066x\u2069",
    "\u202a", "\u200b", "\u200d", "\u2060", "\ufeff", "\u200f", "\n", "\r\n", "\t", "\u2028", "\u0007", "\x1b[31m",
    "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "é" * 40, "x" * 300, "漢字" * 60, "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢", "'", '"', "\\", "\\u003c!channel\\u003e", "{{7*7}}",
    "${7*7}", "<script>alert(1)</script>", "'; DROP TABLE account; --", "..", "None", "0", "", " ", "-",
]  # fmt: skip
DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""What would turn the rest of a sentence round."""
MENTION_OF_OURS = f"<@{OTTO}>"
CHANNEL = "C0ACMESOC"
ACCOUNT = "acc_0123456789abcdef0123"
OURS: Mapping[str, Any] = {
    "channel_id": CHANNEL,
    "action_id": "connect.start",
    "external_id": "loading-0123456789abcdef",
    "value": "org_0123456789abcdef0123/acc_0123456789abcdef0123",
    "organization_id": "org_0123456789abcdef0123",
    "current": "org_0123456789abcdef0123",
    "url": PUBLIC_URL,
    "by": MENTION_OF_OURS,
    "what": "cancel",
    "secret": "ABCD-EFGH-JKLM-NPQR",
    "user_id": OTTO,
    "nearest": "connect",
    "blocker": Blocker.SUSPENDED,
    "word": "x",
    "ours": f"🙋 {MENTION_OF_OURS} is on it.",
    "asker": MENTION_OF_OURS,
    "realm": BLUE,
    "every": "week",
    "zones": ["Europe/Berlin", "UTC"],
    "version": "1.2.3",
    "support_url": "https://support.example",
    "metadata": "org_0123456789abcdef0123/drf_0123456789abcdef0123:C0ACMESOC",
    "channel": CHANNEL,
    "author": OTTO,
    "id": "dlv_0123456789abcdef0123",
    "post_id": "pst_0123456789abcdef0123",
    "draft_id": "drf_0123456789abcdef0123",
    "decided_by": OTTO,
    "account_id": ACCOUNT,
    "about": ":open:0",
    "but": "",
    "key": "0123456789abcdef",
}
"""Arguments that are the product's own words, by their names."""
NAMES_A_PERSON = {"joined"}
"""Views whose `by` is what a person calls themselves, not a mention."""
PIECES = {
    "bot.views.accounts.reconnect_button",
    "bot.views.help.all_commands",
    "bot.views.publishing.account_select.account_select",
    "bot.views.publishing.attachments.alert",
    "bot.views.publishing.details.pages",
    "bot.views.publishing.texts.fields",
    "bot.views.publishing.texts.typed_into",
    "bot.views.publishing.shared.notes",
    "bot.views.messages.render",
    "bot.views.doctor.not_set_up",
    "bot.views.home.switcher",
    "bot.views.home.with_footer",
    "bot.views.home.with_invitations",
    "bot.views.ownership.choice",
}
"""What is no message, view or list of blocks, but part of one that is tried."""


def strings(count: int) -> list[str]:
    """Return that many hostile strings: every atom alone, then mixed with each other and with words."""
    chance = random.Random(10)  # noqa: S311 - repeatable
    found = dict.fromkeys(ATOMS)
    while len(found) < count:
        parts = chance.choices([*ATOMS, "Blue Door", "Bakery", "Ana"], k=chance.randrange(2, 6))
        found[chance.choice(["", " ", "|"]).join(parts)] = None
    return list(found)[:count]


# What may be said


def wrongs(payload: Any, *, urls: Iterable[str] = ()) -> list[str]:
    """Return every mention, foreign link and turned-round text in a payload, wherever Slack would draw one."""
    found: list[str] = []
    for node in nodes(payload):
        if node.get("type") == "mrkdwn":
            links = "".join(rf"|<{re.escape(url)}\|[\w ]+>" for url in (PUBLIC_URL, *urls))
            ours = re.sub(
                rf"(?m:^>)|<@(?:{OTTO}|{ADA}|{BEA}|{INVITED})>|<#{CHANNEL}>|<!date\^\d+\^[^<>|]*\|[^<>]*>{links}",
                "",
                node["text"],
            )
            found += [f"mrkdwn: {ours}"] if re.search(r"[<>]|@(?:channel|here|everyone)|://", ours) else []
            found += [] if node.get("verbatim") is True else [f"not verbatim: {ours}"]
        elif node.get("type") in {"user", "usergroup", "broadcast", "link", "channel", "emoji", "team"}:
            found.append(f"rich text: {node}")
        elif node.get("type") == "plain_text" and node.get("emoji") is not False:
            found.append(f"emoji: {node}")
        if "url" in node and node["url"] not in {PUBLIC_URL, *urls}:
            found.append(f"link: {node['url']}")
        words = node.get("text")
        if isinstance(words, str) and DIRECTIONS.search(words):
            found.append(f"direction: {words!r}")
    return found


def nodes(payload: Any) -> Iterable[Json]:
    if isinstance(payload, dict):
        yield payload
        for value in payload.values():
            yield from nodes(value)
    elif isinstance(payload, list | tuple):
        for item in payload:
            yield from nodes(item)


def top_level(words: str) -> list[str]:
    """Return what is wrong with a message's own text, in which Slack looks for mentions and links."""
    return [f"text: {words}"] if re.search(r"[<>]", words) or DIRECTIONS.search(words) else []


def faults_of(shown: Any) -> list[str]:
    """Return what Slack would refuse of what a view returned, and what is wrong with it."""
    if isinstance(shown, Message):
        body = shown.body
        text = body["text"]
        if shown.ours:
            own = rf"{MENTION_OF_OURS}|<#{CHANNEL}>|<!date\^\d+\^[^<>|]*\|[^<>]*>"
            text = re.sub(own, "", text)
        return [*message_faults(body["blocks"]), *wrongs(body["blocks"]), *top_level(text)]
    if isinstance(shown, dict) and shown["type"] not in {"modal", "home"}:
        shown = [shown]
    if isinstance(shown, list):
        options = bool(shown) and "type" not in shown[0]
        return [
            *(option_faults({"options": shown}) if options else message_faults(blocks(shown))),
            *wrongs(shown),
        ]
    return [*view_faults(shown), *wrongs(shown)]


def blocks(shown: list[Json]) -> list[Json]:
    """Return blocks as they are, and elements in a block."""
    elements = bool(shown) and shown[0]["type"] in {"button", "overflow", "static_select", "workflow_button"}
    return [{"type": "actions", "elements": shown}] if elements else shown


# One of everything, with a name of one's choice


class Specimens:
    """Values for the arguments of any view, all of whose words are one string."""

    def __init__(self, offered: Sequence[PlatformSettings], commands: Sequence[Route]) -> None:
        self.offered = offered
        self.commands = list(commands)
        self.text = ""

    def arguments(self, view: Callable[..., Any]) -> Json:
        return {name: self.of(hint, name, view.__name__) for name, hint in hints_of(view).items()}

    def of(self, hint: Any, name: str = "", view: str = "") -> Any:
        if name in OURS and not (name == "by" and view in NAMES_A_PERSON):
            return OURS[name]
        if name == "zone" and hint is str:
            return "Europe/Berlin"
        if name == "platform" and hint is str:
            return self.offered[0].platform.key
        if isinstance(hint, type) and issubclass(hint, SQLModel):
            return self.row(hint)
        if isinstance(hint, type) and issubclass(hint, Notification):
            return self.notification(hint)
        if (made := self.values().get(hint)) is not None:
            return made() if callable(made) else made
        return self.filled(hint, view) if get_origin(hint) is None else self.several(hint, name, view)

    def several(self, hint: Any, name: str, view: str) -> Any:
        """Return what a hint with parameters asks for: one of two types, a mapping, or two of a kind."""
        origin, inner = get_origin(hint), get_args(hint)
        if origin in {Union, UnionType}:
            return self.of(next(one for one in inner if one is not NoneType), name, view)
        if origin is Mapping:
            key = {str: BLUE, Platform: "x"}.get(inner[1], self.seat().organization_id)
            return {key: self.text if inner[1] is str else self.of(inner[1])}
        if hint == Json:
            return kit.words(self.text)
        if origin is dict:
            return {ACCOUNT: self.of(inner[1], "", view)}
        if origin is tuple:
            return tuple(
                self.of(one, "", view) for one in (inner[0], inner[0] if inner[-1] is ... else inner[1])
            )
        known = {Command: self.commands, PlatformSettings: self.offered, Candidate: [self.of(Candidate)]}
        return known.get(inner[0]) or [self.of(inner[0]), self.of(inner[0])]

    def filled(self, hint: Any, view: str) -> Any:
        """Return one of these facts with every field filled, or a member of these codes."""
        if isinstance(hint, type) and issubclass(hint, Enum):
            return next(iter(hint))
        assert dataclasses.is_dataclass(hint), f"what may {hint} be?"
        kind: Any = hint
        return kind(**{name: self.of(one, name, view) for name, one in hints_of(kind).items()})

    def values(self) -> dict[Any, Any]:
        found = self.offered[0]
        app = next(iter(found.clients.values())).app
        return {
            str: self.text,
            Any: self.text,
            ZoneInfo: lambda: ZoneInfo("Europe/Berlin"),
            int: 3,
            float: 3.0,
            bool: True,
            datetime: lambda: datetime.now(UTC),
            timedelta: timedelta(days=2),
            time: time(9, 30),
            Role: Role.OWNER,
            Platform: found.platform,
            App: app,
            PlatformSettings: lambda: max(self.offered, key=lambda one: len(one.clients)),
            PlatformOf: lambda: lambda _: found.platform,
            Candidate: lambda: Candidate(
                profile=self.card(found.platform, app), facts=FACTS, wanted=Format.TEXT
            ),
            Written: lambda: Written(
                text=self.text,
                media=(self.filled(Media, ""),) * 2,
                accounts=(ACCOUNT,),
                details={
                    ACCOUNT: Details(
                        title=self.text[:100], own_text=self.text, thread=(ThreadPart(text=self.text),)
                    )
                },
                link=self.text,
                first_comment=self.text,
            ),
            ProblemsError: lambda: ProblemsError(
                [AccountProblems(candidate=self.of(Candidate), problems=(self.of(PublishingProblem),))],
                self.of(Written),
            ),
            TextProblemsError: lambda: TextProblemsError([self.of(PublishingProblem)], "x", FACTS),
            PublishingFacts: lambda: FACTS,
            PublishingProblem: PublishingProblem(
                field="title", defect=Defect.BAD_CHARACTER, actual=self.text
            ),
            PostFault: lambda: PostFault(kind=FaultKind.CONTENT, problem=self.of(PublishingProblem)),
            PlatformError: Rejected(self.text),
            ServiceError: NotFoundError(Thing.POST),
            RevocationResult: RevocationResult.OVER,
            DeletionOutlook: lambda: DeletionOutlook(
                organization_id="org_0",
                organization=self.text,
                platforms=["x", "youtube"],
                inventory=Inventory(members=2, sign_ins=2, shared_sign_ins=1),
                waiting_posts=2,
            ),
            ReceiptLine: lambda: ReceiptLine(
                account=self.text, platform="x", result=RevocationResult.REFUSED, code=self.text
            ),
            ReconnectLink: lambda: ReconnectLink(
                url=PUBLIC_URL,
                platform=found.platform,
                accounts=[self.row(Account)] * 7,
                organization=self.text,
                whose=self.sign_in_as(),
            ),
            Outlook: Outlook(revocation=RevocationResult.OVER, posts=3),
            AccountProfile: lambda: self.card(found.platform, app),
            IncidentCard: lambda: self.incident_card(found.platform),
            RequestFacts: lambda: RequestFacts(card=self.incident_card(found.platform), asked_by=OTTO),
            DigestFacts: lambda: DigestFacts(
                organization=self.text,
                accounts=(),
                incidents=(self.incident_card(found.platform),) * 2,
                every="week",
            ),
            Page: lambda: Page(
                shown=[self.card(found.platform, app)] * 2, number=1, of=3, story="home", value="org_0/"
            ),
            Seat: self.seat,
            Summary: self.summary,
            Reader: lambda: Reader(
                realm=BLUE,
                seats=(self.seat(), self.seat("1")),
                seat=self.seat(),
                about={self.seat().organization_id: self.summary()},
            ),
            Sender: Sender(user_id=OTTO, team_id=BLUE, enterprise_id=None, channel_id=CHANNEL),
            Removed: Removed.MEMBERSHIP,
            SignInAs: self.sign_in_as(),
            Roster: self.roster,
            Overview: self.overview,
            OpenCodes: lambda: OpenCodes(
                organization_id=self.seat().organization_id,
                organization=self.text,
                codes=[self.row(JoinCode)] * 2,
                makers={"mem_0": self.row(Membership)},
            ),
            Standing: lambda: Standing(
                choices=(self.seat(), self.seat("1")),
                default_organization_id=self.seat().organization_id,
                certain=True,
            ),
            Message: lambda: Message(text=self.text, blocks=[kit.words(self.text)]),
            Choice: lambda: Choice(
                platform=found.platform,
                discovery=self.row(Discovery),
                usable=2,
                preselected=[self.row(FoundAccount)],
                blocked=[self.row(FoundAccount)] * 2,
                blocked_total=30,
            ),
            Chosen: lambda: Chosen(
                platform=found.platform, accounts=[self.row(Account)] * 7, cannot_publish=[self.unable()]
            ),
            AccessAsked: AccessAsked(came_to=Asked.SENT, owners=(OTTO, ADA)),
            Switched: lambda: Switched(organization=self.text),
            WhoCanHelp: WhoCanHelp(
                asks=Asks.ROLE,
                role=Role.ADMIN,
                member=False,
                doors=[Door(organization_id="org_0123456789abcdef0123", owners=(OTTO, ADA))] * 2,
            ),
            CannotPublish: self.unable,
            Disconnection: lambda: Disconnection(
                account=self.row(Account), platform=found.platform, revocation=None
            ),
        }

    def unable(self) -> CannotPublish:
        """Return an account that can't publish, of another name than those that can."""
        return CannotPublish(name=f"{self.text}2", problem=Problem.ROLE_FORBIDS)

    def row(self, model: type[SQLModel]) -> Any:
        words = dict.fromkeys(("name", "handle", "kind", "detail", "external_name"), self.text)
        ids = {
            "id": "acc_0123456789abcdef0123",
            "organization_id": "org_0123456789abcdef0123",
            "user_id": OTTO,
        }
        return model(
            **ids,
            **words,
            url=PUBLIC_URL,
            platform=self.offered[0].platform.key,
            app=next(iter(self.offered[0].clients)),
            remote_id=self.text or "r",
            team_id=BLUE,
            role=Role.ADMIN,
            blocker=Blocker.SUSPENDED,
            hints=[str(hint) for hint in Hint][:3],
            scopes=[],
            status=GrantStatus.HEALTHY,
            renewed_at=datetime.now(UTC),
            channel_id=CHANNEL,
            trouble="is_archived",
            realm=BLUE,
            code_hash=bytes(32),
            created_by="mem_0",
            expires_at=datetime.now(UTC),
        )

    def sign_in_as(self) -> SignInAs:
        return SignInAs(name=self.text, handle=self.text, picture=picture(f"https://cdn.example/{self.text}"))

    def seat(self, last: str = "0") -> Seat:
        return Seat(
            membership_id=f"mem_{last * 20}",
            organization_id=f"org_{last * 20}",
            organization_name=self.text,
            role=Role.OWNER,
        )

    def summary(self) -> Summary:
        owners = [Owner(realm=realm, user_id=OTTO, workspace=self.text) for realm in (BLUE, ACME, BLUE)]
        return Summary(
            organization_id=self.seat().organization_id, name=self.text, owners=tuple(owners), accounts=3
        )

    def overview(self) -> Overview:
        invitation: Any = self.notification(InvitationReceived)
        return Overview(invitations=[invitation] * 4, summaries={self.seat().organization_id: self.summary()})

    def roster(self) -> Roster:
        return Roster(
            organization_id=self.seat().organization_id,
            organization=self.text,
            role=Role.OWNER,
            members=[self.row(Membership)] * 2,
            invitations=[self.row(Invitation)] * 2,
            workspaces={BLUE: self.text},
        )

    def card(self, platform: Platform, app: App) -> AccountProfile:
        state = AccountState(
            account=self.row(Account),
            grant=self.row(Grant),
            platform=platform,
            can=frozenset(Capability),
            missing=app.scopes[:2],
        )
        return AccountProfile(
            account=state.account,
            grant=state.grant,
            platform=platform,
            organization=self.text,
            can=state.can,
            missing=state.missing,
            diagnosis=diagnose(state),
            label=self.text,
            connected_by=OTTO,
        )

    def incident_card(self, platform: Platform) -> IncidentCard:
        incident = Incident(
            id="inc_0123456789abcdef0123",
            organization_id="org_0123456789abcdef0123",
            generation=1,
            kind=IncidentKind.NEEDS_RECONNECT,
            platform=platform.key,
            accounts={str(number): self.text for number in range(7)},
            connected_by="mem_0",
            code=self.text,
            claimed_by="mem_0",
            renewed={str(number): self.text for number in range(6)},
            late_posts=2,
            late_answer=LateAnswer.RELEASED,
        )
        person = self.row(Membership)
        incident.card = StoredCard(
            incident_id=incident.id, organization_id=incident.organization_id, channel_error=self.text
        )
        return IncidentCard(
            incident=incident,
            platform=platform,
            organization=self.text,
            sign_in_as=self.sign_in_as(),
            connector=person,
            claimer=person,
            resolver=person,
            lost_channel=CHANNEL,
            waiting=Waiting(posts=2, first=datetime.now(UTC)),
            late=2,
            answerer=person,
        )

    def notification(self, kind: type[Notification]) -> Notification:
        """Return a notification of this kind, with every fact that is somebody's own words hostile."""
        found = self.offered[0]
        app = next(iter(found.clients.values())).app
        ours = {
            "platform": found.platform.key,
            "app": app.key,
            "organization_id": self.seat().organization_id,
            "discovery_id": "dis_0123456789abcdef0123",
            "hints": tuple(str(hint) for hint in Hint),
            "missing": tuple(scope.name for scope in app.scopes),
            "failure": Failure(verdict="Rejected", code="invalid_scope"),
            "blocked": (BlockedAccount(name=self.text, reason=Blocker.SUSPENDED),) * 4,
            "cannot_publish": (self.unable(),),
            "action_id": "connect.start",
            "code": "invalid_client",
            "channel_id": CHANNEL,
            "realm": BLUE,
            "text": f"🙋 {MENTION_OF_OURS} is on it.",
        }
        hints = get_type_hints(kind)
        values = {
            each.name: ours[each.name] if each.name in ours else self.fact(hints[each.name], each.name)
            for each in dataclasses.fields(kind)
        }
        return kind(**values)

    def fact(self, hint: Any, name: str) -> Any:
        if get_origin(hint) in {Union, UnionType}:
            hint = next(one for one in get_args(hint) if one is not NoneType)
        inner = get_args(hint)
        if get_origin(hint) is tuple:
            if dataclasses.is_dataclass(inner[0]):
                return (self.of(inner[0]),) * 2
            words = OTTO if name == "owners" else self.text
            return (words,) * (2 if inner[-1] is not Ellipsis else 7)
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            return next(iter(hint))
        if name.endswith("_id") or name in {
            "asked_by",
            "by",
            "changed_by",
            "invited_by",
            "removed_by",
            "answered_by",
            "chosen_by",
        }:
            return OTTO
        return Role.ADMIN if name == "role" else self.of(hint)


@functools.cache
def hints_of(view: Callable[..., Any]) -> Mapping[str, Any]:
    module = inspect.getmodule(view)
    hints = get_type_hints(view, globalns=vars(module) | NAMESPACE | only_for_types(module))
    return {name: hint for name, hint in hints.items() if name != "return"}


def only_for_types(module: ModuleType | None) -> dict[str, Any]:
    """Return what a module imports for its annotations alone."""
    assert module is not None
    imports = [
        each
        for block in ast.parse(inspect.getsource(module)).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for each in block.body
        if isinstance(each, ast.ImportFrom)
    ]
    found = ((importlib.import_module(each.module or ""), alias) for each in imports for alias in each.names)
    return {
        alias.asname or alias.name: getattr(source, alias.name)
        for source, alias in found
        if alias.name not in NAMESPACE
    }


PlatformOf = Callable[[str], Platform]
NAMESPACE: dict[str, Any] = {"Json": Json, "PlatformOf": PlatformOf}
"""What modules define for their annotations alone."""


def views_there_are() -> dict[str, Callable[..., Any]]:
    """Return every public view: what returns a message, blocks, options or a modal."""
    found: dict[str, Callable[..., Any]] = {}
    for module in pkgutil.walk_packages(bot.views.__path__, "bot.views."):
        loaded = importlib.import_module(module.name)
        for name, view in inspect.getmembers(loaded, inspect.isfunction):
            if view.__module__ != module.name or name.startswith("_") or loaded is kit:
                continue
            returns = str(view.__annotations__["return"])
            if returns in {"Json", "list[Json]", "kit.Json", "list[kit.Json]", "Message"}:
                found[f"{module.name}.{name}"] = view
    return {name: view for name, view in found.items() if name not in PIECES}


def test_names_in_every_view_mention_nobody_and_link_nowhere(
    record_property: Callable[[str, object], None],
) -> None:
    made, views = settings(), views_there_are()
    specimens = Specimens([one for one in made.platforms().values() if one.clients], routes_of().commands())
    tried, wrong = 0, {}

    for words in sampled(strings(1000), 240):
        specimens.text = words
        for name, view in views.items():
            tried += 1
            if faults := faults_of(view(**specimens.arguments(view))):
                wrong[name, words[:60]] = faults[:2]

    assert len(views) >= 25
    assert dict(list(wrong.items())[:5]) == {}
    record_property(
        "counted", f"text: {tried} payloads of {len(views)} views, 0 mentions, 0 foreign links, 0 refused"
    )


@pytest.mark.parametrize("words", ["<!channel>", "<https://evil.example|Acme>", "@here", "\u202eevil", "*x*"])
def test_what_would_be_wrong_is_found(words: str) -> None:
    as_mrkdwn = {"type": "section", "text": {"type": "mrkdwn", "text": words, "verbatim": True}}
    linked = kit.words(f"See {words}") | {"accessory": {"type": "button", "url": "https://evil.example"}}

    assert bool(wrongs([as_mrkdwn])) == (words != "*x*")
    assert wrongs([linked])
    assert wrongs([as_mrkdwn | {"text": {"type": "mrkdwn", "text": "fine"}}])
    assert bool(top_level(words)) == any(sign in words for sign in "<>\u202e")


def test_an_escaped_name_is_one_line_of_letters() -> None:
    escaped = [kit.escape(words) for words in strings(1000)]

    assert [one for one in escaped if re.search(r"[<>\n\r]|://|[@#*_~`](?!\u200b)", one)] == []


# Through Slack, with names from where they come from


async def rename_everything(office: Office, words: str) -> None:
    """Give everything whose name is not ours this name."""
    columns = {
        "organization": ("name",),
        "workspace": ("name",),
        "account": ("name", "handle", "kind"),
        "found_account": ("name", "handle", "kind"),
        "place": ("name", "detail"),
        "grant_": ("external_name",),
    }
    async with office.database.system() as session:
        connection = await session.connection()
        for table, names in columns.items():
            assign = ", ".join(f"{name} = :words" for name in names)
            await connection.execute(text(f"UPDATE {table} SET {assign}"), {"words": words})  # noqa: S608


async def test_names_stay_names_in_everything_slack_is_sent(
    office: Office, record_property: Callable[[str, object], None]
) -> None:
    await office.installed(ADA)
    desk = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    owner = await first_organization(office, ACME)
    mine = await belongings(office, "Almond", owner)
    await seat(office, mine.organization, BEA, ACME, Role.MEMBER, BLUE)
    target, answers = f"{mine.organization}/{mine.account}", 0
    wrong: list[tuple[str, str, list[str]]] = []

    for words in sampled(strings(70), 35):
        if not words.strip():
            continue
        await rename_everything(office, words)
        for body in (
            desk.command(ADA, f"org rename {words}"),
            desk.command(ADA, "accounts"),
            desk.command(ADA, "status"),
            desk.command(ADA, "org"),
            desk.command(ADA, words),
            desk.command(ADA, f"disconnect {words}"),
            desk.command(ADA, f"connect {words}"),
            desk.command(ADA, f"org invite {words}"),
            desk.action(ADA, "org.members", f"{mine.organization}/"),
            desk.action(ADA, "account.disconnect", target),
            desk.action(ADA, "account.places", target),
            desk.action(ADA, "connect.choose", f"{mine.organization}/{mine.discovery}"),
            desk.action(ADA, "connect.start", ""),
            desk.options(ADA, "connect.search", f"{mine.organization}/{mine.discovery}"),
            desk.options(ADA, "account.place", target),
        ):
            answer = await desk.send(body)
            answers += 1
            payload = [answer.response, [m.blocks for m in answer.messages]]
            payload.append(answer.view.payload if answer.view else {})
            # A name that reads like a platform's, such as "x" between marks of direction, gets that platform's link.
            links = [
                each["url"]
                for each in nodes(payload)
                if str(each.get("url", "")).startswith(f"{office.url}/connect/")
            ]
            found = [
                *answer.faults,
                *wrongs(payload, urls=links),
                *top_level(str(answer.response.get("text", ""))),
            ]
            found += [fault for m in answer.messages for fault in top_level(m.text)]
            found += (
                [] if answer.outcomes != ("incident",) and answer.status == 200 else [str(answer.outcomes)]
            )
            wrong += [(words, str(body.get("text") or body.get("actions")), found)] if found else []
            # Links that only this test asks for.
            async with office.database.system() as session:
                await (await session.connection()).execute(text("DELETE FROM ticket"))
        home = await desk.slack.open_home(ADA)
        found = wrongs(home.payload, urls=[f"{office.url}/privacy"])
        wrong += [(words, "home", found)] if found else []

    assert wrong[:3] == []
    assert desk.slack.state.complaints == []
    record_property(
        "counted", f"text: {answers} answers over the wire, 0 mentions, 0 foreign links, 0 refused"
    )


async def test_a_platforms_names_reach_slack_as_letters(office: Office) -> None:
    ada = await office.installed(ADA)
    await office.person(OTTO)
    hostile = "<!channel> <https://evil.example|Acme> `x` @here\u202e"
    for platform, person in {"x": "4711", "tiktok": "octa_demo"}.items():
        simulator = office.world.platforms[platform]
        one = simulator.people[person]
        simulator.people[person] = dataclasses.replace(one, name=hostile)
        before = len(ada.direct_messages())
        await ada.connect(platform, Consent(person=person))
        message = ada.direct_messages()[before]

        assert wrongs(message.blocks) == []
        assert top_level(message.text) == []
        assert "evil.example" in str(message.blocks)

    answer = await ada.command("accounts")
    links = {node["url"] for node in nodes(answer.blocks) if "url" in node}
    assert len(links) == 2
    assert wrongs(answer.blocks, urls=links) == []
    assert all(re.match(r"https://(www\.)?(x|twitter|tiktok)\.com/", link) for link in links)
    assert office.slack.state.complaints == []


@pytest.mark.parametrize(
    "words", ["\u202egnilaets", "Acme\u2066", "a\x00b", "\ud800", "\u200b\u200b"], ids=range(5)
)
async def test_an_organization_is_named_in_letters_that_can_be_kept_and_read(
    either_office: Office, words: str
) -> None:
    await either_office.installed(ADA)
    desk = Desk(office=either_office, team_id=ACME, channel_id="C0ACMESOC")
    body = desk.command(ADA, "org rename x")

    answer = await desk.send(body | {"text": f"org rename {words.encode('utf-8', 'replace').decode()}"})

    assert answer.outcomes in {("ok",), ("bad_input",)}
    assert not DIRECTIONS.search(answer.everything)
