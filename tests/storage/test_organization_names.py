"""Which names people can tell apart, and that no two of the others are used in one workspace."""

from __future__ import annotations

import asyncio
import unicodedata
from typing import TYPE_CHECKING

import pytest

from storage.folding import NOT_SHOWN
from storage.models import Organization
from storage.organization_names import ACCENTS, NameTaken, _prototypes, alike, looks
from storage.organizations import Organizations
from storage.workspaces import Workspaces
from tests.databases import another

if TYPE_CHECKING:
    from storage.engine.db import Database


def test_every_confusable_character_looks_like_its_prototype() -> None:
    """Precomposed characters are taken apart first (UTS #39, section 4), so their own entries never apply."""
    table = {
        chr(code): prototype
        for code, prototype in _prototypes().items()
        if unicodedata.is_normalized("NFD", chr(code)) and unicodedata.category(chr(code))[0] != "M"
    }

    apart = [one for one, prototype in table.items() if not alike(f"a{one}b", f"a{prototype}b")]

    print(f"{len(table)} confusable characters, {len(apart)} told apart from what they look like")
    assert len(table) > 5000
    assert apart == []


def test_characters_that_are_not_shown_make_no_difference() -> None:
    hidden = [chr(code) for first, last in NOT_SHOWN for code in range(first, last + 1)]

    assert len(hidden) > 4000
    assert [one for one in hidden if not alike("Acme", f"Ac{one}me")] == []
    assert looks("".join(hidden[:80])) == frozenset()


def test_accents_make_no_difference() -> None:
    accents = [chr(code) for first, last in ACCENTS for code in range(first, last + 1)]

    assert len(accents) > 200
    assert [one for one in accents if not alike("Acme", f"Acm{one}e")] == []


@pytest.mark.parametrize(
    "twin",
    [
        *(
            "acme",
            "ACME",
            "A c m e",
            "Ac\u00a0me",
            "Acm\u0435",
            "\u0410cme",
            "\u0391cme",
            "\u0410\u0421\u041c\u0415",
        ),
        *(
            "\u0430\u0441\u043c\u0435",
            "\uff21\uff43\uff4d\uff45",
            "\u24b6cme",
            "\U0001f170cme",
            "\U0001d538cme",
        ),
        *(
            "Acm\u00e9",
            "Acme\u0332",
            "\u202eAcme\u202c",
            "Ac\u3164me",
            "Ac\u2800me",
            "Acme\ufffc",
            "Acme\U0001d159",
            "Acme\U00016fe4",
            "Acme\ue000",
            "Acrne",
            "\u1d00\u1d04\u1d0d\u1d07",
        ),
    ],
)
def test_a_name_and_its_twin_look_alike(twin: str) -> None:
    assert alike("Acme", twin)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme", "Acme Global"),
        ("Nova", "Vova"),
        ("Blue Door", "Red Door"),
        ("東京", "京都"),
        ("か", "が"),
        ("दिल", "दल"),
        ("Dog", "Doq"),
        ("👩‍🍳 Bakery", "Bakery"),
    ],
)
def test_names_that_people_tell_apart_stay_apart(one: str, other: str) -> None:
    assert not alike(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\u039d\u0399\u039a\u0397", "\u03bd\u03af\u03ba\u03b7"),
        ("IRIS", "iris"),
        ("lris", "Iris"),
        ("Fine", "ﬁne"),
        ("Straße", "STRASSE"),
    ],
)
def test_case_and_ligatures_make_no_difference(one: str, other: str) -> None:
    assert alike(one, other)


async def made(database: Database, name: str, *teams: str) -> str:
    async with database.system() as session:
        organization = await Organizations(session).create(name)
        for team in teams:
            await Workspaces(session).link(team, organization.id)
        return organization.id


async def test_a_twin_is_neither_linked_nor_renamed_to_in_any_linked_workspace(database: Database) -> None:
    await made(database, "Acme", "T1")
    bakery = await made(database, "Bakery", "T2", "T1")
    twin = await made(database, "\u0410cme", "T3")

    with pytest.raises(NameTaken):
        await made(database, "Ac\u200bme", "T1")
    with pytest.raises(NameTaken):
        async with database.system() as session:
            await Workspaces(session).link("T1", twin)
    for system in (True, False):
        with pytest.raises(NameTaken):
            async with database.system() if system else database.organization(bakery) as session:
                await Organizations(session).rename(bakery, "ACME\u3164")
    async with database.system(write=False) as session:
        assert [each.name for each in await Workspaces(session).organizations("T1")] == ["Acme", "Bakery"]


async def test_a_name_is_free_where_nobody_is_called_that(database: Database) -> None:
    acme = await made(database, "Acme", "T1")
    await made(database, "Acme", "T2")

    async with database.organization(acme) as session:
        assert await Organizations(session).rename(acme, "ACME")
        assert await Organizations(session).delete(acme)
    await made(database, "acme", "T1")


async def test_twins_from_before_stay_and_are_linked_again_without_a_word(database: Database) -> None:
    first = await made(database, "Acme", "T1")
    async with database.system() as session:
        second = await Organizations(session).create("Other")
        await Workspaces(session).link("T1", second.id)
        second.name = "Acme"

    async with database.system() as session:
        await Workspaces(session).link("T1", second.id)
        found = await Workspaces(session).organizations("T1")

    assert {each.id for each in found} == {first, second.id}


async def test_of_sixteen_twins_made_at_once_one_is_linked(database: Database) -> None:
    """Eight found it, eight are renamed to it; half of them through another process's connections."""
    databases = (database, another(database))
    others = [await made(database, f"Other {number}", "T1") for number in range(8)]

    async def create(number: int) -> None:
        await made(databases[number % 2], "Ac" + "\u200b" * number + "me", "T1")

    async def rename(number: int) -> None:
        async with databases[number % 2].system() as session:
            await Organizations(session).rename(others[number], "\u0410cme" + "\u3164" * number)

    tries = [*map(create, range(8)), *map(rename, range(8))]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)

    await databases[1].close()
    assert sorted(type(each).__name__ for each in outcomes) == ["NameTaken"] * 15 + ["NoneType"]
    async with database.system(write=False) as session:
        linked: list[Organization] = await Workspaces(session).organizations("T1")
    assert len([each for each in linked if alike(each.name, "Acme")]) == 1
    print(f"{database.dialect}: 1 of 16 twins accepted")
