"""Join codes in Slack: a new one, shown once, and the list of those that still work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.organizations.join_codes import ROLES_BY_CODE
from bot.views import kit
from bot.views.kit import Message
from bot.views.roles import article
from bot.views.times import moment
from storage.models import Role

if TYPE_CHECKING:
    from bot.services.organizations.join_codes import OpenCodes

ROLE_HINT = " | ".join(role.word for role in ROLES_BY_CODE)
WHICH_ROLE = (
    f"A code can make {kit.listed((article(role, '`') for role in ROLES_BY_CODE), 'or')}:"
    f" `/octapost org code {ROLES_BY_CODE[-1].word}`."
)


def made(organization: str, secret: str, role: Role) -> Message:
    """Return the one-time code for another workspace. `secret` is shown once, to one person."""
    return Message(
        text="A one-time code",
        blocks=[
            kit.words(
                f"Someone in another workspace can join {organization} as {article(role)} with this code:"
            ),
            kit.section(f"```/octapost org join {secret}```"),
            kit.fine_print(
                "It works once, for 24 hours. Whoever uses it links their workspace to this organization,"
                " so send it only to someone you trust.",
                "List and revoke open codes with /octapost org codes.",
            ),
        ],
    )


def title(organization: str, count: int) -> str:
    """Return how many codes an organization has open."""
    if not count:
        return f"{organization} has no open codes."
    return f"{organization} has {count} open {'code' if count == 1 else 'codes'}."


def codes(found: OpenCodes) -> Message:
    """Return the open codes: who made each, the role it gives, until when it works, and Revoke."""
    text = title(found.organization, len(found.codes))
    blocks = [kit.words(text)]
    for one in found.codes:
        maker = kit.mention(found.makers.get(one.created_by))
        line = f"{maker} made one for {article(Role(one.role))}. It works until {moment(one.expires_at)}."
        revoke = kit.button(
            "Revoke",
            "org.revoke",
            f"{found.organization_id}/{one.id}",
            style="danger",
            confirm=kit.confirm("Revoke this code?", "No one can join with it any more.", "Revoke"),
        )
        blocks.append(kit.section(line, accessory=revoke))
    last = "A code works once, for 24 hours, and only while the person who made it is an owner."
    return Message(text=text, blocks=[*blocks, kit.fine_print(last)])
