"""Members hold what would go out, and let it go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.member import text_of
from tests.stories.test_post_changes import at
from tests.stories.test_posts import page_owner, result, written

if TYPE_CHECKING:
    from tests.application import Office


async def test_everything_is_held_until_a_time_and_resumed_sooner(office: Office) -> None:
    ada = await page_owner(office)
    await written(ada, "Fresh mugs today", accounts=2, when=at(1))
    await result(ada, "Scheduled")

    form = await ada.modal_by("hold")
    held = text_of(await ada.submit(form, {"hold.until": at(2)}))
    message = text_of(await result(ada, "On hold"))
    resumed = text_of(await ada.command("resume"))
    await result(ada, "Scheduled")
    again = text_of(await ada.command("resume"))

    assert "2 accounts are on hold until" in held
    assert "1 post waits until then" in held
    assert "on hold until" in message
    assert "2 posts will go out as planned" in resumed
    assert "Nothing was on hold" in again
