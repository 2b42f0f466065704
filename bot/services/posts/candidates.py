"""Which accounts can take the post that is being written, what each needs besides, and what must change."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from adapters.base import Capability, Defect, Format, OptionKind, Problem, PublishingFacts, TextField
from bot.services.posts.drafts import Written
from bot.services.posts.formats import answer_about, contents_for, format_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.base import Content, FormatRule, Option, Publisher
    from bot.services.accounts.profiles import AccountProfile


class Unsuited(StrEnum):
    """Why an account cannot take the post that is being written."""

    BROKEN = "broken"
    """It can't publish now: its diagnosis says why."""
    NEEDS_MEDIA = "needs_media"
    """Its platform takes no text alone."""
    NO_SUCH_FILES = "no_such_files"
    """Its platform does not take these files in one post."""
    NOT_YET = "not_yet"
    """Octapost doesn't publish to its platform yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An account, and whether it can take the post."""

    profile: AccountProfile
    unsuited: Unsuited | None = None
    facts: PublishingFacts = field(default_factory=lambda: PublishingFacts(formats={}))
    wanted: Format | None = None
    """The format of its post. None: no format suits what is written."""
    needs_place: bool = False
    options: tuple[Option, ...] = ()
    """The platform's own fields of this format that count now."""
    off: tuple[str, ...] = ()
    """The keys of those that the platform has switched off for this account."""

    @property
    def account_id(self) -> str:
        """The account's id."""
        return self.profile.account.id

    @property
    def rule(self) -> FormatRule | None:
        """What its post consists of."""
        return self.facts.formats.get(self.wanted) if self.wanted is not None else None

    def takes(self, text: TextField) -> bool:
        """Tell whether its post, or a part of it, has this text."""
        rule = self.rule
        return rule is not None and (
            text in rule.texts or (rule.part is not None and text in rule.part.texts)
        )

    def needs(self, text: TextField) -> bool:
        """Tell whether its post cannot do without this text."""
        return self.rule is not None and self.takes(text) and self.rule.texts[text].required

    @property
    def takes_cover(self) -> bool:
        """Tell whether its post can have a cover of its own."""
        return self.rule is not None and self.rule.cover is not None

    @property
    def asks_platform(self) -> bool:
        """Tell whether only the platform knows the values of a field."""
        return any(is_live(option) for option in self.facts.options)

    @property
    def alone(self) -> bool:
        """Tell whether its fields can't be filled together with those of the platform's other accounts."""
        return self.needs_place or self.asks_platform or self.facts.same_text_once


def is_live(option: Option) -> bool:
    """Tell whether only the platform knows the values of a field."""
    return option.kind is OptionKind.CHOICE and not option.choices


def candidate(
    profile: AccountProfile, publisher: Publisher | None, written: Written, *, may_attach: bool
) -> Candidate:
    """Return whether an account can take what is written. `may_attach`: a file can be added yet."""
    if publisher is None:
        return Candidate(profile=profile, unsuited=Unsuited.NOT_YET)
    facts = publisher.facts
    if not profile.can_publish:
        return Candidate(profile=profile, unsuited=Unsuited.BROKEN, facts=facts)
    details = written.of(profile.account.id)
    wanted = format_for(facts, written, details)
    if wanted is None and not may_attach:
        lacks = Unsuited.NO_SUCH_FILES if written.media else Unsuited.NEEDS_MEDIA
        return Candidate(profile=profile, unsuited=lacks, facts=facts)
    needs_place = Capability.PLACES in profile.can
    off = details.live.off if details.live is not None else frozenset()
    options = [option for option in facts.options if wanted in option.formats]
    return Candidate(
        profile=profile,
        facts=facts,
        wanted=wanted,
        needs_place=needs_place,
        options=tuple(
            option for option in options if option.key not in off and facts.counts(option, details.options)
        ),
        off=tuple(option.key for option in options if option.key in off),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountProblems:
    """What must change before an account's platform takes the post, at one place in it."""

    candidate: Candidate
    problems: tuple[Problem, ...] = ()
    place: str = ""
    """The name of the place. Empty: it concerns the account."""
    refused: str = ""
    """The code with which the platform would refuse any post there. Empty: it takes posts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What goes to one account, at one place in it."""

    candidate: Candidate
    content: Content
    place: str = ""
    """The place's name."""

    @property
    def text(self) -> str:
        """Every text of it, to compare."""
        parts = [part.text for part in self.content.thread] or [self.content.text]
        return " ".join(" ".join(parts).split()).casefold()


def targets(chosen: Sequence[Candidate], written: Written) -> Iterator[Target]:
    """Yield what goes out, in the order of the accounts."""
    for one in chosen:
        names = {place.id: place.name for place in written.of(one.account_id).places}
        for content in contents_for(one.facts, written, one.account_id):
            yield Target(candidate=one, content=content, place=names.get(content.place, ""))


def problems(chosen: Sequence[tuple[Candidate, Publisher]], written: Written) -> Iterator[AccountProblems]:
    """Yield what must change, account by account, in the order of the accounts."""
    publishers = {one.account_id: publisher for one, publisher in chosen}
    places: Counter[str] = Counter()
    texts: defaultdict[str, set[str]] = defaultdict(set)
    for target in targets([one for one, _ in chosen], written):
        one, platform = target.candidate, target.candidate.profile.platform.key
        details = written.of(one.account_id)
        live = answer_about(details, target.content.place)
        found = list(publishers[one.account_id].check(target.content, live))
        if one.needs_place and not target.content.place:
            found.append(Problem(defect=Defect.MISSING, field="place"))
        elif one.needs_place:
            places[platform] += 1
            if (count := places[platform]) > (most := one.facts.places_per_post):
                found.append(
                    Problem(defect=Defect.TOO_MANY, field="place", allowed=str(most), actual=str(count))
                )
        if one.facts.same_text_once and target.text:
            if target.text in texts[platform]:
                found.append(Problem(defect=Defect.SAME_TEXT, field=TextField.TEXT))
            texts[platform].add(target.text)
        # A refusal for today says nothing about a later day; one of a place stays.
        now = not written.due_at or target.content.place
        refused = live.refuses if live is not None and now else ""
        if found or refused:
            yield AccountProblems(candidate=one, problems=tuple(found), place=target.place, refused=refused)
