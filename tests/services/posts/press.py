"""A platform whose every answer is scripted, and the engine that publishes to it, on a real database."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlmodel import col, select, update

from adapters.base import (
    Accepted,
    Client,
    Content,
    Discovery,
    Finding,
    Format,
    FormatRule,
    Handles,
    Live,
    Outcome,
    OutcomeUnknown,
    Outgoing,
    Place,
    Prepared,
    Presence,
    Problem,
    PublishingFacts,
    Receipt,
    Step,
    StepKind,
    TextField,
    TextRule,
    Tokens,
    problems_of,
)
from adapters.x import PLATFORM
from bot.services.accounts.catalog import PlatformCatalog
from bot.services.incidents.incidents import IncidentService
from bot.services.incidents.operator_alerts import OperatorPager
from bot.services.posts.altering import Altering
from bot.services.posts.calls import PublishingCalls
from bot.services.posts.checking import Checking
from bot.services.posts.contents import dump
from bot.services.posts.delivering import Delivering, Parts
from bot.services.posts.reconciling import Reconciling
from bot.services.posts.results import Results
from bot.services.posts.sending import Sending
from bot.services.posts.watching import Watching
from bot.services.tokens.fresh import FreshTokens
from bot.services.tokens.outcomes import Reports
from bot.services.tokens.refreshing import Refresher
from storage.accounts import Accounts
from storage.discoveries import Found
from storage.engine.db import Database
from storage.engine.statements import database_time, now
from storage.grants import Grants, NewGrant
from storage.models import Delivery, DeliveryStep, Notice, new_id
from storage.posts import NewPost, Posts, Target
from storage.vault import Vault
from tests.application import settings
from tests.media import StoredMedia
from tests.tenancy import Tenancy, connected, first_admin

RULE = TextRule(most=280)
FACTS = PublishingFacts(
    formats={
        Format.TEXT: FormatRule(texts={TextField.TEXT: RULE, TextField.FIRST_COMMENT: RULE}),
        Format.IMAGE: FormatRule(texts={TextField.TEXT: RULE}, most=1),
        Format.THREAD: FormatRule(fewest=2, most=25, part=FormatRule(texts={TextField.TEXT: RULE})),
    }
)
SCOPES = [scope.name for scope in PLATFORM.apps[0].scopes]
Answer = Accepted | Exception
LOST = "lost"
"""A script's answer: the platform publishes it, and the answer is lost."""


