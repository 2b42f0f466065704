"""What tests of the composer share: accounts of real platforms, files, and forms as they are filled in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx

from adapters.base import Capability, Media, MediaKind, Publishes
from adapters.registry import REGISTRY
from bot.services.accounts.diagnosis import diagnose
from bot.services.accounts.profiles import AccountProfile
from bot.services.posts.candidates import Candidate, candidate
from tests.states import NOON, account_state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.base import Publisher
    from bot.services.posts.drafts import Written

ADAPTERS = REGISTRY.adapters(httpx.AsyncClient())


def publisher(platform: str) -> Publisher:
    """Return how a platform publishes; nothing here calls it."""
    adapter = ADAPTERS[platform]
    assert isinstance(adapter, Publishes)
    return adapter.publisher


def account(platform: str, number: int = 1, *, name: str = "Mugs") -> AccountProfile:
    """Return a healthy account, `acc_<platform><number>`."""
    state = account_state(platform)
    state.account.id = f"acc_{platform}{number}"
    return AccountProfile(
        account=state.account,
        grant=state.grant,
        platform=state.platform,
        organization="Acme",
        can=state.can | ({Capability.PLACES} if platform == "reddit" else set()),
        missing=(),
        diagnosis=diagnose(state, NOON),
        label=name,
    )


def chosen(written: Written, *profiles: AccountProfile) -> list[Candidate]:
    """Return the accounts as they stand for what is written."""
    return [candidate(one, publisher(one.account.platform), written, may_attach=False) for one in profiles]


def pairs(found: Sequence[Candidate]) -> list[tuple[Candidate, Publisher]]:
    """Return the accounts with how their platforms publish."""
    return [(one, publisher(one.profile.account.platform)) for one in found]


def picture(key: str = "p1", name: str = "mugs.jpg") -> Media:
    """Return a JPEG that every platform takes."""
    return Media(
        key=key, kind=MediaKind.IMAGE, type="image/jpeg", size=250_000, name=name, width=1080, height=1080
    )


def video(key: str = "v1", width: int = 1080, height: int = 1920) -> Media:
    """Return an MP4 of a minute."""
    return Media(
        key=key,
        kind=MediaKind.VIDEO,
        type="video/mp4",
        size=9_000_000,
        name="mugs.mp4",
        width=width,
        height=height,
        duration=timedelta(seconds=60),
        frame_rate=30.0,
    )


def state(**values: Any) -> Mapping[str, Mapping[str, Any]]:
    """Return the state of a form; `__` in a name is the colon of a block id."""
    return {name.replace("__", ":"): {"input": entered(value)} for name, value in values.items()}


def entered(value: Any) -> dict[str, Any]:
    """Return an input's value as Slack sends it: a text, a list of chosen values, or one in a tuple."""
    if isinstance(value, list):
        return {"selected_options": [{"value": one, "text": {"text": one}} for one in value]}
    if isinstance(value, tuple):
        return {"selected_option": {"value": value[0]}}
    return {"value": value}
