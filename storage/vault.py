"""The vault: values sealed for one row and one column, under a ring of keys.

Sealed bytes are `0x01 | key id (2) | nonce (12) | AES-256-GCM ciphertext and tag`. What is authenticated
along with them is rebuilt from where the row *is* (`octapost/1:table:column:organization:row`), so a value
that was moved to another row, column or organization does not open.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections import Counter
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import func, literal, union_all
from sqlalchemy import select as sql_select
from sqlmodel import col, select

from storage.engine.statements import insert_once, rows
from storage.models import Canary, every_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Column, CompoundSelect, Select, Table
    from sqlmodel.ext.asyncio.session import AsyncSession

VERSION = b"\x01"
KEY_BYTES = 32
NONCE_BYTES = 12
HEADER_BYTES = 3
NOBODY = "-"
"""The organization of a row that belongs to none."""
LOOKED_AT = 20
"""How many values of each column are tried to check a key that has no canary."""
CANARY = "a canary for Octapost's vault"


class VaultError(Exception):
    """The vault cannot be used as configured. The text says what to do, and contains no secret."""


class KeyRingError(VaultError):
    """The text of the key ring is malformed."""


class SealBroken(VaultError):
    """A sealed value was altered or moved, or its key has the right id but is another key."""


class KeyMissing(VaultError):
    """A value is sealed with a key that is not in the ring."""

    def __init__(self, key_id: int) -> None:
        super().__init__(f"Key {key_id} is needed but is not in the ring: put it back into the vault keys.")
        self.key_id = key_id


class Place(TypedDict):
    """The one place where a sealed value opens."""

    table: str
    column: str
    organization: str | None
    row: str


@final
class Secret:
    """A value that is never shown by accident: only `reveal` returns it. Compared in constant time."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Secret(...)"

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


@final
class KeyRing:
    """The vault's keys by id; the first one seals, all of them open."""

    __slots__ = ("_keys", "newest")

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        if not keys:
            raise KeyRingError("The ring of vault keys is empty: make one with `octapost keys new`.")
        self._keys = dict(keys)
        self.newest = next(iter(self._keys))

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Return the ring written as `2:base64,1:base64`, newest first.

        Raises:
            KeyRingError: The text is malformed.

        """
        keys: dict[int, bytes] = {}
        entries = [entry.strip() for entry in text.strip().split(",") if entry.strip()]
        for place, entry in enumerate(entries, start=1):
            number, separator, encoded = entry.partition(":")
            if not separator or not number.isascii() or not number.isdigit() or not 0 < int(number) < 1 << 16:
                raise KeyRingError(
                    f"Vault key {place} does not start with an id from 1 to 65535 and a colon."
                )
            if int(number) in keys:
                raise KeyRingError(f"Vault key id {int(number)} is there twice.")
            keys[int(number)] = _decode(encoded.strip(), int(number))
        return cls(keys)

    @classmethod
    def generate(cls, key_id: int = 1) -> str:
        """Return the text of a fresh ring of one random key."""
        return f"{key_id}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"

    def __iter__(self) -> Iterator[int]:
        return iter(self._keys)

    def __contains__(self, key_id: object) -> bool:
        return key_id in self._keys

    def __repr__(self) -> str:
        return f"KeyRing({list(self._keys)})"

    def ciphers(self) -> dict[int, AESGCM]:
        """Return the cipher of each key."""
        return {key_id: AESGCM(key) for key_id, key in self._keys.items()}


def _decode(encoded: str, key_id: int) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise KeyRingError(f"Vault key {key_id} is not base64.") from None
    if len(key) != KEY_BYTES:
        raise KeyRingError(f"Vault key {key_id} has {len(key)} bytes instead of {KEY_BYTES}.")
    return key


@final
class Vault:
    """Seals and opens values with a ring of keys."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self.newest = ring.newest
        self.seals: Counter[int] = Counter()
        """Values sealed by this process, per key id: random nonces are safe for 2^32 of them."""
        self._ciphers = ring.ciphers()

    def seal(self, plaintext: str, *, table: str, column: str, organization: str | None, row: str) -> bytes:
        """Return `plaintext` sealed with the newest key, to be opened at exactly this place only."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        place = _place(table, column, organization, row)
        self.seals[self.newest] += 1
        ciphertext = self._ciphers[self.newest].encrypt(nonce, plaintext.encode(), place)
        return VERSION + self.newest.to_bytes(2) + nonce + ciphertext

    def open(self, sealed: bytes, *, table: str, column: str, organization: str | None, row: str) -> Secret:
        """Return what was sealed for this place.

        Raises:
            SealBroken: The value was altered, or sealed for another place.
            KeyMissing: Its key is not in the ring.

        """
        key_id = self.key_id(sealed)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise KeyMissing(key_id)
        body = sealed[HEADER_BYTES:]
        place = _place(table, column, organization, row)
        try:
            opened = cipher.decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], place)
        except (InvalidTag, ValueError):
            raise SealBroken(f"{table}.{column} of {row} does not open with key {key_id}.") from None
        return Secret(opened.decode())

    @staticmethod
    def key_id(sealed: bytes) -> int:
        """Return the id of the key a value is sealed with.

        Raises:
            SealBroken: It is no sealed value.

        """
        if sealed[:1] != VERSION or len(sealed) < HEADER_BYTES:
            raise SealBroken("This is not a sealed value.")
        return int.from_bytes(sealed[1:HEADER_BYTES])


def _place(table: str, column: str, organization: str | None, row: str) -> bytes:
    return f"octapost/1:{table}:{column}:{organization or NOBODY}:{row}".encode()


def sealed_columns() -> list[tuple[Table, Column[bytes]]]:
    """Return every column that holds sealed values of members, by table: all but the canaries' own."""
    return [
        (table, column)
        for table in every_table()
        if table.name != Canary.__tablename__
        for column in table.columns
        if column.name.endswith("_sealed")
    ]


