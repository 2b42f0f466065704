"""Every handler, asked about what belongs to somebody else: it reads as if it were not there.

The cells come from the table of routes: a handler that is added is tried without a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import chain, product

from bot.slack.routes import Kind, Route
from bot.views.organizations import WHICH
from sandbox.slack.world import ACME, ADA, BEA, BLUE, OLGA, OTTO
from storage.models import Role, new_id, utc_now
from tests.application import Office
from tests.counts import FULL, in_full, sampled, tries
from tests.hostile.slack_side import (
    Answer,
    Desk,
    Json,
    Rows,
    Tenant,
    belongings,
    changed,
    dump,
    first_organization,
    seat,
    tenant,
)

PREFIXES = {
    "account": "acc",
    "grant": "grt",
    "sign-in": "grt",
    "discovery": "dis",
    "membership": "mem",
    "organization": "org",
    "found": "fnd",
    "incident": "inc",
    "invitation": "inv",
    "delivery": "dlv",
    "draft": "drf",
    "post": "pst",
    "set": "set",
    "submission": "sub",
    "live": "dlv",
    "request": "chr",
    "access": "arq",
}
TOMORROW = int((utc_now() + timedelta(days=1)).timestamp())
WAYS = ("as mine", "as theirs", "bare", "in the inputs")
TYPED = {
    "accounts": "{account}",
    "alerts": "",
    "connect": "{account}",
    "disconnect": "{account}",
    "doctor": "{account}",
    "posts": "",
    "hold": "{account}",
    "resume": "{account}",
    "sets": "{account}",
    "slots": "{account}",
    "reconnect": "{account}",
    "org switch": "{organization}",
    "org code": "{organization}",
    "org codes": "{organization}",
    "org role": "{person} admin",
    "org remove": "{person}",
    "org members": "{organization}",
    "org": "",
    "status": "{account}",
}
"""Commands that could be about something, and how a person names it. The others take free text."""
FREE = {
    "",
    "help",
    "debug",
    "post",
    "org create",
    "org rename",
    "org join",
    "org invite",
    "org delete",
    "org leave",
}
MEANT = {
    ("account.details", "account"),
    ("account.disconnect", "account"),
    ("account.disconnected", "account"),
    ("account.place", "account"),
    ("account.places", "account"),
    ("account.reconnect", "account"),
    ("account.renew", "sign-in"),
    ("connect.choose", "discovery"),
    ("connect.resume", "grant"),
    ("connect.search", "discovery"),
    ("connect.picked", "discovery"),
    ("incident.claim", "incident"),
    ("incident.discard", "incident"),
    ("incident.publish", "incident"),
    ("incident.reconnect", "incident"),
    ("incident.send", "incident"),
    ("incident.sent", "incident"),
    ("incident.unclaim", "incident"),
    ("incident.who", "incident"),
    ("org.change", "membership"),
    ("org.withdraw", "invitation"),
    ("channel.approve", "request"),
    ("post.cancel", "delivery"),
    ("post.publish", "delivery"),
    ("posts.cancel", "post"),
    ("posts.details", "post"),
    ("posts.publish", "post"),
    ("sets.change", "set"),
    ("sets.delete", "set"),
    ("posts.edit", "post"),
    ("posts.duplicate", "post"),
    ("posts.reschedule", "post"),
    ("posts.rescheduled", "post"),
    ("posts.decided", "post"),
    ("posts.live", "post"),
    ("live.earlier", "post"),
    ("details.earlier", "post"),
    ("details.later", "post"),
    ("live.later", "post"),
    ("live.delete", "live"),
    ("live.edit", "live"),
    ("live.edited", "live"),
    ("submissions.publish", "submission"),
    ("submissions.return", "submission"),
    ("submissions.returned", "submission"),
    ("submissions.timed", "submission"),
    ("hold.decided", "account"),
    ("compose.continue", "draft"),
    ("compose.discard", "draft"),
    ("access.decline", "access"),
}
"""What each handler is really about: there its own must be answered otherwise than an absent one."""
BY_INPUT = {"hold.decided", "posts.decided"}
"""Handlers that find what they are about in the form's inputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """An object to ask for, and the organization it is said to be in."""

    kind: str
    id: str
    organization: str
    found: str
    """An account of the discovery it may stand for."""


