"""The second half of the tour: the following months, in which tokens end and platforms fail.

Clocks are moved instead of waiting. The tour checks what people would see: one card for each sign-in that needs
somebody, edited in place until it is settled, and nothing while a platform has an outage.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.browser import Consent
from sandbox.core import Fault
from sandbox.member import expect, first_line, links_in, text_of
from sandbox.platforms.linkedin.sign_in import WARNING_DAY
from sandbox.slack.world import OTTO

if TYPE_CHECKING:
    from sandbox.member import Member
    from sandbox.slack.state import Message
    from sandbox.world import World

Step = tuple[str, Callable[[], Awaitable[str]]]
SIGNS = ("🔴", "🟡", "🟢", "⚪")
"""A card starts with one of these."""
REDDITOR = "octa_demo"
OUTAGE_HOURS = 6
SOON_S = 20.0
"""How long we wait for a card: a channel gets one message a second, and a busy machine takes longer."""


class Months:
    """What happens to a team's accounts, as seen in its alerts channel. Ada is its owner, Otto a colleague."""

    def __init__(self, world: World, ada: Member, otto: Member) -> None:
        self._world = world
        self._ada = ada
        self._otto = otto

    def team(self) -> Iterable[Step]:
        """Return the steps before: who is told, and where."""
        yield "Otto becomes an admin", self.colleague
        yield "Ada chooses a channel for alerts", self.channel

    def steps(self) -> Iterable[Step]:
        """Return the steps: each a title, and the function that plays it."""
        yield "Somebody removes Octapost at Reddit", self.revoked
        yield "Otto claims the card", self.claimed
        yield "Two stories miss their time", self.missed
        yield "Otto reconnects", self.reconnected
        yield "Otto answers the question", self.answered
        yield "The third story goes out at its time", self.on_time
        yield "LinkedIn, day 53 of 60", self.day_53
        yield "LinkedIn, four days later", self.four_days_later
        yield "YouTube fails for six hours", self.outage

    async def colleague(self) -> str:
        """Let Ada invite Otto as an admin, and Otto accept."""
        message = await self._ada.command(f"org invite <@{OTTO}|otto> admin")
        expect("I've invited" in text_of(message), text_of(message))
        said = await self._otto.accept()
        expect("as an admin" in said, said)
        return f"“{said}”"

    async def channel(self) -> str:
        """Invite the app into the channel, and choose the channel in the form, without a digest."""
        await self._world.slack.invite(self._ada.channel_id)
        await self._ada.press(await self._ada.command("alerts"), "alerts.change")
        view = await self._ada.modal_with("Warn before a sign-in expires")
        chosen = {"channel": {"select": self._ada.channel_id}, "digest": {"select": "off"}}
        saved = await self._ada.submit(view, chosen)
        expect("✅ Saved." in text_of(saved), text_of(saved))
        await self._ada.close(saved)
        hello = await self._world.slack.until(lambda: [m for m in self._posts() if "👋" in text_of(m)])
        return f"“{first_line(hello[0])}”"

    async def revoked(self) -> str:
        """End a person's permission at Reddit; wait until Octapost has been refused twice."""
        reddit = self._world.platforms["reddit"]
        await reddit.controls()["revoke"]({"person": REDDITOR})
        passed = await self._world.let_it_notice()
        [card] = await self._cards_with("3 scheduled posts are waiting")
        return f"“{first_line(card)}” {passed.days} days later. {self._line(card, 'posts are waiting')}"

    async def claimed(self) -> str:
        """Press Claim on the card, as the colleague."""
        [card] = self._cards()
        await self._otto.press(card, "incident.claim")
        [shown] = await self._cards_with("is on it")
        expect(shown.ts == card.ts, "there is a second card")
        return f"“{self._line(shown, 'is on it')}”"

    async def missed(self) -> str:
        """Let two days pass, in which two of the three posts for Reddit were due."""
        await self._world.pass_time(timedelta(days=2))
        expect(self._stories() == [], "something went out without a sign-in")
        return "nothing went out, and nothing was lost"

    async def reconnected(self) -> str:
        """Press Reconnect, follow the link, and check that the card was settled in place."""
        [card] = self._cards()
        seen = len(self._otto.seen())
        await self._otto.press(card, "incident.reconnect")
        [answer] = await self._world.slack.until(lambda: [m for m in self._otto.seen()[seen:] if links_in(m)])
        page = await self._otto.travel(links_in(answer)[0], Consent(person=REDDITOR))
        expect(page.status == 200 and page.origin == self._world.app_url, f"{page.url}: {page.text[:300]}")
        [shown] = await self._cards_with("can publish for Acme again")
        expect(shown.ts == card.ts and not links_in(shown), "the card was not settled in its place")
        asked = self._line(shown, "due meanwhile")
        return f"“{first_line(shown)}” {self._line(shown, 'Reconnected by')} “{asked}”"

    async def answered(self) -> str:
        """Press Publish now, and wait until both posts are out: the second some minutes after the first."""
        [card] = self._cards()
        await self._otto.press(card, "incident.publish")
        [shown] = await self._cards_with("late posts go out now")
        await self._out(1)
        await self._world.pass_time(timedelta(minutes=6))
        await self._out(2)
        return f"“{self._line(shown, 'late posts go out now')}”"

    async def on_time(self) -> str:
        """Let time pass until the third post is due."""
        await self._world.pass_time(timedelta(hours=23))
        expect(len(self._stories()) == 2, "it went out before its time")
        await self._world.pass_time(timedelta(minutes=45))
        await self._out(3)
        return "once, like the others"

    def _stories(self) -> list[str]:
        posts = self._world.platforms["reddit"].timeline.posts()
        return [post.text for post in posts if post.text.startswith("Story ")]

    async def _out(self, many: int) -> None:
        """Return when so many of the posts are on Reddit."""
        with suppress(TimeoutError):  # each post that is out changes its message
            await self._world.slack.until(lambda: len(self._stories()) >= many, SOON_S)
        expect(len(self._stories()) == many, f"posts on Reddit: {self._stories()}")

    async def day_53(self) -> str:
        """Move LinkedIn's clock to a week before its tokens end."""
        linkedin = self._world.platforms["linkedin"]
        await self._world.come_to_day(linkedin, WARNING_DAY)
        signed_in = sum(not grant.dead for grant in linkedin.grants.values())
        cards = await self._cards_with("within 7 days.", signed_in)
        return f"“{first_line(cards[0])}” {len(cards)} cards for {signed_in} sign-ins"

    async def four_days_later(self) -> str:
        """Let four days pass, and check that the same cards have another number and each a reply."""
        before = {card.ts for card in self._cards()}
        await self._world.pass_time(timedelta(days=4))
        cards = await self._cards_with("within 3 days.", 2)
        expect({card.ts for card in self._cards()} == before, "there is a second card")
        said = "3 days left"
        lines = await self._world.slack.until(lambda: self._below(cards, said), SOON_S)
        return f"the same {len(cards)} cards, edited, and below each “{text_of(lines[0])}”"

    async def outage(self) -> str:
        """Let YouTube fail for hours, in which its tokens end, and check that nobody got a message."""
        youtube, said = self._world.platforms["youtube"], self._everything_said()
        fault = Fault(status=503, body="<html>Service Unavailable</html>", content_type="text/html")
        youtube.faults.append(fault)
        asked = len(youtube.requests)
        for _ in range(OUTAGE_HOURS):
            await self._world.pass_time(timedelta(hours=1))
        failed = len(youtube.requests) - asked
        expect(failed >= OUTAGE_HOURS - 1, f"YouTube was asked {failed} times in {OUTAGE_HOURS} hours")
        youtube.faults.remove(fault)
        await self._world.pass_time(timedelta(minutes=15))
        now = youtube.clock.now()
        stale = [
            g for g in youtube.grants.values() if not g.dead and max(g.access.values(), default=0) <= now
        ]
        expect(not stale, "YouTube's token was not renewed after the outage")
        expect(self._everything_said() == said, "somebody was told about it")
        return f"{failed} calls failed, no card, no message; renewed within 15 minutes of its end"

    # What Slack shows

    def _posts(self) -> list[Message]:
        """Return the app's posts in the channel that everybody sees."""
        return [m for m in self._ada.seen() if m.app_id and not m.ephemeral_for]

    def _cards(self) -> list[Message]:
        return [m for m in self._posts() if not m.thread_ts and text_of(m).startswith(SIGNS)]

    async def _cards_with(self, words: str, many: int = 1) -> list[Message]:
        """Return the cards with this text as soon as there are so many, and check that none is a duplicate."""

        def found() -> list[Message] | None:
            cards = [card for card in self._cards() if words in text_of(card)]
            return cards if len(cards) >= many else None

        with suppress(TimeoutError):
            await self._world.slack.until(found, SOON_S)
        cards = found() or []
        shown = " ".join(f"“{first_line(card)}”" for card in self._cards())
        expect(len(cards) == many, f"not {many} with “{words}”, but: {shown or 'no card'}")
        return cards

    def _below(self, cards: list[Message], words: str) -> list[Message] | None:
        """Return the replies with this text in the threads of all these cards, once each has one."""
        threads = {card.ts for card in cards}
        lines = [m for m in self._posts() if m.thread_ts in threads and words in text_of(m)]
        return lines if {line.thread_ts for line in lines} == threads else None

    def _everything_said(self) -> dict[str, str]:
        """Return all messages of the app, with their present texts."""
        state = self._world.slack.state
        every = (m for channel in state.channels for m in state.messages(channel))
        return {f"{m.channel_id} {m.ts}": text_of(m) for m in every if m.app_id}

    def _line(self, shown: Message, words: str) -> str:
        """Return the line with these words, with people's names and dates as Slack shows them."""
        line = next(line for line in text_of(shown).split("\n") if words in line)
        people = self._world.slack.state.users
        named = re.sub(r"<@(\w+)>", lambda found: f"@{people[found[1]].real_name}", line)
        return re.sub(r"<!date\^[^|]*\|([^>]*)>", r"\1", named)
