"""The guided tour: a team's first minutes with Octapost, and the following months, step by step.

Every step is something a person does: type a command in Slack, open a link in a browser, press a button. It fails if
the person would not see what they should.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from rich.markup import escape

from sandbox.browser import Consent
from sandbox.member import Member, expect, first_line, text_of
from sandbox.months import Months
from sandbox.posting import Posting
from sandbox.slack.world import ACME, ADA, OTTO

if TYPE_CHECKING:
    from rich.console import Console

    from sandbox.months import Step
    from sandbox.world import World

CHANNEL = "C0ACMESOC"


class Tour:
    """One team, from "Add to Slack" and seven connected platforms to what happens to their accounts in two months."""

    def __init__(self, world: World, console: Console) -> None:
        self._world = world
        self._console = console
        self._ada = Member(world, ADA, ACME, CHANNEL)
        self._otto = Member(world, OTTO, ACME, CHANNEL)

    def steps(self) -> Iterable[Step]:
        """Return the steps: each a title, and the function that plays it."""
        yield "Ada adds Octapost to Acme", self.install
        yield "Otto, who is no member, asks for a link", self.no_member
        yield "Ada types /octapost help", self.help
        yield "Somebody else opens Ada's link", self.forwarded
        yield "TikTok", self.connect("tiktok", "octa_demo")
        yield "X", self.connect("x", "4711")
        yield "Reddit, and where it may post", self.connect("reddit", "octa_demo", then=self.places)
        yield "YouTube, one of three channels", self.connect("youtube", "110000000000000000002")
        yield "LinkedIn profile", self.connect("linkedin", "ana-ruiz", app="linkedin")
        yield (
            "LinkedIn company pages, chosen in Slack",
            self.connect("linkedin", "ana-ruiz", app="linkedin_page", choose=2),
        )
        yield "Facebook Pages, chosen in Slack", self.connect("facebook", "ana", choose=2)
        yield "Instagram behind a Page", self.connect("instagram", "ana")
        months = Months(self._world, self._ada, self._otto)
        yield from months.team()
        yield from Posting(self._world, self._ada).steps()
        yield "Ada says no at X", self.declined
        yield "The App Home shows every account", self.home
        yield "Ada disconnects X", self.disconnect
        yield "/octapost status", self.status
        yield from months.steps()

    async def play(self) -> int:
        """Play every step and print a line for each; return 0, or 1 after the first that fails."""
        started = time.perf_counter()
        steps = list(self.steps())
        width = max(len(name) for name, _ in steps)
        try:
            for number, (name, act) in enumerate(steps, 1):
                began = time.perf_counter()
                try:
                    happened = await act()
                except Exception as error:  # noqa: BLE001 - for any error, the tour says which step failed
                    self._console.print(
                        f"[red]✗[/] {number:2} {escape(name)}: {type(error).__name__}: {escape(str(error))}"
                    )
                    return 1
                took = time.perf_counter() - began
                self._console.print(
                    f"[green]✓[/] {number:2} {escape(name):{width}}  {escape(happened)} [dim]{took:.1f} s[/]"
                )
            if complaints := self._world.slack.state.complaints:
                self._console.print(
                    f"[red]✗[/] Slack refused something on the way: {escape('; '.join(complaints))}"
                )
                return 1
        finally:
            for person in (self._ada, self._otto):
                await person.browser.close()
        self._console.print(
            f"[bold]Done[/] in {time.perf_counter() - started:.1f} s, and nothing left this machine."
        )
        return 0

    # The steps

    async def install(self) -> str:
        """Add the app as a workspace admin; wait for the welcome message."""
        page = await self._ada.install()
        expect(page.status == 200, f"the install page said {page.status}: {page.text[:200]}")
        welcome = await self._ada.next_message(0)
        return f"“{page.title}”, and a welcome message: “{first_line(welcome)}”"

    async def no_member(self) -> str:
        """Type a command as somebody who is a member of no organization."""
        message = await self._otto.command("connect tiktok")
        expect("aren't a member" in text_of(message), text_of(message))
        return f"“{text_of(message)[:70]}…”"

    async def help(self) -> str:
        """Ask for help."""
        message = await self._ada.command("help")
        lines = text_of(message).count("/octapost ")
        expect(lines >= 10, f"only {lines} commands in the help")
        return f"{lines} commands, all explained"

    async def forwarded(self) -> str:
        """Let another person open a link that was made for Ada."""
        page = await self._otto.travel(await self._ada.link("tiktok"))
        consents = [
            address
            for address in page.trail
            if not address.startswith((self._world.app_url, self._world.url))
        ]
        expect(not consents, f"a consent page was reached: {consents}")
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
        """Return the step that connects one platform, and picks accounts if there is a choice."""

        async def step() -> str:
            said = await self._ada.connect(platform, Consent(person=person), app=app, choose=choose)
            expect("Connected to" in said, said)
            first = said.split("\n")[0]
            return first if then is None else f"{first} {await then(platform)}"

        return step

    async def places(self, platform: str) -> str:
        """Open the list of places and type into its typeahead."""
        message = await self._ada.command(f"accounts {platform}")
        await self._ada.press(message, "account.places")
        view = await self._ada.modal_with("account.place")
        found = await self._world.slack.suggest(ADA, view, "account.place", "")
        expect(bool(found), "no place was offered")
        await self._ada.close(view)
        return f"{len(found)} places: {', '.join(o['text']['text'] for o in found[:3])} …"

    async def declined(self) -> str:
        """Press Cancel at the platform."""
        page = await self._ada.travel(await self._ada.link("x"), Consent(person="4712", approve=False))
        expect("Nothing changed" in page.text, page.text[:200])
        return f"“{page.title}”"

    async def home(self) -> str:
        """Open the App Home."""
        words = text_of(await self._world.slack.open_home(ADA))
        missing = [name for name in PLATFORMS if name not in words]
        expect(not missing, f"not on the home tab: {', '.join(missing)}")
        return f"{words.count('🟢')} of them green, each with its expiry in words"

    async def disconnect(self) -> str:
        """Disconnect an account by name and confirm."""
        view = await self._ada.modal_by("disconnect x @octademo")
        await self._ada.submit(view)
        final = await self._ada.modal_with("✅", 15)
        expect(
            bool(self._world.platforms["x"].calls("/2/oauth2/revoke", "POST")),
            "X was not asked to end the grant",
        )
        await self._ada.close(final)
        return text_of(final).replace("\n", " ")

    async def status(self) -> str:
        """Type `/octapost status`."""
        return f"“{first_line(await self._ada.command('status'))}”"


PLATFORMS = ("Facebook", "Instagram", "LinkedIn", "Reddit", "TikTok", "X", "YouTube")
