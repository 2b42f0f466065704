"""Who may do what: every route, by everybody, also with messages and modals from before the role changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.services.errors import ExternalUserError, NotAllowedError, NotMemberError, ServiceError
from bot.services.permissions import GRANTED_FROM, Permission, allows
from bot.slack.routes import Kind, Route, Who
from bot.views.errors import sentence
from sandbox.slack.state import View
from sandbox.slack.world import ACME, ADA, GUS, OTTO, SID
from storage.memberships import Members
from storage.models import Role
from tests.application import Office
from tests.counts import sampled
from tests.hostile.slack_side import (
    REFUSED,
    SILENT,
    Desk,
    Json,
    Tenant,
    belongings,
    changed,
    dump,
    first_organization,
    seat,
    squashed,
    texts,
)

CHANNEL = "C0LAUNCH"
"""Acme's channel that is shared with another company."""
MIA, ANN, EVE, LEO, PAT = "U0MIA", "U0ANN", "U0EVE", "U0LEO", "U0PAT"
SUBJECTS = {
    "a stranger": SID,
    "a person of the workspace": OTTO,
    "a guest of the workspace": GUS,
    "a member": MIA,
    "an admin": ANN,
    "an owner": ADA,
    "an admin who was made a member": EVE,
    "an admin who was removed": LEO,
}
NOW = {MIA: Role.MEMBER, ANN: Role.ADMIN, ADA: Role.OWNER, EVE: Role.MEMBER}
"""The roles people have when they ask."""
ANYONE: dict[tuple[Kind, str], tuple[str, Permission | None, frozenset[str]]] = {
    (Kind.COMMAND, "help"): ("names no organization", None, frozenset()),
    (Kind.ACTION, "help.show"): ("the same", None, frozenset()),
    (Kind.COMMAND, ""): ("asks for a seat in the handler", Permission.SEE_ACCOUNTS, frozenset()),
    (Kind.COMMAND, "debug"): ("shows people their own ids, for support", None, frozenset()),
    (Kind.COMMAND, "org"): (
        "asks for a seat in the handler: in any organization",
        Permission.SEE_ACCOUNTS,
        frozenset(),
    ),
    (Kind.COMMAND, "org create"): ("begins where there is none", None, frozenset({SID, GUS})),
    (Kind.COMMAND, "org join"): ("comes with a code instead of a seat", None, frozenset({SID, GUS})),
    (Kind.COMMAND, "org switch"): (
        "asks for a seat in the organization named",
        Permission.CHOOSE_CHANNELS,
        frozenset(),
    ),
    (Kind.COMMAND, "connect"): (
        "asks for an admin's seat in the handler, in any organization",
        Permission.CONNECT_ACCOUNTS,
        frozenset(),
    ),
    (Kind.SHORTCUT, "octapost_connect"): (
        "the same, without a channel",
        Permission.CONNECT_ACCOUNTS,
        frozenset(),
    ),
    (Kind.ACTION, "connect.start"): ("the same, from a button", Permission.CONNECT_ACCOUNTS, frozenset()),
    (Kind.ACTION, "invitation.accept"): ("counts for whoever was invited, only", None, frozenset()),
    (Kind.ACTION, "invitation.decline"): ("the same", None, frozenset()),
    (Kind.ACTION, "access.request"): ("asks owners of this workspace's organizations", None, frozenset()),
    (Kind.ACTION, "connect.open"): ("a link button: Slack only tells that it was pressed", None, frozenset()),
    (Kind.ACTION, "account.open"): ("a link button", None, frozenset()),
    (Kind.ACTION, "account.place"): ("a typeahead to look at, whose choice does nothing", None, frozenset()),
}
"""Routes that require no permission: why, what they ask for themselves, and whom they turn away."""
OBJECTS = {
    "access.approve": "access",
    "access.decline": "access",
    "account.details": "account",
    "account.disconnect": "account",
    "account.disconnected": "account",
    "account.place": "account",
    "account.places": "account",
    "account.reconnect": "account",
    "account.renew": "grant",
    "channel.approve": "request",
    "channel.decline": "request",
    "connect.choose": "discovery",
    "connect.picked": "discovery",
    "connect.resume": "pending",
    "connect.search": "discovery",
    "incident.claim": "incident",
    "incident.discard": "incident",
    "incident.publish": "incident",
    "incident.reconnect": "incident",
    "incident.send": "incident",
    "incident.sent": "incident",
    "incident.snooze": "incident",
    "incident.unclaim": "incident",
    "incident.who": "incident",
    "org.withdraw": "invitation",
    "posts.cancel": "post",
    "posts.details": "post",
    "posts.duplicate": "post",
    "posts.edit": "post",
    "posts.publish": "post",
    "sets.change": "set",
    "sets.delete": "set",
    "posts.reschedule": "post",
    "posts.rescheduled": "post",
    "posts.live": "post",
    "live.earlier": "post",
    "details.earlier": "post",
    "details.later": "post",
    "live.later": "post",
    "live.delete": "live",
    "live.edit": "live",
    "live.edited": "live",
    "submissions.publish": "submission",
    "submissions.return": "submission",
    "submissions.returned": "submission",
    "submissions.timed": "submission",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One request that somebody makes: now, or with what they kept from before."""

    subject: str
    user_id: str
    route: Route
    age: str
    body: Json
    view: View | None


def words_for(route: Route, mine: Tenant, user_id: str) -> str:
    """Return what has to follow the command so that it does something to the organization."""
    return {
        "accounts": "",
        "connect": "x",
        "disconnect": f"{mine.word} Crumbs",
        "reconnect": f"{mine.word} Crumbs",
        "org create": f"Bakery of {user_id}",
        "org join": "ABCD-EFGH-JKLM-NPQR",
        "org rename": "Stolen",
        "org switch": "Acme",
        "org code": "admin",
        "org invite": f"<@{PAT}> owner",
        "org role": f"<@{PAT}> owner",
        "org remove": f"<@{PAT}>",
    }.get(route.key, "")


def target_of(route: Route, mine: Tenant, spare: str) -> str:
    if route.key.startswith("connect.platform."):
        return f"{mine.organization}/{route.key.removeprefix('connect.platform.')}"
    if route.key == "org.change":
        return f"{mine.organization}/{spare}:owner"
    if (route.kind, route.key) == (Kind.ACTION, "account.place"):
        return f"t5_{mine.word}"
    if route.key in {"connect.start", "connect.open", "account.open", "help.show"}:
        return ""
    if route.key == "access.request":
        return f"{mine.organization}:admin"
    if route.key.startswith("invitation."):
        return mine.invitation
    if route.key.startswith("compose."):
        return f"{mine.organization}/{mine.draft}:"
    if route.key.startswith("post."):
        return f"{mine.organization}/{mine.delivery}"
    return f"{mine.organization}/{getattr(mine, OBJECTS[route.key]) if route.key in OBJECTS else ''}"


def inputs(mine: Tenant) -> Json:
    chosen = {"text": {"type": "plain_text", "text": "It"}}
    return {
        "picked": {"connect.search": {"selected_options": [chosen | {"value": mine.found}]}},
        "person": {"select": {"selected_users": [PAT], "selected_user": PAT}},
        "role": {"select": {"selected_option": chosen | {"value": "owner"}}},
        "text": {"compose.text": {"value": "Mugs"}},
        "reason": {"submissions.reason": {"value": "Say where"}},
        "name": {"sets.name": {"value": "Mugs"}},
        "accounts": {"slots.accounts": {"selected_options": [chosen | {"value": mine.account}]}},
        "zone": {"slots.zone": {"selected_option": chosen | {"value": "UTC"}}},
    }


def cells_of(desk: Desk, mine: Tenant, spare: str, *, fresh: bool) -> list[Cell]:
    """Return every request that people can make; not `fresh`: those they can keep for later."""
    found: list[Cell] = []
    for (subject, user_id), route in ((s, r) for s in SUBJECTS.items() for r in desk.office.parts.routes):
        where, target = (desk, subject, user_id, route), target_of_any(route, mine, spare, user_id)
        if route.kind is Kind.EVENT:
            continue
        if route.kind is Kind.ACTION:
            found.append(cell(*where, "fresh message" if fresh else "old message", target, mine))
        if fresh and route.kind in {Kind.COMMAND, Kind.SHORTCUT}:
            found.append(cell(*where, "fresh", target, mine))
        elif route.kind not in {Kind.COMMAND, Kind.SHORTCUT}:
            found.append(cell(*where, "fresh modal" if fresh else "old modal", target, mine))
    return found


def target_of_any(route: Route, mine: Tenant, spare: str, user_id: str) -> str:
    return words_for(route, mine, user_id) if route.kind is Kind.COMMAND else target_of(route, mine, spare)


def cell(desk: Desk, subject: str, user_id: str, route: Route, age: str, target: str, mine: Tenant) -> Cell:
    if route.kind is Kind.SUBMISSION:
        body = desk.submission(user_id, route.key, target, inputs(mine))
    else:
        body = desk.request(route, user_id, target, in_modal=age.endswith("modal"))
    view = desk.slack.state.top_view(user_id) if "view" in body else None
    return Cell(subject=subject, user_id=user_id, route=route, age=age, body=body, view=view)


def expected(one: Cell, organization: str) -> ServiceError | None:
    """Return the refusal that the table demands, or None for a request that reaches its handler."""
    needed = one.route.permission
    if isinstance(needed, Who):
        needed = ANYONE[one.route.kind, one.route.key][1] or needed
    if (
        one.subject == "a stranger" and one.route.kind is not Kind.COMMAND
    ):  # which names no workspace of theirs
        return ExternalUserError()
    if isinstance(needed, Who):
        return None
    role = NOW.get(one.user_id)
    if role is None:
        return NotMemberError()
    return None if allows(role, needed) else NotAllowedError(needed, organization)


async def test_everybody_may_do_what_the_table_says_and_nothing_else(
    office: Office, record_property: Callable[[str, object], None]
) -> None:
    await office.installed(ADA)
    desk = Desk(office=office, team_id=ACME, channel_id=CHANNEL)
    desk.slack.state.channels[CHANNEL].members.add(GUS)
    owner = await first_organization(office, ACME)
    mine = await belongings(office, "Almond", owner)
    spare = await seat(office, mine.organization, desk.person(PAT, "pat"), ACME, Role.MEMBER)
    for user_id, role in {MIA: Role.MEMBER, ANN: Role.ADMIN, EVE: Role.ADMIN, LEO: Role.ADMIN}.items():
        await seat(office, mine.organization, desk.person(user_id, user_id.lower()), ACME, role)
    kept = cells_of(desk, mine, spare.id, fresh=False)
    async with office.database.system() as session:
        members = Members(session)
        for user_id in (EVE, LEO):
            member = await members.find(mine.organization, ACME, user_id)
            assert member is not None
            if user_id == EVE:
                await members.set_role(mine.organization, member.id, Role.MEMBER)
            else:
                await members.end(mine.organization, member.id)
    table = [*kept, *cells_of(desk, mine, spare.id, fresh=True)]
    refused = sampled([one for one in table if expected(one, "Acme") or turned_away(one)], 29)
    before, wrong = await dump(office.database), []

    for one in refused:
        wrong += await tried(desk, one)
    left = changed(before, await dump(office.database))
    allowed = sampled([one for one in table if not (expected(one, "Acme") or turned_away(one))], 17)
    for one in allowed:
        wrong += await tried(desk, one)
        if one.route.key == "org.left":  # who has left is let in again, for what they ask next
            await seat(office, mine.organization, one.user_id, ACME, NOW[one.user_id])
    await office.parts.dispatcher.drain(10)

    assert wrong == []
    assert left == {}
    assert len(table) >= 630
    assert desk.slack.state.complaints == []
    record_property(
        "counted",
        f"roles: {len(refused) + len(allowed)} of {len(table)} cells as declared, {len(refused)} refusals"
        " without an effect",
    )


def turned_away(one: Cell) -> bool:
    """Tell whether the handler refuses this person itself, by a sentence of its own."""
    routed = ANYONE.get((one.route.kind, one.route.key))
    return routed is not None and one.user_id in routed[2]


async def tried(desk: Desk, one: Cell) -> list[str]:
    """Make the request, and return what was not as the table says."""
    if one.view is not None:
        desk.slack.state.modals[one.user_id] = [one.view]
    else:
        desk.slack.state.clear_views(one.user_id)
    body = desk.retriggered(one.body) if "user" in one.body else one.body
    answer = await desk.send(body)
    refusal = expected(one, "Acme")
    name = f"{one.subject}, {one.route.kind} {one.route.key}, {one.age}"
    if answer.status != 200:
        return [f"{name}: HTTP {answer.status}"]
    if refusal is not None:
        as_said = answer.outcomes == (refusal.code,)
        silent = one.route.kind in SILENT
        words = list(texts(answer.response)) + [w for m in answer.messages for w in texts(m.blocks)]
        words += list(texts(answer.view.blocks)) if answer.view else []
        polite = (
            answer.response.get("options", []) == []
            if silent
            else squashed(sentence(refusal)) in squashed("".join(words))
        )
        return (
            [] if as_said and polite and answer.places == (not silent) else [f"{name}: {answer.text[:200]}"]
        )
    if turned_away(one):
        return [] if answer.outcomes == ("bad_input",) else [f"{name}: {answer.outcomes}"]
    reached = len(answer.outcomes) == 1 and not REFUSED & set(answer.outcomes)
    return (
        []
        if reached and answer.outcomes != ("incident",)
        else [f"{name}: {answer.outcomes} {answer.text[:90]}"]
    )


async def test_every_route_declares_who_may_use_it_and_every_exception_is_listed(office: Office) -> None:
    declared = {(route.kind, route.key): route.permission for route in office.parts.routes}

    assert {needed for needed in declared.values() if not isinstance(needed, Who)} <= set(GRANTED_FROM)
    assert {key for key, needed in declared.items() if needed is Who.ANYONE} == set(ANYONE)
    assert all(reason for reason, _, _ in ANYONE.values())
    assert {key[0] for key, needed in declared.items() if needed is Who.SLACK} == {Kind.EVENT}
    assert all(needed is Who.SLACK for key, needed in declared.items() if key[0] is Kind.EVENT)


async def test_the_home_tab_shows_people_what_they_may_see(office: Office) -> None:
    await office.installed(ADA)
    desk = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    mine = await belongings(office, "Almond", await first_organization(office, ACME))
    for user_id, role in {MIA: Role.MEMBER, ANN: Role.ADMIN, LEO: Role.ADMIN}.items():
        await seat(office, mine.organization, desk.person(user_id, user_id.lower()), ACME, role)
    await desk.slack.open_home(LEO)
    async with office.database.system() as session:
        member = await Members(session).find(mine.organization, ACME, LEO)
        assert member is not None
        await Members(session).end(mine.organization, member.id)

    homes = {
        user_id: str((await desk.slack.open_home(user_id)).payload) for user_id in (ADA, ANN, MIA, OTTO, LEO)
    }

    sees = {user_id for user_id, home in homes.items() if "Almond Crumbs" in home}
    may_disconnect = {user_id for user_id, home in homes.items() if "account.disconnect" in home}
    assert sees == {ADA, ANN, MIA}
    assert may_disconnect == {ADA, ANN}
