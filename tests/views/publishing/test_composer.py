"""The first form: what stands below the accounts that can be chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.services.accounts.diagnosis import Diagnosis
from bot.services.accounts.problems import Problem
from bot.services.posts.candidates import Candidate
from bot.services.posts.drafts import Written
from bot.views.publishing.composer import FirstForm, form
from sandbox.member import texts_in
from storage.models import Role
from tests.composing import account, chosen

METADATA = "org_00000000000000000000/drf_00000000000000000000:C0123ABCD"


def broken(number: int) -> Candidate:
    """Return an account of X whose sign-in has ended."""
    one = account("x", number, name=f"Mugs {number}")
    ended = Diagnosis(platform=one.platform, account=one.account.name, problem=Problem.GRANT_DEAD)
    return chosen(Written(text="Mugs"), replace(one, diagnosis=ended))[0]


def drawn(found: list[Candidate], written: Written, role: Role = Role.ADMIN) -> dict[str, Any]:
    return form(found, written, FirstForm(metadata=METADATA, may_attach=True, role=role))


def reconnects(view: dict[str, Any]) -> list[str]:
    """Return the accounts beside a button that reconnects them."""
    beside = [block for block in view["blocks"] if "accessory" in block]
    return [text for block in beside for text in texts_in(block["text"])]


def test_accounts_that_a_sign_in_mends_have_a_button_and_come_first() -> None:
    written = Written(text="Mugs")
    found = [*chosen(written, account("linkedin"), account("youtube")), *map(broken, range(1, 3))]

    view = drawn(found, written)

    assert reconnects(view) == [f"Mugs {number} (X): 🔴 needs reconnecting" for number in (1, 2)]
    assert "Mugs (YouTube): needs a picture or video" in "".join(texts_in(view["blocks"][-1]))


def test_of_many_accounts_a_few_are_shown_and_the_others_counted() -> None:
    view = drawn([*chosen(Written(text="Mugs"), account("linkedin")), *map(broken, range(1, 9))], Written())

    assert len(reconnects(view)) == 5
    assert "and 3 more. See them all with /octapost accounts." in "".join(texts_in(view["blocks"][-1]))


def test_who_may_not_connect_accounts_reads_the_reason_without_a_button() -> None:
    view = drawn([*chosen(Written(text="Mugs"), account("linkedin")), broken(1)], Written(), Role.MEMBER)

    assert reconnects(view) == []
    assert "Mugs 1 (X): 🔴 needs reconnecting" in "".join(texts_in(view["blocks"][-1]))


@pytest.mark.parametrize(("many", "role", "offered"), [(1, Role.ADMIN, False), (2, Role.ADMIN, True)])
def test_a_set_is_offered_for_several_accounts(many: int, role: Role, offered: bool) -> None:
    found = chosen(Written(text="Mugs"), account("x", 1), account("linkedin", 2))
    written = Written(text="Mugs", accounts=tuple(one.account_id for one in found[:many]))

    assert ("sets.keep" in str(drawn(found, written, role))) is offered
