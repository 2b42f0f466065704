"""A trip that comes back too late, or in another browser: what to do, and a button that begins again."""

from __future__ import annotations

import httpx

from sandbox.browser import PLAIN, Browser, Consent
from sandbox.member import links_in, text_of
from storage.models import ConnectionAttempt
from tests.application import Office
from tests.counts import in_full
from tests.storage.world import expire
from tests.stories.told import answer_to, buttons, connected, hears, said


async def way_back(office: Office, link: str) -> str:
    """Go as far as X's consent page, say yes there, and return the address of the callback."""
    ada = await office.person()
    page = await ada.browser.open(link)
    page = await ada.browser.submit(page)
    if page.origin == office.slack.url:
        wish = {"person": f"{ada.user_id}.{ada.team_id}"}
        page = await ada.browser.submit(page, choose=wish, press=("decision", "approve"))
    async with httpx.AsyncClient(verify=PLAIN, trust_env=False) as http:
        answer = await http.post(page.url, data={"person": "4711", "decision": "approve"})
    return answer.headers["location"]


async def test_in_another_browser_the_page_and_a_message_say_what_to_do_and_the_first_can_still_finish(
    office: Office,
) -> None:
    ada = await office.installed()
    back = await way_back(office, await ada.link("x"))

    async with Browser() as other:
        page = await other.open(back)
    message = await hears(ada, "in another browser than the one you began in")

    assert page.status == 400
    assert "open this page's address in the browser you started in" in page.text
    assert "don't send its address to anyone" in page.text
    assert buttons(message) == ["Try X again"]
    assert (await ada.browser.open(back)).title.startswith("Done.")


async def test_after_ten_minutes_a_message_brings_a_new_link_and_it_works(office: Office) -> None:
    ada = await office.installed()
    back = await way_back(office, await ada.link("x"))
    await expire(office.database, ConnectionAttempt)

    page = await ada.browser.open(back)
    again = await ada.browser.open(back)
    message = await hears(ada, "You came back from X after more than 10 minutes.")

    assert page.status == 400
    assert page.title.startswith("This took longer than 10 minutes")
    assert again.text == page.text
    assert len([one for one in ada.direct_messages() if "after more than" in text_of(one)]) == 1
    link = links_in(await answer_to(ada, message, "connect.platform.x"))[0]
    await ada.travel(link, Consent(person="4711"))
    await hears(ada, "✅ Connected to Acme: Octa Demo on ")


@in_full
async def test_a_reconnect_that_came_back_late_is_begun_again_for_the_same_account(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")
    asked = await ada.command("reconnect x Octa Demo")
    back = await way_back(office, links_in(asked)[0])
    await expire(office.database, ConnectionAttempt)
    await ada.browser.open(back)
    message = await hears(ada, "after more than 10 minutes")

    again = await answer_to(ada, message, "account.renew")
    end = await ada.travel(links_in(again)[0], Consent(person="4712"))

    assert "Sign in at X as @octademo." in text_of(message)
    assert end.title.startswith("You signed in as someone else")
    assert "Blue Door" not in await said(ada, "accounts")
