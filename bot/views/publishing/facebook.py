"""Publishing on Facebook, in words."""

from __future__ import annotations

from bot.views.publishing.words import PlatformWords

_PERMISSION = (
    "Facebook says we may not post there. Reconnect this Page with every box ticked, or ask for a Page role."
)
_FILE = "Facebook couldn't use this file. Save it in another format, such as JPEG or MP4, and add it again."
_RULES = "Facebook says this breaks its rules. Change the text, link or pictures, then publish again."
_SECURITY = (
    "Facebook wants a security check first. Open Facebook, follow what it asks for, then publish again."
)
_PROCESSING = "Facebook couldn't process the video. Export it as an MP4 (H.264), and add it again."

WORDS = PlatformWords(
    refusals={
        "100": "Facebook didn't accept something in this post. Check its text, link and files, then publish again.",
        "100_33": "Facebook can't find this, or won't show it to us. Check the Page, and reconnect it if it's there.",
        "200": _PERMISSION,
        "1363005": _PERMISSION,
        "1363042": _PERMISSION,
        "368": "Facebook has blocked this Page from posting for now. Open Facebook to see why, and publish later.",
        "1404112": "Facebook has limited this Page for some days. Open Facebook to see until when, and publish then.",
        "1346003": _RULES,
        "1404102": _RULES,
        "1404006": _SECURITY,
        "4854002": "Facebook wants someone to confirm their identity. Open the Facebook app, then publish again.",
        "1404078": "This Page needs Page Publishing Authorization. Complete it in the Page's settings on Facebook.",
        "1349125": "Facebook didn't accept this content. Change the text or the files, then publish again.",
        "1366051": "Facebook says this photo was posted already. Choose another one, or check the Page first.",
        "506": "Facebook says the Page has just posted the same. Check the Page, and change the text if it's new.",
        "1609005": "Facebook couldn't open the link. Check that it works without signing in, then publish again.",
        "1609008": "Facebook doesn't take a link to facebook.com here. Remove it, or share that post on Facebook.",
        "2061006": "Facebook says the link isn't valid. Correct it, then publish again.",
        "1366046": "Facebook couldn't use this photo. Save it as a JPEG or PNG under 4 MB, and add it again.",
        "2069019": _FILE,
        "6000": _FILE,
        "389": _FILE,
        "1363031": _FILE,
        "382": "Facebook says this video is too small. Choose one of at least 1 KB that plays.",
        "1363022": "Facebook says this video is too small. Choose one of at least 1 KB that plays.",
        "1363023": "Facebook says this video is too large. Shorten or compress it, and add it again.",
        "ProcessingFailedError": _PROCESSING,
        "upload_failed": _FILE,
        "video_error": _PROCESSING,
        "video_expired": "Facebook dropped the video before it was published. Publish it again.",
        "video_upload_failed": "The video didn't arrive at Facebook whole. Publish it again.",
    },
    unavailable={
        "story": "Octapost doesn't publish Facebook Stories. You can share a post to your Story in the Facebook app.",
        "gif": "Facebook shows a GIF from an app as a still picture. Save it as an MP4, and publish it as a video.",
        "mixed": "Facebook doesn't take photos and videos in one post from an app. Publish them as two posts.",
        "first_comment": "Facebook doesn't let us write the first comment. Add it on Facebook once the post is live.",
    },
)
