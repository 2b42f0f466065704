"""What other organizations have of posts, asked for in forms that are filled in as people fill them in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.slack.routes import Kind, Route
from sandbox.slack.payloads import view_json
from sandbox.slack.world import ACME, ADA, BEA, BLUE, OLGA
from storage.drafts import new_draft_id
from storage.models import new_id
from tests.application import Office
from tests.counts import in_full, sampled
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
    tenant,
)
from tests.hostile.test_tenants import TOMORROW, calls_to_platforms

PREFIXES = ("compose.", "post.", "posts.", "sets.", "hold.", "slots.")
WITHOUT = {"compose.start", "sets.new", "slots.zone"}
"""What is about nothing that anyone owns."""
CHANNEL = "C0ACMESOC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """Ids that a request could name."""

    author: str
    account: str
    post: str
    delivery: str
    draft: str
    set: str

    def targets(self, route: Route, asker: Tenant) -> dict[str, str]:
        """Return what buttons and forms of a story would carry, by what it is."""
        edited = f"drf_{self.post.removeprefix('pst_')}.0"
        match route.key.partition(".")[0]:
            case "compose":
                return {
                    "draft": f"{self.draft}:{CHANNEL}",
                    "edit by me": f"{edited}.{asker.membership.removeprefix('mem_')}:{CHANNEL}",
                    "edit by them": f"{edited}.{self.author.removeprefix('mem_')}:{CHANNEL}",
                }
            case "post":
                return {"delivery": self.delivery, "post": self.post}
            case "posts":
                return {"post": self.post, "post in a list": f"{self.post}:scheduled:0"}
            case "sets":
                return {"set": self.set, "form of a set": f":{self.set}"}
            case _:
                return {}


def of(one: Tenant) -> Things:
    return Things(
        author=one.membership,
        account=one.account,
        post=one.post,
        delivery=one.delivery,
        draft=one.draft,
        set=one.set,
    )


def absent() -> Things:
    author = new_id("mem")
    return Things(
        author=author,
        account=new_id("acc"),
        post=new_id("pst"),
        delivery=new_id("dlv"),
        draft=new_draft_id(author),
        set=new_id("set"),
    )


def filled(account: str, post: str) -> Json:
    """Return the inputs of every form about posts at once."""

    def option(value: str) -> Json:
        return {"text": {"type": "plain_text", "text": "It"}, "value": value}

    def text(value: str) -> Json:
        return {"type": "plain_text_input", "value": value}

    def several(kind: str, *values: str) -> Json:
        return {"type": kind, "selected_options": [option(value) for value in values]}

    def select(value: str) -> Json:
        return {"type": "static_select", "selected_option": option(value)}

    tomorrow = {"type": "datetimepicker", "selected_date_time": TOMORROW}
    return {
        "text": {"compose.text": text("Fresh cakes")},
        "accounts": {"compose.accounts": several("multi_static_select", account)},
        "when": {"compose.when": tomorrow},
        "extras": {"compose.extras": several("checkboxes")},
        "until": {"hold.until": tomorrow},
        "zone": {"slots.zone": select("Europe/Berlin")},
        "day:0": {"slots.day": text("9:00")},
        "name": {"sets.name": text("Cakes")},
        "posts": {"posts.chosen": several("checkboxes", post)},
        "what": {"posts.what": select("cancel")},
        f"title:{account}": {"compose.title": text("Cakes")},
        f"place:{account}": {"compose.place": several("multi_external_select", "t5_cakes")},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request of Ada's: a route, and what it names."""

    route: Route
    target: str
    """What it is about."""
    inputs: Json
    block: str = "text"

    def body(self, desk: Desk, organization_id: str) -> Json:
        """Return it as Slack sends it from a form that is filled in."""
        about = f"{organization_id}/{self.target}"
        key, view = self.route.key, desk.modal(ADA, self.route.key, about)
        view.values = self.inputs
        shown = view_json(view)
        match self.route.kind:
            case Kind.SUBMISSION:
                return desk.submission(ADA, key, about, self.inputs)
            case Kind.CLOSED:
                return desk.closed(ADA, key, about) | {"view": shown}
            case Kind.OPTIONS:
                return desk.options(ADA, key, about) | {"view": shown, "block_id": self.block}
            case _:
                body = desk.action(ADA, key, about, modal=view)
                body["actions"][0]["block_id"] = self.block
                return body


