"""A person who uses the simulated Slack and platforms: types commands, opens links, consents, presses buttons.

The tour and the tests of the stories use it. If something is missing that the person would expect to see, `NotSeen` is
raised with what they saw instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sandbox.browser import Browser, Consent, Page, travel
from sandbox.slack.hands import PATIENCE_S

if TYPE_CHECKING:
    from sandbox.slack.state import Message, View
    from sandbox.world import World


PLACEHOLDER = "Still working on it."
"""The first words of a modal whose content is not ready yet."""


class NotSeen(Exception):
    """Something that a person would expect to see is missing. The message says what they saw instead."""


class Member:
    """One person, with Slack open in one channel, and a browser."""

    def __init__(self, world: World, user_id: str, team_id: str, channel_id: str) -> None:
        self.world = world
        self.slack = world.slack
        self.user_id = user_id
        self.team_id = team_id
        self.channel_id = channel_id
        self.browser = Browser(world.pages)

    async def __aenter__(self) -> Self:
        """Return the person."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the browser."""
        await self.browser.close()

    # In Slack

    async def command(self, text: str, *, channel_id: str = "") -> Message:
        """Type `/octapost <text>` and return the answer."""
        messages = await self.slack.command(self.user_id, self.team_id, channel_id or self.channel_id, text)
        expect(bool(messages), f"/octapost {text} was not answered")
        expect("operation_timeout" not in messages[-1].text, messages[-1].text)
        return messages[-1]

    async def modal_by(self, text: str) -> View:
        """Type `/octapost <text>` and return the modal it opens, once it is filled."""
        messages = await self.slack.command(self.user_id, self.team_id, self.channel_id, text)
        view = self.slack.modal_of(self.user_id)
        expect(view is not None, f"no modal, but: {text_of(messages[-1]) if messages else 'silence'}")
        return await self._filled()

    async def press(self, target: Message | View, action_id: str, value: Any = None) -> None:
        """Press a button or an entry of a `⋯` menu, or choose from a select."""
        block_id, pressed = None, action_id
        if entry := None if value else _in_menu(target, action_id):
            block_id, pressed, value = entry
        outcome = await self.slack.press(self.user_id, target, pressed, block_id=block_id, value=value)
        expect(not outcome.error, f"{action_id}: {outcome.error}")

    async def choose(self, target: Message | View, name: str) -> None:
        """Press the button in the first section that names `name`."""
        sections = [b for b in target.blocks if "accessory" in b and name in "\n".join(texts_in(b["text"]))]
        expect(bool(sections), f"no choice of {name} in: {text_of(target)}")
        action_id, block_id = sections[0]["accessory"]["action_id"], sections[0]["block_id"]
        outcome = await self.slack.press(self.user_id, target, action_id, block_id=block_id)
        expect(not outcome.error, f"{action_id}: {outcome.error}")

    async def accept(self) -> str:
        """Accept the newest invitation in the direct messages, once it has arrived, and return the answer."""
        invitation = await self.slack.until(lambda: self._offered("invitation.accept"))
        await self.press(invitation, "invitation.accept")
        return text_of(await self.slack.until(lambda: self._changed(invitation)))

    def _offered(self, action_id: str) -> Message | None:
        return next((m for m in reversed(self.direct_messages()) if action_id in str(m.blocks)), None)

    def _changed(self, old: Message) -> Message | None:
        return next(
            (m for m in self.direct_messages() if m.ts == old.ts and "invitation." not in str(m.blocks)), None
        )

    async def submit(self, view: View, values: dict[str, Any] | None = None) -> View:
        """Submit a modal and return the one that is shown afterwards, once it is filled."""
        shown = await self.slack.submit(self.user_id, view, values)
        expect(shown is not None, "the modal closed without a word")
        return await self._filled()

    async def _filled(self) -> View:
        """Return the person's modal as soon as its content replaces the placeholder, which may take a moment."""
        return await self.slack.until(lambda: self._modal_without(PLACEHOLDER))

    def _modal_without(self, words: str) -> View | None:
        view = self.slack.modal_of(self.user_id)
        return view if view is not None and words not in text_of(view) else None

    async def close(self, view: View) -> None:
        """Close a modal and everything below it."""
        await self.slack.close(self.user_id, view, all_of_them=True)

    async def modal_with(self, word: str, within_s: float = PATIENCE_S) -> View:
        """Return the person's modal once it contains `word`, in an action_id or in its text."""
        return await self.slack.until(lambda: self._modal_with(word), within_s)

    def _modal_with(self, word: str) -> View | None:
        view = self.slack.modal_of(self.user_id)
        return view if view is not None and (word in str(view.blocks) or word in text_of(view)) else None

    def direct_messages(self) -> list[Message]:
        """Return the conversation with the app so far."""
        return self.slack.direct_messages(self.user_id, self.team_id)

    async def next_message(self, seen: int, within_s: float = PATIENCE_S) -> Message:
        """Return the first direct message after the first `seen` ones, as soon as it arrives."""
        return (await self.slack.until(lambda: self.direct_messages()[seen:], within_s))[0]

    def seen(self) -> list[Message]:
        """Return what the person reads in their channel."""
        return self.slack.messages(self.channel_id, self.user_id)

    # In the browser

    async def install(self, *, org_wide: bool = False) -> Page:
        """Add the app to the workspace, and return the last page."""
        page = await self.browser.open(f"{self.world.app_url}/slack/install")
        wish = {"person": f"{self.user_id}.{self.team_id}"} | ({"org_wide": "yes"} if org_wide else {})
        return await self.browser.submit(page, choose=wish, press=("decision", "approve"))

    async def link(self, platform: str, app: str = "") -> str:
        """Request a connect link and return it; `app` chooses one of a platform's two apps."""
        message = await self.command(f"connect {platform}")
        if app:
            seen = len(self.seen())
            await self.press(message, f"connect.platform.{app}")
            message = (await self.slack.until(lambda: self.seen()[seen:]))[-1]
        links = links_in(message)
        expect(len(links) == 1, f"no link in: {text_of(message)}")
        return links[0]

    async def travel(self, link: str, consent: Consent | None = None) -> Page:
        """Open a connect link, sign in and consent; return the last page."""
        return await travel(
            self.browser,
            link,
            slack_url=self.slack.url,
            app_url=self.world.app_url,
            slack_person=f"{self.user_id}.{self.team_id}",
            consent=consent,
        )

    async def connect(
        self, platform: str, consent: Consent | None = None, *, app: str = "", choose: int = 0
    ) -> str:
        """Connect a platform, pick `choose` accounts if it is not 0, and return the app's last message."""
        seen = len(self.direct_messages())
        page = await self.travel(await self.link(platform, app), consent)
        expect(page.status == 200 and page.origin == self.world.app_url, f"{page.url}: {page.text[:300]}")
        message = await self.next_message(seen)
        return await self.pick(message, choose) if choose else text_of(message)

    async def pick(self, message: Message, count: int) -> str:
        """Press Choose accounts, pick the first `count` usable ones, and return what the picker then says."""
        await self.press(message, "connect.choose")
        view = await self.modal_with("connect.search")
        offered = await self.slack.suggest(self.user_id, view, "connect.search", "")
        usable = [o["value"] for o in offered if not o["text"]["text"].startswith("⊘")]
        expect(len(usable) >= count, f"{len(usable)} accounts to choose from")
        shown = await self.submit(view, {"connect.search": usable[:count]})
        said = text_of(shown)
        expect("Connected" in said, str(shown.errors or shown.trouble or said))
        await self.close(shown)
        return said


