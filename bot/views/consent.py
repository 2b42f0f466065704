"""What a person is told about their consent: what came of it, that it waits, or why it came to nothing.

The sentences are for Slack and for our pages (`bot.views.pages`); the messages are for Slack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.base import Hint
from bot.services.accounts.problems import Severity
from bot.services.notifications import ConsentProblem
from bot.slack.commands import COMMAND
from bot.views import diagnosis, kit, sign_in_as
from bot.views.blockers import HINTS, why_not
from bot.views.errors import explain
from bot.views.kit import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.base import App, Platform, PlatformError
    from bot.services.accounts.problems import CannotPublish
    from bot.services.notifications import (
        AccountsConnected,
        ConsentFailed,
        ConsentSettled,
        ConsentWaiting,
    )
    from bot.views.kit import Json

MISSING_SCOPE = "missing_scope"
"""The code with which adapters reject a consent that does not say whose it is."""
CHOOSE = "Choose accounts"
"""The button that opens the picker, and the picker's title while it loads."""
RECONNECT = "Reconnect"
BLOCKED_SHOWN = 20
BLOCKED_BESIDE_CHOICE = 3
"""Where the picker lists them all."""


# It is settled


def settled(done: ConsentSettled, platform: Platform) -> Message:
    """Return what the member who consented is told."""
    blocks = [kit.words(sentence) for sentence in happened(done, platform, signs=True)]
    if done.discovery_id:
        choose = f"{done.organization_id}/{done.discovery_id}"
        blocks.append(kit.actions(kit.button(CHOOSE, "connect.choose", choose, style="primary")))
    blocks += [kit.fine_print(line) for line in obstacles(done, platform)]
    if done.chosen_by:
        chosen = kit.mrkdwn(f"Chosen by {kit.named(done.chosen_by)}.")
        blocks.append({"type": "context", "elements": [chosen]})
    if done.cannot_publish:
        value = f"{done.organization_id}/{done.grant_id}"
        blocks.append(kit.actions(kit.button(RECONNECT, "account.renew", value, style="primary")))
    elif nothing_came_of(done) or done.left_out or done.wrong:
        blocks.append(kit.actions(_try_again(done, platform)))
    first = str(blocks[0].get("text", {}).get("text", "")) if blocks else ""
    return Message(text=first or f"{platform.name}: done.", blocks=blocks)


def happened(done: ConsentSettled, platform: Platform, *, signs: bool = False) -> list[str]:
    """Return what came of a consent, one sentence or two for each part of it; `signs` go before some."""
    said = [wrong_identity(done, platform)] if done.wrong else []
    unable = [one.name for one in done.cannot_publish]
    if attached := [name for name in done.attached if name not in unable]:
        sign = "✅ " if signs else ""
        said.append(f"{sign}Connected to {done.organization}: {kit.some(attached)} on {platform.name}.")
    if renewed := [name for name in done.renewed if name not in unable]:
        sign = "✅ " if signs else ""
        said.append(f"{sign}Renewed for {done.organization}: {kit.some(renewed)} on {platform.name}.")
    if unable:
        sign = f"{diagnosis.DOTS[Severity.ORANGE]} " if signs else ""
        said.append(f"{sign}{without_publishing(unable)}: {kit.some(unable)} on {platform.name}.")
        said += diagnosis.cannot_publish(done.cannot_publish, platform)
    if done.left_out:
        said.append(not_renewed(done))
    if done.discovery_id:
        more = "more " if done.renewed or done.attached else ""
        many = f"{done.to_choose} {more}accounts" if done.to_choose > 1 else f"1 {more}account"
        said.append(f"I found {many} on {platform.name} that you can connect to {done.organization}.")
    if nothing_came_of(done):
        said.append(
            f"{platform.name} didn't give us an account we can use. It has to be {platform.connects}."
        )
    return said


def without_publishing(unable: Sequence[str]) -> str:
    """Return that so many accounts are connected and can't publish, as the title of a page says it."""
    return f"Connected, but {'it' if len(unable) == 1 else 'they'} can't publish yet"


def nothing_came_of(done: ConsentSettled) -> bool:
    """Tell whether the consent covers no account that can be used."""
    return not (done.attached or done.renewed or done.discovery_id or done.wrong)


def wrong_identity(done: ConsentSettled, platform: Platform) -> str:
    """Return who signed in where someone else was expected."""
    expected, got = (name or "someone else" for name in done.wrong or ("", ""))
    as_new = f", or add {got} separately below" if done.discovery_id else ""
    return (
        f"You signed in to {platform.name} as {got}, but this account is {expected}'s."
        f" Nothing changed. Sign in as {expected}{as_new}."
    )


def not_renewed(done: ConsentSettled) -> str:
    """Return which accounts a reconnect left out, and how to get them with the next one."""
    them = "it" if len(done.left_out) == 1 else "them"
    how = "tick everything you want to keep"
    if not (done.renewed or done.blocked or done.discovery_id):
        how = f"sign in as someone who manages {them}"
    return (
        f"Not renewed: {kit.listed(done.left_out)}. This sign-in doesn't include {them}. To keep {them} connected,"
        f" press Reconnect and {how}."
    )