def things(kind: str, *, of: Tenant) -> Thing:
    ids = {
        "account": of.account,
        "grant": of.pending,
        "sign-in": of.grant,
        "discovery": of.discovery,
        "membership": of.membership,
        "organization": of.organization,
        "found": of.found,
        "incident": of.incident,
        "invitation": of.invitation,
        "request": of.request,
        "delivery": of.delivery,
        "draft": of.draft,
        "post": of.post,
        "set": of.set,
        "submission": of.submission,
        "live": of.live,
        "access": of.access,
    }
    return Thing(kind=kind, id=ids[kind], organization=of.organization, found=of.found)


def absent(kind: str) -> Thing:
    organization = new_id("org")
    own = organization if kind == "organization" else new_id(PREFIXES[kind])
    return Thing(kind=kind, id=own, organization=organization, found=new_id("fnd"))


def target(route: Route, thing: Thing, way: str, mine: Tenant) -> str:
    """Return what a button or a modal would carry to name the thing in this way."""
    suffix = ":member" if route.key == "org.change" else ""
    named = "" if thing.kind == "organization" and way == "as theirs" else thing.id + suffix
    if way == "in the inputs":
        return f"{mine.organization}/{mine.discovery}" if route.key == "connect.picked" else ""
    return {
        "as mine": f"{mine.organization}/{named}",
        "as theirs": f"{thing.organization}/{named}",
        "bare": named,
    }[way]


def inputs(thing: Thing, way: str) -> Json:
    """Return a modal's values that name the thing wherever an id could be."""
    one = thing.id if way == "in the inputs" else thing.found
    option = {"text": {"type": "plain_text", "text": "It"}, "value": one}
    return {
        "picked": {"connect.search": {"selected_options": [option]}},
        "person": {"select": {"selected_users": [], "selected_user": ADA}},
        "role": {"select": {"selected_option": option}},
        "place": {"account.place": {"selected_option": option}},
        "accounts": {"hold.accounts": {"selected_options": [option]}},
        "posts": {"posts.chosen": {"selected_options": [option]}},
        "what": {"posts.what": {"selected_option": option | {"value": "cancel"}}},
        "until": {"hold.until": {"type": "datetimepicker", "selected_date_time": TOMORROW}},
        "reason": {"submissions.reason": {"value": "Say where"}},
        "when": {"posts.when": {"type": "datetimepicker", "selected_date_time": TOMORROW}},
    }


def payload(desk: Desk, route: Route, thing: Thing, way: str, mine: Tenant) -> Json:
    about = target(route, thing, way, mine)
    if route.kind is Kind.SUBMISSION:
        return desk.submission(ADA, route.key, about, inputs(thing, way))
    return desk.request(route, ADA, about)


def targeted(office: Office) -> list[Route]:
    """Return a route to every handler whose request carries an id, or could.

    One of the eight buttons that differ only in the app they name stands for all.
    """
    found = [
        r for r in office.parts.routes if r.kind in {Kind.ACTION, Kind.SUBMISSION, Kind.OPTIONS, Kind.CLOSED}
    ]
    found = [r for r in found if not r.key.startswith("connect.platform.") or r.key.endswith(".x")]
    found = [r for r in found if r.key != "access.request"]  # for people who are no members: tried below
    # What takes something away comes last, so that what is asked about is still there.
    return sorted(found, key=lambda route: (route.key == "account.disconnected", route.changes, route.key))


def calls_to_platforms(office: Office) -> int:
    return sum(len(simulator.requests) for simulator in set(office.world.platforms.values()))


