"""Being invited: where the invitation is seen, how it is answered, and how it ends without an answer."""

from __future__ import annotations

import pytest
from sqlmodel import col, select

from sandbox.member import text_of
from sandbox.slack.world import ADA, OLGA, OTTO
from storage.models import AuditLine, Invitation, Notice
from tests.application import Office
from tests.counts import in_full, sampled
from tests.storage.world import expire
from tests.stories.told import button, buttons, hears, joins, said

INVITE = "org invite <@U0OTTO|otto>"


async def test_an_invitation_is_accepted_on_the_home_tab(either_office: Office) -> None:
    ada, otto = await either_office.installed(), await either_office.person(OTTO)
    await ada.command(f"{INVITE} admin")

    home = await either_office.slack.open_home(OTTO)
    assert home is not None
    assert f"<@{ADA}> invites you to join *Acme* in Octapost as an admin." in text_of(home)
    assert buttons(home) == ["Accept", "Decline"]
    await otto.press(home, "invitation.accept")

    after = either_office.slack.home_of(OTTO)
    assert text_of(after).startswith(f"Acme\nOwned by <@{ADA}>\n")
    assert "You're an admin of Acme." in text_of(after)


async def test_an_invitation_is_answered_in_the_list_of_organizations(office: Office) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await otto.command("org create Bakery")
    await ada.command(INVITE)

    shown = await otto.command("org")
    assert text_of(shown).index("invites you to join *Acme*") < text_of(shown).index(
        "Bakery: you are an owner"
    )
    await otto.press(shown, "invitation.decline")

    await otto.slack.until(lambda: "You declined the invitation to Acme." in text_of(otto.seen()[-1]))
    await hears(ada, "declined your invitation to Acme.")
    assert "invites you" not in await said(otto, "org")
    async with office.database.system(write=False) as session:
        said_no = await session.exec(select(AuditLine.actor).where(AuditLine.action == "invitation declined"))
        assert said_no.all() == ["system"]


@in_full
async def test_invitations_that_are_not_shown_yet_are_counted(office: Office) -> None:
    ada, olga, otto = await office.installed(), await office.person(OLGA), await office.person(OTTO)
    await ada.command(INVITE)
    for name in ("Bakery", "Cafe"):
        await ada.command(f"org create {name}")
        await ada.command(f"org switch {name}")
        await ada.command(INVITE)
    await olga.command("org create Deli")
    await olga.command(INVITE)

    shown = await said(otto, "org")

    assert shown.count("invites you to join") == 3
    assert "… and 1 more invitation. Answer these to see the next." in shown


@in_full
async def test_after_a_refusal_another_invitation_is_no_message(either_office: Office) -> None:
    ada, otto = await either_office.installed(), await either_office.person(OTTO)
    await ada.command(INVITE)
    await otto.press(await hears(otto, "invites you to join *Acme*"), "invitation.decline")
    await hears(ada, "declined your invitation")
    before = await owed(either_office)

    words = await said(ada, INVITE)

    assert "They declined less than 30 days ago, so I won't message them" in words
    assert await owed(either_office) == before
    assert "invites you to join *Acme*" in await said(otto, "org")


@in_full
async def test_one_message_a_day_is_changed_by_whatever_comes_later(office: Office) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await ada.command(INVITE)
    await hears(otto, "as a member.")
    for role in ("admin", "owner", "member", "admin") * 3:
        await ada.command(f"{INVITE} {role}")
    await ada.command(f"{INVITE} owner")

    await hears(otto, "as an owner.")
    assert len(otto.direct_messages()) == 1
    await otto.accept()
    for role in ("member", "admin"):
        assert f"is now a{'n' * (role == 'admin')} {role} of Acme" in await said(
            ada, f"org role <@U0OTTO|otto> {role}"
        )
    await hears(otto, "You are now an admin of Acme in Octapost.")
    assert len(otto.direct_messages()) == 1


async def test_a_members_role_is_raised_at_once_and_they_are_told(office: Office) -> None:
    ada, olga = await office.installed(), await office.person(OLGA)
    await joins(ada, olga)

    words = await said(ada, "org invite <@U0OLGA|olga> owner")

    assert "Olga Owner is now an owner of Acme. I've told them." in words
    await hears(olga, f"Changed by <@{ADA}>.")
    assert "is now called" in await said(olga, "org rename Acme 2")


@in_full
@pytest.mark.parametrize("how", sampled(["removed", "by the form", "expired", "the inviter was lowered"], 2))
async def test_an_invitation_that_no_longer_stands_lets_nobody_in(office: Office, how: str) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    olga = await office.person(OLGA)
    await joins(ada, olga, "owner")
    await ada.command(f"{INVITE} owner")
    message = await hears(otto, "invites you to join *Acme*")
    match how:
        case "removed":
            assert "isn't invited to Acme any more." in await said(olga, "org remove <@U0OTTO|otto>")
        case "by the form":
            view = await olga.modal_by("org members")
            assert f"<@{OTTO}>  invited as owner" in text_of(view)
            await olga.press(view, "org.withdraw", button(view, "Withdraw")["value"])
        case "expired":
            await expire(office.database, Invitation)
        case _:
            await olga.command(f"org role <@{ADA}|ada> admin")

    assert "invites you" not in await said(otto, "org")
    await otto.press(message, "invitation.accept")

    await hears(otto, "This invitation has expired, or an owner withdrew it.")
    assert "You aren't a member" in await said(otto, "accounts")


async def owed(office: Office) -> int:
    """Return how many messages to Otto there were and are."""
    async with office.database.system(write=False) as session:
        return len((await session.exec(select(Notice.id).where(col(Notice.channel) == OTTO))).all())