@dataclass(kw_only=True)
class Press:
    """The scripted platform. Without a script it publishes, and says so."""

    posts: list[tuple[str, str]] = field(default_factory=list)
    """The account and the text of everything that is live, the oldest first."""
    calls: list[str] = field(default_factory=list)
    prepares: deque[Prepared | Exception] = field(default_factory=deque)
    sends: deque[Answer | str] = field(default_factory=deque)
    looks: deque[Finding | Exception] = field(default_factory=deque)
    lives: deque[Live | Exception] = field(default_factory=deque)
    presences: deque[Presence | Exception] = field(default_factory=deque)
    """What is said of every post that is asked about."""
    alterations: deque[Exception | str] = field(default_factory=deque)
    """What is answered to edits and deletions."""
    refreshes: deque[Exception] = field(default_factory=deque)
    tokens: list[str] = field(default_factory=list)
    """The token of each send."""
    limits: dict[str, Any] = field(default_factory=dict)
    """The platform's facts that are not as in `FACTS`."""
    during_send: Callable[[], Any] | None = None
    """Awaited while a send is under way."""
    during_prepare: Callable[[], Any] | None = None
    """Awaited while a post is prepared."""

    @property
    def facts(self) -> PublishingFacts:
        return replace(FACTS, **self.limits)

    def check(self, content: Content, live: Live | None = None) -> tuple[Problem, ...]:
        return problems_of(FACTS, content, live)

    def steps(self, content: Content) -> tuple[Step, ...]:
        parts = [Step(kind=StepKind.POST, index=index) for index in range(max(1, len(content.thread)))]
        return (*parts, *([Step(kind=StepKind.COMMENT)] if content.first_comment else []))

    async def live(self, client: Client, tokens: Tokens, account_id: str, place: str = "") -> Live:  # noqa: ARG002
        self.calls.append("live")
        answer = self.lives.popleft() if self.lives else Live()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def prepare(self, outgoing: Outgoing, handles: Handles) -> Prepared:  # noqa: ARG002
        self.calls.append("prepare")
        answer = self.prepares.popleft() if self.prepares else Prepared(handles=handles)
        if self.during_prepare is not None:
            await self.during_prepare()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def send(self, outgoing: Outgoing, handles: Handles, step: Step) -> Receipt | Accepted:  # noqa: ARG002
        self.calls.append(f"send {step.kind} {step.index}")
        self.tokens.append(outgoing.tokens.access_token)
        answer = self.sends.popleft() if self.sends else None
        if self.during_send is not None:
            await self.during_send()
        if isinstance(answer, Exception):
            raise answer
        text = (
            outgoing.content.first_comment
            if step.kind is StepKind.COMMENT
            else text_of(outgoing.content, step)
        )
        self.posts.append((outgoing.account_id, text))
        if answer == LOST:
            raise OutcomeUnknown("no_answer")
        if isinstance(answer, Accepted):
            return answer
        return self.receipt(len(self.posts))

    async def look(self, outgoing: Outgoing, handles: Handles, step: Step, since: datetime) -> Finding:  # noqa: ARG002
        self.calls.append("look")
        if self.looks:
            answer = self.looks.popleft()
            if isinstance(answer, Exception):
                raise answer
            return answer
        found = (outgoing.account_id, text_of(outgoing.content, step))
        if found in self.posts:
            return Finding(outcome=Outcome.LIVE, receipt=self.receipt(self.posts.index(found) + 1))
        return Finding(outcome=Outcome.NOT_FOUND)

    async def presence(
        self,
        client: Client,  # noqa: ARG002
        tokens: Tokens,  # noqa: ARG002
        account_id: str,  # noqa: ARG002
        receipts: Sequence[Receipt],
    ) -> tuple[Presence, ...]:
        self.calls.append(f"presence {len(receipts)}")
        answer = self.presences.popleft() if self.presences else Presence.THERE
        if isinstance(answer, Exception):
            raise answer
        return (answer,) * len(receipts)

    async def edit(self, outgoing: Outgoing, receipt: Receipt) -> None:
        await self._alter("edit", receipt, (outgoing.account_id, outgoing.content.text))

    async def delete(self, client: Client, tokens: Tokens, account_id: str, receipt: Receipt) -> None:  # noqa: ARG002
        await self._alter("delete", receipt, (account_id, ""))

    async def _alter(self, what: str, receipt: Receipt, becomes: tuple[str, str]) -> None:
        """Change a live post; one that was deleted has an empty text."""
        self.calls.append(f"{what} {receipt.id}")
        answer = self.alterations.popleft() if self.alterations else None
        if self.during_send is not None:
            await self.during_send()
        if isinstance(answer, Exception):
            raise answer
        self.posts[int(receipt.id) - 1] = becomes
        if answer == LOST:
            raise OutcomeUnknown("no_answer")

    @staticmethod
    def receipt(number: int) -> Receipt:
        return Receipt(id=str(number), url=f"https://x.com/octademo/status/{number}")


def text_of(content: Content, step: Step) -> str:
    """Return the text that a step publishes."""
    return content.thread[step.index].text if content.thread else content.text


