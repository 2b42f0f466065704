"""The list of open join codes: who made which, and how to revoke one."""

from __future__ import annotations

from sandbox.member import Member, text_of
from sandbox.slack.world import ACME, ADA, BEA, OLGA, OTTO
from storage.join_codes import MOST_OPEN
from storage.models import Role
from tests.application import Office
from tests.counts import in_full
from tests.hostile.slack_side import first_organization, seat
from tests.stories.told import said, trail


def code_in(words: str) -> str:
    return words.split("/octapost org join ")[1].split("`", maxsplit=1)[0].strip()


async def sits(office: Office, user_id: str, role: Role) -> Member:
    """Return somebody of Acme who has this role in its organization."""
    await seat(office, (await first_organization(office, ACME)).organization_id, user_id, ACME, role)
    return await office.person(user_id)


async def test_open_codes_are_listed_with_maker_role_and_end_but_never_themselves(office: Office) -> None:
    ada = await office.installed()
    olga = await sits(office, OLGA, Role.ADMIN)
    nothing = await said(ada, "org codes")
    first = await said(ada, "org code admin")
    await ada.command("org code")

    words = await said(olga, "org codes")

    assert "Acme has no open codes." in nothing
    assert "Acme has 2 open codes." in words
    assert f"<@{ADA}> made one for an admin. It works until <!date^" in words
    assert f"<@{ADA}> made one for a member." in words
    assert code_in(first) not in words


async def test_a_revoked_code_lets_nobody_in_and_the_list_is_one_shorter(office: Office) -> None:
    ada, bea = await office.installed(), await office.installed(BEA)
    olga = await sits(office, OLGA, Role.ADMIN)
    code = code_in(await said(ada, "org code admin"))
    shown = await olga.command("org codes")

    await olga.press(shown, "org.revoke")
    joined = await said(bea, f"org join {code}")
    left = await olga.slack.until(lambda: text_of(shown) if "no open codes" in text_of(shown) else None)

    assert "Acme has no open codes." in left
    assert "That code doesn't work any more." in joined
    assert await trail(office, "code revoked") == ["code revoked"]


@in_full
async def test_an_organization_has_at_most_ten_open_codes(office: Office) -> None:
    ada = await office.installed()
    answers = [await said(ada, "org code") for _ in range(MOST_OPEN + 1)]

    assert all("/octapost org join" in each for each in answers[:-1])
    assert f"Acme already has {MOST_OPEN} open codes, which is the limit." in answers[-1]


@in_full
async def test_members_see_no_codes(office: Office) -> None:
    await office.installed()
    otto = await sits(office, OTTO, Role.MEMBER)

    assert "This needs an admin of Acme." in await said(otto, "org codes")
