"""The part of the composition root that publishes: its services, and its stories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.base import Publishes
from bot.parts import PostServices
from bot.services.accounts.health import HealthReader
from bot.services.accounts.places import PlaceService
from bot.services.accounts.profiles import AccountProfiles
from bot.services.media.drawing import Drawings
from bot.services.media.inspecting import Inspector
from bot.services.media.intake import Intake
from bot.services.media.library import MediaLibrary
from bot.services.media.previewing import Previews
from bot.services.media.uploading import GIGABYTE, Uploading, UploadLimits
from bot.services.posts.account_sets import AccountSetService
from bot.services.posts.altering import Altering
from bot.services.posts.asking import Asking
from bot.services.posts.bulk import BulkDecider
from bot.services.posts.calls import PublishingCalls
from bot.services.posts.caps import Caps
from bot.services.posts.changing import PostChanges
from bot.services.posts.checking import Checking
from bot.services.posts.composing import Composing
from bot.services.posts.decisions import DeliveryDecider
from bot.services.posts.delivering import Delivering, Parts
from bot.services.posts.draft_pages import DraftPages
from bot.services.posts.holds import HoldService
from bot.services.posts.listing import PostLists
from bot.services.posts.live import LivePosts
from bot.services.posts.reconciling import Reconciling
from bot.services.posts.restoring import Restoring
from bot.services.posts.results import Results
from bot.services.posts.sending import Sending
from bot.services.posts.settings_pages import SettingsPages
from bot.services.posts.sharing import Sharing
from bot.services.posts.slots import SlotService
from bot.services.posts.submissions import SubmissionService
from bot.services.posts.watching import Watching
from bot.slack.files import SlackFiles
from bot.slack.zones import PeopleZones
from bot.stories.account_sets import AccountSetsStory
from bot.stories.holds import HoldsStory
from bot.stories.live_posts import LivePostsStory
from bot.stories.post_decisions import PostDecisionsStory
from bot.stories.post_fields import PostFieldsStory
from bot.stories.post_lists import PostListsStory
from bot.stories.posts.forms import Forms
from bot.stories.posts.openings import PostOpeningsStory
from bot.stories.posts.pages import DraftPagesStory, OpenForms
from bot.stories.posts.previews import PreviewStory
from bot.stories.posts.writing import PostsStory
from bot.stories.slots import SlotsStory
from bot.stories.submissions import SubmissionsStory
from bot.web.media import MediaPages
from bot.web.settings_pages import SettingsWebPages
from bot.web.uploads import UploadPages

if TYPE_CHECKING:
    from bot.parts import Base, Services
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.posts.draft_pages import FormWatch
    from bot.services.tokens.fresh import FreshTokens
    from bot.services.tokens.refreshing import Refresher
    from bot.slack.home_tab import HomeTab
    from bot.web.draft_pages import ConfirmedDraftPage
    from bot.web.identity import Identity


def post_services(
    base: Base, catalog: PlatformCatalog, refresher: Refresher, tokens: FreshTokens
) -> PostServices:
    """Construct the services that publish."""
    database, vault, results = base.database, base.vault, Results()
    library = MediaLibrary(database=database, store=base.media, public_url=base.settings.public_url)
    inspector = Inspector()
    drawings = Drawings(database=database, store=base.media, inspector=inspector)
    calls = PublishingCalls(
        catalog=catalog,
        adapters=base.adapters,
        tokens=tokens,
        refresher=refresher,
        media=library.of,
        converter=drawings,
        database=database,
        vault=vault,
    )
    sharing = Sharing(results, database)
    profiles = AccountProfiles(catalog, HealthReader(database), database, vault)
    intake = Intake(database=database, store=base.media, inspector=inspector)
    composing = Composing(profiles, base.adapters, results, Asking(base.adapters, tokens), sharing, database)
    pages = DraftPages(database)
    places, people = PlaceService(base.adapters, tokens, database), PeopleZones(base.slack_clients)
    drawing = forms(base, composing, places, people)
    watch = OpenForms(composing, drawing, pages, base.slack_clients)
    return PostServices(
        results=results,
        composing=composing,
        pages=pages,
        settings_pages=SettingsPages(composing, library, watch, database),
        sharing=sharing,
        submissions=SubmissionService(composing, database),
        decider=DeliveryDecider(results, database),
        changes=PostChanges(base.adapters, results, database),
        holds=HoldService(results, database),
        library=library,
        intake=intake,
        previews=Previews(drawings=drawings, database=database, public_url=base.settings.public_url),
        uploading=_uploading(base, intake, watch),
        delivering=_engine(base, calls, results),
        checking=Checking(calls=calls, results=results, database=database, vault=vault),
        restoring=Restoring(calls=calls, results=results, marks=base.media, database=database),
        watching=Watching(calls=calls, results=results, database=database, vault=vault),
    )


def _engine(base: Base, calls: PublishingCalls, results: Results) -> Delivering:
    database, vault = base.database, base.vault
    parts = Parts(
        sending=Sending(calls=calls, results=results, database=database, vault=vault),
        reconciling=Reconciling(calls=calls, results=results, database=database, vault=vault),
        altering=Altering(calls=calls, results=results, database=database, vault=vault),
    )
    return Delivering(calls=calls, parts=parts, database=database, vault=vault)


def _uploading(base: Base, intake: Intake, forms: FormWatch) -> Uploading:
    """Construct the service of the upload page."""
    settings = base.settings
    return Uploading(
        database=base.database,
        store=base.media,
        intake=intake,
        adapters=base.adapters,
        limits=UploadLimits(
            quota=settings.media_quota_gb * GIGABYTE,
            at_once=settings.uploads_at_once,
            free=settings.disk_free_percent / 100,
        ),
        forms=forms,
    )


def forms(base: Base, composing: Composing, places: PlaceService, people: PeopleZones) -> Forms:
    """Construct what draws the composer's forms."""
    files = SlackFiles(
        clients=base.slack_clients,
        session=base.slack_session,
        database=base.database,
        vault=base.vault,
        api_url=base.settings.slack_api_url,
    )
    return Forms(composing, places, files, people, Caps(base.database), base.database)