class PressAdapter:
    """An adapter with X's facts and the press's answers."""

    platform = PLATFORM

    def __init__(self, press: Press) -> None:
        self.publisher = press

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:  # noqa: ARG002
        if self.publisher.refreshes:
            raise self.publisher.refreshes.popleft()
        return Tokens(
            access_token=f"{tokens.access_token}+", refresh_token="next", expires_in=timedelta(hours=2)
        )

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:
        raise NotImplementedError

    async def revoke(self, client: Client, tokens: Tokens) -> None:
        raise NotImplementedError

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        raise NotImplementedError

    async def places(self, client: Client, tokens: Tokens, account_id: str) -> tuple[Place, ...]:
        raise NotImplementedError


@dataclass(kw_only=True)
class Desk(Tenancy):
    """An organization with one account, the engine, and the platform it publishes to."""

    press: Press
    engine: Delivering
    another_engine: Callable[..., Delivering]
    """Returns the engine of another process, with limits of its own."""
    calls: PublishingCalls
    engine_on: Callable[[Database], Delivering]
    """Returns an engine that works on another database."""
    checking: Checking
    watching: Watching
    files: StoredMedia
    grant_id: str
    account_id: str

    async def schedule(
        self, content: Content | str, due_in: timedelta = timedelta(0), account_id: str = ""
    ) -> str:
        """Schedule a post and return its delivery's id."""
        if isinstance(content, str):
            content = Content(format=Format.TEXT, text=content)
        async with self.database.system() as session:
            due_at = await database_time(session) + due_in
            target = Target(account_id=account_id or self.account_id, due_at=due_at, content=dump(content))
            new = NewPost(draft_id=new_id("drf"), author=self.membership_id, text=content.text)
            post = await Posts(session).schedule(self.organization_id, new, [target])
            return (await session.exec(select(Delivery.id).where(Delivery.post_id == post.id))).one()

    async def run(self) -> None:
        """Let the engine do everything that is due."""
        await self.engine.run()
        await self.engine.finish()

    async def later(self, delivery_id: str, **values: Any) -> None:
        """Let the time of a delivery's next work come, and the lease of whoever had it end."""
        if (await self.delivery(delivery_id)).work_at is not None:
            await self.change(delivery_id, work_at=now(), lease_until=None, **values)

    async def alerts(self) -> list[str]:
        """Return the keys of the messages about single deliveries."""
        async with self.database.system(write=False) as session:
            found = select(Notice.key).where(Notice.kind == "post_alert").order_by(col(Notice.sequence))
            return list(await session.exec(found))

    async def check(self, delivery_id: str, due_in: timedelta) -> None:
        """Let a delivery be due in this time, and what is scheduled then happen."""
        await self.change(delivery_id, due_at=now(due_in), check_at=now())
        await self.checking.run()

    async def change(self, delivery_id: str, **values: Any) -> None:
        """Change the delivery's row."""
        ours = update(Delivery).where(col(Delivery.id) == delivery_id)
        async with self.database.system() as session:
            await session.exec(ours.values(**values), execution_options={"synchronize_session": False})

    async def delivery(self, delivery_id: str) -> Delivery:
        """Return a delivery as it is now."""
        async with self.database.system(write=False) as session:
            return (await session.exec(select(Delivery).where(Delivery.id == delivery_id))).one()

    async def waits(self, delivery_id: str) -> timedelta | None:
        """Return in how long a delivery is worked on next; None: not by itself."""
        async with self.database.system(write=False) as session:
            row = (await session.exec(select(Delivery).where(Delivery.id == delivery_id))).one()
            return None if row.work_at is None else row.work_at - await database_time(session)

    async def lease_ends(self, delivery_id: str) -> None:
        """Let the lease of whoever has a delivery end."""
        await self.change(delivery_id, lease_until=now(timedelta(seconds=-1)))

    async def leased(self, delivery_id: str) -> bool:
        """Tell whether a process has the delivery."""
        async with self.database.system(write=False) as session:
            found = select(Delivery.id).where(Delivery.id == delivery_id, col(Delivery.lease_until) > now())
            return (await session.exec(found)).first() is not None

    async def addresses(self, delivery_id: str) -> list[str]:
        """Return where each step that was begun can be seen."""
        async with self.database.system(write=False) as session:
            found = select(DeliveryStep.url).where(DeliveryStep.delivery_id == delivery_id)
            return list(await session.exec(found.order_by(col(DeliveryStep.position))))

    async def steps(self, delivery_id: str) -> list[tuple[str, str]]:
        """Return the kind and the state of every step that was begun."""
        async with self.database.system(write=False) as session:
            found = select(DeliveryStep.kind, DeliveryStep.status).where(
                DeliveryStep.delivery_id == delivery_id
            )
            return list(await session.exec(found.order_by(col(DeliveryStep.position))))

    async def told(self) -> int:
        """Return how often a message about a post was to be drawn."""
        async with self.database.system(write=False) as session:
            return len(list(await session.exec(select(Notice.id).where(Notice.kind == "post_result"))))

    async def account(self, number: int) -> str:
        """Return the id of another account of the same sign-in."""
        async with self.database.system() as session:
            grant = await Grants(session, self.vault).get(self.organization_id, self.grant_id)
            assert grant is not None
            found = Found(remote_id=f"47{number}", kind="Account", name=f"Account {number}")
            account = await Accounts(session, self.vault).attach(
                self.organization_id, grant=grant, connected_by=self.membership_id, found=found
            )
            return account.id


