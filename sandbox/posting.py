"""The middle of the tour: a team publishes on seven platforms, and two of them behave as platforms sometimes do.

Everything is written in Slack's forms and looked at where the platforms show it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox import files
from sandbox.core import Fault
from sandbox.member import NotSeen, expect, text_of

if TYPE_CHECKING:
    from sandbox.browser import Page
    from sandbox.member import Member
    from sandbox.platforms.timeline import Published
    from sandbox.slack.state import Message, View
    from sandbox.world import World

Step = tuple[str, Callable[[], Awaitable[str]]]
SIX = ("Blue Door Bakery (Facebook)", "(Instagram)", "Ana Ruiz (LinkedIn)", "(Reddit)", "(TikTok)", "(X)")
TITLE = "Mugs, and how they are made"
PICTURES, WORDS = "octamugs", "OctaStories"
"""Subreddits: one that takes pictures, and one that takes only words and wants a flair."""
CAREFUL = ("SELF_ONLY", "public", "no")
"""What Ada chooses where she has to: TikTok shows posts of an app that it has not audited to nobody else."""
SOON_S, A_MOMENT_S = 60.0, 1.5
FILES_TAKE = 4
"""How often a platform is looked at that still works on a file."""
LONG_S = 222
"""A time that a platform really took to answer, while its client had long given up and sent the post again."""
STORIES = (timedelta(days=3), timedelta(days=4), timedelta(days=5))
"""When Ada's three posts for later are due."""
LINK = re.compile(r"<(http[^|>]+)\|see it>")


@dataclass(slots=True, kw_only=True)
class Slow(Fault):
    """A platform that takes a request and answers when it is told to."""

    taken: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        """Wait until the platform is to answer."""
        self.taken.set()
        await self.answer.wait()


