"""The client without a browser: what text becomes, who may see what, and whose requests are taken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.slack.charts import draw
from sandbox.slack.drawing import Pen, initials
from sandbox.slack.mrkdwn import Reader, markdown, mrkdwn, plain, typed
from sandbox.slack.server import SlackSimulator
from sandbox.slack.world import ACME, ADA, BEA, BLUE, GUS, OTTO
from tests.browser.showcase import HOSTILE, showcase

READER = Reader(
    user_name={"U1": "Ada <b>"}.get,  # type: ignore[arg-type]
    channel_name={"C1": "general"}.get,  # type: ignore[arg-type]
)
LINK = 'target="_blank" rel="noopener noreferrer"'


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with showcase() as app:
        yield app.slack


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.parametrize(
    ("text", "html"),
    [
        pytest.param("*a* _b_ ~c~", "<strong>a</strong> <em>b</em> <s>c</s>", id="emphasis"),
        pytest.param("_*a*_", "<em><strong>a</strong></em>", id="nested"),
        pytest.param("2 * 3 * 4 snake_case_name", "2 * 3 * 4 snake_case_name", id="not-emphasis"),
        pytest.param("`*a* <@U1>`", "<code>*a* &lt;@U1&gt;</code>", id="code"),
        pytest.param("```\na\n*b*\n```", "<pre>a\n*b*</pre>", id="preformatted"),
        pytest.param("> a\n> b\nc", "<blockquote>a<br>b</blockquote>c", id="quote"),
        pytest.param("a\nb :tada: :nope:", "a<br>b 🎉 :nope:", id="lines-and-emoji"),
        pytest.param(
            "<https://a.b/?c=d&amp;e|f>", f'<a href="https://a.b/?c=d&amp;e" {LINK}>f</a>', id="link"
        ),
        pytest.param(
            "see https://a.b/c.", f'see <a href="https://a.b/c" {LINK}>https://a.b/c</a>.', id="bare"
        ),
        pytest.param("<javascript:alert(1)|x>", "x", id="script-link"),
        pytest.param('<https://a"onx=1|y>', f'<a href="https://a&#34;onx=1" {LINK}>y</a>', id="attribute"),
        pytest.param("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;", id="script"),
        pytest.param("&lt;!channel&gt; &amp;lt;", "&lt;!channel&gt; &amp;lt;", id="escaped"),
        pytest.param("<!here>", '<span class="mention mention-broadcast">@here</span>', id="broadcast"),
        pytest.param("<@U1>", '<span class="mention mention-user">@Ada &lt;b&gt;</span>', id="person"),
        pytest.param("<#C1>", '<span class="mention mention-channel">#general</span>', id="channel"),
        pytest.param("<!date^0^{date_num} {time}|f>", "<time>1970-01-01 12:00 AM</time>", id="date"),
        pytest.param("\ue0000\ue001", "0", id="our-own-marks"),
    ],
)
def test_mrkdwn_becomes_harmless_html(text: str, html: str) -> None:
    assert mrkdwn(text, READER) == html


def test_verbatim_text_links_nothing_by_itself() -> None:
    assert mrkdwn("https://a.b", READER, verbatim=True) == "https://a.b"


def test_plain_text_is_only_letters() -> None:
    assert "<" not in plain(HOSTILE).replace("<br>", "")
    assert "*x*" in plain(HOSTILE)


@pytest.mark.parametrize(
    ("text", "command", "sent"),
    [
        pytest.param("hi @Otto in #random", False, "hi <@U0OTTO> in <#C1|random>", id="names"),
        pytest.param("hi @Otto in #random", True, "hi <@U0OTTO|Otto> in <#C1|random>", id="command-names"),
        pytest.param("🎉 https://a.b/?c&d", False, ":tada: <https://a.b/?c&amp;d>", id="emoji"),
        pytest.param("🎉", True, "🎉", id="command-emoji"),
        pytest.param("@nobody a@otto #none", False, "@nobody a@otto #none", id="no-names"),
        pytest.param("<!channel> & <@U1>", False, "&lt;!channel&gt; &amp; &lt;@U1&gt;", id="message"),
        pytest.param("A & B https://a.b/c", True, "A & B <https://a.b/c>", id="command"),
    ],
)
def test_what_is_typed_is_sent_as_slack_sends_it(text: str, command: bool, sent: str) -> None:
    assert typed(text, {"otto": "U0OTTO"}, {"random": "C1"}, command=command) == sent


def test_markdown_knows_headings_lists_and_links() -> None:
    html = markdown("# Top\n- **a**\n[b](https://c.d) <i>", READER)

    assert html == (
        f'<strong>Top</strong><br>• <strong>a</strong><br><a href="https://c.d" {LINK}>b</a> &lt;i&gt;'
    )


@pytest.mark.parametrize(
    ("name", "letters"), [("Ada Admin", "AA"), ("octa", "O"), ("<b> x", "X"), ("", "?"), ("a b c", "AC")]
)
def test_an_avatar_has_up_to_two_letters(name: str, letters: str) -> None:
    assert initials(name) == letters


@pytest.mark.parametrize("kind", ["bar", "line", "area"])
def test_a_chart_reaches_up_to_its_largest_value(kind: str) -> None:
    points = [{"label": "a", "value": 5}, {"label": "b", "value": 10}]
    chart = {
        "type": kind,
        "series": [{"name": "s", "data": points}],
        "axis_config": {"categories": ["a", "b"]},
    }

    drawn = draw(chart)

    assert [label for _, label in drawn.ticks] == ["0", "5", "10"]
    assert any(f"{before}{drawn.ticks[2][0]}" in path for before in " V" for _, path in drawn.shapes)


def test_a_pie_has_a_piece_for_each_segment() -> None:
    drawn = draw({"type": "pie", "segments": [{"label": "a", "value": 3}, {"label": "b", "value": 1}]})

    assert [name for name, _ in drawn.series] == ["a", "b"]
    assert [" 1 1 " in path for _, path in drawn.shapes] == [True, False]


def test_a_moment_is_shown_in_the_persons_own_time(slack: SlackSimulator) -> None:
    pen = Pen(slack.state, slack.state.users[ADA])
    element = {"type": "datetimepicker", "action_id": "a"}
    values = {"b": {"a": {"type": "datetimepicker", "selected_date_time": 1_798_133_400}}}

    assert pen.entry(element, values, "b") == "2026-12-24T18:30"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param(f"/client/{ACME}/{ADA}/C0ACMEPRI", 200, id="a-private-channel-of-ones-own"),
        pytest.param(f"/client/{ACME}/{OTTO}/C0ACMEPRI", 404, id="a-private-channel-of-others"),
        pytest.param(f"/client/{ACME}/{GUS}/C0ACMEGEN", 404, id="a-guest-elsewhere"),
        pytest.param(f"/client/{BLUE}/{ADA}/C0BLUEGEN", 404, id="another-workspace"),
        pytest.param(f"/client/{ACME}/{ADA}/C0NOWHERE", 404, id="no-such-channel"),
        pytest.param(f"/client/{ACME}/U0NOBODY", 404, id="no-such-person"),
        pytest.param("/client/T0NOWHERE", 404, id="no-such-workspace"),
        pytest.param("/client-static/client.py", 404, id="not-a-static-file"),
        pytest.param("/client-static/client.css", 200, id="the-style-sheet"),
    ],
)
async def test_a_page_shows_what_that_person_may_see(
    slack: SlackSimulator, http: aiohttp.ClientSession, path: str, status: int
) -> None:
    async with http.get(slack.url + path) as answer:
        assert answer.status == status


@pytest.mark.parametrize(
    ("path", "lands"),
    [
        pytest.param("/", f"/client/{ACME}/{ADA}/C0ACMEGEN", id="the-front-door"),
        pytest.param(
            f"/client/{ACME}/C0ACMERAN", f"/client/{ACME}/{ADA}/C0ACMERAN", id="slack_clients-own-address"
        ),
        pytest.param(f"/client/{BLUE}", f"/client/{BLUE}/{BEA}/welcome", id="not-installed-there"),
    ],
)
async def test_links_lead_where_slacks_would(
    slack: SlackSimulator, http: aiohttp.ClientSession, path: str, lands: str
) -> None:
    async with http.get(slack.url + path) as answer:
        assert (answer.status, answer.url.path) == (200, lands)


@pytest.mark.parametrize(
    ("query", "leads_to"),
    [
        pytest.param("app=A1", f"/client/{ACME}/{ADA}/messages", id="to-the-app"),
        pytest.param("channel=C0ACMERAN", f"/client/{ACME}/{ADA}/C0ACMERAN", id="to-a-channel"),
    ],
)
async def test_a_link_into_slack_says_where_it_leads(
    slack: SlackSimulator, http: aiohttp.ClientSession, query: str, leads_to: str
) -> None:
    async with http.get(f"{slack.url}/app_redirect?team={ACME}&{query}") as answer:
        page = await answer.text()

    assert answer.status == 200
    assert f'data-target="{leads_to}"' in page


@pytest.mark.parametrize("last", ["C0ACMEGEN", "C0ACMERAN", "home"])
async def test_the_browser_stays_who_and_where_it_was(
    slack: SlackSimulator, http: aiohttp.ClientSession, last: str
) -> None:
    await (await http.get(f"{slack.url}/client/{ACME}/{OTTO}/{last}")).read()

    async with http.get(slack.url) as answer:
        assert answer.url.path == f"/client/{ACME}/{OTTO}/{last}"


async def test_a_channel_one_has_left_is_no_place_to_come_back_to(
    slack: SlackSimulator, http: aiohttp.ClientSession
) -> None:
    await (await http.get(f"{slack.url}/client/{ACME}/{OTTO}/C0ACMERAN")).read()
    slack.state.channels["C0ACMERAN"].members.discard(OTTO)

    async with http.get(slack.url) as answer:
        assert answer.url.path == f"/client/{ACME}/{OTTO}/C0ACMEGEN"


async def test_a_page_allows_no_script_but_its_own(
    slack: SlackSimulator, http: aiohttp.ClientSession
) -> None:
    slack.state.post("C0ACMEGEN", OTTO, HOSTILE)

    async with http.get(f"{slack.url}/client/{ACME}/{ADA}/C0ACMEGEN") as answer:
        page = await answer.text()

    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert page.count("<script") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize(
    "foreign",
    [
        pytest.param({"headers": {"Sec-Fetch-Site": "cross-site"}, "json": {"do": "say"}}, id="another-site"),
        pytest.param({"headers": {"Sec-Fetch-Site": "same-site"}, "json": {"do": "say"}}, id="another-port"),
        pytest.param({"data": '{"do": "say", "text": "x"}'}, id="a-plain-form"),
    ],
)
async def test_another_sites_page_can_do_nothing(
    slack: SlackSimulator, http: aiohttp.ClientSession, foreign: dict[str, Any]
) -> None:
    async with http.post(f"{slack.url}/client/{ACME}/{ADA}/C0ACMEGEN/do", **foreign) as answer:
        assert answer.status == 403

    assert slack.messages("C0ACMEGEN", ADA) == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        pytest.param({"do": "say", "text": "/poke x"}, "/poke is not a valid command.", id="no-command"),
        pytest.param({"do": "press", "target": "view:V1"}, "not open any more", id="a-closed-view"),
        pytest.param({"do": "press", "target": "message:C0ACMEGEN:1.0"}, "is gone", id="a-deleted-message"),
    ],
)
async def test_what_cannot_be_done_is_said_in_words(
    slack: SlackSimulator, http: aiohttp.ClientSession, given: dict[str, Any], sentence: str
) -> None:
    async with http.post(f"{slack.url}/client/{ACME}/{ADA}/C0ACMEGEN/do", json=given) as answer:
        assert sentence in (await answer.json())["error"]


async def test_somebody_is_brought_into_a_channel_and_removed_by_typing(
    slack: SlackSimulator, http: aiohttp.ClientSession
) -> None:
    async def typed_by_ada(text: str) -> str:
        place = f"{slack.url}/client/{ACME}/{ADA}/C0ACMERAN/do"
        async with http.post(place, json={"do": "say", "text": text}) as answer:
            return str((await answer.json()).get("error", ""))

    installation = slack.state.installation_for(ACME)
    assert installation is not None
    bot, members = installation.bot_user_id, slack.state.channels["C0ACMERAN"].members

    assert (await typed_by_ada("/invite @Octapost"), bot in members) == ("", True)
    assert await typed_by_ada("/invite @Octapost") == "Octapost is already in this channel."
    assert (await typed_by_ada("/remove @otto"), OTTO in members) == ("", False)
    assert await typed_by_ada("/invite @nobody") == "Nobody in this workspace is called @nobody."
    assert [m.text for m in slack.messages("C0ACMERAN", ADA)] == [
        f"added <@{bot}> to this channel.",
        f"removed <@{OTTO}> from this channel.",
    ]


async def test_a_tab_that_waits_learns_of_a_change_and_gets_the_parts(
    slack: SlackSimulator, http: aiohttp.ClientSession
) -> None:
    before, place = slack.state.version, f"{slack.url}/client/{ACME}/{ADA}/C0ACMEGEN"
    async with http.get(f"{place}/parts?version={before}") as answer:
        same = await answer.json()

    slack.state.post("C0ACMEGEN", OTTO, "News")
    async with http.get(f"{slack.url}/client-changes?version={before}") as answer:
        changed = await answer.json()
    async with http.get(f"{place}/parts?version={before}") as answer:
        fresh = await answer.json()

    assert same == {"version": before}
    assert changed == {"version": before + 1}
    assert "News" in fresh["parts"]["main"]


@pytest.mark.parametrize(
    ("mimetype", "served", "disposition"),
    [
        ("image/png", "image/png", "inline"),
        ("text/html", "application/octet-stream", "attachment"),
        ("image/svg+xml", "application/octet-stream", "attachment"),
    ],
)
async def test_an_uploaded_page_is_never_shown_as_one(
    slack: SlackSimulator, http: aiohttp.ClientSession, mimetype: str, served: str, disposition: str
) -> None:
    kept = slack.upload(ADA, "a.x", b"<script>alert(1)</script>", mimetype)

    async with http.get(f"{slack.url}/client/{ACME}/{ADA}/C0ACMEGEN/file/{kept.id}") as answer:
        assert answer.content_type == served
        assert answer.headers["Content-Disposition"].startswith(disposition)