def engine_of(
    calls: PublishingCalls,
    vault: Vault,
    database: Database,
    clock: Callable[[], float] | None = None,
    **limits: Any,
) -> Delivering:
    """Return an engine that works on a database."""
    calls = replace(calls, database=database)
    return Delivering(
        calls=calls,
        parts=Parts(
            sending=Sending(calls=calls, results=Results(), database=database, vault=vault, clock=clock),
            reconciling=Reconciling(calls=calls, results=Results(), database=database, vault=vault),
            altering=Altering(calls=calls, results=Results(), database=database, vault=vault),
        ),
        database=database,
        vault=vault,
        **limits,
    )


async def open_desk(database: Database, vault: Vault, **env: str) -> Desk:
    """Return a desk whose account is connected and well; `env`: settings as in the environment."""
    press = Press()
    catalog = PlatformCatalog(settings(**env).platforms())
    adapters = {"x": PressAdapter(press)}
    incidents = IncidentService(catalog, vault)
    refresher = Refresher(
        catalog, adapters, database, vault, Reports(incidents=incidents, operator=OperatorPager(database))
    )
    member = await first_admin(database)
    new = NewGrant(
        connected_by=member.id,
        platform="x",
        app="x",
        access="access",
        refresh="refresh",
        scopes=SCOPES,
        access_expires_in=timedelta(hours=2),
        refresh_expires_in=None,
    )
    found = Found(remote_id="4711", kind="Account", name="Octa Demo", handle="@octademo")
    async with database.system() as session:
        grant, account = await connected(session, vault, member.organization_id, new, ("4711", "Octa"), found)
    files = StoredMedia()
    calls = PublishingCalls(
        catalog=catalog,
        adapters=adapters,
        tokens=FreshTokens(catalog, refresher, database),
        refresher=refresher,
        media=lambda *_: files,
        converter=files,
        database=database,
        vault=vault,
    )
    engine = partial(engine_of, calls, vault, database)
    return Desk(
        press=press,
        engine=engine(),
        another_engine=engine,
        calls=calls,
        engine_on=partial(engine_of, calls, vault),
        checking=Checking(calls=calls, results=Results(), database=database, vault=vault),
        watching=Watching(calls=calls, results=Results(), database=database, vault=vault),
        files=files,
        database=database,
        vault=vault,
        organization_id=member.organization_id,
        membership_id=member.id,
        grant_id=grant.id,
        account_id=account.id,
    )
