"""A member who may connect nothing makes a twin of the organization, to get the next account into it."""

from __future__ import annotations

from collections.abc import Callable

from sqlmodel import col, select

from sandbox.browser import Consent
from sandbox.member import text_of
from sandbox.slack.world import ACME, ADA, BEA, BLUE, OTTO
from storage.folding import NOT_SHOWN
from storage.models import Account, Organization, Role
from storage.organization_names import _prototypes
from tests.application import Office
from tests.counts import FULL, in_full, tries
from tests.hostile.slack_side import Desk, changed, dump, first_organization, seat
from tests.stories.told import button, connected, hears, joins, said

NAME = "Acme"
MARKS = [chr(code) for code in (*range(0x300, 0x370), *range(0x20D0, 0x20F0), *range(0x1AB0, 0x1AC0))]
"""Combining marks."""
DRESSED = [
    *("\u24b6cme", "\U0001f130cme", "\U0001f170cme", "\u1d00\u1d04\u1d0d\u1d07"),
    *("\uff21\uff43\uff4d\uff45", "Ac\u217fe"),
]
"""Circled, squared, small capital and fullwidth letters, and a Roman numeral."""
LANGUAGES = [
    *("\u0410\u0421\u041c\u0415", "\u0430\u0441\u043c\u0435", "\u0391cm\u0435", "\ua4eecme"),
    "\U0001d538\U0001d554\U0001d55e\U0001d556",
]
"""In Cyrillic, Greek, Lisu and mathematical letters."""


def twins() -> list[str]:
    """Return names that people take for Acme, each made in one way from Unicode's own data."""
    found = dict.fromkeys(
        [*DRESSED, *LANGUAGES, "acme", "ACME", "A cme", "Acrne", "Ac\u2800me", "\u202eAcme\u202c"]
    )
    for place, letter in enumerate(NAME):
        alike = {letter, _prototypes().get(ord(letter), letter), letter.upper(), letter.lower()}
        for code, prototype in _prototypes().items():
            if prototype in alike and chr(code) != letter:
                found[NAME[:place] + chr(code) + NAME[place + 1 :]] = None
    hidden = [chr(code) for first, last in NOT_SHOWN for code in range(first, min(last, first + 40) + 1)]
    for number, sign in enumerate([*hidden, *MARKS]):
        place = 1 + number % len(NAME)
        found[NAME[:place] + sign + NAME[place:]] = None
    return list(found)


async def test_no_twin_is_created_renamed_to_or_let_in_by_a_code(
    either_office: Office, record_property: Callable[[str, object], None]
) -> None:
    office = either_office
    ada, bea = await office.installed(), await office.installed(BEA)
    desk = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    mallory, eve = desk.person("U0MALLORY", "mallory"), desk.person("U0EVE", "eve")
    owner = await first_organization(office, ACME)
    await seat(office, owner.organization_id, mallory, ACME, Role.MEMBER)
    await desk.send(desk.command(eve, "org create Eve & Sons"))
    every = twins()
    some = every if FULL else every[:: len(every) // tries(len(every), 6)]
    theirs = (await first_organization(office, BLUE)).organization_id
    code = ""
    before, accepted = await dump(office.database), []

    for twin in some:
        for person, typed in ((mallory, f"org create {twin}"), (eve, f"org rename {twin}")):
            answer = await desk.send(desk.command(person, typed))
            accepted += [] if answer.outcomes == ("bad_input",) else [(typed, answer.text[:90])]
    assert accepted == []
    assert changed(before, await dump(office.database)) == {}

    for twin in some:
        code = code or (await said(bea, "org code admin")).split("org join ")[1].split("`")[0].strip()
        async with office.database.system() as session:
            organization = await session.get(Organization, theirs)
            assert organization is not None
            organization.name = twin
        answer = await desk.send(desk.command(mallory, f"org join {code}"))
        accepted += [] if answer.outcomes == ("bad_input",) else [(twin, answer.text[:90])]

    assert accepted == []
    words = await said(ada, "org")
    assert words.count("Owned by") == 1
    assert len(every) >= 200
    record_property(
        "counted",
        f"twins of a name ({office.database.dialect}): 0 of {3 * len(some)} accepted, {len(every)} ways",
    )


@in_full
async def test_an_admin_never_connects_into_an_organization_of_somebody_who_may_connect_nothing(
    either_office: Office,
) -> None:
    """The whole attack, with a name of its own: the channel, the invitation, and the admin's next account."""
    office = either_office
    ada, otto = await office.installed(), await office.person(OTTO)
    acme = await first_organization(office, ACME)
    await joins(ada, otto)
    await otto.command("org create Acme Social")

    assert "so I've asked its admins" in await said(otto, "org switch Acme Social")
    await otto.choose(await otto.command("org"), "Acme Social")
    people = {"person": {"select": [ADA]}, "role": {"select": "admin"}}
    await otto.submit(await otto.modal_with("Invite people"), people)
    await hears(ada, "invites you to join *Acme Social*")
    words = await connected(ada, "x", "4711")

    assert "✅ Connected to Acme: Octa Demo on " in words
    async with office.database.system(write=False) as session:
        owners = (
            await session.exec(select(Account.organization_id).where(col(Account.platform) == "x"))
        ).all()
    assert owners == [acme.organization_id]


async def test_whoever_accepts_is_asked_each_time_and_nothing_is_chosen_for_them(office: Office) -> None:
    """Also with a twin from before such names were refused: it is told by its owner, and never chosen already."""
    ada, otto = await office.installed(), await office.person(OTTO)
    await otto.command("org create Bakery")
    await joins(otto, ada, "admin")
    async with office.database.system() as session:
        bakery = (await session.exec(select(Organization).where(Organization.name == "Bakery"))).one()
        bakery.name = "Acme"

    view = await ada.modal_by("connect x")

    assert "initial_option" not in str(view.blocks)
    assert f"Owned by <@{OTTO}>" in text_of(view)
    await ada.choose(view, f"<@{ADA}>")
    shown = await ada.modal_with("Continue to X")
    await ada.travel(str(button(shown, "Continue to X")["url"]), Consent(person="4711"))
    await hears(ada, "✅ Connected to Acme: Octa Demo on ")
    async with office.database.system(write=False) as session:
        owner = (await session.exec(select(Account.organization_id))).one()
    assert owner != bakery.id
