"""The preview: each post as its platform will get it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.base import conversions_of
from bot.services.media.previewing import Look
from bot.services.posts.candidates import targets
from bot.services.posts.formats import is_finished_elsewhere
from bot.views import kit
from bot.views.publishing.counters import counters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.base import Content, FormatRule, Media
    from bot.services.posts.candidates import Candidate, Target
    from bot.services.posts.drafts import Written
    from bot.views.kit import Json

TITLE = "Preview"
MOST_POSTS, MOST_PICTURES = 10, 4
"""Posts that are shown, and pictures of each."""
LONGEST_TEXT = 2000
SAME_SHAPE = 0.01
"""Shapes that differ less are the same: encoders round."""
NOTHING = "Choose at least one account that can take the post. Then its preview is here."


@dataclass(frozen=True, slots=True)
class Shown:
    """Posts that look the same, by their first one."""

    target: Target
    names: tuple[str, ...]


def shown(chosen: Sequence[Candidate], written: Written) -> list[Shown]:
    """Return what is shown: the posts of a platform that say the same stand there once."""
    found: list[Shown] = []
    for target in targets(chosen, written):
        one, name = target.candidate, target.place or target.candidate.profile.label
        platform = one.profile.platform.key
        for index, each in enumerate(found):
            if each.target.candidate.profile.platform.key == platform and _same(each.target, target):
                found[index] = Shown(each.target, (*each.names, name))
                break
        else:
            found.append(Shown(target, (name,)))
    return found


def _same(one: Target, other: Target) -> bool:
    first, second = one.content, other.content
    return (first.text, first.title, first.thread, first.media, first.cover) == (
        second.text,
        second.title,
        second.thread,
        second.media,
        second.cover,
    )


def looks(found: Sequence[Shown]) -> Iterator[Look]:
    """Yield the pictures of what is shown."""
    for each in found[:MOST_POSTS]:
        for media in _pictures(each.target.content):
            yield _look(each.target, media)


def _pictures(content: Content) -> Sequence[Media]:
    cover = () if content.cover is None else (content.cover,)
    return (*cover, *content.all_media)[:MOST_PICTURES]


def _look(target: Target, media: Media) -> Look:
    """Return a file in the shape in which the platform shows it."""
    content, rule = target.content, _rule(target)
    first = content.media[0].ratio if content.media else 0.0
    if rule is None or not rule.in_first_shape or not first or not media.ratio:
        return Look(media)
    return Look(media, 0.0 if abs(media.ratio / first - 1) < SAME_SHAPE else round(first, 4))


def _rule(target: Target) -> FormatRule | None:
    return target.candidate.facts.formats.get(target.content.format)


Pictures = Mapping[tuple[str, float], str] | str
"""Where pictures are seen: the address of each, by key and shape, where one that is missing can't be shown; or the
address of the page that has all of them."""


def preview(found: Sequence[Shown], written: Written, pictures: Pictures) -> Json:
    """Return the preview."""
    blocks = [block for each in found[:MOST_POSTS] for block in _post(each, written, pictures)]
    if isinstance(pictures, str):
        button = kit.link("See the pictures", "compose.preview_page", pictures)
        blocks.insert(0, kit.words("The pictures are on a page in your browser.", accessory=button))
    if len(found) > MOST_POSTS:
        blocks.append(kit.fine_print(f"and {len(found) - MOST_POSTS} more"))
    return kit.modal(TITLE, blocks or [kit.words(NOTHING)], close="Back")


def _post(each: Shown, written: Written, where: Pictures) -> list[Json]:
    target, content = each.target, each.target.content
    platform = target.candidate.profile.platform.name
    more = f" and {len(each.names) - 3} more" if len(each.names) > 3 else ""
    blocks = [kit.header(f"{platform}: {', '.join(each.names[:3])}{more}")]
    blocks += [kit.words(line) for line in _texts(content, platform)]
    pictures = _pictures(content)
    if not isinstance(where, str):
        blocks += [_picture(_look(target, media), where) for media in pictures]
    lines = list(_lines(target))
    if (left := len(content.all_media) - len(pictures)) > 0:
        lines.insert(0, f"and {left} more file{'s' if left > 1 else ''}")
    return [*blocks, *([kit.fine_print(*lines)] if lines else []), *counters([target.candidate], written)]


def _texts(content: Content, platform: str) -> Iterator[str]:
    if is_finished_elsewhere(content.format, content.media):
        yield f"Someone finishes it in the {platform} app."
        return
    if content.title:
        yield _excerpt(content.title)
    texts = [part.text for part in content.thread] or [content.text]
    for text in texts[:MOST_PICTURES]:
        if text.strip():
            yield _excerpt(text)
    if len(texts) > MOST_PICTURES:
        yield f"and {len(texts) - MOST_PICTURES} more parts"
    if content.link:
        yield _excerpt(content.link)


def _excerpt(text: str) -> str:
    """Return the beginning of a text, and how much of it is not shown here."""
    left = len(text) - LONGEST_TEXT
    return text if left <= 0 else f"{text[:LONGEST_TEXT]}… ({left:,} more characters)"


def _picture(look: Look, urls: Mapping[tuple[str, float], str]) -> Json:
    media, url = look.media, urls.get((look.media.key, look.ratio))
    name = kit.cut(media.name, 80) or "A file"
    if url is None:
        return kit.fine_print(f"{name} can't be shown here.")
    described = kit.cut(media.alt_text, 1900) or name
    return {"type": "image", "image_url": url, "alt_text": described, "title": kit.plain(name, 200)}


def _lines(target: Target) -> Iterator[str]:
    """Yield what becomes of the files: where nothing is said, they go out as they are."""
    content, rule = target.content, _rule(target)
    platform = target.candidate.profile.platform.name
    files = (*content.all_media, *filter(None, [content.cover]))
    if files and not conversions_of(target.candidate.facts, content):
        yield "Sent unchanged."
    if rule is not None and rule.in_first_shape and len(content.media) > 1:
        yield f"{platform} shows all of them in the shape of the first one."
