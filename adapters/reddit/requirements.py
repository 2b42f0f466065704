"""What a subreddit wants of a post, as Reddit says now, and what in a post is against it.

Sources, read 2026-11-23: `GET /api/v1/{subreddit}/post_requirements` and `/r/{subreddit}/about` in
https://www.reddit.com/dev/api, and their fields in recorded traffic of PRAW's tests. Rules that are regular expressions
are left to Reddit: a moderator may write one that takes for ever, and Reddit checks all rules with the post anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from adapters.base import Content, Defect, Format, OptionValue, Problem, TextField, text_of
from adapters.numbers import whole

LISTS = (
    "title_required_strings",
    "title_blacklisted_strings",
    "body_required_strings",
    "body_blacklisted_strings",
    "domain_blacklist",
    "domain_whitelist",
)
LENGTHS = ("title_text_min_length", "title_text_max_length", "body_text_min_length", "body_text_max_length")
POLICIES = ("body_restriction_policy", "link_restriction_policy")
KINDS: Mapping[Format, tuple[str, str]] = {
    Format.TEXT: ("no_text_posts", "link"),
    Format.LINK: ("no_links", "self"),
    Format.IMAGE: ("no_images", "self"),
    Format.CAROUSEL: ("no_galleries", "self"),
    Format.VIDEO: ("no_videos", "self"),
}
"""The name of the rule against a format, and the `submission_type` that means it."""
ALLOWS = {Format.IMAGE: "allow_images", Format.CAROUSEL: "allow_galleries", Format.VIDEO: "allow_videos"}


def rules_of(about: Mapping[str, Any], demands: Mapping[str, Any]) -> dict[str, OptionValue]:
    """Return what of a subreddit's answers `rule_problems` needs."""
    rules: dict[str, OptionValue] = {
        name: tuple(filter(None, map(text_of, found)))
        for name in LISTS
        if isinstance(found := demands.get(name), list) and found
    }
    for name in LENGTHS:
        if (number := whole(demands.get(name))) is not None:
            rules[name] = number
    for name in POLICIES:
        if (policy := text_of(demands.get(name))) not in {"", "none"}:
            rules[name] = policy
    submissions = about.get("submission_type")
    for format_, (rule, type_) in KINDS.items():
        if submissions == type_ or about.get(ALLOWS.get(format_, "")) is False:
            rules[rule] = True
    return rules


def rule_problems(content: Content, rules: Mapping[str, OptionValue]) -> Iterator[Problem]:
    """Yield what is against the rules. `Problem.allowed` has the rule, `actual` what it is about."""
    rule = KINDS.get(content.format, ("", ""))[0]
    if rules.get(rule):
        yield _problem("format", rule)
    yield from _text_problems("title", TextField.TITLE, content.title, rules)
    if content.format is Format.TEXT:
        policy = rules.get("body_restriction_policy")
        if policy == "required" and not content.text.strip():
            yield _problem(TextField.TEXT, "body_required")
        if policy == "notAllowed" and content.text.strip():
            yield _problem(TextField.TEXT, "body_not_allowed")
    if content.text.strip():
        yield from _text_problems("body", TextField.TEXT, content.text, rules)
    if content.format is Format.LINK:
        yield from _link_problems(content.link, rules)


def _text_problems(
    name: str, field: TextField, text: str, rules: Mapping[str, OptionValue]
) -> Iterator[Problem]:
    lower = text.lower()
    for word in _words(rules, f"{name}_blacklisted_strings"):
        if word.lower() in lower:
            yield _problem(field, f"{name}_blacklisted_strings", word)
    wanted = _words(rules, f"{name}_required_strings")
    if wanted and not any(word.lower() in lower for word in wanted):
        yield _problem(field, f"{name}_required_strings", ", ".join(wanted))
    least, most = rules.get(f"{name}_text_min_length"), rules.get(f"{name}_text_max_length")
    if isinstance(least, int) and len(text) < least:
        yield _problem(field, f"{name}_text_min_length", str(least))
    if isinstance(most, int) and len(text) > most:
        yield _problem(field, f"{name}_text_max_length", str(most))


def _link_problems(link: str, rules: Mapping[str, OptionValue]) -> Iterator[Problem]:
    try:
        host = (urlsplit(link).hostname or "").lower()
    except ValueError:  # said by the common checks
        return
    policy = rules.get("link_restriction_policy")
    if policy == "blacklist" and _is_of(host, _words(rules, "domain_blacklist")):
        yield _problem(TextField.LINK, "domain_blacklist", host)
    if policy == "whitelist" and not _is_of(host, _words(rules, "domain_whitelist")):
        yield _problem(TextField.LINK, "domain_whitelist", host)


def _is_of(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain.lower() or host.endswith(f".{domain.lower()}") for domain in domains)


def _words(rules: Mapping[str, OptionValue], name: str) -> tuple[str, ...]:
    found = rules.get(name)
    return found if isinstance(found, tuple) else ()


def _problem(field: str, rule: str, actual: str = "") -> Problem:
    return Problem(defect=Defect.PLACE_RULE, field=field, allowed=rule, actual=actual)
