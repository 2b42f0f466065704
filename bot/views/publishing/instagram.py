"""Publishing on Instagram, in words."""

from __future__ import annotations

from bot.views.publishing.words import PlatformWords

_IMAGE = "Instagram couldn't use this picture. Save it as a JPEG under 8 MB, and add it again."
_SHAPE = "Instagram takes pictures from 4:5 upright to 1.91:1 wide. Crop this one, and add it again."
_CAPTION = "Instagram says the caption is too long. Shorten it to 2,200 characters, then publish again."
_VIDEO = (
    "Instagram couldn't use this video. Export it as an MP4 (H.264, 3 s to 15 min, under 300 MB), and add it."
)
_PRODUCTS = "Instagram didn't accept the tagged products. Remove them, then publish again."
_ACCOUNT = "Instagram has restricted this account. Open the Instagram app and do what it asks for, then publish again."
_LOST = "Instagram can't find this, or won't let us use it. Reconnect the account, then publish again."

WORDS = PlatformWords(
    refusals={
        "100": "Instagram didn't accept something in this post. Check its caption and files, then publish again.",
        "100_33": _LOST,
        "24": _LOST,
        "2207006": _LOST,
        "200": "Instagram says we may not post there. Reconnect the account with every box ticked.",
        "368": "Instagram has blocked this account from posting for now. Open the app to see why, and publish later.",
        "506": "Instagram says this was just posted. Check the account, and change the caption if it's new.",
        "25": _ACCOUNT,
        "2207050": _ACCOUNT,
        "2207051": "Instagram took this for spam. Check whether it's live, wait a day, and change it before you retry.",
        "2207042": "This account has used up its posts for 24 hours on Instagram. Publish later.",
        "352": _VIDEO,
        "2207026": _VIDEO,
        "ProcessingFailedError": _VIDEO,
        "upload_failed": _VIDEO,
        "not_possible": "Instagram doesn't let apps change or delete a post. Open it in the Instagram app instead.",
        "container_failed": "Instagram couldn't process this post. Export its files again, and publish again.",
        "36000": _IMAGE,
        "2207004": _IMAGE,
        "36001": _IMAGE,
        "2207005": _IMAGE,
        "36003": _SHAPE,
        "2207009": _SHAPE,
        "36004": _CAPTION,
        "2207010": _CAPTION,
        "2207023": "Instagram doesn't take this kind of file here. Choose another format, then publish again.",
        "2207028": "A carousel has 2 to 10 pictures and videos. Add or remove some, then publish again.",
        "2207040": "Instagram allows 20 mentions in a post. Remove some, then publish again.",
        "2207035": _PRODUCTS,
        "2207036": _PRODUCTS,
        "2207037": _PRODUCTS,
        "2207057": "The cover frame is past the end of the video. Choose an earlier one, then publish again.",
        "2207081": "This account can't publish trial Reels. Publish it as an ordinary Reel.",
    },
    options={
        "share_to_feed": "Show the Reel in the feed too",
        "thumb_offset": "Cover frame, in milliseconds from the start",
        "collaborators": "Invite collaborators (up to 3 user names)",
    },
    unavailable={
        "story": "Octapost doesn't publish Instagram Stories. Share the post to your Story in the Instagram app.",
        "text": "Instagram has no posts without a picture or video. Add one, or leave this account out.",
        "link": "Links in an Instagram caption can't be tapped. Add a picture, and put the link in your profile.",
        "video": "Instagram publishes every single video as a Reel. Choose Reel.",
        "gif": "Instagram doesn't take GIFs. Save it as an MP4, and publish it as a Reel.",
        "first_comment": "Instagram doesn't let us write the first comment. Add it in the app once the post is live.",
    },
)
