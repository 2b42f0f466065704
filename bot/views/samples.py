"""One example of each kind of thing the product shows, drawn by the views themselves.

`octapost doctor --slack` asks Slack whether it takes them. A test compares them with everything the stories say: every
combination of surface, block and element is in one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from adapters.base import (
    Blocker,
    Capability,
    Hint,
    Platform,
)
from bot.services.accounts.choosing import Choice
from bot.services.accounts.diagnosis import Diagnosis
from bot.services.accounts.disconnecting import Outlook
from bot.services.accounts.problems import BlockedAccount, Problem
from bot.services.accounts.profiles import AccountProfile
from bot.services.accounts.revoking import RevocationResult
from bot.services.accounts.sign_in_as import SignInAs
from bot.services.incidents.card_facts import IncidentCard, RequestFacts
from bot.services.notifications import (
    ConsentSettled,
    InvitationReceived,
    OperatorNeeded,
    Welcome,
)
from bot.services.organizations.access_requests import Asks, Door, WhoCanHelp
from bot.services.organizations.deletion import DeletionOutlook
from bot.services.organizations.join_codes import OpenCodes
from bot.services.organizations.members import Roster
from bot.services.organizations.notifications import AccessRequested
from bot.views import (
    access_requests,
    accounts,
    alerts,
    connect,
    consent,
    deletion,
    doctor,
    home,
    incidents,
    invitations,
    join_codes,
    kit,
    lifecycle,
    members,
    operator,
    picker,
    reconnect_requests,
    sign_in_as,
    waiting,
)
from bot.views.publishing import samples as publishing
from storage import models
from storage.deletions import Inventory
from storage.models import Role
from storage.organization_summaries import Owner, Summary
from storage.posts import Waiting
from storage.standing import Seat

if TYPE_CHECKING:
    from bot.settings import PlatformSettings

ORGANIZATION, NAME = "org_00000000000000000000", "Blue Door Bakery"
WORKSPACE, PERSON, CHANNEL = "T0123ABCD", "U0123ABCD", "C0123ABCD"
URL = "https://octapost.example.com/connect/ticket"
HIGHEST = max(Role)
"""Who may do everything is shown every button."""
WHEN = datetime(2026, 12, 1, 9, tzinfo=UTC)


class Surface(StrEnum):
    """What Slack checks a payload as."""

    MESSAGE = "message"
    VIEW = "view"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A payload, and the view that drew it."""

    name: str
    surface: Surface
    payload: Mapping[str, Any]


def samples(offered: Mapping[str, PlatformSettings]) -> Iterator[Sample]:
    """Yield the examples, for the platforms there are."""
    platforms = [each.platform for each in offered.values()]
    for name, message in _messages(list(offered.values()), platforms[0]):
        blocks = message if isinstance(message, list) else list(message.blocks)
        yield Sample(name=name, surface=Surface.MESSAGE, payload={"blocks": blocks})
    for name, view in _views(platforms):
        yield Sample(name=name, surface=Surface.VIEW, payload=view)


def _messages(offered: list[PlatformSettings], platform: Platform) -> Iterator[tuple[str, Any]]:
    """Yield messages, or blocks of a message."""
    app = platform.apps[0]
    settled = ConsentSettled(
        organization_id=ORGANIZATION,
        organization=NAME,
        platform=platform.key,
        app=app.key,
        attached=("Octa Demo",),
        to_choose=7,
        discovery_id="dis_00000000000000000000",
        blocked=(BlockedAccount(name="Octa Other", reason=Blocker.SUSPENDED),),
        hints=tuple(str(hint) for hint in Hint),
        missing=tuple(scope.name for scope in app.scopes),
    )
    profiles = [_profile(platform, Problem.NONE), _profile(platform, Problem.GRANT_DEAD)]
    part = accounts.page(profiles * 6, 0, size=5, story="accounts", value=f"{ORGANIZATION}/")
    yield (
        "lifecycle.welcome",
        lifecycle.welcome(Welcome(workspace=NAME, organization=NAME, organization_id=ORGANIZATION)),
    )
    if ready := [each for each in offered if each.clients]:
        yield "connect.platforms", connect.platforms(ready, ORGANIZATION, NAME)
    yield "connect.invitation", connect.invitation(platform, app, NAME, URL)
    yield "consent.settled", consent.settled(settled, platform)
    yield "accounts.cards", accounts.cards(part, HIGHEST)
    yield "accounts.which", accounts.which([profiles] * 2, ORGANIZATION, "Octa")
    yield "doctor.examined", doctor.examined(NAME, profiles, HIGHEST)
    yield "alerts.settings", alerts.settings(NAME, _alert_settings())
    yield "incidents.card", incidents.card(_incident(platform))
    yield (
        "reconnect_requests.request",
        reconnect_requests.request(RequestFacts(card=_incident(platform), asked_by=PERSON)),
    )
    yield "invitations.message", invitations.message(_invitation())
    yield "access_requests.refused", access_requests.refused("This needs an admin.", _helpers())
    yield "access_requests.asks", access_requests.asks(_access_requested())
    yield "join_codes.made", join_codes.made(NAME, "ABCD-EFGH-JKLM-NPQR", HIGHEST)
    yield "join_codes.codes", join_codes.codes(_codes())
    whom = SignInAs(name="Octa Demo", handle="@octa_demo", picture="https://octapost.example.com/octa.png")
    yield "sign_in_as.block", sign_in_as.block(whom, platform)
    yield from publishing.messages(platform)
    yield (
        "operator.needs_you",
        operator.needs_you(OperatorNeeded(platform=platform.key, code="invalid_client"), platform),
    )