def requests(office: Office, things: Things, mine: Tenant) -> dict[tuple[str, ...], Asked]:
    """Return everything that can be asked about things, each with a key that says how."""
    routes = [
        route
        for route in office.parts.routes
        if route.key.startswith(PREFIXES)
        and route.kind in {Kind.ACTION, Kind.SUBMISSION, Kind.OPTIONS, Kind.CLOSED}
        and route.key not in WITHOUT
    ]
    own, found = of(mine), dict[tuple[str, ...], Asked]()
    theirs = filled(things.account, things.post)
    for route in sorted(routes, key=lambda each: each.kind is Kind.SUBMISSION):  # they use drafts up
        way, by_draft = (str(route.kind), route.key), route.key.startswith("compose.")
        for what, target in things.targets(route, mine).items():
            # Nothing else is in the way of a draft that would be found.
            inputs = filled(own.account, own.post) if by_draft else theirs
            found[*way, what] = Asked(route=route, target=target, inputs=inputs)
        if route.kind in {Kind.SUBMISSION, Kind.OPTIONS}:
            own_draft = f"{own.draft}:{CHANNEL}" if by_draft else ""
            block = f"place:{things.account}"
            found[*way, "in the inputs"] = Asked(route=route, target=own_draft, inputs=theirs, block=block)
    return found


def without_drafts_of(mine: Tenant, rows: Rows) -> Rows:
    """Return the rows without one's own drafts: a form keeps what is in it, whatever it names."""
    return rows | {"draft": [row for row in rows["draft"] if repr(mine.membership) not in row]}


async def ask(desk: Desk, mine: Tenant, things: Things) -> dict[tuple[str, ...], Answer]:
    """Send a sample of the requests, with OCTAPOST_FULL all, and return the answers."""
    asked = sampled(list(requests(desk.office, things, mine).items()), 6)
    found = {key: await desk.send(each.body(desk, mine.organization)) for key, each in asked}
    await desk.office.parts.dispatcher.drain(10)
    return found


async def test_in_a_form_that_is_filled_in_what_is_others_is_answered_like_what_is_not_there(
    office: Office, record_property: Callable[[str, object], None]
) -> None:
    await office.installed(ADA)
    desk = Desk(office=office, team_id=ACME, channel_id=CHANNEL)
    mine = await belongings(office, "Almond", await first_organization(office, ACME))
    others = [await tenant(office, "Nutmeg", OLGA, ACME), await tenant(office, "Sesame", BEA, BLUE)]
    calls = calls_to_platforms(office)
    nothing = await ask(desk, mine, absent())
    before = without_drafts_of(mine, await dump(office.database))

    answers = [await ask(desk, mine, of(other)) for other in others]

    after = without_drafts_of(mine, await dump(office.database))
    assert changed(before, after) == {}
    assert calls_to_platforms(office) == calls
    for other, found in zip(others, answers, strict=True):
        assert [key for key, answer in found.items() if other.word in answer.everything] == []
        different = [
            (key, one.text, nothing[key].text)
            for key, one in found.items()
            if (one.text, one.outcomes) != (nothing[key].text, nothing[key].outcomes)
        ]
        assert different == []
    cells = len(nothing) * (1 + len(others))
    record_property(
        "counted", f"posts of others, in full forms: {cells} cells, 0 reads, 0 writes, equal answers"
    )


@in_full
async def test_the_forms_are_filled_in_so_that_what_is_ones_own_is_found(office: Office) -> None:
    await office.installed(ADA)
    desk = Desk(office=office, team_id=ACME, channel_id=CHANNEL)
    mine = await belongings(office, "Almond", await first_organization(office, ACME))

    found = await ask(desk, mine, of(mine))

    outcomes = [(key[1], one.outcomes) for key, one in found.items() if key[2] == "draft"]
    assert len(outcomes) > 20
    # By then it is gone, and the page of drafts that would be shown is none. And this platform has no settings page.
    refused = {key for key, outcome in outcomes if outcome != ("ok",)}
    assert refused == {"compose.discard", "compose.settings"}
