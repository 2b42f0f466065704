"""What the stories' tests ask for again and again: words, pages, cards and the trail of who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import select

from sandbox.browser import Consent
from sandbox.member import elements_of, expect, text_of
from storage.models import AuditLine, Grant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.browser import Page
    from sandbox.member import Member
    from sandbox.slack.state import Message, View
    from tests.application import Office


async def said(person: Member, typed: str) -> str:
    """Return what `/octapost <typed>` answers, and check that nobody else reads it."""
    message = await person.command(typed)
    expect(message.ephemeral_for == person.user_id, "others can read the answer")
    return text_of(message)


async def told(person: Member, seen: int, many: int = 1) -> list[str]:
    """Return the words of the direct messages after the first `seen`, once there are `many`."""
    await person.next_message(seen + many - 1)
    return [text_of(message) for message in person.direct_messages()[seen:]]


async def hears(person: Member, words: str) -> Message:
    """Return the direct message that holds `words`, as soon as it is there."""
    return await person.slack.until(
        lambda: next((m for m in person.direct_messages() if words in text_of(m)), None)
    )


async def joins(owner: Member, person: Member, role: str = "") -> str:
    """Let an owner invite somebody, who accepts; return what they read then. Both have heard of it by then."""
    await owner.command(f"org invite <@{person.user_id}> {role}")
    words = await person.accept()
    await hears(owner, f"<@{person.user_id}> accepted your invitation")
    return words


async def connected(person: Member, platform: str, who: str, **more: Any) -> str:
    """Return what is said in Slack after a consent."""
    return await person.connect(platform, Consent(person=who), **more)


async def came_to(person: Member, platform: str, consent: Consent, app: str = "") -> tuple[Page, Message]:
    """Return the page and the direct message that a trip to a platform ends with."""
    seen = len(person.direct_messages())
    page = await person.travel(await person.link(platform, app), consent)
    return page, await person.next_message(seen)


async def answer_to(person: Member, target: Message, action_id: str, value: Any = None) -> Message:
    """Press something in a message and return the answer that appears below it, for this person only."""

    def whispers() -> list[Message]:
        found = person.slack.messages(target.channel_id, person.user_id)
        return [message for message in found if message.ephemeral_for == person.user_id]

    seen = len(whispers())
    await person.press(target, action_id, value)
    return (await person.slack.until(lambda: whispers()[seen:]))[-1]


def button(shown: Message | View, label: str) -> dict[str, Any]:
    """Return the button with this label, as drawn."""
    every = [e for b in shown.blocks for e in elements_of(b) if e.get("type") == "button"]
    found = [e for e in every if e["text"]["text"] == label]
    expect(bool(found), f"no button “{label}” in: {text_of(shown)}")
    return found[0]


def buttons(shown: Message | View) -> list[str]:
    """Return the labels of every button, in order."""
    return [e["text"]["text"] for b in shown.blocks for e in elements_of(b) if e.get("type") == "button"]


def entries(shown: Message | View) -> list[str]:
    """Return the labels of the entries of the first `⋯` menu."""
    menus = [e for b in shown.blocks for e in elements_of(b) if e.get("type") == "overflow"]
    return [entry["text"]["text"] for menu in menus[:1] for entry in menu["options"]]


def chosen(view: Message | View, label: str) -> str:
    """Return the value of the option with this label."""
    every = [o for b in view.blocks for e in elements_of(b) for o in e.get("options", ())]
    found = [str(o["value"]) for o in every if o["text"]["text"] == label]
    expect(bool(found), f"no option “{label}” in: {text_of(view)}")
    return found[0]


async def trail(office: Office, action: str = "") -> list[str]:
    """Return the audit lines of all organizations, oldest first: `action subject`."""
    async with office.database.system(write=False) as session:
        lines: Sequence[AuditLine] = (await session.exec(select(AuditLine).order_by(AuditLine.at))).all()  # type: ignore[arg-type]
    return [line.action for line in lines if not action or line.action == action]


async def grants(office: Office, platform: str) -> list[Grant]:
    """Return the grants of a platform, ended ones included."""
    async with office.database.system(write=False) as session:
        found = await session.exec(select(Grant).where(Grant.platform == platform))
        return list(found.all())


async def disconnect(person: Member, name: str) -> str:
    """Disconnect an account by name, and return what stands in the modal at the end."""
    view = await person.modal_by(f"disconnect {name}")
    await person.submit(view)
    final = await person.modal_with("✅", 15)
    words = text_of(final)
    await person.close(final)
    return words