def post_stories(
    base: Base, services: Services, places: PlaceService, home: HomeTab, zones: PeopleZones
) -> tuple[object, ...]:
    """Construct the stories about posts."""
    posts, database = services.posts, base.database
    profiles = AccountProfiles(services.catalog, HealthReader(database), database, base.vault)
    drawing = forms(base, posts.composing, places, zones)
    return (
        PostOpeningsStory(posts.composing, posts.changes, posts.sharing, drawing),
        PostsStory(posts.composing, posts.submissions, drawing, posts.intake, drawing.files, posts.uploading),
        DraftPagesStory(posts.composing, drawing, posts.pages, base.settings.public_url),
        PreviewStory(posts.composing, drawing, posts.previews, posts.pages, base.settings),
        PostFieldsStory(posts.composing, places),
        PostDecisionsStory(posts.decider, posts.sharing),
        PostListsStory(
            lists=PostLists(database),
            decider=posts.decider,
            composing=posts.composing,
            changes=posts.changes,
            submissions=posts.submissions,
            several=BulkDecider(posts.decider, posts.changes),
            catalog=services.catalog,
            home=home,
        ),
        LivePostsStory(LivePosts(base.adapters, posts.results, database), services.catalog),
        SubmissionsStory(posts.submissions, services.catalog),
        HoldsStory(profiles, posts.holds),
        SlotsStory(SlotService(database), profiles, zones),
        AccountSetsStory(AccountSetService(database), profiles),
    )


def post_pages(posts: PostServices, identity: Identity) -> tuple[MediaPages, list[ConfirmedDraftPage]]:
    """Construct the pages about files of posts, and the pages for drafts."""
    media = MediaPages(
        library=posts.library, previews=posts.previews, settings=identity.settings, pages=identity.pages
    )
    uploads = UploadPages(
        pages=posts.pages,
        uploading=posts.uploading,
        composing=posts.composing,
        previews=posts.previews,
        identity=identity,
    )
    settings = [
        SettingsWebPages(platform=key, pages=posts.pages, settings=posts.settings_pages, identity=identity)
        for key, adapter in posts.uploading.adapters.items()
        if isinstance(adapter, Publishes) and adapter.publisher.facts.settings_page
    ]
    return media, [uploads, *settings]
