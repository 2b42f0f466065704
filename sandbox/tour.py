"""The guided tour: what a team does in its first minutes with Octapost, played step by step.

Every step is what a person would do: a command typed in Slack, a link opened in a browser, a button
pressed. It fails loudly when what the person would then see is not there.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from sandbox.browser import Browser, Consent, Page, travel
from sandbox.slack.world import ACME, ADA, OTTO

if TYPE_CHECKING:
    from rich.console import Console

    from sandbox.slack.state import Message, View
    from sandbox.world import World

CHANNEL = "C0ACMESOC"
Step = tuple[str, Callable[[], Awaitable[str]]]


class StepFailed(Exception):
    """Something a person would expect to see was not there. The message says what."""


class Tour:
    """One team, from "Add to Slack" to seven connected platforms and one disconnected."""

    def __init__(self, world: World, app_url: str, console: Console) -> None:
        self._world = world
        self._slack = world.slack
        self._app_url = app_url
        self._console = console
        self._browsers: dict[str, Browser] = {}

    def steps(self) -> Iterable[Step]:
        """Return the story: what is done, and the doing."""
        yield "Ada adds Octapost to Acme", self.install
        yield "Otto, who is no member, asks for a link", self.no_member
        yield "Ada types /octapost help", self.help
        yield "Somebody else opens Ada's link", self.forwarded
        yield "TikTok", self.connect("tiktok", "octa_demo")
        yield "X", self.connect("x", "4711")
        yield "Reddit, and where it may post", self.connect("reddit", "octa_demo", then=self.places)
        yield "YouTube, one of three channels", self.connect("youtube", "Studio Nine")
        yield "LinkedIn profile", self.connect("linkedin", "ana-ruiz", app="linkedin")
        yield "LinkedIn company pages, chosen in Slack", self.connect("linkedin", "ana-ruiz", app="linkedin_page", choose=2)
        yield "Facebook Pages, chosen in Slack", self.connect("facebook", "ana", choose=2)
        yield "Instagram behind a Page", self.connect("instagram", "ana")
        yield "Ada says no at X", self.declined
        yield "The App Home shows every account", self.home
        yield "Ada disconnects X", self.disconnect
        yield "/octapost status", self.status

    async def play(self) -> int:
        """Play every step and print a line for each; return 0, or 1 at the first that failed."""
        started = time.perf_counter()
        steps = list(self.steps())
        width = max(len(name) for name, _ in steps)
        try:
            for number, (name, act) in enumerate(steps, 1):
                began = time.perf_counter()
                try:
                    happened = await act()
                except Exception as error:  # noqa: BLE001 - whatever it is, the tour says which step failed
                    self._console.print(f"[red]✗[/] {number:2} {escape(name)}: {type(error).__name__}: {escape(str(error))}")
                    return 1
                took = time.perf_counter() - began
                self._console.print(f"[green]✓[/] {number:2} {escape(name):{width}}  {escape(happened)} [dim]{took:.1f} s[/]")
            if complaints := self._slack.state.complaints:
                self._console.print(f"[red]✗[/] Slack refused something on the way: {escape('; '.join(complaints))}")
                return 1
        finally:
            for browser in self._browsers.values():
                await browser.close()
        self._console.print(f"[bold]Done[/] in {time.perf_counter() - started:.1f} s, and nothing left this machine.")
        return 0

    # The steps

    async def install(self) -> str:
        """Add the app as a workspace admin; wait for the welcome message."""
        page = await self._browser(ADA).open(f"{self._app_url}/slack/install")
        page = await self._browser(ADA).submit(
            page, choose={"person": f"{ADA}.{ACME}"}, press=("decision", "approve")
        )
        expect(page.status == 200, f"the install page said {page.status}: {page.text[:200]}")
        welcome = await self._slack.until(lambda: self._slack.direct_messages(ADA), 10)
        return f"“{page.title}”, and a welcome message: “{first_line(welcome[-1])}”"

    async def no_member(self) -> str:
        """Ask as somebody who is in no organization."""
        message = await self._command("connect tiktok", OTTO)
        expect("aren't a member" in text_of(message), text_of(message))
        return f"“{text_of(message)[:70]}…”"

    async def help(self) -> str:
        """Ask for help."""
        message = await self._command("help")
        lines = text_of(message).count("/octapost ")
        expect(lines >= 10, f"only {lines} commands in the help")
        return f"{lines} commands, all explained"

    async def forwarded(self) -> str:
        """Let another person open a link that was made for Ada."""
        link = await self._link("tiktok")
        page = await self._travel(OTTO, link)
        expect("consent" not in page.title.lower() and page.origin == self._app_url, page.url)
        expect(all("authorize/" not in address for address in page.trail), "a consent page was reached")
        return f"“{page.title}”"

    def connect(
        self,
        platform: str,
        person: str,
        *,
        app: str = "",
        choose: int = 0,
        then: Callable[[str], Awaitable[str]] | None = None,
    ) -> Callable[[], Awaitable[str]]:
        """Return the step that connects one platform, and picks accounts where there is a choice."""

        async def step() -> str:
            seen = len(self._slack.direct_messages(ADA))
            link = await self._link(platform, app)
            page = await self._travel(ADA, link, Consent(person=person))
            expect(page.status == 200 and page.origin == self._app_url, f"{page.url}: {page.text[:300]}")
            messages = await self._slack.until(lambda: self._slack.direct_messages(ADA)[seen:], 10)
            said = first_line(messages[0])
            if choose:
                said = await self._pick(messages[0], choose)
            else:
                expect("Connected to" in said, said)
            return said if then is None else f"{said} {await then(platform)}"

        return step

    async def places(self, platform: str) -> str:
        """Open the list of places and type into its typeahead."""
        message = await self._command(f"accounts {platform}")
        await self._slack.press(ADA, message, "account.places")
        view = await self._slack.until(lambda: self._modal_with(ADA, "account.place"), 10)
        found = await self._slack.suggest(ADA, view, "account.place", "")
        expect(bool(found), "no place was offered")
        await self._slack.close(ADA, view)
        return f"{len(found)} places: {', '.join(o['text']['text'] for o in found[:3])} …"

    async def declined(self) -> str:
        """Press Cancel at the platform."""
        page = await self._travel(ADA, await self._link("x"), Consent(person="4712", approve=False))
        expect("no" in page.text.lower() and page.status < 500, page.text[:200])
        return f"“{page.title}”"

    async def home(self) -> str:
        """Open the App Home."""
        home = await self._slack.open_home(ADA)
        expect(home is not None, "nothing was published")
        words = text_of(home)
        missing = [name for name in PLATFORMS if name not in words]
        expect(not missing, f"not on the home tab: {', '.join(missing)}")
        return f"{words.count('🟢')} of them green, each with its expiry in words"

    async def disconnect(self) -> str:
        """Disconnect an account by name and confirm."""
        await self._command("disconnect x @octademo", answers=False)
        view = await self._slack.until(lambda: self._slack.modal_of(ADA), 5)
        shown = await self._slack.submit(ADA, view)
        expect(shown is not None, "the modal closed without a word")
        final = await self._slack.until(lambda: self._face(ADA, "✅"), 15)
        calls = self._world.platforms["x"].calls("/2/oauth2/revoke", "POST")
        expect(bool(calls), "X was never asked to end the grant")
        await self._slack.close(ADA, final, all_of_them=True)
        return text_of(final).replace("\n", " ")

    async def status(self) -> str:
        """Ask how everything is."""
        message = await self._command("status")
        return f"“{first_line(message)}”"

    # How a person does it

    def _browser(self, user: str) -> Browser:
        return self._browsers.setdefault(user, Browser())

    async def _travel(self, user: str, link: str, consent: Consent | None = None) -> Page:
        return await travel(
            self._browser(user),
            link,
            slack_url=self._slack.url,
            app_url=self._app_url,
            slack_person=f"{user}.{ACME}",
            consent=consent,
        )

    async def _command(self, text: str, user: str = ADA, *, answers: bool = True) -> Message:
        messages = await self._slack.command(user, ACME, CHANNEL, text)
        if not answers:
            return messages[-1] if messages else self._slack.messages(CHANNEL, user)[-1]
        expect(bool(messages), f"/octapost {text} was not answered")
        expect("operation_timeout" not in messages[-1].text, messages[-1].text)
        return messages[-1]

    async def _link(self, platform: str, app: str = "") -> str:
        message = await self._command(f"connect {platform}")
        if app:
            seen = len(self._slack.messages(CHANNEL, ADA))
            await self._slack.press(ADA, message, f"connect.platform.{app}")
            message = (await self._slack.until(lambda: self._slack.messages(CHANNEL, ADA)[seen:], 5))[-1]
        links = [e["url"] for b in message.blocks for e in b.get("elements", ()) if "url" in e]
        expect(len(links) == 1, f"no link in: {text_of(message)}")
        return str(links[0])

    async def _pick(self, message: Message, count: int) -> str:
        await self._slack.press(ADA, message, "connect.choose")
        view = await self._slack.until(lambda: self._modal_with(ADA, "connect.search"), 5)
        offered = await self._slack.suggest(ADA, view, "connect.search", "")
        usable = [o["value"] for o in offered if not o["text"]["text"].startswith("⊘")]
        expect(len(usable) >= count, f"{len(usable)} accounts to choose from")
        shown = await self._slack.submit(ADA, view, {"connect.search": usable[:count]})
        expect(shown is not None and "✅" in text_of(shown), str(shown and (shown.errors or shown.trouble)))
        said = text_of(shown).split("\n")[0] if shown else ""
        await self._slack.close(ADA, view, all_of_them=True)
        return f"{len(usable)} to choose from. {said}"

    def _modal_with(self, user: str, action_id: str) -> View | None:
        view = self._slack.modal_of(user)
        return view if view is not None and action_id in str(view.blocks) else None

    def _face(self, user: str, word: str) -> View | None:
        view = self._slack.modal_of(user)
        return view if view is not None and word in text_of(view) else None


PLATFORMS = ("Facebook", "Instagram", "LinkedIn", "Reddit", "TikTok", "X", "YouTube")


def expect(holds: bool, otherwise: str) -> None:
    """Raise StepFailed with the words that say what was there instead."""
    if not holds:
        raise StepFailed(otherwise)


def text_of(shown: Message | View | None) -> str:
    """Return every word a person reads in a message or a view."""
    if shown is None:
        return ""
    found = list(_texts(shown.blocks))
    return "\n".join(found) if found else str(getattr(shown, "text", ""))


def first_line(shown: Message) -> str:
    """Return the first line a person reads in a message."""
    return text_of(shown).split("\n")[0]


def _texts(node: Any) -> Iterable[str]:
    if isinstance(node, dict):
        if node.get("type") == "rich_text_section":
            yield "".join(str(e.get("text", "")) for e in node.get("elements", ()))
            return
        if isinstance(node.get("text"), str):
            yield node["text"]
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list):
        for item in node:
            yield from _texts(item)