def sealed_rows(table: Table, column: Column[bytes]) -> Select[Any, bytes, str | None]:
    """Return a query for a sealed column: each row's primary key, value, and organization."""
    (key,) = table.primary_key.columns
    organization = table.columns.get("organization_id")
    return sql_select(key, column, literal(None) if organization is None else organization)


def place_of(column: Column[bytes], key: str | bytes, organization: str | None) -> Place:
    """Return the place of a value, as `seal` and `open` take it."""
    row = key.hex() if isinstance(key, bytes) else key
    return {"table": column.table.name, "column": column.name, "organization": organization, "row": row}


@cache
def _keys_in_use() -> CompoundSelect[bytes, int]:
    """Return the question of how many values of each sealed column are sealed with each key."""
    keys = [(func.substr(column, 2, 2), column) for _, column in sealed_columns()]
    return union_all(
        *(sql_select(key, func.count()).where(column.is_not(None)).group_by(key) for key, column in keys)
    )


async def keys_in_use(session: AsyncSession) -> Counter[int]:
    """Return how many stored values are sealed with each key, by its id. Reads every sealed column."""
    counts: Counter[int] = Counter()
    for key_id, count in await rows(session, _keys_in_use()):
        counts[int.from_bytes(key_id)] += count
    return counts


async def check_canaries(session: AsyncSession, vault: Vault, *, leave: bool = True) -> None:
    """Return if this vault can open what is stored, and leave a canary for its newest key, unless told not to.

    Several processes may check at once. System session.

    Raises:
        VaultError: A stored canary does not open (a wrong key), or a stored value needs a key that is not in the ring.
            The text names the key's id.

    """
    used = set(await keys_in_use(session))
    for key_id in sorted(used):
        if key_id not in vault.ring:
            raise KeyMissing(key_id)
    known = set()
    for canary in await session.exec(select(Canary).where(col(Canary.key_id).in_(list(vault.ring)))):
        _open_canary(vault, canary)
        known.add(canary.key_id)
    for key_id in sorted(used - known):
        await _open_one_of(session, vault, key_id)
    if leave and vault.newest not in known:
        left = insert_once(session, Canary).values(key_id=vault.newest, value_sealed=_seal_canary(vault))
        await session.exec(left.on_conflict_do_nothing())
        _open_canary(vault, (await session.exec(select(Canary).where(Canary.key_id == vault.newest))).one())


async def _open_one_of(session: AsyncSession, vault: Vault, key_id: int) -> None:
    """Return if the key opens at least one of its values that are tried.

    One is enough: a value that does not open was altered, which is no reason to stop the whole product.

    Raises:
        VaultError: It opens none.

    """
    connection = await session.connection()
    for table, column in sealed_columns():
        sealed = func.substr(column, 2, 2) == key_id.to_bytes(2)
        found = await connection.execute(sealed_rows(table, column).where(sealed).limit(LOOKED_AT))
        for key, value, organization in found:
            with suppress(SealBroken):
                vault.open(value, **place_of(column, key, organization))
                return
    raise _wrong(key_id)


def _seal_canary(vault: Vault) -> bytes:
    return vault.seal(CANARY, table="canary", column="value_sealed", organization=None, row=str(vault.newest))


def _open_canary(vault: Vault, canary: Canary) -> None:
    row = str(canary.key_id)
    try:
        vault.open(canary.value_sealed, table="canary", column="value_sealed", organization=None, row=row)
    except VaultError:
        raise _wrong(canary.key_id) from None


def _wrong(key_id: int) -> VaultError:
    return VaultError(
        f"Vault key {key_id} is not the key {key_id} that sealed this database's secrets:"
        " configure the right one. Nothing was changed."
    )