class Posting:
    """What Ada publishes on the accounts that she has connected, in a channel that Octapost is in."""

    def __init__(self, world: World, ada: Member) -> None:
        self._world = world
        self._ada = ada

    def steps(self) -> Iterable[Step]:
        """Return the steps: each a title, and the function that plays it."""
        yield "A message with a picture goes to six platforms", self.message
        yield "A message with a video becomes a Short", self.short
        yield "A thread on X", self.thread
        yield "A Reel on Instagram", self.reel
        yield "A carousel on Instagram and LinkedIn", self.carousel
        yield "LinkedIn answers after minutes", self.slow
        yield "Facebook's answer gets lost", self.lost
        yield "Three stories for the next days on Reddit", self.stories

    async def message(self) -> str:
        """Publish a message of Ada's with "Publish this message"."""
        picture = self._file("mugs.jpg", files.picture(), "A blue mug on a table")
        form = await self._chosen("*Fresh mugs* in the shop today :tada:", picture)
        await self._publish(form, SIX)
        live = await self._live("Fresh mugs", "Live on 6 accounts")
        pages = [await self._ada.browser.open(link) for link in LINK.findall(text_of(live))]
        expect(
            all(page.status == 200 and "Fresh mugs in the shop" in page.text for page in pages),
            "not on a page",
        )
        return f"live everywhere, {len(pages)} of them with a link: {', '.join(map(_host, pages))}"

    async def short(self) -> str:
        """Publish a message with an upright video on YouTube."""
        clip = self._file("mug.mp4", files.video(), kind="video/mp4")
        await self._publish(await self._chosen("How a mug is put on a table", clip), ["(YouTube)"], reel=True)
        await self._live("How a mug")
        [post] = self._posts("youtube", "How a mug")
        return f"“{post.title}”, {post.options.get('Visibility', 'live')}"

    async def thread(self) -> str:
        """Write a post in three parts, with a picture for the second."""
        form = await self._begun("Our mugs, from the beginning.", ["(X)"], extras=["thread"])
        second = await self._ada.submit(form)
        await self._ada.press(second, "compose.part", "First there is clay.")
        await self._ada.press(second, "compose.more_parts")
        second = await self._ada.modal_with("Part 3")
        parts = [block for block in _inputs(second) if block["block_id"].startswith("part:")]
        await self._finish(second, {parts[1]["block_id"]: {"compose.part": "Then there is a mug."}})
        await self._live("from the beginning")
        posts = [
            post for words in ("Our mugs", "First there", "Then there") for post in self._posts("x", words)
        ]
        expect([bool(post.thread_of) for post in posts] == [False, True, True], f"{len(posts)} parts")
        return f"{len(posts)} parts, each a reply to the one before"

    async def reel(self) -> str:
        """Publish the upright video as a Reel."""
        clip = self._file("mug.mp4", files.video(), kind="video/mp4")
        form = await self._begun("A mug in four seconds", ["(Instagram)"])
        await self._finish(await self._ada.submit(form, {"compose.files": [clip]}), reel=True)
        await self._live("in four seconds")
        [post] = self._posts("instagram", "in four seconds")
        return f"{post.media[0].type}, {post.media[0].file.size // 1000} kB, as it was attached"

    async def carousel(self) -> str:
        """Publish three pictures in one post, in their order."""
        colours = {"blue": files.BLUE, "red": files.RED, "green": files.GREEN}
        pictures = [
            self._file(f"{name}.jpg", files.picture(colour), f"A {name} mug")
            for name, colour in colours.items()
        ]
        form = await self._begun("Which one is yours?", ["(Instagram)", "Ana Ruiz (LinkedIn)"])
        await self._finish(await self._ada.submit(form, {"compose.files": pictures}))
        await self._live("Which one is yours?", "Live on 2 accounts")
        posts = [*self._posts("instagram", "Which one"), *self._posts("linkedin", "Which one")]
        shown = [[one.alt_text for one in post.media] for post in posts]
        expect(shown == [[f"A {name} mug" for name in colours]] * 2, f"pictures: {shown}")
        return "three pictures on both, in their order and with their descriptions"

    async def slow(self) -> str:
        """Let LinkedIn take the post and answer minutes later."""
        linkedin, fault = self._world.platforms["linkedin"], Slow(path="/rest/posts$", method="POST", times=1)
        linkedin.faults.append(fault)
        await self._publish(await self._begun("Open until six today", []), ["Ana Ruiz (LinkedIn)"])
        await asyncio.wait_for(fault.taken.wait(), files.SECONDS * 5)
        await self._world.pass_time(timedelta(seconds=LONG_S))
        said = _state(await self._result("Open until six", "publishing…"))
        fault.answer.set()
        await self._result("Open until six", "✅ Live")
        posts = self._posts("linkedin", "Open until six")
        expect(len(posts) == 1, f"{len(posts)} posts")
        return f"“{said}” for {LONG_S} s, then one post"

    async def lost(self) -> str:
        """Let Facebook publish, and the connection break before its answer."""
        facebook = self._world.platforms["facebook"]
        facebook.faults.append(Fault(path="/feed$", method="POST", lose_answer=True, times=1))
        await self._publish(await self._begun("We bake mugs on Friday", []), ["Blue Door Bakery (Facebook)"])
        await self._result("We bake mugs", "didn't confirm it")
        await self._world.pass_time(timedelta(minutes=2))
        await self._result("We bake mugs", "✅ Live")
        posts = self._posts("facebook", "We bake mugs")
        expect(len(posts) == 1, f"{len(posts)} posts")
        return "looked up, found, and not sent again"

    async def stories(self) -> str:
        """Schedule three posts."""
        now = self._world.slack.clock.now()
        for number, due in enumerate(STORIES, 1):
            form = await self._begun(f"Story {number} of a mug", ["(Reddit)"])
            when = int(now + due.total_seconds())
            await self._finish(await self._ada.submit(form, {"compose.when": when}), subreddit=WORDS)
        listed = text_of(await self._ada.command("posts scheduled"))
        expect(listed.count("of a mug") == len(STORIES), listed)
        return f"“{listed.splitlines()[0]}”"

    # In the forms

    def _file(self, name: str, content: bytes, alt_text: str = "", *, kind: str = "image/jpeg") -> str:
        """Return the id of a file on Ada's computer that she has chosen."""
        return self._world.slack.upload(self._ada.user_id, name, content, kind, alt_txt=alt_text).id

    async def _chosen(self, text: str, file: str) -> View:
        """Say something in the channel, choose "Publish this message", and return the form."""
        slack, ada = self._world.slack, self._ada
        message = await slack.say(ada.user_id, ada.channel_id, text, files=[file])
        await slack.shortcut(ada.user_id, "octapost_publish_message", message=message)
        return await ada.modal_with("compose.accounts")

    async def _begun(self, text: str, accounts: Sequence[str], *, extras: Sequence[str] = ()) -> View:
        """Type `/octapost post`, and choose accounts and what else the form is to have."""
        form = await self._ada.modal_by(f"post {text}")
        if accounts:
            await self._ada.press(form, "compose.accounts", _options(form, "accounts", accounts))
        if extras:
            form = await self._ada.modal_with("compose.extras")
            await self._ada.press(form, "compose.extras", list(extras))
        return await self._ada.modal_with("compose.extras")

    async def _publish(self, form: View, accounts: Sequence[str], *, reel: bool = False) -> None:
        chosen = {"compose.accounts": _options(form, "accounts", accounts)}
        await self._finish(await self._ada.submit(form, chosen), reel=reel)

    async def _finish(
        self,
        view: View,
        values: dict[str, Any] | None = None,
        *,
        reel: bool = False,
        subreddit: str = PICTURES,
    ) -> None:
        """Fill in what every page of the second form asks for, until the post is on its way."""
        values = dict(values or {}) | ({"compose.reel": ["yes"]} if reel else {})
        while view.payload["callback_id"] == "compose.detailed":
            if any(block["block_id"].startswith("place:") for block in _inputs(view)):
                view = await self._placed(view, subreddit)
            shown = await self._ada.submit(view, _answers(view) | values)
            expect(
                not shown.errors and not shown.trouble, f"{shown.errors or shown.trouble}: {text_of(shown)}"
            )
            view, values = shown, {}
        said = text_of(view)
        expect(said.startswith("✅"), said)
        await self._ada.close(view)

    async def _placed(self, view: View, name: str) -> View:
        """Find a subreddit by typing, and return the form with what it wants to know."""
        found = await self._world.slack.suggest(self._ada.user_id, view, "compose.place", name.lower())
        await self._ada.press(view, "compose.place", [found[0]["value"]])
        return await self._ada.modal_with(f"r/{name}")

    # What is said, and what is live

    async def _live(self, words: str, state: str = "✅ Live") -> Message:
        """Return the message about a post once it is live, and let the platforms' time to work on files pass."""
        for _ in range(FILES_TAKE):
            with suppress(NotSeen):
                return await self._result(words, state, within_s=A_MOMENT_S)
            await self._world.pass_time(timedelta(seconds=20))
        return await self._result(words, state)

    async def _result(self, *words: str, within_s: float = SOON_S) -> Message:
        """Return the message about a post in the channel, as soon as it says all this."""

        def found() -> Message | None:
            every = reversed(self._ada.seen())
            return next(
                (one for one in every if one.app_id and all(word in text_of(one) for word in words)), None
            )

        with suppress(TimeoutError):
            return await self._world.slack.until(found, within_s)
        said = [text_of(one) for one in self._ada.seen() if one.app_id and words[0] in text_of(one)]
        raise NotSeen(f"not “{words[-1]}”, but: {said[-1:] or 'nothing'}")

    def _posts(self, platform: str, words: str) -> list[Published]:
        """Return the posts on a platform that say this, oldest first."""
        every = self._world.platforms[platform].timeline.posts()
        return [post for post in every if words in post.text or words in post.title]