def _views(platforms: list[Platform]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield modals and the home tab."""
    platform = platforms[0]
    placed = next((each for each in platforms if each.place != "place"), platform)
    profile, seat = _profile(platform, Problem.NONE), _seat("0")
    reader = home.Reader(
        realm=WORKSPACE, seats=(seat, _seat("1")), seat=seat, about={ORGANIZATION: _summary()}
    )
    value = f"{ORGANIZATION}/dis_00000000000000000000"
    yield (
        "home.home",
        home.with_invitations(
            home.home(reader, [profile, _profile(platform, Problem.GRANT_DEAD)], _alert_settings()),
            [_invitation()],
        ),
    )
    links = home.Links(privacy="https://octapost.example.com/privacy", support="mailto:help@example.com")
    yield (
        "home.with_footer",
        home.with_footer(
            home.welcome(kit.Message(text="", blocks=[kit.words("You are in no organization yet.")])), links
        ),
    )
    yield "home.welcome", home.welcome(access_requests.refused("You are in no organization yet.", _helpers()))
    yield "doctor.details", doctor.details(profile, HIGHEST)
    yield "picker.picker", picker.picker(_choice(platform), NAME, value)
    yield "accounts.places", accounts.places("octa_demo", placed, 120, value)
    yield (
        "accounts.confirm_disconnect",
        accounts.confirm_disconnect(profile, Outlook(revocation=RevocationResult.REVOKED, posts=2)),
    )
    outlook = DeletionOutlook(
        organization_id=ORGANIZATION,
        organization=NAME,
        platforms=[platform.key],
        inventory=Inventory(members=2, sign_ins=2, shared_sign_ins=2),
        waiting_posts=2,
    )
    yield "deletion.confirm", deletion.confirm(outlook, {platform.key: platform.name})
    yield "alerts.form", alerts.form(_alert_settings())
    yield from publishing.forms(profile, value)
    yield "reconnect_requests.send_to", reconnect_requests.send_to(_incident(platform))
    yield "members.members", members.members(_roster())
    yield "connect.which_organization", connect.which_organization([_summary()] * 2, WORKSPACE, platform.key)
    yield "kit.modal", kit.modal("Octapost", [kit.words("Type `/octapost help` to see what I can do.")])
    yield "connect.go_on", connect.go_on(connect.invitation(platform, platform.apps[0], NAME, URL))
    yield "waiting.loading", waiting.loading("Choose accounts")


def _profile(platform: Platform, problem: Problem) -> AccountProfile:
    grant = models.Grant(platform=platform.key, app=platform.apps[0].key, status="healthy", renewed_at=WHEN)
    account = models.Account(
        organization_id=ORGANIZATION,
        grant_id=grant.id,
        platform=platform.key,
        app=platform.apps[0].key,
        remote_id="1",
        kind="Page",
        name="Octa Demo",
        handle="octa_demo",
        url="https://example.com/octa_demo",
        connected_by="mem_00000000000000000000",
        connected_at=WHEN,
    )
    return AccountProfile(
        account=account,
        label="Octa Demo (@octa_demo)",
        grant=grant,
        platform=platform,
        organization=NAME,
        can=frozenset(Capability),
        missing=platform.apps[0].scopes[:2],
        diagnosis=Diagnosis(platform=platform, account=account.name, problem=problem, since=WHEN),
        connected_by=PERSON,
    )


def _incident(platform: Platform) -> IncidentCard:
    person = _person(HIGHEST)
    incident = models.Incident(
        organization_id=ORGANIZATION,
        generation=1,
        kind=models.IncidentKind.NEEDS_RECONNECT,
        platform=platform.key,
        accounts={"1": "Octa Demo", "2": "Octa Other"},
        connected_by=person.id,
        code="invalid_grant",
    )
    incident.card = models.IncidentCard(incident_id=incident.id, organization_id=ORGANIZATION)
    return IncidentCard(
        incident=incident,
        platform=platform,
        organization=NAME,
        connector=person,
        lost_channel=CHANNEL,
        waiting=Waiting(posts=2, first=WHEN),
        late=2,
    )


def _person(role: Role) -> models.Membership:
    return models.Membership(
        organization_id=ORGANIZATION,
        realm=WORKSPACE,
        user_id=PERSON,
        team_id=WORKSPACE,
        role=role,
        created_at=WHEN,
    )


def _seat(last: str) -> Seat:
    return Seat(
        membership_id=f"mem_{last * 20}",
        organization_id=f"org_{last * 20}",
        organization_name=f"{NAME} {last}",
        role=HIGHEST,
    )


def _summary() -> Summary:
    owner = Owner(realm=WORKSPACE, user_id=PERSON, workspace=NAME)
    return Summary(organization_id=ORGANIZATION, name=NAME, owners=(owner,), accounts=3)


def _alert_settings() -> models.AlertSettings:
    return models.AlertSettings(
        organization_id=ORGANIZATION,
        slack_id=WORKSPACE,
        channel_id=CHANNEL,
        quiet_from="22:00",
        quiet_to="07:00",
        timezone="Europe/Berlin",
    )


def _invitation() -> InvitationReceived:
    return InvitationReceived(
        invitation_id="inv_00000000000000000000",
        organization=_summary(),
        realm=WORKSPACE,
        role=HIGHEST,
        expires_at=WHEN,
        invited_by=PERSON,
    )


def _helpers() -> WhoCanHelp:
    doors = [Door(organization_id=ORGANIZATION, owners=(PERSON,))]
    return WhoCanHelp(asks=Asks.ROLE, role=HIGHEST, member=False, doors=doors)


def _access_requested() -> AccessRequested:
    return AccessRequested(
        request_id="arq_00000000000000000000",
        organization_id=ORGANIZATION,
        organization=NAME,
        user_id=PERSON,
        role=HIGHEST,
        member=True,
    )


def _codes() -> OpenCodes:
    code = models.JoinCode(
        code_hash=bytes(32),
        organization_id=ORGANIZATION,
        role=HIGHEST,
        created_by="mem_00000000000000000000",
        expires_at=WHEN,
    )
    return OpenCodes(organization_id=ORGANIZATION, organization=NAME, codes=[code], makers={})


def _roster() -> Roster:
    invited = models.Invitation(
        organization_id=ORGANIZATION,
        realm=WORKSPACE,
        user_id=PERSON,
        team_id=WORKSPACE,
        role=HIGHEST,
        invited_by="mem_00000000000000000000",
        expires_at=WHEN,
    )
    return Roster(
        organization_id=ORGANIZATION,
        organization=NAME,
        role=HIGHEST,
        members=[_person(role) for role in Role],
        invitations=[invited],
        workspaces={WORKSPACE: NAME},
    )


def _choice(platform: Platform) -> Choice:
    found = models.Discovery(
        organization_id=ORGANIZATION,
        membership_id="mem_00000000000000000000",
        grant_id="grt_00000000000000000000",
        team_id=WORKSPACE,
        channel_id=CHANNEL,
        hints=[str(hint) for hint in Hint],
        expires_at=WHEN,
    )
    blocked = models.FoundAccount(
        organization_id=ORGANIZATION,
        discovery_id=found.id,
        position=0,
        search="octa",
        remote_id="1",
        kind="Page",
        name="Octa Other",
        blocker=Blocker.SUSPENDED,
    )
    return Choice(
        platform=platform, discovery=found, usable=7, preselected=[], blocked=[blocked], blocked_total=30
    )
