"""Publishing on a professional Instagram account.

Sources, read 2026-11-23: https://developers.facebook.com, "Content Publishing", the IG User references `media`,
`media_publish` and `content_publishing_limit`. There is no idempotency key, but a container says whether it was
published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from adapters.base import (
    Accepted,
    Busy,
    Client,
    Content,
    Expired,
    Finding,
    Format,
    Handles,
    Live,
    MediaKind,
    Outcome,
    OutcomeUnknown,
    Outgoing,
    PlatformError,
    Prepared,
    Presence,
    Problem,
    Receipt,
    Rejected,
    Step,
    StepKind,
    Tokens,
    object_of,
    objects_of,
    problems_of,
    text_of,
)
from adapters.instagram.containers import CONTAINER, State, make, state_of, why_failed
from adapters.instagram.formats import FACTS, more_problems
from adapters.instagram.refusals import PUBLISHING, QUOTA_USED
from adapters.meta.posting import (
    GONE,
    UNTOUCHED,
    Posting,
    entries_since,
    id_in,
    posting_of,
    same_text,
)
from adapters.meta.refusals import DUPLICATE
from adapters.numbers import whole

WITH_VIDEO, IMAGES_ONLY = timedelta(seconds=15), timedelta(seconds=5)
"""How long until the next question whether the containers are ready."""
LOOK_AGAIN = timedelta(seconds=30)
NOT_THERE = frozenset({"24", "2207006", GONE})
TYPES = {Format.IMAGE: "IMAGE", Format.CAROUSEL: "CAROUSEL_ALBUM", Format.REEL: "VIDEO"}
"""What the account's list calls each format."""


class InstagramPublisher:
    """Publishes on a professional account, with the token of its Page."""

    facts = FACTS

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    def check(self, content: Content, live: Live | None = None) -> tuple[Problem, ...]:
        """Return what must change. See `Publisher.check`."""
        return (*problems_of(self.facts, content, live), *more_problems(content))

    def steps(self, content: Content) -> tuple[Step, ...]:  # noqa: ARG002 - the contract
        """Return the one call that publishes."""
        return (Step(kind=StepKind.POST),)

    async def live(self, client: Client, tokens: Tokens, account_id: str, place: str = "") -> Live:  # noqa: ARG002
        """Return how many posts are left today. The documentation names three limits, so it is asked for."""
        posting = Posting(self._http, client, tokens, PUBLISHING)
        body = await posting.read(f"/{account_id}/content_publishing_limit", fields="config,quota_usage")
        row = next(iter(objects_of(body.get("data"))), {})
        total, used = whole(object_of(row.get("config")).get("quota_total")), whole(row.get("quota_usage"))
        if total is None or used is None:
            raise Busy("odd_answer")
        left = max(0, total - used)
        return Live(posts_left=left, refuses="" if left else QUOTA_USED)

    async def prepare(self, outgoing: Outgoing, handles: Handles) -> Prepared:
        """Make the containers, and wait until they are ready. See `Publisher.prepare`."""
        posting, kept = posting_of(self._http, outgoing, PUBLISHING), dict(handles)
        if await make(posting, outgoing, kept):
            return Prepared(handles=kept)
        video = any(media.kind is MediaKind.VIDEO for media in outgoing.content.media)
        return Prepared(handles=kept, again_in=WITH_VIDEO if video else IMAGES_ONLY)

    async def send(self, outgoing: Outgoing, handles: Handles, step: Step) -> Receipt | Accepted:  # noqa: ARG002
        """Publish the container. See `Publisher.send`."""
        posting = posting_of(self._http, outgoing, PUBLISHING)
        form = {"creation_id": handles[CONTAINER]}
        try:
            body = await posting.publish(f"/{outgoing.account_id}/media_publish", form)
        except Rejected as refused:
            raise await _meant(posting, handles, refused) from None
        made: dict[str, Any] = {"id": id_in(body, visible=True)}
        with suppress(PlatformError):  # It is live, whatever this answer says.
            made["permalink"] = (await posting.read(f"/{made['id']}", fields="permalink")).get("permalink")
        return _receipt(posting, outgoing, made)

    async def look(self, outgoing: Outgoing, handles: Handles, step: Step, since: datetime) -> Finding:  # noqa: ARG002
        """Return what became of it, by its container and the account's own list. See `Publisher.look`."""
        posting = posting_of(self._http, outgoing, PUBLISHING)
        container = await _container(posting, handles)
        state = state_of(container) if container else None
        row = await _listed(posting, outgoing, since)
        # Without a caption only the container says that a post in the list is ours.
        if row is not None and (state is State.PUBLISHED or outgoing.content.text.strip()):
            return Finding(outcome=Outcome.LIVE, receipt=_receipt(posting, outgoing, row))
        old = datetime.now(UTC) - since > UNTOUCHED
        match state:
            case State.PUBLISHED if old:
                return Finding(outcome=Outcome.LIVE, receipt=_receipt(posting, outgoing, {}))
            case State.PUBLISHED | State.WORKING:
                return Finding(outcome=Outcome.PROCESSING, again_in=LOOK_AGAIN)
            case State.FAILED:
                return Finding(outcome=Outcome.REFUSED, code=why_failed(container))
            case State.READY | State.EXPIRED if old:
                return Finding(outcome=Outcome.NOT_SENT)
        return Finding(outcome=Outcome.NOT_FOUND)

    async def presence(
        self, client: Client, tokens: Tokens, account_id: str, receipts: Sequence[Receipt]
    ) -> tuple[Presence, ...]:
        """Return whether each post is still there. Graph has no call for several. See `Publisher.presence`."""
        posting, listing = Posting(self._http, client, tokens, PUBLISHING), f"/{account_id}/media"
        return tuple(
            [
                await posting.presence(receipt.id, listing) if receipt.id else Presence.UNREADABLE
                for receipt in receipts
            ]
        )

    async def edit(self, outgoing: Outgoing, receipt: Receipt) -> None:  # noqa: ARG002 - the contract
        """Refuse: Instagram has no call for it."""
        raise Rejected("not_possible")

    async def delete(self, client: Client, tokens: Tokens, account_id: str, receipt: Receipt) -> None:  # noqa: ARG002
        """Refuse: Instagram's documentation does not agree with itself about a call for it."""
        raise Rejected("not_possible")


