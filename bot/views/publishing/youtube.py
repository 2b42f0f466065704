"""What people read about publishing on YouTube."""

from __future__ import annotations

from bot.views.publishing.words import PlatformWords

WORDS = PlatformWords(
    refusals={
        "missing_scope": "Octapost may not upload to this channel. Reconnect it and leave every box ticked.",
        "youtubeSignupRequired": "This Google account has no YouTube channel. Create one on YouTube, then reconnect.",
        "forbidden": "This sign-in may not upload to this channel. Reconnect it and choose the right channel.",
        "channel_missing": "YouTube no longer shows this channel. Check it on YouTube, or reconnect it.",
        "channelClosed": "YouTube says that this channel is closed. Post to another channel.",
        "channelSuspended": "YouTube has suspended this channel. Its owner can appeal in YouTube Studio.",
        "authenticatedUserAccountClosed": "This YouTube account is closed. Post to another channel.",
        "authenticatedUserAccountSuspended": "YouTube has suspended this account. Its owner can appeal on YouTube.",
        "forbiddenPrivacySetting": "YouTube doesn't allow this visibility for the channel. Choose another one.",
        "forbiddenLicenseSetting": "YouTube doesn't allow this license for the channel. "
        "Check the channel's upload defaults in YouTube Studio.",
        "forbiddenEmbedSetting": "YouTube doesn't allow this embedding setting for the channel. "
        "Check the channel's upload defaults in YouTube Studio.",
        "invalidTitle": "YouTube didn't accept the title. Use 1 to 100 characters, without < and >.",
        "invalidDescription": "YouTube didn't accept the description. Make it shorter, and leave out < and >.",
        "invalidTags": "YouTube didn't accept the tags. Use fewer or shorter ones, without < and >.",
        "invalidCategoryId": "This category isn't available in the channel's country. Choose another one.",
        "invalidPublishAt": "YouTube didn't accept the publishing time. Schedule the post again.",
        "invalidVideoMetadata": "YouTube didn't accept the video's details. Check the title, description and tags.",
        "invalidRecordingDetails": "YouTube didn't accept the recording details. Check the video's details.",
        "invalidVideoGameRating": "YouTube didn't accept the video's rating. Check the video's details.",
        "invalidFilename": "YouTube didn't accept the file's name. Rename the video and upload it again.",
        "defaultLanguageNotSet": "YouTube needs a language for this video. "
        "Set a default language for uploads in YouTube Studio.",
        "mediaBodyRequired": "YouTube received an empty file. Upload the file again.",
        "invalidImage": "YouTube couldn't read the thumbnail. The video is live; choose another JPEG or PNG.",
        "imageFormatUnsupported": "YouTube takes JPEG and PNG thumbnails. The video is live without one.",
        "imageTooTall": "The thumbnail is too tall for YouTube. The video is live; use 1280 x 720 pixels.",
        "imageTooWide": "The thumbnail is too wide for YouTube. The video is live; use 1280 x 720 pixels.",
        "thumbnail_forbidden": "YouTube allows thumbnails only on channels with a verified phone number. "
        "The video is live; verify the channel at youtube.com/verify.",
        "videoNotFound": "YouTube couldn't find the video for this thumbnail. "
        "Check in YouTube Studio whether the video was removed.",
        "not_possible": "Octapost can't change or delete videos on YouTube. Open the video in YouTube Studio.",
    },
    options={
        "privacy": "Who can watch",
        "made_for_kids": "Is this video made for kids?",
        "altered": "Realistic content made or altered with AI",
        "category": "Category",
        "tags": "Tags",
    },
    choices={
        "privacy": {
            "public": "Public: everyone",
            "unlisted": "Unlisted: everyone with the link",
            "private": "Private: only people you invite on YouTube",
        },
        "made_for_kids": {"no": "No, it's not made for kids", "yes": "Yes, it's made for kids"},
        "category": {
            "1": "Film & Animation",
            "2": "Autos & Vehicles",
            "10": "Music",
            "15": "Pets & Animals",
            "17": "Sports",
            "19": "Travel & Events",
            "20": "Gaming",
            "22": "People & Blogs",
            "23": "Comedy",
            "24": "Entertainment",
            "25": "News & Politics",
            "26": "Howto & Style",
            "27": "Education",
            "28": "Science & Technology",
            "29": "Nonprofits & Activism",
        },
    },
    notes={
        "made_private": "YouTube made this video private. Change its visibility in YouTube Studio.",
        "made_unlisted": "YouTube made this video unlisted. Change its visibility in YouTube Studio.",
        "made_public": "YouTube made this video public. Change its visibility in YouTube Studio.",
    },
    unavailable={
        "text": "YouTube's API takes only videos. Write community posts on YouTube itself.",
        "image": "YouTube's API takes only videos. Post pictures on YouTube itself.",
        "carousel": "YouTube's API takes only videos. Post pictures on YouTube itself.",
        "draft": "YouTube's API has no drafts. Publish the video as private instead.",
        "live": "Octapost can't go live on YouTube. Start live streams in YouTube Studio.",
    },
)
