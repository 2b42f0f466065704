"""Whose sign-in a grant is, and which pictures we show."""

from __future__ import annotations

import pytest

from bot.services.accounts.sign_in_as import SignInAs, picture, whose
from storage.models import Account, Grant


def account(remote_id: str, name: str, handle: str = "", avatar_url: str = "") -> Account:
    return Account(
        organization_id="org_1",
        platform="x",
        app="x",
        remote_id=remote_id,
        kind="profile",
        name=name,
        handle=handle,
        avatar_url=avatar_url,
        connected_by="mem_1",
    )


def test_an_account_that_is_the_person_is_known_by_its_handle_and_picture() -> None:
    grant = Grant(platform="x", app="x", external_id="7", external_name="Octa")

    found = whose(grant, [account("8", "Other"), account("7", "Octa Demo", "@octa", "https://cdn.example/7")])

    assert found == SignInAs(name="Octa Demo", handle="@octa", picture="https://cdn.example/7")
    assert found.shown == "@octa"


def test_a_person_who_manages_pages_is_known_by_name_and_a_page_is_not_taken_for_them() -> None:
    grant = Grant(platform="facebook", app="facebook", external_id="7", external_name="Ana Ruiz")

    found = whose(grant, [account("8", "Bakery", "@bakery", "https://cdn.example/8")])

    assert found == SignInAs(name="Ana Ruiz")
    assert found.shown == "Ana Ruiz"


def test_nobody_is_named_where_the_platform_named_nobody() -> None:
    assert whose(Grant(platform="x", app="x", external_id="grt_1"), []) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://cdn.example/a.png",
        "https://user@cdn.example/a.png",
        "https://cdn.example;img-src *",
        "https://cdn.example/a b.png",
        "https://cdn.example/\n",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "http://localhost.evil.example/a.png",
        f"https://cdn.example/{'a' * 3000}",
    ],
)
def test_an_address_that_is_no_picture_we_can_show_is_left_out(url: str) -> None:
    assert picture(url) == ""


@pytest.mark.parametrize(
    "url", ["https://pbs.twimg.com/a_400x400.jpg?s=1&t=%C3%A9", "http://localhost:8080/avatar/octa.svg"]
)
def test_a_picture_on_the_platforms_own_site_is_shown(url: str) -> None:
    assert picture(url) == url
