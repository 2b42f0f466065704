"""What a person reads about their consent, in Slack and on the page."""

from __future__ import annotations

from bot.services.accounts.problems import CannotPublish, Problem
from bot.services.notifications import AccountsConnected, ConsentSettled
from bot.views import consent, pages
from tests.platforms import PLATFORMS

STUDIO, BAKERY = "Ana Ruiz Studio", "Blue Door Bakery"
SCOPE = ("pages_manage_posts",)
FACEBOOK = PLATFORMS["facebook"]
ASK = "Ask someone who manages Ana Ruiz Studio for that role, then press Reconnect."


def settled(*unable: CannotPublish, renewed: bool = False) -> ConsentSettled:
    """Return a consent for two Pages, some of which can't publish."""
    names = (STUDIO, BAKERY)
    return ConsentSettled(
        organization_id="org_1",
        organization="Acme",
        platform="facebook",
        app="facebook",
        attached=() if renewed else names,
        renewed=names if renewed else (),
        grant_id="grt_1",
        missing=SCOPE if unable else (),
        cannot_publish=unable,
    )


def test_what_can_publish_and_what_cannot_are_told_apart() -> None:
    one = CannotPublish(name=STUDIO, problem=Problem.ROLE_FORBIDS)

    said = consent.happened(settled(one, renewed=True), FACEBOOK, signs=True)

    assert said == [
        "✅ Renewed for Acme: Blue Door Bakery on Facebook.",
        "🟠 Connected, but it can't publish yet: Ana Ruiz Studio on Facebook.",
        f"The role of the person who connected it doesn't allow publishing on Facebook. {ASK}",
    ]


def test_a_reason_that_two_accounts_share_is_said_once_and_not_again_in_the_fine_print() -> None:
    both = [CannotPublish(name=n, problem=Problem.SCOPE_FORBIDS, scopes=SCOPE) for n in (STUDIO, BAKERY)]

    message = consent.settled(settled(*both), FACEBOOK)

    words = str(message.blocks)
    assert message.text == (
        "🟠 Connected, but they can't publish yet: Ana Ruiz Studio and Blue Door Bakery on Facebook."
    )
    assert words.count("The permission to publish wasn't granted") == 1
    assert "pages_manage_posts" not in words
    assert "Not granted" not in words
    buttons = [e for block in message.blocks if block["type"] == "actions" for e in block["elements"]]
    assert [(b["action_id"], b["value"]) for b in buttons] == [("account.renew", "org_1/grt_1")]


def test_the_page_shows_no_success_where_something_cannot_publish() -> None:
    one = CannotPublish(name=STUDIO, problem=Problem.SCOPE_FORBIDS, scopes=SCOPE)

    page, well = pages.of_outcome(settled(one), FACEBOOK), pages.of_outcome(settled(), FACEBOOK)

    assert (page.title, page.good) == ("Connected, but it can't publish yet", False)
    assert (well.title, well.good) == ("Done. Back to Slack.", True)


def test_the_other_admins_read_it_too() -> None:
    one = CannotPublish(name=STUDIO, problem=Problem.SCOPE_FORBIDS, scopes=SCOPE)
    news = AccountsConnected(
        organization="Acme", platform="facebook", accounts=(STUDIO,), cannot_publish=(one,)
    )

    words = str(consent.news(news, FACEBOOK).blocks)

    assert "🟠 Connected, but it can't publish yet: Ana Ruiz Studio." in words


def test_facts_from_before_are_still_told() -> None:
    facts = settled().dump()
    del facts["cannot_publish"], facts["grant_id"]

    assert consent.happened(ConsentSettled.load(facts), FACEBOOK) == [
        "Connected to Acme: Ana Ruiz Studio and Blue Door Bakery on Facebook."
    ]
