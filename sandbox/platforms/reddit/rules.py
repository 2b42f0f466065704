"""What subreddits demand of a post, and the check that `validate_on_submit` makes.

The fields are those of `GET /api/v1/{subreddit}/post_requirements` in recorded traffic of PRAW's tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

NO_DEMANDS: Mapping[str, Any] = {
    "title_regexes": [],
    "title_required_strings": [],
    "title_blacklisted_strings": [],
    "title_text_min_length": None,
    "title_text_max_length": None,
    "body_restriction_policy": "none",
    "body_regexes": [],
    "body_required_strings": [],
    "body_blacklisted_strings": [],
    "body_text_min_length": None,
    "body_text_max_length": None,
    "link_restriction_policy": "none",
    "domain_blacklist": [],
    "domain_whitelist": [],
    "link_repost_age": None,
    "is_flair_required": False,
    "guidelines_text": "",
    "guidelines_display_policy": "none",
}
DEMANDS: Mapping[str, Mapping[str, Any]] = {
    "octastories": {"is_flair_required": True, "title_blacklisted_strings": ["buy now"]},
    "octalinks": {"link_restriction_policy": "blacklist", "domain_blacklist": ["fakewebsite.com"]},
}
"""By the name of the subreddit in lower case."""
FLAIRS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "octamugs": (
        ("ca999154-c1b0-11e7-b30b-0eb8423d5ed8", "News"),
        ("d1a8f2c0-c1b0-11e7-8a4e-0e1a2b3c4d5e", "For sale"),
    ),
    "octastories": (("e5b1a7d2-c1b0-11e7-9c1d-0f6e5d4c3b2a", "Fiction"),),
}
"""Ids and texts of the flairs that people may choose."""


def violation(demands: Mapping[str, Any], post: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return the field, Reddit's code and a sentence for the first demand that a post does not meet, or None."""
    title, body = post.get("title", "").lower(), post.get("text", "").lower()
    if demands["is_flair_required"] and not post.get("flair_id"):
        return "flair", "FLAIR_REQUIRED", "Your post must contain post flair."
    for name, text in (("title", title), ("body", body)):
        if found := [each for each in demands[f"{name}_blacklisted_strings"] if each.lower() in text]:
            return (
                name,
                f"{name.upper()}_BLACKLISTED_STRING",
                f'You may not have "{found[0]}" in your {name}.',
            )
        wanted = demands[f"{name}_required_strings"]
        if wanted and not any(each.lower() in text for each in wanted):
            return name, f"{name.upper()}_REQUIRED_STRING", f"Your {name} must have {wanted}."
        least, most = demands[f"{name}_text_min_length"], demands[f"{name}_text_max_length"]
        if (least and len(text) < least) or (most and len(text) > most):
            return name, f"{name.upper()}_LENGTH", f"Your {name} is too short or too long."
    return _body_violation(demands, body, post) or _link_violation(demands, post)


def _body_violation(
    demands: Mapping[str, Any], body: str, post: Mapping[str, str]
) -> tuple[str, str, str] | None:
    if post.get("kind") != "self":
        return None
    if demands["body_restriction_policy"] == "required" and not body:
        return "body", "BODY_REQUIRED", "Your post must have a body."
    if demands["body_restriction_policy"] == "notAllowed" and body:
        return "body", "BODY_NOT_ALLOWED", "Your post must not have a body."
    return None


def _link_violation(demands: Mapping[str, Any], post: Mapping[str, str]) -> tuple[str, str, str] | None:
    if post.get("kind") != "link":
        return None
    host = (urlsplit(post.get("url", "")).hostname or "").removeprefix("www.")
    if demands["link_restriction_policy"] == "blacklist" and host in demands["domain_blacklist"]:
        return "link", "LINK_DOMAIN_BLACKLISTED", f"Links to {host} are not allowed."
    if demands["link_restriction_policy"] == "whitelist" and host not in demands["domain_whitelist"]:
        return "link", "LINK_DOMAIN_NOT_WHITELISTED", f"Links to {host} are not allowed."
    return None