async def _container(posting: Posting, handles: Handles) -> Mapping[str, Any]:
    """Return the container, or nothing if Instagram does not show it any more."""
    try:
        return await posting.read(f"/{handles[CONTAINER]}", fields="status_code,status")
    except Rejected as refused:
        if refused.code != GONE:
            raise
        return {}


async def _meant(posting: Posting, handles: Handles, refused: Rejected) -> PlatformError:
    """Return what a refused publication means: a container that has expired or was published already is not found."""
    if refused.code in NOT_THERE:
        with suppress(PlatformError):
            state = state_of(await _container(posting, handles))
            if state is State.EXPIRED:
                return Expired("container_expired")
            if state is State.PUBLISHED:
                return OutcomeUnknown(DUPLICATE)
    return refused


async def _listed(posting: Posting, outgoing: Outgoing, since: datetime) -> Mapping[str, Any] | None:
    """Return the post in the account's list that has the same caption and type, and was made in time."""
    content = outgoing.content
    body = await posting.read(
        f"/{outgoing.account_id}/media", fields="id,caption,timestamp,permalink,media_type", limit="25"
    )
    return entries_since(
        body,
        since,
        "timestamp",
        lambda row: (
            text_of(row.get("media_type")) == TYPES[content.format]
            and same_text(text_of(row.get("caption")), content.text)
        ),
    )


def _receipt(posting: Posting, outgoing: Outgoing, row: Mapping[str, Any]) -> Receipt:
    """Return the receipt of a post; where its address is not known, with that of the profile."""
    profile = f"https://www.instagram.com/{outgoing.handle.removeprefix('@')}"
    return Receipt(id=id_in(row) if row else "", url=posting.public(row.get("permalink"), profile))
