"""Organization names that people cannot tell apart, and the check that keeps them out of one workspace.

The comparison starts from the skeleton of Unicode Technical Standard #39
(https://www.unicode.org/reports/tr39/#Confusable_Detection, revision 32, read 2026-11-30): characters that
look alike become one. It is stricter: case, spaces, accents and invisible characters make no difference either.
Skeletons are only compared; the name is stored and shown as it was typed.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlmodel import col, select

from storage.engine.statements import across, dialect_of, run
from storage.folding import NOT_SHOWN
from storage.models import Organization, WorkspaceLink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

CONFUSABLES = Path(__file__).with_name("confusables.txt")
ACCENTS = ((0x0300, 0x036F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F))
"""The blocks of combining marks that belong to no script. Vowel signs, such as Devanagari's, are letters."""
BLANK = "\u2800\ufffc\U00016fe4\U0001d159"
"""Braille with no dots, a place for an object, a filler and a note without a head: symbols to Unicode, nothing
to the eye."""
NO_CHARACTERS = frozenset({"Cc", "Cf", "Co", "Cs"})
"""Categories of what is not shown, or means something else on every machine (private use)."""
DRESSED = re.compile(
    r"(?:(?:.* )?LATIN (?:.* )?LETTER (?:SMALL CAPITAL )?|REGIONAL INDICATOR SYMBOL LETTER )([A-Z])"
)
"""The Unicode names of Latin letters in small capitals, squares and circles: confusables.txt leaves them out."""
NEAR = str.maketrans({"ʍ": "m", "ĸ": "k", "ƅ": "b", "ꞓ": "e", "χ": "x", "ω": "w", "i": "l"})
"""What confusables.txt keeps apart although people read it alike: the prototypes of the Cyrillic and Greek letters
in which Асме and κafe are written, and i, whose capital looks like an l where case makes no difference."""
ROUNDS = 8
"""More rounds than any name needs until nothing changes any more (3 were seen)."""
_DROPPED = {
    code: None
    for first, last in (*NOT_SHOWN, *ACCENTS, *((ord(each), ord(each)) for each in BLANK))
    for code in range(first, last + 1)
}
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


class NameTaken(Exception):
    """Another organization of a workspace has a name that looks the same."""


@functools.lru_cache(maxsize=1000)
def looks(name: str) -> frozenset[str]:
    """Return what a name looks like; two names that share one of these are too alike. Empty: like nothing.

    There are two, because letters that are alike as capitals need not be so as small ones, and the reverse:
    one is taken of the name as it is, one of the name in lower case. They are remembered: taking apart a name
    that is made to be long when decomposed costs milliseconds, and each is compared with every new one.
    """
    return frozenset(filter(None, (_look(name), _look(name.casefold()))))


def alike(one: str, other: str) -> bool:
    """Return whether people could mistake one name for the other."""
    return not looks(one).isdisjoint(looks(other))


async def lock(session: AsyncSession, *keys: str) -> None:
    """Take these locks, in this order, until the transaction ends. On SQLite there is only one writer anyway."""
    if dialect_of(session) == "postgresql":
        for key in keys:
            await run(session, _LOCK, key=key)


async def check_link(session: AsyncSession, team_id: str, organization_id: str) -> None:
    """Return if the organization's name looks like no other name in the workspace.

    An organization that is linked already may keep its name. Until the transaction ends, no other transaction links an
    organization to this workspace or renames one in it.

    Raises:
        NameTaken: Another organization in the workspace has a name that looks the same.

    """
    await lock(session, f"organization:{organization_id}", f"workspace:{team_id}")
    async with across(session):
        found = select(Organization.name).where(Organization.id == organization_id)
        name = (await session.exec(found)).one_or_none()
        others = await _others(session, [team_id], organization_id)
        link = await session.get(WorkspaceLink, (team_id, organization_id))
    if name is not None and link is None:
        _compare(name, others)


async def check_rename(session: AsyncSession, organization_id: str, name: str) -> None:
    """Check a new name as `check_link` does, in every workspace in which the organization may be used."""
    await lock(session, f"organization:{organization_id}")
    async with across(session):
        linked = select(WorkspaceLink.team_id).where(WorkspaceLink.organization_id == organization_id)
        teams = sorted(await session.exec(linked))
        await lock(session, *(f"workspace:{team_id}" for team_id in teams))
        others = await _others(session, teams, organization_id)
    _compare(name, others)


async def _others(session: AsyncSession, teams: Sequence[str], organization_id: str) -> list[str]:
    names = (
        select(Organization.name)
        .join(WorkspaceLink, col(WorkspaceLink.organization_id) == col(Organization.id))
        .where(
            col(WorkspaceLink.team_id).in_(teams),
            col(Organization.id) != organization_id,
            col(Organization.deleted_at).is_(None),
        )
    )
    return list(await session.exec(names))


def _compare(name: str, others: Sequence[str]) -> None:
    mine = looks(name)
    if any(not mine.isdisjoint(looks(other)) for other in others):
        raise NameTaken


def _look(name: str) -> str:
    before, look = "", name
    for _ in range(ROUNDS):
        if look == before:
            break
        before, look = look, _simpler(look)
    return look


def _simpler(name: str) -> str:
    """Return the name after one round: look-alikes are replaced, then what makes no difference is removed."""
    skeleton = _shown(unicodedata.normalize("NFD", name)).translate(_prototypes())
    folded = _shown(unicodedata.normalize("NFKD", skeleton)).casefold()
    return "".join(map(_undressed, folded)).translate(NEAR)


def _shown(name: str) -> str:
    left = name.translate(_DROPPED)
    return "".join(
        each for each in left if not (each.isspace() or unicodedata.category(each) in NO_CHARACTERS)
    )


@functools.lru_cache(maxsize=4096)
def _undressed(character: str) -> str:
    if character.isascii():
        return character
    found = DRESSED.fullmatch(unicodedata.name(character, ""))
    return found[1].lower() if found else character


@functools.cache
def _prototypes() -> dict[int, str]:
    """Return the characters that replace each confusable character."""
    found = {}
    for line in CONFUSABLES.read_text(encoding="utf-8-sig").splitlines():
        source, _, rest = line.partition("#")[0].partition(";")
        if rest:
            prototype = rest.partition(";")[0].split()
            found[int(source, 16)] = "".join(chr(int(code, 16)) for code in prototype)
    return found
