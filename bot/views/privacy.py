"""What the privacy page says. A test compares the periods with the code."""

from __future__ import annotations

STORED = (
    (
        "Sign-ins at platforms",
        "To publish for your organization. Tokens are encrypted, and destroyed with the last account that needs them.",
    ),
    (
        "Accounts: name, handle, picture address, link, permissions",
        "To show which account is which. Kept until the account is disconnected; its name stays in the history.",
    ),
    (
        "People: Slack user and workspace ids, and roles",
        "To know who may do what. Kept while the person is a member; who did what stays in the history.",
    ),
    (
        "History: who connected, disconnected, invited or removed whom, and when",
        "So that an organization can see who did what. Kept until an owner deletes the organization.",
    ),
    (
        "Files that members attach to posts",
        "To publish them. Location and device details are removed. Kept 30 days after the last use.",
    ),
    (
        "Messages that Octapost sent",
        "To edit them later, and to send nothing twice. Kept 60 days, alert cards 400 days.",
    ),
    (
        "One cookie: a random number",
        "To make sure that whoever finishes a sign-in also started it. Kept 12 hours; it tracks no one.",
    ),
)
"""What is stored -> why, and for how long."""
DELETION = (
    "An admin disconnects an account with `/octapost disconnect`: its tokens are destroyed.",
    "You remove Octapost in Facebook's, Instagram's or TikTok's settings: they tell us, and the tokens are destroyed.",
    "An owner deletes an organization with `/octapost org delete`: its sign-ins are revoked, its data is deleted.",
    "A workspace admin removes the app from Slack: its bot token is destroyed.",
    "For anything else, contact us as below.",
)
"""The ways to have something deleted."""
