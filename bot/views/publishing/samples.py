"""Examples of what is shown about posts, for tests that every payload is one that Slack takes."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from adapters.base import (
    Format,
    FormatRule,
    Media,
    MediaKind,
    MediaRule,
    Option,
    OptionKind,
    PublishingFacts,
    TextField,
    TextRule,
)
from bot.services.posts.account_sets import SetReport
from bot.services.posts.candidates import Candidate
from bot.services.posts.drafts import Extra, Written
from bot.services.posts.errors import TimeFault
from bot.services.posts.listing import PageOf, PostPage
from bot.services.posts.live import LiveDelivery, LivePost
from bot.services.posts.results import DeliveryReport, PostReport
from bot.services.posts.schedule import Weekly
from bot.services.posts.submissions import SubmissionReport
from bot.views import uploads
from bot.views.publishing import (
    account_sets,
    bulk,
    details,
    holds,
    live,
    posts,
    preview,
    settings_page,
    slots,
    submissions,
)
from bot.views.publishing import composer as first
from storage.models import DeliveryStatus, Role, SubmissionStatus
from storage.post_listings import Which

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.base import Platform
    from bot.services.accounts.profiles import AccountProfile
    from bot.views.kit import Message

PICTURE = Media(key="picture", kind=MediaKind.IMAGE, type="image/jpeg", size=250_000, name="mugs.jpg")


WHEN = datetime(2026, 12, 1, 9, tzinfo=UTC)
ORGANIZATION, PERSON = "org_00000000000000000000", "U0123ABCD"
URL = "https://octapost.example.com/upload/token"


def messages(platform: Platform) -> Iterator[tuple[str, Message]]:
    """Yield messages about posts."""
    yield "publishing.submissions.card", submissions.card(_submission(platform), lambda _: platform)


def forms(profile: AccountProfile, value: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every form about posts; `value` is what a form carries."""
    yield from composer(profile, value)
    report = PostReport(
        post_id="pst_1", organization_id=ORGANIZATION, text="Mugs", author=PERSON, deliveries=()
    )
    page = PostPage(which=Which.OPEN, at=PageOf(total=1, number=0, pages=1), posts=(report,))
    yield "publishing.bulk.form", bulk.form(page, value)
    yield "publishing.holds.form", holds.form([profile], [profile], value)
    yield "publishing.posts.reschedule", posts.reschedule(Written(text="Mugs", due_at=WHEN), value)
    yield from _beside(profile)
    asked = _submission(profile.platform)
    share = LiveDelivery(report=_share(profile.platform), text="Mugs", can_edit=True, can_delete=True)
    live_post = LivePost(post_id="pst_1", organization_id=ORGANIZATION, deliveries=(share,))
    yield "publishing.live.listed", live.listed(live_post, 0, lambda _: profile.platform)
    yield "publishing.live.edit_form", live.edit_form(share, profile.platform, value)
    yield "publishing.submissions.return_form", submissions.return_form(asked, value)
    yield "publishing.submissions.time_form", submissions.time_form(asked, TimeFault.PAST, value)


def _share(platform: Platform) -> DeliveryReport:
    return DeliveryReport(
        id="dlv_00000000000000000000",
        account_id="acc_00000000000000000000",
        account="Octa Demo",
        platform=platform.key,
        place="",
        status=DeliveryStatus.SENT,
        due_at=WHEN,
        asks=False,
        code="",
        outcome="",
        live=1,
        url="https://octapost.example.com/post",
    )


def _beside(profile: AccountProfile) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the forms beside the composer, and the ways from it to pages in the browser."""
    weekly = Weekly(times=((0, time(9)), (4, time(17, 30))), zone="Europe/Berlin")
    yield "publishing.slots.form", slots.form([profile], [profile.account.id], weekly, ORGANIZATION)
    one = SetReport(
        id="set_1", name="Bakery", accounts={profile.account.id: "Mugs"}, gone=("Cups",), channel="C0123ABCD"
    )
    yield "publishing.account_sets.form", account_sets.form([profile], one, "", ORGANIZATION, one.channel)
    yield "uploads.link", uploads.link(URL)
    yield "publishing.settings_page.link", settings_page.link(URL, profile.platform.name)


def _submission(platform: Platform) -> SubmissionReport:
    return SubmissionReport(
        id="sub_00000000000000000000",
        organization_id=ORGANIZATION,
        draft_id="drf_00000000000000000000",
        author=PERSON,
        written=Written(text="Mugs", first_comment="Sold at the market", due_at=WHEN),
        accounts=(("Octa Demo", platform.key),),
        status=SubmissionStatus.WAITING,
    )


def composer(profile: AccountProfile, value: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield both forms, for one account; `value` is what a form carries."""
    written = Written(
        text="Mugs", media=(PICTURE,), accounts=(profile.account.id,), extras=(Extra.LINK, Extra.COMMENT)
    )
    facts = PublishingFacts(
        formats={
            Format.IMAGE: FormatRule(
                texts={TextField.TITLE: TextRule(most=100), TextField.TEXT: TextRule(most=300)},
                media={MediaKind.IMAGE: MediaRule(types=frozenset({"image/jpeg"}), most_bytes=1)},
                fewest=1,
                most=1,
            )
        },
        places_per_post=3,
    )
    switch = Option(key="nsfw", kind=OptionKind.SWITCH, formats=frozenset({Format.IMAGE}))
    asked = Candidate(profile=profile, facts=facts, wanted=Format.IMAGE, needs_place=True, options=(switch,))
    alerts = ["cups.jpg is empty. Attach it again."]
    form = first.FirstForm(metadata=value, may_attach=True, role=max(Role), alerts=alerts)
    yield "publishing.composer.form", first.form([asked], written, form)
    second = details.SecondForm(metadata=value, may_attach=True)
    yield "publishing.details.pages", details.pages([asked], written, second)[0]
    found, seen = preview.shown([asked], written), "https://octapost.example.com/mugs.jpg"
    yield "publishing.preview.preview", preview.preview(found, written, {(PICTURE.key, 0.0): seen})
