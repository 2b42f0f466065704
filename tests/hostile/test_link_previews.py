"""Link previews, mail scanners and antivirus (SECURITY.md C8): whatever fetches a link changes nothing."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.browser import Browser, Consent, travel
from sandbox.slack.world import ACME, ADA
from storage.models import Account, Ticket
from tests.application import Office
from tests.counts import in_full, tries
from tests.hostile.wire import Wire, asked, rows

Count = Callable[[str, object], None]
BOTS = (
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Slackbot 1.0 (+https://api.slack.com/robots)",
    "Slack-ImgProxy (+https://api.slack.com/robots)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Twitterbot/1.0",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "TelegramBot (like TwitterBot)",
    "WhatsApp/2.23.20.0",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
    "Microsoft Office/16.0 (Microsoft Outlook 16.0; Pro)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "GoogleImageProxy",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Barracuda Sentinel (EE)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) ProofpointURLDefense",
    "Mimecast-Client",
    "ia_archiver",
    "curl/8.14.1",
)
ROUNDS = tries(25, 2)


@in_full
async def test_visits_of_bots_leave_a_ticket_as_it_was(
    office: Office, wire: Wire, record_property: Count
) -> None:
    ticket = await office.ticket(await office.member())
    before = await rows(office.database)
    [row] = await office.rows(Ticket)
    cookies, statuses = [], set()

    for _ in range(ROUNDS):
        for agent in BOTS:
            for method in ("GET", "HEAD"):
                answer = await wire.send(method, ticket, {"User-Agent": agent, "Accept": "*/*"})
                cookies += answer.all("set-cookie")
                statuses.add(answer.status)

    assert statuses == {200}
    assert cookies == []
    assert await rows(office.database) == before
    assert await office.rows(Ticket) == [row]
    assert asked(office) == []
    async with Browser() as browser:
        page = await travel(
            browser,
            f"{office.url}{ticket}",
            slack_url=office.slack.url,
            app_url=office.url,
            slack_person=f"{ADA}.{ACME}",
            consent=Consent(),
        )
    assert page.status == 200
    assert await office.count(Account) == 1
    count = ROUNDS * len(BOTS) * 2
    assert count == tries(1000, 80)
    record_property(
        "counted", f"{count:,} visits of {len(BOTS)} bots: 0 cookies, 0 rows, the ticket still works"
    )


@in_full
async def test_a_callback_that_is_only_looked_at_finishes_nothing(office: Office, wire: Wire) -> None:
    async with office.browser() as browser:
        state = await office.attempt(browser)
        cookie = browser.cookies["octapost-attempt"]
    before = await rows(office.database)
    target = f"/oauth/x/callback?state={state}&code=c"

    heads = [await wire.send("HEAD", target, cookie=cookie) for _ in BOTS]
    gets = [await wire.send("GET", target, {"User-Agent": agent}) for agent in BOTS]

    assert {answer.status for answer in heads} == {405}
    assert {answer.status for answer in gets} == {400}
    assert not [c for answer in heads + gets for c in answer.all("set-cookie")]
    assert await rows(office.database) == before | {"notice": before["notice"] + 1}  # which says how to go on
    assert asked(office) == []
