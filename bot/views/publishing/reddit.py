"""Publishing on Reddit, in words."""

from __future__ import annotations

from bot.views.publishing.words import PlatformWords

_NOT_THERE = "Reddit can't find this subreddit, or it's closed. Choose another one."
_NOT_ALLOWED = "This account may not post in this subreddit. Choose another one, or ask its moderators."
_KIND = "This subreddit doesn't take this kind of post. Choose another kind, or another subreddit."
_RULE = "This subreddit has a rule against it. Check its rules on Reddit, and change the {} of the post."

WORDS = PlatformWords(
    refusals={
        "SUBREDDIT_NOEXIST": _NOT_THERE,
        "SUBREDDIT_REQUIRED": "Reddit needs to know where to post. Choose a subreddit.",
        "SUBREDDIT_NOTALLOWED": _NOT_ALLOWED,
        "SUBREDDIT_NO_ACCESS": _NOT_ALLOWED,
        "BANNED_FROM_SUBREDDIT": "This subreddit has banned the account. Choose another one, or ask its moderators.",
        "IN_TIMEOUT": "Reddit has paused this account. Sign in on reddit.com to see for how long.",
        "NO_SELFS": _KIND,
        "NO_LINKS": _KIND,
        "NO_IMAGES": _KIND,
        "NO_VIDEOS": _KIND,
        "GALLERIES_DISABLED": _KIND,
        "INVALID_OPTION": "Reddit didn't accept one of the settings of this post. Check them, then publish again.",
        "NO_TEXT": "Reddit says a text is missing. Fill in the title and the text, then publish again.",
        "TOO_LONG": "Reddit says a text is too long. Shorten the title or the text, then publish again.",
        "TOO_SHORT": "Reddit says a text is too short. Write a longer title or text, then publish again.",
        "NO_URL": "Reddit says the link is missing. Add it, then publish again.",
        "BAD_URL": "Reddit didn't accept the link or the file. Check the link, or add the file again.",
        "DOMAIN_BANNED": "Reddit doesn't allow links to this website. Use another link.",
        "BAD_FLAIR_TEMPLATE_ID": "This flair doesn't exist any more. Choose another one.",
        "DELETED_LINK": "The post was deleted before the comment could go out. Nothing more to do.",
        "VERIFIED_USER_REQUIRED": "Reddit wants this account to confirm its email address. Do that on reddit.com.",
        "BAD_CAPTCHA": "Reddit wants to see that a person is behind this account. Post once on reddit.com.",
        "SUBMIT_VALIDATION_FLAIR_REQUIRED": "This subreddit wants a flair on every post. Choose one.",
        "SUBMIT_VALIDATION_TITLE": _RULE.format("title"),
        "SUBMIT_VALIDATION_BODY": _RULE.format("text"),
        "SUBMIT_VALIDATION_LINK": _RULE.format("link"),
        "SUBMIT_VALIDATION": "This subreddit has a rule against this post. Check its rules on Reddit.",
        "private": "This subreddit is private. Choose another one, or ask its moderators to let the account in.",
        "banned": "Reddit has closed this subreddit. Choose another one.",
        "quarantined": "Reddit has quarantined this subreddit. Choose another one.",
        "EntityTooLarge": "Reddit says this file is too large. Pictures can be up to 20 MB, videos up to 1 GB.",
        "missing_scope": "A permission is missing. Reconnect the account, and approve everything on Reddit's page.",
        "not_possible": "Octapost may not change or delete posts on Reddit. Do it on reddit.com.",
    },
    options={"flair": "Flair", "nsfw": "Not safe for work (NSFW)", "spoiler": "Spoiler"},
    unavailable={
        "poll": "Reddit doesn't let apps create polls. Create it on reddit.com.",
        "crosspost": "Octapost doesn't crosspost. Choose up to three subreddits for a post instead.",
        "alt_text": "Reddit doesn't take alt text from apps.",
    },
)