def obstacles(done: ConsentSettled, platform: Platform) -> list[str]:
    """Return what stands in the way of more: reasons, fixes, missing permissions, sharing."""
    lines = [HINTS[Hint(hint)] for hint in done.hints]
    shown = BLOCKED_BESIDE_CHOICE if done.discovery_id else BLOCKED_SHOWN
    lines += [why_not(one.name, one.reason, platform) for one in done.blocked[:shown]]
    if len(done.blocked) > shown:
        where = f"; {CHOOSE} lists them with reasons" if done.discovery_id else ""
        lines.append(f"… and {len(done.blocked) - shown} more that can't be used{where}.")
    said = {scope for one in done.cannot_publish for scope in one.scopes}
    if unsaid := set(done.missing) - said:
        asked = [scope for app in platform.apps if app.key == done.app for scope in app.scopes]
        missing = [scope for scope in asked if scope.name in unsaid]
        lost = "; ".join(f"to {scope.reason}" for scope in missing)
        lines.append(f"Not granted: permission {lost}. Connect again and leave everything ticked to add it.")
    if done.shared:
        lines.append(
            f"Another organization here uses the same {platform.name} sign-in. Renewing it renews it for both;"
            " disconnecting here doesn't affect the other."
        )
    return lines


def news(one: AccountsConnected, platform: Platform) -> Message:
    """Return what the other admins are told: a surprising connection is one somebody sees."""
    text = f"New in {one.organization}: {kit.some(one.accounts)} on {platform.name}."
    return Message(
        text=text,
        blocks=[
            kit.words(text),
            *without(one.cannot_publish, platform),
            kit.fine_print(
                "Didn't expect this? The menu in /octapost accounts shows who connected it, and can disconnect it."
            ),
        ],
    )


def without(unable: Sequence[CannotPublish], platform: Platform) -> list[Json]:
    """Return the lines that name the accounts without publishing, and why; empty if all can."""
    if not unable:
        return []
    names = [one.name for one in unable]
    first = f"{diagnosis.DOTS[Severity.ORANGE]} {without_publishing(names)}: {kit.some(names)}."
    return [kit.words(line) for line in (first, *diagnosis.cannot_publish(unable, platform))]


# It waits


def waiting(one: ConsentWaiting, platform: Platform) -> Message:
    """Return what is said when a consent is stored and the platform stopped answering."""
    value = f"{one.organization_id}/{one.grant_id}"
    return Message(
        text=f"I have your consent for {platform.name}, but couldn't read your accounts yet.",
        blocks=[
            kit.words(f"I have your consent for {platform.name}, but couldn't read your accounts yet."),
            kit.words(explain(one.failure.error, platform)),
            kit.actions(kit.button("Finish connecting", "connect.resume", value, style="primary")),
        ],
    )


# It came to nothing


def failed(one: ConsentFailed, platform: Platform) -> Message:
    """Return the direct message about a trip that connected nothing, with a button that starts again."""
    said = why_failed(one, platform).replace("`", "")
    whom = sign_in_as.block(one.sign_in_as, platform)
    return Message(text=said, blocks=[kit.words(said), *whom, kit.actions(_try_again(one, platform))])


def _try_again(one: ConsentFailed | ConsentSettled, platform: Platform) -> Json:
    """Return the button that starts the same trip again: the same app, or the renewal of the same sign-in."""
    if one.reconnects:
        return kit.button(RECONNECT, "account.renew", f"{one.organization_id}/{one.reconnects}")
    key, value = f"connect.platform.{one.app}", f"{one.organization_id}/{one.app}"
    return kit.button(f"Try {platform.name} again", key, value)


def why_failed(one: ConsentFailed, platform: Platform) -> str:
    """Return why nothing was connected, in a sentence or two."""
    match one.problem:
        case ConsentProblem.DECLINED:
            return f"You cancelled at {platform.sign_in_site}. Nothing changed."
        case ConsentProblem.LATE:
            return f"You came back from {platform.sign_in_site} after more than 10 minutes. Nothing changed."
        case ConsentProblem.ELSEWHERE:
            return (
                f"You came back from {platform.sign_in_site} in another browser than the one you began in."
                " Nothing changed. Open that page's address in the first browser, or get a new link here."
            )
        case ConsentProblem.OUR_FAULT:
            named = f" (code `{one.code}`)" if one.code else ""
            return (
                f"That's on us, not on you: {platform.sign_in_site} lets no one sign in with this installation's"
                f" app{named}. Nothing changed. I've told whoever runs Octapost."
            )
        case ConsentProblem.MISSING_PRODUCT:
            return missing_product(platform, next(app for app in platform.apps if app.key == one.app))
        case ConsentProblem.NOT_ACCEPTED if one.failure is not None:
            return not_accepted(platform, one.failure.error)
        case _:
            named = f" (code `{one.code}`)" if one.code else ""
            return f"{platform.name} stopped the sign-in{named}. Nothing was connected."


def missing_product(platform: Platform, app: App) -> str:
    """Return that the platform refused to ask because of the operator's app, and what that lacks."""
    products = list(dict.fromkeys(scope.product for scope in app.scopes if scope.product))
    named = f" It needs {kit.listed(products)}." if products else ""
    return (
        f"That's on us, not on you: this installation's {platform.name} app may not ask for what it needs."
        f"{named} Whoever runs Octapost has to request that at {platform.name}."
    )


def not_accepted(platform: Platform, error: PlatformError) -> str:
    """Return what is said when the platform refused the consent itself."""
    if error.code == MISSING_SCOPE:
        return (
            f"A permission was unticked, and without it I can't tell whose {platform.name} account this is."
            " Nothing was connected. Please start again and leave everything ticked."
        )
    return explain(error, platform)


def how_to_go_on(one: ConsentFailed, platform: Platform) -> str:
    """Return the way back in; the link that was used up is of no use any more."""
    if one.reconnects:
        whom = f" as {one.sign_in_as.shown}" if one.sign_in_as else ""
        return f"To try again{whom}, press Reconnect in the message I sent you in Slack."
    return (
        f"To try again, press Try {platform.name} again in the message I sent you in Slack,"
        f" or type `{COMMAND} connect {platform.key}`."
    )
