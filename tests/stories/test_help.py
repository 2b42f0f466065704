"""What a person types when they wonder: help, unknown words and debug."""

from __future__ import annotations

from bot.services.permissions import Permission, allows
from sandbox.member import text_of
from sandbox.slack.world import GUS, OTTO
from storage.models import Role
from tests.application import Office, routes_of
from tests.counts import in_full
from tests.stories.told import answer_to, button, joins, said


async def test_help_names_every_command_with_its_hint_and_what_it_does(office: Office) -> None:
    ada = await office.installed()

    words = await said(ada, "help")

    for route in office.parts.routes.commands():
        assert f"/octapost {route.key}".strip() in words
        assert route.help in words
        assert route.hint in words
    assert "Ready to connect: Facebook, Instagram, X, LinkedIn, TikTok, Reddit and YouTube." in words


async def test_help_names_no_command_that_its_reader_may_not_use(office: Office) -> None:
    ada = await office.installed()
    await joins(ada, otto := await office.person(OTTO))
    outside = await office.person(GUS)

    for_member, for_nobody = await said(otto, "help"), await said(outside, "help")

    for route in office.parts.routes.commands():
        typed = f"`/octapost {route.key}".strip()
        seen = [f"{typed}{end}" in for_member for end in ("`", f" {route.hint}`")]
        needed = route.permission if isinstance(route.permission, Permission) else route.asks
        assert any(seen) == (needed is None or allows(Role.MEMBER, needed)), typed
        assert needed is None or typed not in for_nobody.replace("`/octapost `", "")
    assert "Connect an account" not in for_member
    assert await said(otto, "org help") == for_member


@in_full
async def test_help_has_other_names(office: Office) -> None:
    ada = await office.installed()

    heard = [await said(ada, typed) for typed in ("?", "-h", "--help", "HELP", "commands")]

    assert set(heard) == {await said(ada, "help")}


async def test_a_mistyped_word_is_answered_with_the_nearest_one(office: Office) -> None:
    ada = await office.installed()
    mistyped = {
        "conect tiktok": "connect",
        "acounts": "accounts",
        "staus": "status",
        "discnnect": "disconnect",
        "org memebers": "org members",
    }

    heard = {typed: await said(ada, typed) for typed in mistyped}

    for typed, meant in mistyped.items():
        assert f"Did you mean `/octapost {meant}`?" in heard[typed]


async def test_a_mistyped_command_is_run_by_a_button(office: Office) -> None:
    ada = await office.installed()

    meant = await ada.command("acounts reddit")
    await ada.press(meant, "octapost.instead.0")

    assert button(meant, "/octapost accounts reddit")["value"] == "accounts reddit"
    await ada.slack.until(lambda: "Acme has no accounts on Reddit yet." in text_of(ada.seen()[-1]))


@in_full
async def test_a_word_like_no_other_is_answered_with_a_button_to_all_there_are(office: Office) -> None:
    ada = await office.installed()

    message = await ada.command("xyzzy <!channel> *bold*")
    manual = text_of(await answer_to(ada, message, "help.show"))

    assert text_of(message) == "I don't know “xyzzy”.\nAll commands"
    assert manual == await said(ada, "help")


async def test_what_was_typed_mentions_nobody(office: Office) -> None:
    ada = await office.installed()

    message = await ada.command("<!channel>")

    assert "<!channel>" not in text_of(message)
    assert "<!channel>" not in message.text


@in_full
async def test_an_alias_does_what_its_word_does(office: Office) -> None:
    ada = await office.installed()

    for alias, word in {"list": "accounts", "ls": "accounts", "orgs": "org", "ids": "debug"}.items():
        assert await said(ada, alias) == await said(ada, word)


async def test_debug_shows_ids_and_nothing_else(office: Office) -> None:
    ada = await office.installed()
    await ada.command("org create Blue")
    await ada.command("org create Green")

    words = await said(ada, "debug")

    assert "T0ACME" in words
    assert "U0ADA" in words
    assert words.count("org_") == 3
    assert words.count("as owner") == 3
    assert "xoxb" not in words


async def test_debug_answers_people_who_are_in_no_organization(office: Office) -> None:
    await office.installed()
    otto = await office.person("U0OTTO")

    words = await said(otto, "debug")

    assert "U0OTTO" in words


def test_every_command_has_a_sentence_of_help() -> None:
    for route in routes_of().commands():
        assert route.help.endswith(".")
        assert len(route.help) < 120
