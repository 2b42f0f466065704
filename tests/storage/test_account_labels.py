"""Accounts of the same name are told apart, by what people know and else by the platform's id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.account_labels import labels
from storage.accounts import Accounts
from storage.models import Account
from tests.storage.world import consent, new_account, tenant

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault


def account(
    remote_id: str, name: str = "Sunrise Cafe", handle: str = "", platform: str = "facebook"
) -> Account:
    return Account(
        id=f"{platform}-{remote_id}",
        organization_id="org_1",
        platform=platform,
        app=platform,
        remote_id=remote_id,
        kind="Page",
        name=name,
        handle=handle,
        connected_by="mem_1",
    )


@pytest.mark.parametrize(
    ("accounts", "called"),
    [
        ([account("100004321"), account("100008765", "Octa")], ["Sunrise Cafe", "Octa"]),
        ([account("1", handle="@a"), account("2", handle="@b")], ["Sunrise Cafe (@a)", "Sunrise Cafe (@b)"]),
        (
            [account("100004321", handle="@a"), account("100008765")],
            ["Sunrise Cafe (@a)", "Sunrise Cafe (…8765)"],
        ),
        ([account("100004321"), account("100008765")], ["Sunrise Cafe (…4321)", "Sunrise Cafe (…8765)"]),
        ([account("1054321"), account("1064321")], ["Sunrise Cafe (…54321)", "Sunrise Cafe (…64321)"]),
        ([account("4321"), account("994321")], ["Sunrise Cafe (4321)", "Sunrise Cafe (…94321)"]),
        ([account("1"), account("1", platform="x")], ["Sunrise Cafe", "Sunrise Cafe"]),
        (
            [account("100004321", "Caf\u00e9"), account("100008765", "CAFE\u0301")],
            ["Caf\u00e9 (…4321)", "CAFE\u0301 (…8765)"],
        ),
    ],
)
def test_each_is_called_by_what_tells_it_apart(accounts: list[Account], called: list[str]) -> None:
    found = labels(accounts)

    assert [found[one.id] for one in accounts] == called


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("sunrise cafe", 2),
        ("Sunrise Cafe (…4321)", 1),
        ("x sunrise cafe (…8765)", 1),
        ("Sunrise Cafe (…1)", 0),
    ],
)
async def test_a_label_that_is_typed_or_copied_means_one_account(
    database: Database, vault: Vault, typed: str, found: int
) -> None:
    organization = await tenant(database)
    grant = await consent(database, vault, organization, account=None)
    async with database.organization(organization) as session:
        accounts = Accounts(session, vault)
        for remote_id in ("100004321", "100008765"):
            await accounts.attach(
                organization,
                grant=grant,
                connected_by="mem_1",
                found=new_account(remote_id, name="Sunrise Cafe", handle=""),
            )

        assert len(await accounts.find_named(organization, typed)) == found
