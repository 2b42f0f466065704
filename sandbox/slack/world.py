"""The initial people and places of every simulated Slack."""

from __future__ import annotations

from sandbox.slack.state import Channel, Enterprise, SlackState, User, Workspace

ACME, BLUE, INITECH = "T0ACME", "T0BLUE", "E0INIT"
NORTH, SOUTH = "T0NORTH", "T0SOUTH"
ADA, OTTO, OLGA, GUS, DEL = "U0ADA", "U0OTTO", "U0OLGA", "U0GUS", "U0DEL"
BEA, BO, SID = "U0BEA", "U0BO", "U0SID"
IRIS, IVAN = "W0IRIS", "W0IVAN"


def populate(state: SlackState) -> None:
    """Add two workspaces, a Grid organization of two more, their people and channels to `state`."""
    state.add(
        Enterprise(id=INITECH, name="Initech", domain="initech"),
        Workspace(id=ACME, name="Acme", domain="acme"),
        Workspace(id=BLUE, name="Blue Door", domain="bluedoor"),
        Workspace(id=NORTH, name="Initech North", domain="initech-north", enterprise_id=INITECH),
        Workspace(id=SOUTH, name="Initech South", domain="initech-south", enterprise_id=INITECH),
    )
    state.add(
        _person(ADA, "ada", "Ada Admin", ACME, "Workspace admin: installs apps", is_admin=True),
        _person(OTTO, "otto", "Otto Ordinary", ACME, "An ordinary member"),
        _person(OLGA, "olga", "Olga Owner", ACME, "Workspace owner", is_admin=True, is_owner=True),
        _person(GUS, "gus", "Gus Guest", ACME, "A guest, in #social-media only", is_restricted=True),
        _person(DEL, "del", "Del Deleted", ACME, "Deactivated", deleted=True),
        _person(BEA, "bea", "Bea Baker", BLUE, "Workspace admin of Blue Door", is_admin=True),
        _person(BO, "bo", "Bo Blue", BLUE, "An ordinary member of Blue Door"),
        _person(SID, "sid", "Sid Stranger", BLUE, "From Blue Door, in Acme's #launch-shared"),
    )
    for user_id, name, real_name, about, admin in (
        (IRIS, "iris", "Iris Initech", "Organization admin of the Grid", True),
        (IVAN, "ivan", "Ivan Initech", "An ordinary member of both Grid workspaces", False),
    ):
        person = _person(user_id, name, real_name, NORTH, about, is_admin=admin, is_owner=admin)
        person.team_ids, person.enterprise_id = frozenset({NORTH, SOUTH}), INITECH
        state.add(person)

    for team_id, short in ((ACME, "ACME"), (BLUE, "BLUE"), (NORTH, "NORTH"), (SOUTH, "SOUTH")):
        everyone = {u.id for u in state.people(team_id) if not u.deleted and not u.is_restricted}
        admins = {u.id for u in state.people(team_id) if u.is_admin}
        guests = {u.id for u in state.people(team_id) if u.is_restricted}
        state.add(
            _channel(f"C0{short}GEN", "general", team_id, everyone, is_general=True),
            _channel(f"C0{short}SOC", "social-media", team_id, everyone | guests),
            _channel(f"C0{short}RAN", "random", team_id, everyone),
            _channel(f"C0{short}PRI", "leadership", team_id, admins, kind="private"),
            _channel(f"C0{short}OLD", "old-campaign", team_id, everyone, is_archived=True),
        )
    state.add(
        Channel(
            id="C0LAUNCH",
            name="launch-shared",
            team_id=ACME,
            members={ADA, OTTO, SID},
            shared_with=frozenset({BLUE}),
            topic="Slack Connect: Acme and Blue Door",
        )
    )


def _person(user_id: str, name: str, real_name: str, team_id: str, about: str, **facts: bool) -> User:
    return User(
        id=user_id,
        name=name,
        real_name=real_name,
        team_id=team_id,
        email=f"{name}@example.com",
        about=about,
        **facts,  # type: ignore[arg-type]
    )


def _channel(channel_id: str, name: str, team_id: str, members: set[str], **facts: object) -> Channel:
    return Channel(id=channel_id, name=name, team_id=team_id, members=set(members), **facts)  # type: ignore[arg-type]
