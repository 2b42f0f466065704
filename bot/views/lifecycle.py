"""What the app says when it arrives, comes back, and when somebody leaves."""

from __future__ import annotations

from bot.services.notifications import Message
from bot.slack.commands import COMMAND
from bot.views import kit
from bot.views.roles import introduced


def welcome(workspace: str, organization: str, organization_id: str) -> Message:
    """Return the installer's first message: what there is now, what to do first, who may do what."""
    made = (
        f"Octapost is in {workspace}, and you own its first organization, {organization}."
        " An organization owns the accounts your team publishes to."
    )
    return Message(
        text=f"Octapost is in {workspace}. Type {COMMAND} connect to begin.",
        blocks=[
            kit.header("Welcome to Octapost"),
            kit.words(made),
            kit.section(
                f"*First:* connect an account, here or with `{COMMAND} connect` anywhere in Slack."
                f"\n*Then:* bring in your team with `{COMMAND} org invite @somebody`."
            ),
            kit.actions(
                kit.button("Connect an account", "connect.start", style="primary"),
                kit.button("Invite people", "org.members", f"{organization_id}/"),
            ),
            kit.fine_print(*introduced()),
        ],
    )


def welcome_grid(grid: str) -> Message:
    """Return the message after an org-wide install, where no workspace has been named yet."""
    said = f"Octapost is now available in every workspace of {grid} that it is added to."
    return Message(
        text=f"{said} Type {COMMAND} org create NAME where you want to begin.",
        blocks=[
            kit.header("Welcome to Octapost"),
            kit.words(said),
            kit.section(
                "*First:* go to the workspace where you want to begin and type"
                f" `{COMMAND} org create NAME`. You become the owner of that organization, and nobody in"
                " other workspaces sees it."
            ),
            kit.fine_print(
                f"An organization can serve more workspaces later: {COMMAND} org makes a code to join with."
            ),
        ],
    )


def welcome_back(workspace: str) -> Message:
    """Return the message after the app was removed and added again."""
    said = (
        f"Octapost is back in {workspace}. Its organizations, members and connected accounts"
        " are as they were."
    )
    return Message(
        text=said, blocks=[kit.words(said), kit.section(f"`{COMMAND} status` shows how they are doing.")]
    )


def left(user_id: str, organization: str, *, owners: int) -> Message:
    """Return what admins are told when Slack deactivated a member."""
    text = f"A member of {organization} was deactivated in Slack and can't act for it any more."
    blocks = [
        kit.section(f"<@{user_id}> was deactivated in Slack."),
        kit.words(
            f"They can't act for {organization} any more. The accounts they connected stay connected:"
            " they belong to the organization."
        ),
    ]
    if not owners:
        blocks.append(
            kit.words(f"They were the last owner of {organization}: nobody can change its members right now.")
        )
    return Message(text=text, blocks=blocks)
