"""What is live is edited and deleted from Slack, where its platform lets Octapost do that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core import Fault
from sandbox.member import text_of
from storage.models import AuditLine
from tests.counts import in_full
from tests.stories.test_posts import hurry, result, settled, written
from tests.stories.told import buttons

if TYPE_CHECKING:
    from sandbox.member import Member
    from tests.application import Office

ON_ITS_WAY = ("scheduled", "preparing", "ready", "sending", "changing")


CONNECT: dict[str, Any] = {"facebook": {"choose": 1}, "linkedin": {"app": "linkedin"}}
"""What has to be chosen on the way."""


REFUSAL = Fault(
    path="/rest/posts/",
    method="DELETE",
    status=403,
    body='{"code": "ACCESS_DENIED", "message": "Not enough permissions", "status": 403}',
    times=1,
)


async def published(office: Office, *platforms: str) -> Member:
    """Give Ada with a post that is live on one account of each platform."""
    ada = await office.installed()
    await office.slack.invite(ada.channel_id)
    for platform in platforms:
        await ada.connect(platform, **CONNECT.get(platform, {}))
    shown = await written(ada, "Fresh mugs today", accounts=len(platforms))
    if "on its way" not in text_of(shown):
        await ada.submit(shown)
    await settled(office)
    return ada


async def test_a_live_post_is_edited_and_deleted_where_that_is_possible(office: Office) -> None:
    ada = await published(office, "facebook", "x")
    message = await result(ada, "Live on 2 accounts")
    facebook, x = (office.world.platforms[key].timeline for key in ("facebook", "x"))

    await ada.press(message, "posts.live")
    view = await ada.modal_with("Edit text")
    offered, said = buttons(view), text_of(view)
    await ada.press(view, "live.edit")
    form = await ada.modal_with("Pictures and videos stay")
    await ada.submit(form, {"live.text": "Fresh cups today"})
    await settled(office, but=ON_ITS_WAY)
    edited = [one.text for one in facebook.posts()]
    await ada.close(await ada.modal_with("It's changing"))
    await ada.press(message, "posts.live")
    view = await ada.modal_with("Edit text")
    await ada.press(view, "live.delete")
    await settled(office, but=ON_ITS_WAY)
    told = text_of(await result(ada, "🗑️ deleted"))

    assert offered == ["Edit text", "Delete", "Open on Facebook", "Delete", "Open on X"]
    assert "Octapost can't edit this on X. Open it there." in said
    assert edited == ["Fresh cups today"]
    assert (facebook.posts(), [one.text for one in x.posts()]) == ([], ["Fresh mugs today"])
    assert "✅ Live" in told
    actions = [line.action for line in await office.rows(AuditLine)]
    assert {"live post edit", "live post delete"} <= set(actions)


@in_full
async def test_a_platform_that_refuses_a_deletion_is_quoted(office: Office) -> None:
    ada = await published(office, "linkedin")
    message = await result(ada, "✅ Live")
    linkedin = office.world.platforms["linkedin"]
    linkedin.faults.append(REFUSAL)

    await ada.press(message, "posts.live")
    await ada.press(await ada.modal_with("Delete"), "live.delete")
    await settled(office, but=ON_ITS_WAY)
    await result(ada, "It isn't deleted")
    await ada.close(await ada.modal_with("deleting it"))
    await ada.press(message, "posts.live")
    await ada.press(await ada.modal_with("Delete"), "live.delete")
    await hurry(office)
    await settled(office, but=ON_ITS_WAY)
    await result(ada, "Deleted")

    assert linkedin.timeline.posts() == []
