"""What the app says when it is installed, when it comes back, and when someone leaves."""

from __future__ import annotations

from bot.services.notifications import MemberLeft, Welcome, WelcomeBack, WelcomeGrid
from bot.services.organizations.notifications import MemberReturned
from bot.slack.commands import COMMAND
from bot.views import kit
from bot.views.kit import Message
from bot.views.roles import article, introduced
from storage.models import Role


def welcome(one: Welcome) -> Message:
    """Return the installer's first message: what there is now, what to do first, who may do what."""
    made = (
        f"Octapost is in {one.workspace}, and you own its first organization, {one.organization}."
        " An organization owns your team's social accounts."
    )
    return Message(
        text=f"Octapost is in {one.workspace}. Type {COMMAND} connect to begin.",
        blocks=[
            kit.header("Welcome to Octapost"),
            kit.words(made),
            kit.section(
                f"*First:* connect an account, here or with `{COMMAND} connect` anywhere in Slack."
                f"\n*Then:* bring in your team with `{COMMAND} org invite @person`."
            ),
            kit.actions(
                kit.button("Connect an account", "connect.start", style="primary"),
                kit.button("Invite people", "org.members", f"{one.organization_id}/"),
            ),
            kit.fine_print(*introduced()),
        ],
    )


def welcome_grid(one: WelcomeGrid) -> Message:
    """Return the message after an org-wide install, where no workspace has been named yet."""
    said = f"Octapost is ready for {one.grid}. It works in every workspace you add it to."
    return Message(
        text=f"{said} Type {COMMAND} org create NAME where you want to start.",
        blocks=[
            kit.header("Welcome to Octapost"),
            kit.words(said),
            kit.section(
                "*First:* go to the workspace where you want to start and type"
                f" `{COMMAND} org create NAME`. You'll own that organization, and no one in other workspaces"
                " sees it."
            ),
            kit.fine_print(f"To share it with another workspace later, make a code with {COMMAND} org code."),
        ],
    )


def welcome_back(one: WelcomeBack) -> Message:
    """Return the message after the app was removed and added again."""
    said = (
        f"Octapost is back in {one.workspace}. Its organizations, members and connected accounts"
        " are as you left them."
    )
    return Message(
        text=said,
        blocks=[kit.words(said), kit.section(f"`{COMMAND} status` shows how your accounts are doing.")],
    )


def left(one: MemberLeft) -> Message:
    """Return what admins are told when Slack deactivated a member."""
    text = f"Slack deactivated a member of {one.organization}. They can't act for it any more."
    blocks = [
        kit.section(f"Slack deactivated <@{one.user_id}>."),
        kit.words(
            f"They can't act for {one.organization} any more. The accounts they connected stay: they belong to the"
            " organization."
        ),
    ]
    if not one.owners:
        blocks.append(
            kit.words(
                f"They were the last owner of {one.organization}, so no one can change its members right now."
            )
        )
    return Message(text=text, blocks=blocks)


def returned(one: MemberReturned) -> Message:
    """Return what admins are told when a member whom Slack had deactivated is back."""
    role = article(Role(one.role))
    return Message(
        text=f"A member of {one.organization} is back in Slack.",
        blocks=[
            kit.section(
                f"<@{one.user_id}> is back in Slack, and {role} of {kit.escape(one.organization)} again."
            )
        ],
    )
