"""Publishing on X, in words."""

from __future__ import annotations

from bot.views.publishing.words import PlatformWords

WORDS = PlatformWords(
    refusals={
        "video_too_long": "X takes videos of up to 2 minutes 20 seconds here. Shorten it, and add it again.",
        "media_too_big": "X says this file is too large. Compress it, and add it again.",
        "media_not_processed": "X couldn't process this file. Export the video as MP4 (H.264), and add it again.",
        "missing_media_scope": "X won't take pictures or videos with this sign-in. Reconnect the account, and approve "
        "everything on X's page.",
        "too_many_cashtags": "X takes one cashtag ($ABC) in a post. Remove the others, then publish again.",
        "invalid_url": "X says a link in this post isn't valid. Correct it, then publish again.",
        "reply_not_allowed": "X lets apps reply only to the account's own posts, or where it was mentioned. Reply on X "
        "instead.",
        "not_permitted": "X refused this post without saying why. Check on X whether the account is limited.",
        "feature_not_permitted": "X won't let this account do that yet. Check its settings on X, or change the post.",
        "locked": "X has locked this account. Its owner has to sign in on x.com and follow the steps there.",
        "suspended": "X has suspended this account. Its owner can appeal at help.x.com.",
        "post_gone": "The post before this one is gone from X. Publish the thread again as a new one.",
        "invalid_request": "X didn't accept something in this post. Check its text and files, then publish again.",
        "forbidden": "X says this account may not do that. Open the account on X to see why.",
        "not_possible": "Apps can't edit a post on X. Delete it and publish it again.",
    },
    options={"reply_settings": "Who can reply", "made_with_ai": "Made with AI"},
    choices={
        "reply_settings": {
            "everyone": "Everyone",
            "following": "People this account follows",
            "mentionedUsers": "Only people you mention",
            "verified": "Verified accounts",
            "subscribers": "Subscribers",
        }
    },
    unavailable={
        "poll": "Octapost doesn't publish polls on X. Create it in the X app.",
        "quote": "X lets only enterprise apps quote posts. Put the post's link in your text instead.",
        "story": "X has no stories.",
    },
)
