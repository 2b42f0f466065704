"""Join codes in Slack: a new one, shown once, and the list of those that still work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.views import kit
from bot.views.incidents import moment
from bot.views.kit import Json
from bot.views.roles import article
from storage.models import Membership, Role

if TYPE_CHECKING:
    from storage.models import JoinCode


def made(organization: str, secret: str, role: Role) -> list[Json]:
    """Return the one-time code for another workspace. `secret` is shown once, to one person."""
    return [
        kit.words(
            f"Somebody in another workspace can join {organization} as {article(role)} with this code:"
        ),
        kit.section(f"```/octapost org join {secret}```"),
        kit.fine_print(
            "It works once, for 24 hours. Whoever uses it links their workspace to this organization,"
            " so send it to one person you trust.",
            "/octapost org codes lists the open codes and can revoke them.",
        ),
    ]


def which_role(roles: Sequence[Role]) -> str:
    """Return which roles a code can give."""
    can = kit.listed((f"{article(role, '`')}" for role in roles), "or")
    return f"A code can make {can}: `/octapost org code {roles[-1].word}`."


def title(organization: str, count: int) -> str:
    """Return how many codes an organization has open."""
    if not count:
        return f"{organization} has no open codes."
    return f"{organization} has {count} open {'code' if count == 1 else 'codes'}."


def codes(
    organization_id: str, organization: str, found: Sequence[JoinCode], makers: Mapping[str, Membership]
) -> list[Json]:
    """Return the open codes: who made each, what it makes of whoever uses it, until when, and Revoke.

    Never the codes themselves: they are not stored.
    """
    blocks = [kit.words(title(organization, len(found)))]
    for one in found:
        role = Role(one.role)
        maker = kit.mention(makers.get(one.created_by))
        line = f"{maker} made one for {article(role)}. It works until {moment(one.expires_at)}."
        revoke = kit.button(
            "Revoke",
            "org.revoke",
            f"{organization_id}/{one.id}",
            style="danger",
            confirm=kit.confirm("Revoke this code?", "Whoever has it can't join with it any more.", "Revoke"),
        )
        blocks.append(kit.section(line, accessory=revoke))
    last = "A code works once, for 24 hours, and only while whoever made it is an owner."
    return [*blocks, kit.fine_print(last)]