def without_drafts_of(mine: Tenant, rows: Rows) -> Rows:
    """Return the rows without one's own drafts: a form keeps what is typed under the new id that it carries.

    Nor with the upload pages for these.
    """
    return rows | {
        table: [row for row in rows[table] if repr(mine.membership) not in row]
        for table in ("draft", "draft_link")
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A workspace with two organizations, and one elsewhere. Ada, who asks, belongs to the first."""

    desk: Desk
    mine: Tenant
    neighbour: Tenant
    """In the same workspace."""
    stranger: Tenant
    """In another one."""
    routes: list[Route]

    async def ask(
        self, things_of: Callable[[str], Thing], ways: Sequence[str] = WAYS
    ) -> dict[tuple[str, str, str, str], Answer]:
        """Ask every handler about one of each kind, named in every way; return the answers by cell.

        What a handler is really about is always asked; of the rest, a default run takes a sample.
        """
        answers: dict[tuple[str, str, str, str], Answer] = {}
        every = list(product(self.routes, PREFIXES, WAYS))
        chosen = set(sampled(range(len(every)), 200))
        for number, (route, kind, way) in enumerate(every):
            if way not in ways or not (number in chosen or (route.key, kind) in MEANT):
                continue
            if way != "in the inputs" or route.kind is Kind.SUBMISSION:
                body = payload(self.desk, route, things_of(kind), way, self.mine)
                answers[str(route.kind), route.key, kind, way] = await self.desk.send(body)
        await self.desk.office.parts.dispatcher.drain(10)
        return answers


async def town_of(office: Office) -> Town:
    await office.installed(ADA)
    mine = await belongings(office, "Almond", await first_organization(office, ACME))
    await seat(office, mine.organization, OTTO, ACME, Role.MEMBER)
    return Town(
        desk=Desk(office=office, team_id=ACME, channel_id="C0ACMESOC"),
        mine=mine,
        neighbour=await tenant(office, "Nutmeg", OLGA, ACME),
        stranger=await tenant(office, "Sesame", BEA, BLUE),
        routes=targeted(office),
    )


async def test_what_belongs_to_others_is_answered_like_what_is_not_there(
    either_office: Office, record_property: Callable[[str, object], None]
) -> None:
    town = await town_of(either_office)
    # SQLite, which has no second wall, is asked about everything.
    whole = either_office.database.dialect == "sqlite"
    if not whole:
        others: dict[Tenant, Sequence[str]] = {town.neighbour: WAYS[:2]}
    elif FULL:
        others = {town.neighbour: WAYS, town.stranger: WAYS}
    else:
        others = {town.neighbour: WAYS[:1], town.stranger: WAYS[1:2]}
    before = without_drafts_of(town.mine, await dump(either_office.database))
    calls = calls_to_platforms(either_office)

    nothing = await town.ask(absent, list(dict.fromkeys(chain(*others.values()))))
    answers = {other.word: await town.ask(partial(things, of=other), ways) for other, ways in others.items()}

    after = await dump(either_office.database)
    assert changed(before, without_drafts_of(town.mine, after)) == {}
    assert calls_to_platforms(either_office) == calls
    for word, found in answers.items():
        assert [key for key, answer in found.items() if word in answer.everything] == []
        assert {key: (a.text, a.outcomes) for key, a in found.items()} == {
            key: (nothing[key].text, nothing[key].outcomes) for key in found
        }
    cells = len(nothing) + sum(len(found) for found in answers.values())
    assert cells >= (tries(540, 150) if whole else 400)
    assert town.desk.slack.state.complaints == []
    record_property(
        "counted",
        f"cross-tenant ({either_office.database.dialect}): {cells} cells of {len(town.routes)} handlers,"
        " 0 reads, 0 writes, equal answers",
    )


@in_full
async def test_what_is_ones_own_is_answered_and_leaves_the_others_alone(
    office: Office, record_property: Callable[[str, object], None]
) -> None:
    town = await town_of(office)
    others = [town.neighbour.organization, town.stranger.organization]
    nothing = await town.ask(absent, ["as mine", "in the inputs"])
    before = [await dump(office.database, organization_id=other) for other in others]

    found = await town.ask(partial(things, of=town.mine), ["as mine", "in the inputs"])

    for route, kind in product(town.routes, PREFIXES):
        if (route.key, kind) in MEANT and (route.kind, route.key) != (Kind.ACTION, "account.place"):
            way = "in the inputs" if route.key in BY_INPUT else "as mine"
            key = (str(route.kind), route.key, kind, way)
            assert (found[key].text, found[key].home) != (nothing[key].text, nothing[key].home), key
    assert [await dump(office.database, organization_id=other) for other in others] == before
    assert town.desk.slack.state.complaints == []
    record_property("counted", f"cross-tenant: {len(found)} cells of one's own, 0 writes to others")


async def test_a_command_about_somebody_elses_things_says_what_it_says_of_nothing(
    office: Office, record_property: Callable[[str, object], None]
) -> None:
    await office.installed(ADA)
    desk = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    await belongings(office, "Almond", await first_organization(office, ACME))
    await tenant(office, "Nutmeg", OLGA, ACME)
    await tenant(office, "Sesame", BEA, BLUE)
    commands = office.parts.routes.commands()
    before, tried = await dump(office.database), 0

    for route in commands:
        if route.key in FREE:
            continue
        said = {}
        for word, person in {"Nutmeg": OLGA, "Sesame": BEA, "Absent": "U0NOBODY"}.items():
            names = {"account": f"{word} Crumbs", "organization": f"{word} Bakery", "person": f"<@{person}>"}
            answer = await desk.send(desk.command(ADA, f"{route.key} {TYPED[route.key].format(**names)}"))
            said[word] = answer.text.replace(word, "WORD")
            tried += 1
        assert said["Nutmeg"] == said["Absent"], route.key
        assert said["Sesame"] == said["Absent"], route.key

    only_codes = changed(before, await dump(office.database))
    assert only_codes == {}
    assert {route.key for route in commands} == FREE | set(TYPED)
    record_property("counted", f"cross-tenant: {tried} commands, 0 writes, equal answers")


async def test_access_is_asked_for_only_in_ones_own_workspace_and_the_answer_names_no_organization(
    office: Office,
) -> None:
    town = await town_of(office)
    other = await dump(office.database, organization_id=town.stranger.organization)

    answers = {
        name: await town.desk.send(town.desk.action(ADA, "access.request", f"{organization}:owner"))
        for name, organization in {
            "neighbour": town.neighbour.organization,
            "stranger": town.stranger.organization,
            "absent": new_id("org"),
        }.items()
    }

    assert {name: answer.outcomes for name, answer in answers.items()} == {
        "neighbour": ("ok",),
        "stranger": ("not_found",),
        "absent": ("not_found",),
    }
    assert answers["stranger"].text == answers["absent"].text
    assert f"I've asked <@{OLGA}>." in answers["neighbour"].text
    assert "Nutmeg" not in answers["neighbour"].everything
    assert await dump(office.database, organization_id=town.stranger.organization) == other


async def test_every_handler_that_is_about_something_is_known_here(office: Office) -> None:
    keys = {route.key for route in targeted(office)}

    assert {key for key, _ in MEANT} <= keys


TURNED_DOWN = {
    ("not_member",),
    ("not_allowed",),
    ("not_found",),
    ("platform_not_set_up",),
    ("bad_input",),
    ("unknown_platform",),
}


def option(value: str) -> Json:
    return {"text": {"type": "plain_text", "text": "It"}, "value": value}


def values_of(found: str, person: str) -> Json:
    """Return the inputs of every modal of ours at once."""
    return {
        "picked": {"connect.search": {"selected_options": [option(found)] if found else []}},
        "person": {"select": {"selected_users": [person] if person else [], "selected_user": person or None}},
        "role": {"select": {"selected_option": option("owner")}},
    }


ODD = (
    "%",
    "../",
    "org_%/acc_%",
    "\x00",
    "\ud800",
    "{}",
    "null",
    "é" * 3000,
    "' OR 1=1 --",
    "org_0/",
    "a/b/c",
    "/",
)
"""Metadata nobody ever wrote."""


async def test_swapped_metadata_and_inputs_are_accepted_by_no_form(
    either_office: Office, record_property: Callable[[str, object], None]
) -> None:
    office = either_office
    town = await town_of(office)
    desk, mine = town.desk, town.mine
    ann = await seat(office, mine.organization, desk.person("U0ANN", "ann"), ACME, Role.ADMIN)
    anns = await belongings(office, "Basil", ann)
    tenants = [mine, anns, town.neighbour, town.stranger]
    pool = {
        metadata: None
        for one in tenants
        for metadata in (
            f"{one.organization}/",
            f"{one.organization}/{one.account}",
            f"{one.organization}/{one.discovery}",
            f"{one.organization}/{one.pending}",
            f"{one.organization}/{one.incident}",
            f"{one.organization}/{one.invitation}",
            f"{one.organization}/{one.request}",
            f"{one.organization}/{one.access}",
            f"{mine.organization}/{one.membership}",
            one.account,
            one.discovery,
        )
    }
    inputs_pool = [
        values_of(mine.found, OTTO),
        values_of(anns.found, OTTO),
        values_of(town.neighbour.found, "U0NOBODY"),
        values_of(town.stranger.found, ""),
        {},
    ]
    whole = office.database.dialect == "sqlite"
    forms = [route for route in town.routes if route.kind is Kind.SUBMISSION]
    before, tried, accepted = await dump(office.database), 0, []

    every = list(product(forms, [*pool, *ODD, "x"], range(len(inputs_pool))))
    for route, metadata, number in sampled(every, 160) if whole else every:
        if (not whole and number not in {0, 3}) or (metadata in ODD and number):
            continue
        for user_id, own in ((ADA, mine), ("U0ANN", anns)):
            if genuine(route.key, user_id, metadata, number, own, [mine, anns]):
                continue
            answer = await desk.send(desk.submission(user_id, route.key, metadata, inputs_pool[number]))
            tried += 1
            refusal = {"not_member", "not_allowed", "not_found", "bad_input", "unknown_platform"} & set(
                answer.outcomes
            )
            if len(answer.outcomes) != 1 or not refusal:
                accepted.append((route.key, user_id, metadata[:60], number, answer.outcomes))

    assert accepted == []
    assert changed(before, await dump(office.database)) == {}
    assert tried >= (tries(1000, 40) if whole else 400)
    record_property(
        "counted", f"swapped metadata and inputs ({office.database.dialect}): {tried} tried, 0 accepted"
    )


def genuine(form: str, user_id: str, metadata: str, number: int, own: Tenant, here: list[Tenant]) -> bool:
    """Tell whether it is what one of our modals, opened by this person, would send."""
    match form:
        case "account.disconnected":
            return metadata in {f"{own.organization}/{one.account}" for one in here} | {
                one.account for one in here
            }
        case "org.add":
            return metadata == f"{own.organization}/" and user_id == ADA
        case "org.left":  # Ada is the only owner and may not leave
            return metadata == f"{own.organization}/" and user_id != ADA
        case "connect.picked":
            fitting = number == (0 if user_id == ADA else 1)
            return metadata in {f"{own.organization}/{own.discovery}", own.discovery} and fitting
        case _:
            return False


@in_full
async def test_a_command_goes_to_no_organization_of_somebody_else_that_a_button_names(office: Office) -> None:
    await office.installed()
    theirs = await tenant(office, "Almond", BEA, BLUE)
    desk = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    before = await dump(office.database)
    commands = [route for route in office.parts.routes if route.kind is Kind.COMMAND]

    for route in commands:
        for organization in (theirs.organization, new_id("org"), "", "nonsense", "Ä"):
            value = f"{organization}/{route.key} <@{OTTO}> admin"
            answer = await desk.send(desk.action(OTTO, WHICH, value))
            assert "ok" not in answer.outcomes
            assert "Almond" not in answer.everything

    assert changed(before, await dump(office.database)) == {}
