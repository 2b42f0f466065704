"""Whether an account may post to a subreddit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.base import text_of


def may_post(subreddit: Mapping[str, Any], *, profile: str, let_in: bool) -> bool:
    """Return whether an account may post to `subreddit`, as far as Reddit's fields tell.

    `profile` is the account's own profile, `u_<name>`. `let_in`: the account is known to be a contributor or moderator.
    Spam filters and rules about karma or age are not visible. `restrict_posting` counts in restricted subreddits only:
    public ones have it as a default without effect.
    """
    if subreddit.get("user_is_banned"):
        return False
    let_in = let_in or bool(subreddit.get("user_is_contributor") or subreddit.get("user_is_moderator"))
    match subreddit.get("subreddit_type"):
        case "public":
            return True
        case "restricted":
            return let_in or subreddit.get("restrict_posting") is False
        case "private":
            return let_in
        case "user":
            return text_of(subreddit.get("display_name")).casefold() == profile.casefold()
        case _:
            return False