def _inputs(view: View) -> list[dict[str, Any]]:
    return [block for block in view.blocks if block["type"] == "input"]


def _options(view: View, block_id: str, names: Sequence[str]) -> list[str]:
    """Return the values of the options whose labels contain these names."""
    [options] = [each["element"]["options"] for each in _inputs(view) if each["block_id"] == block_id]
    labels = {str(each["text"]["text"]): str(each["value"]) for each in options}
    found = [next((value for label, value in labels.items() if name in label), "") for name in names]
    expect(all(found), f"not all of {', '.join(names)} among: {', '.join(labels)}")
    return found


def _answers(view: View) -> dict[str, Any]:
    """Return an answer for every field that has to be filled in and is empty."""
    found: dict[str, Any] = {}
    for block in _inputs(view):
        element = block["element"]
        if block.get("optional") or any(key.startswith("initial_") for key in element):
            continue
        values = [str(option["value"]) for option in element.get("options", ())]
        answers = {
            "plain_text_input": TITLE,
            "static_select": next((one for one in CAREFUL if one in values), "".join(values[:1])),
            "checkboxes": values[:1],
        }
        if element["type"] in answers:
            found[block["block_id"]] = {element["action_id"]: answers[element["type"]]}
    return found


def _host(page: Page) -> str:
    return page.title.partition(" on ")[2].partition(" (")[0]


def _state(shown: Message) -> str:
    """Return the line of a result that says how a post is on an account."""
    return next(line for line in text_of(shown).splitlines() if "publishing…" in line).partition(": ")[2]
