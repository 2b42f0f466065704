"""Whatever happens in whatever order, a delivery goes out once: Hypothesis invents what happens."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlmodel import col, select, update

from adapters.base import Busy, Content, Expired, Format, OutcomeUnknown, Part, Rejected
from bot.services.posts.contents import dump, load
from storage.deliveries import PostDeliveries
from storage.delivery_decisions import DeliveryDecisions
from storage.engine.db import Database
from storage.engine.statements import now
from storage.holds import Holds
from storage.models import Delivery, DeliveryStatus
from storage.post_edits import PostEdits, PostOut, edit_draft
from storage.posts import NewPost, Target
from storage.vault import KeyRing, Vault
from tests.counts import in_full
from tests.databases import sqlite_file
from tests.services.posts.press import LOST, Answer, Desk, open_desk

FINAL = {DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.CANCELLED}
MOST_ROUNDS = 12
Value = TypeVar("Value")
ANSWERS: dict[str, Answer | str] = {
    "fine": "published",
    "lost": LOST,
    "never arrived": OutcomeUnknown("no_answer"),
    "busy": Busy("http_503"),
    "refused": Rejected("refused"),
    "expired": Expired("session_gone"),
    "a fault of ours": RuntimeError("a fault of ours"),
}


class Deliveries(RuleBasedStateMachine):
    """Posts of one account, the engine, a platform whose answers are drawn, and people who answer truthfully."""

    posts = Bundle("posts")

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._folder = tempfile.TemporaryDirectory()
        self._database = Database(f"sqlite+aiosqlite:///{sqlite_file(Path(self._folder.name))}")
        self.desk: Desk = self._do(open_desk(self._database, Vault(KeyRing.parse(KeyRing.generate()))))
        self.allowed: dict[str, str] = {}
        """What a delivery says that may go out now, by its id; empty: it may not."""
        self.number = 0

    def _do(self, work: Coroutine[Any, Any, Value]) -> Value:
        return self._runner.run(work)

    def teardown(self) -> None:
        """Let everything come to its end, and look at it."""
        try:
            self._do(self._settle())
        finally:
            self._do(self._database.close())
            self._runner.close()
            self._folder.cleanup()

    # What people do

    @rule(target=posts, parts=st.integers(1, 3))
    def schedule(self, parts: int) -> str:
        """Schedule a post, or a thread."""
        post: str = self._do(self.desk.schedule(self._content(parts)))
        self.allowed[post] = f"{self.number}"
        return post

    def _content(self, parts: int) -> Content:
        self.number += 1
        if parts == 1:
            return Content(format=Format.TEXT, text=f"{self.number}")
        thread = tuple(Part(text=f"{self.number} {part}") for part in range(parts))
        return Content(format=Format.THREAD, thread=thread)

    @rule(post=posts)
    def cancel(self, post: str) -> None:
        """Cancel a post, if it is not too late for that."""
        if self._do(self._decide("cancel", post)):
            self.allowed[post] = ""

    @rule(post=posts)
    def publish(self, post: str) -> None:
        """Publish a post now that failed, waits or is late."""
        self._do(self._decide("publish", post))

    async def _decide(self, what: str, post: str) -> bool:
        async with self.desk.database.system() as session:
            decided: bool = await getattr(DeliveryDecisions(session), what)(self.desk.organization_id, post)
            return decided

    @rule(post=posts)
    def edit(self, post: str) -> None:
        """Change what a post says, if it is not too late for that."""
        if self._do(self._edit(post, self._content(1))):
            self.allowed[post] = f"{self.number}"

    async def _edit(self, delivery_id: str, content: Content) -> bool:
        desk, row = self.desk, await self.desk.delivery(delivery_id)
        async with desk.database.system() as session:
            post = await PostDeliveries(session).post(desk.organization_id, row.post_id)
            assert post is not None
            draft_id = edit_draft(post, desk.membership_id)
            new = NewPost(draft_id=draft_id, author=desk.membership_id, text=content.text)
            goes = Target(account_id=desk.account_id, due_at=row.due_at, content=dump(content))
            try:
                await PostEdits(session).edit(desk.organization_id, draft_id, new, [goes])
            except PostOut:
                return False
        return True

    @rule()
    def hold(self) -> None:
        """Hold the account."""
        self._do(self._hold(until=True))

    @rule()
    def resume(self) -> None:
        """Let the account's posts go."""
        self._do(self._hold(until=False))

    async def _hold(self, *, until: bool) -> None:
        async with self.desk.database.system() as session:
            ours = self.desk.organization_id, [self.desk.account_id]
            if until:
                at = (await session.exec(select(now(timedelta(hours=1))))).one()
                await Holds(session).hold(*ours, at)
            else:
                await Holds(session).resume(*ours)

    # What the engine does

    @rule(answers=st.lists(st.sampled_from(sorted(ANSWERS)), max_size=3))
    def work(self, answers: list[str]) -> None:
        """Let the engine do what is due, and the platform answer so."""
        self.desk.press.sends.extend(ANSWERS[answer] for answer in answers)
        self._do(self.desk.run())
        self.desk.press.sends.clear()

    @rule(published=st.booleans(), decided=st.sampled_from(["", "cancel", "publish"]))
    def die(self, published: bool, decided: str) -> None:
        """Let a process die while a call is under way, which arrives or doesn't; perhaps somebody decides meanwhile."""
        self._do(self._die(decided, published=published))

    async def _die(self, decided: str, *, published: bool) -> None:
        engine, called = self.desk.another_engine(), asyncio.Event()

        async def never_answers() -> None:
            called.set()
            await asyncio.Event().wait()

        self.desk.press.during_send = never_answers
        await engine.run()
        idle = asyncio.create_task(engine.finish())
        await asyncio.wait([idle, waits := asyncio.create_task(called.wait())], return_when="FIRST_COMPLETED")
        for post in [*self.allowed] if decided else []:
            if await self._decide(decided, post) and decided == "cancel":
                self.allowed[post] = ""
        await engine.drain(0)
        for task in (idle, waits):
            task.cancel()
        self.desk.press.during_send = None
        for row in await self._rows() if published and called.is_set() else []:
            if row.status == DeliveryStatus.SENDING and await self.desk.leased(row.id):
                text = await self._text_of_last_step(row)
                if ("4711", text) not in self.desk.press.posts:
                    self.desk.press.posts.append(("4711", text))

    async def _text_of_last_step(self, row: Delivery) -> str:
        """Return what the last step of a delivery that was begun says."""
        content = load(row.content)
        texts = [part.text for part in content.thread] or [content.text]
        return texts[len(await self.desk.steps(row.id)) - 1]

    @rule()
    def time_passes(self) -> None:
        """Let the leases of the dead end, and the time of all next work come."""
        self._do(self._later())

    async def _later(self) -> None:
        waiting = update(Delivery).where(col(Delivery.work_at).is_not(None))
        async with self.desk.database.system() as session:
            await session.exec(
                waiting.values(work_at=now(), lease_until=None),
                execution_options={"synchronize_session": False},
            )

    @rule()
    def answer(self) -> None:
        """Answer every question truthfully."""
        self._do(self._answer())

    async def _answer(self) -> None:
        live = {text for _, text in self.desk.press.posts}
        for row in await self._rows():
            if row.status == DeliveryStatus.UNKNOWN and row.asks:
                seen = await self._text_of_last_step(row) in live
                await self._decide("confirm" if seen else "deny", row.id)

    async def _rows(self) -> list[Delivery]:
        async with self.desk.database.system(write=False) as session:
            return list(await session.exec(select(Delivery).order_by(col(Delivery.id))))

    async def _settle(self) -> None:
        """Let everything come to its end: what failed or is late is cancelled."""
        await self._hold(until=False)
        for _ in range(MOST_ROUNDS):
            await self._later()
            await self.desk.run()
            await self._answer()
            for row in await self._rows():
                if row.status == DeliveryStatus.LATE and await self._decide("cancel", row.id):
                    self.allowed[row.id] = ""
        live = Counter(text for _, text in self.desk.press.posts)
        for row in await self._rows():
            content = load(row.content)
            texts = [part.text for part in content.thread] or [content.text]
            complete = all(text in live for text in texts)
            assert row.status in FINAL, (row.status, row.code)
            if row.status != DeliveryStatus.FAILED or len(texts) == 1:
                assert complete == (row.status == DeliveryStatus.SENT), (row.status, texts, live)

    # What must hold

    @invariant()
    def nothing_is_published_twice(self) -> None:
        """Nothing is live twice."""
        assert set(Counter(text for _, text in self.desk.press.posts).values()) <= {1}

    @invariant()
    def only_what_was_decided_goes_out(self) -> None:
        """Nothing goes out that says what it said before it was changed."""
        live = {text.partition(" ")[0] for _, text in self.desk.press.posts}
        assert live <= {*self.allowed.values(), *self._begun()}

    def _begun(self) -> set[str]:
        """Return what was live already when it was cancelled."""
        return {
            load(row.content).thread[0].text.partition(" ")[0]
            for row in self._do(self._rows())
            if load(row.content).thread
        }


@in_full
def test_whatever_happens_a_delivery_goes_out_once() -> None:
    run_state_machine_as_test(
        Deliveries,
        settings=settings(
            max_examples=60,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
