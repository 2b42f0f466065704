"""Publishing on LinkedIn, in words."""

from __future__ import annotations

from bot.views.publishing.words import PlatformWords

_FILE = "LinkedIn couldn't process this file. Save it again as a JPEG, PNG, PDF or MP4, and add it again."
_FIELD = "LinkedIn didn't accept something in this post. Check its text, title and files, then publish again."

WORDS = PlatformWords(
    refusals={
        "RESTRICTED_MEMBER": "LinkedIn has restricted the person who connected this account. They can see why on "
        "linkedin.com.",
        "ACCESS_DENIED": "LinkedIn says this sign-in may not post here. Check the role on the page, then reconnect it.",
        "MISSING_FIELD": _FIELD,
        "INVALID_URN_TYPE": _FIELD,
        "INVALID_URN_ID": _FIELD,
        "INVALID_VALUE_FOR_FIELD": _FIELD,
        "FIELD_LENGTH_TOO_LONG": "LinkedIn says a text is too long. Shorten the text or the title, then publish again.",
        "MEDIA_ASSET_PROCESSING_FAILED": _FILE,
        "INVALID_VIDEO_ID": _FILE,
    },
    notes={
        "unwatched": "LinkedIn doesn't show me a member's posts, so I can't tell you if it is removed.",
    },
    unavailable={
        "poll": "Octapost doesn't publish polls on LinkedIn. Create it on linkedin.com.",
        "article": "LinkedIn doesn't let apps write articles. Post a link or a PDF instead.",
        "story": "LinkedIn has no stories.",
        "first_comment": "LinkedIn doesn't let Octapost write the first comment. Add it once the post is live.",
        "mixed": "LinkedIn doesn't take pictures and a video in one post. Publish them as two posts.",
    },
)
