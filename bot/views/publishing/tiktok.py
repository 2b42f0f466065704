"""What people read about publishing on TikTok."""

from __future__ import annotations

from bot.views.publishing.words import PlatformWords

_SPAM = "TikTok took this for spam. Change the text or the files, and try again tomorrow."

WORDS = PlatformWords(
    refusals={
        "missing_scope": "Octapost may not post to this account. Reconnect it and leave every box ticked.",
        "invalid_param": "TikTok didn't accept a setting or a file. Check the post's settings and publish again.",
        "invalid_params": "TikTok didn't accept a setting or a file. Check the post's settings and publish again.",
        "settings_changed": "The account's settings on TikTok changed after this was scheduled. "
        "Open the post and choose again who can see it and what they can do.",
        "app_version_check_failed": "The TikTok app on the account's phone is too old for drafts. "
        "Update the app and publish again.",
        "privacy_level_option_mismatch": "TikTok no longer offers this privacy setting for the account. "
        "Choose again who can see the post.",
        "unaudited_client_can_only_post_to_private_accounts": "TikTok hasn't audited this app yet, so it can post only "
        "to private accounts, visible to no one else. "
        'Set the account to private in TikTok and choose "Only me", or send the post as a draft. '
        "Your Octapost operator can apply for the audit.",
        "reached_active_user_cap": "TikTok says too many accounts posted through this app today. "
        "Try again tomorrow; your Octapost operator can ask TikTok for more.",
        "spam_risk_too_many_posts": "This account has reached TikTok's daily limit, about 15 posts. "
        "Try again in 24 hours.",
        "spam_risk_user_banned_from_posting": "TikTok has banned this account from posting. "
        "Its owner can appeal in the TikTok app.",
        "spam_risk_too_many_pending_share": "Five drafts are already waiting in this account's TikTok inbox. "
        "Finish or delete one in the app, or try again in 24 hours.",
        "spam_risk_text": "TikTok took the text for spam. Change it and publish again.",
        "spam_risk": _SPAM,
        "invalid_publish_id": "TikTok no longer knows this upload. Publish the post again.",
        "token_not_authorized_for_specified_publish_id": "This upload belongs to another TikTok sign-in. "
        "Publish the post again.",
        "file_format_check_failed": "TikTok couldn't read the file. Use an MP4 video with H.264, or JPEG photos.",
        "duration_check_failed": "TikTok didn't accept the video's length. Use 3 seconds to 10 minutes; "
        "some accounts may post only shorter videos.",
        "frame_rate_check_failed": "TikTok didn't accept the video's frame rate. Use 23 to 60 frames a second.",
        "picture_size_check_failed": "TikTok didn't accept the size of the picture. "
        "Use 360 to 4,096 pixels a side for videos, and at most 1080p for photos.",
        "video_pull_failed": "TikTok couldn't fetch the video. Publish the post again.",
        "photo_pull_failed": "TikTok couldn't fetch the photos. Publish the post again; if it fails again, "
        "your Octapost operator should check that the media address is public and verified at TikTok.",
        "publish_cancelled": "The post was cancelled on TikTok. Publish it again if you still want it.",
        "auth_removed": "The account removed Octapost while TikTok was processing the post. "
        "Reconnect it and publish again.",
        "internal": "TikTok failed while it was processing the post. Publish it again.",
        "failed": "TikTok didn't publish the post, and gave no reason. Publish it again, or send it as a draft.",
        "not_possible": "TikTok doesn't let apps change or delete posts. Open the post in the TikTok app.",
    },
    options={
        "privacy": "Who can see this post",
        "comments": "Allow comments",
        "duet": "Allow duets",
        "stitch": "Allow stitches",
        "commercial": "This post promotes something",
        "your_brand": "Promotes you or your own business",
        "branded_content": "Paid partnership with another brand",
        "branded_policy": "I agree to TikTok's Branded Content Policy",
        "ai_generated": "Made with AI",
        "music_confirmation": "I agree to TikTok's Music Usage Confirmation",
    },
    hints={
        "commercial": "Tick this if it promotes a brand, a product or a service, your own included.",
        "your_brand": 'TikTok labels it "Promotional content".',
        "branded_content": 'TikTok labels it "Paid partnership".',
    },
    notice="Until TikTok has reviewed this installation of Octapost, only posts for “Only me” go out, and only from "
    "accounts that are set to private.\nBy publishing, you agree to TikTok's "
    "<https://www.tiktok.com/legal/page/global/music-usage-confirmation/en|Music Usage Confirmation>; for a paid "
    "partnership also to its <https://www.tiktok.com/legal/page/global/bc-policy/en|Branded Content Policy>.",
    choices={
        "privacy": {
            "PUBLIC_TO_EVERYONE": "Everyone",
            "FOLLOWER_OF_CREATOR": "Followers",
            "MUTUAL_FOLLOW_FRIENDS": "Friends (followers you follow back)",
            "SELF_ONLY": "Only me",
        },
    },
    notes={
        "in_inbox": "It's in the account's TikTok inbox. Open the TikTok app to finish it.",
        "link_later": "TikTok gives the link after its review, usually within a minute, sometimes hours.",
        "only_me": "Only the account itself can see it, so TikTok gives no link.",
        "no_link": "It isn't public, so TikTok gives no link.",
    },
    unavailable={
        "text": "TikTok takes only videos and photos. Add one of them.",
        "link": "TikTok takes only videos and photos. Add one of them; links in captions can't be clicked.",
        "story": "TikTok's API has no stories. Post them in the TikTok app.",
        "reel": "On TikTok every video is a short one. Choose Video.",
    },
)