def elements_of(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the interactive elements of a block, its accessory included."""
    return [*block.get("elements", ()), *filter(None, (block.get("accessory"), block.get("element")))]


def _in_menu(target: Message | View, action_id: str) -> tuple[str, str, str] | None:
    """Return the block, the menu and the value of the first entry that leads to `action_id`; None: a button does."""
    every = [(block, element) for block in target.blocks for element in elements_of(block)]
    if any(element.get("action_id") == action_id for _, element in every):
        return None
    menus = [(block, element) for block, element in every if element.get("type") == "overflow"]
    return next(
        (
            (str(block["block_id"]), str(menu["action_id"]), str(entry["value"]))
            for block, menu in menus
            for entry in menu["options"]
            if entry["value"].split(" ")[0] == action_id
        ),
        None,
    )


def links_in(message: Message) -> list[str]:
    """Return the addresses of the link buttons in a message."""
    return [str(e["url"]) for b in message.blocks for e in b.get("elements", ()) if "url" in e]


def expect(holds: bool, otherwise: str) -> None:
    """Raise NotSeen with the text `otherwise` unless `holds`."""
    if not holds:
        raise NotSeen(otherwise)


def text_of(shown: Message | View | None) -> str:
    """Return the text that a person reads in a message or a view."""
    if shown is None:
        return ""
    found = list(texts_in(shown.blocks))
    return "\n".join(found) if found else str(getattr(shown, "text", ""))


def first_line(shown: Message) -> str:
    """Return the first line that a person reads in a message."""
    return text_of(shown).split("\n")[0]


def texts_in(node: Any) -> Iterable[str]:
    """Yield the texts that a person reads in blocks."""
    if isinstance(node, dict):
        if node.get("type") == "rich_text_section":
            yield "".join(str(e.get("text", "")) for e in node.get("elements", ()))
            return
        if isinstance(node.get("text"), str):
            yield node["text"]
        for value in node.values():
            yield from texts_in(value)
    elif isinstance(node, list):
        for item in node:
            yield from texts_in(item)
