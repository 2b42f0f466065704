"""Organizations and the people in them: who gets in, who may do what, and what stays when somebody goes."""

from __future__ import annotations

from sandbox.browser import Consent
from sandbox.member import Member, links_in, text_of
from sandbox.slack.world import ACME, ADA, BEA, GUS, IRIS, IVAN, NORTH, OLGA, OTTO, SOUTH
from tests.application import Office
from tests.counts import in_full
from tests.stories.told import button, connected, hears, joins, said, told, trail

RANDOM = "C0ACMERAN"


async def code_of(owner: Member, role: str = "") -> str:
    """Return a fresh one-time code."""
    words = await said(owner, f"org code {role}")
    return words.split("/octapost org join ")[1].split("`")[0].strip()


async def joined(office: Office, role: str = "admin") -> tuple[Member, Member]:
    """Return Ada of Acme and Bea of Blue Door, who joined Ada's organization with a code."""
    ada, bea = await office.installed(), await office.installed(BEA)
    await bea.command(f"org join {await code_of(ada, role)}")
    return ada, bea


# Installing


async def test_the_installer_owns_an_organization_named_after_the_workspace(either_office: Office) -> None:
    ada = await either_office.installed()

    [welcome] = [text_of(message) for message in ada.direct_messages()]
    assert "you own its first organization, Acme" in welcome
    assert "Acme: you are an owner" in await said(ada, "org")


async def test_somebody_who_is_no_member_is_told_whom_to_ask_and_what_to_type(office: Office) -> None:
    await office.installed()
    otto = await office.person(OTTO)

    for typed in ("connect x", "accounts", "status", "org members"):
        words = await said(otto, typed)
        assert "You aren't a member of an Octapost organization in this workspace yet." in words
        assert f"Ask <@{ADA}> to let you in." in words
        assert "/octapost org create NAME" in words


@in_full
async def test_an_org_wide_install_serves_each_workspace_that_starts_an_organization(office: Office) -> None:
    iris = await office.person(IRIS, NORTH)
    await iris.install(org_wide=True)
    welcome = text_of(await iris.next_message(0))

    created = await said(iris, "org create Initech Marketing")

    assert "ready for Initech" in welcome
    assert "Created Initech Marketing. You're its owner." in created
    assert "✅ Connected to Initech Marketing: Octa Demo on " in await connected(iris, "x", "4711")
    elsewhere = await office.person(IRIS, SOUTH)
    assert "You aren't a member" in await said(elsewhere, "accounts")


@in_full
async def test_an_organization_of_one_grid_workspace_can_serve_another_by_code(office: Office) -> None:
    iris = await office.person(IRIS, NORTH)
    await iris.install(org_wide=True)
    await iris.next_message(0)
    await iris.command("org create Initech Marketing")
    ivan = await office.person(IVAN, SOUTH)

    words = await said(ivan, f"org join {await code_of(iris)}")

    assert "This workspace now has Initech Marketing, and you're a member of it." in words
    assert "Initech Marketing has no accounts yet." in await said(ivan, "accounts")
    assert "Initech South joined Initech Marketing" in (await told(iris, 1))[0]


# Several organizations in one workspace


async def test_a_channel_can_be_about_another_organization(either_office: Office) -> None:
    ada = await either_office.installed()
    await ada.command("org create Blue Door Bakery")

    switched = await ada.command("org switch blue door bakery")

    assert f"now means Blue Door Bakery, for everyone. Set by <@{ADA}>." in text_of(switched)
    assert switched.ephemeral_for == ""
    shown = await said(ada, "org")
    assert "Blue Door Bakery: you are an owner (default for this channel)" in shown
    assert shown.count(f"Owned by <@{ADA}> · no accounts") == 2
    assert "Blue Door Bakery has no accounts yet." in await said(ada, "accounts")
    elsewhere = await ada.command("accounts", channel_id=RANDOM)
    assert "Acme has no accounts yet." in text_of(elsewhere)
    assert {"channel given up", "channel switched"} <= set(await trail(either_office))


async def test_a_channel_is_switched_by_choosing_from_those_there_are(office: Office) -> None:
    ada = await office.installed()
    await ada.command("org create Bakery")
    near = await ada.command("org switch bakry")

    shown = await ada.command("org switch")
    [select] = [e for b in shown.blocks for e in b.get("elements", ()) if e["type"] == "static_select"]
    names = [option["text"]["text"] for option in select["options"]]
    await ada.press(shown, "channel.switch", select["options"][names.index("Bakery")]["value"])

    assert "None of your organizations is called “bakry”. Did you mean Bakery?" in text_of(near)
    assert names == ["Acme", "Bakery"]
    await ada.slack.until(
        lambda: any(f"for everyone. Set by <@{ADA}>." in text_of(message) for message in ada.seen())
    )
    assert "Bakery has no accounts yet." in await said(ada, "accounts")


@in_full
async def test_a_plain_member_is_not_advised_to_switch_a_channel(office: Office) -> None:
    ada, olga, otto = await office.installed(), await office.person(OLGA), await office.person(OTTO)
    await olga.command("org create Bakery")
    for owner in (ada, olga):
        await joins(owner, otto)

    assert "This needs an admin of Acme." in await said(otto, "org switch")
    assert "org switch" not in await said(otto, "accounts")


@in_full
async def test_a_member_of_two_where_the_default_is_neither_is_asked_to_choose(office: Office) -> None:
    ada = await office.installed()
    otto = await office.person(OTTO)
    await otto.command("org create Bakery")
    await otto.command("org create Cafe")

    asked = await otto.command("accounts")

    assert "Which organization is /octapost accounts for?" in text_of(asked)
    await otto.choose(asked, "Cafe")
    await otto.slack.until(lambda: "Cafe has no accounts yet." in text_of(otto.seen()[-1]))
    assert "This channel is linked to Acme, so I've asked its admins." in await said(otto, "org switch Cafe")
    await ada.press(await hears(ada, "mean *Cafe* instead of *Acme*"), "channel.approve")
    await hears(otto, "An admin approved your request")
    assert "Cafe has no accounts yet." in await said(otto, "accounts")
    assert "Acme has no accounts yet." in await said(ada, "accounts")


@in_full
async def test_what_does_not_work_is_answered_with_what_would(office: Office) -> None:
    ada = await office.installed()
    expected = {
        "org create": "Type a name after it: /octapost org create Blue Door Bakery.",
        "org create acme": "A name that looks like acme is already taken in this workspace.",
        "org create \u3164\u200b": "That name has no visible characters.",
        f"org create {'x' * 81}": "That name has 81 characters. The limit is 80.",
        "org rename": "Type a name after it: /octapost org rename",
        "org invite": "Mention the person with @",
        "org invite <@U0OTTO|otto> king": "Choose a role: member, admin or owner.",
        "org role <@U0OTTO|otto> admin": "They aren't a member of Acme.",
        "org remove <@U0OTTO|otto>": "They aren't a member of Acme.",
        "org role <@U0ADA|ada>": "Say who and what",
        "org remove <@U0ADA|ada>": "Acme needs at least one owner.",
        "org role <@U0ADA|ada> admin": "Acme needs at least one owner.",
        "org code owner": "A code can make a member or an admin: /octapost org code admin.",
        "org join": "Type the code after it",
        "org join ABCD-EFGH-JKLM-NPQR": "That code doesn't work any more.",
        "org invite <@U0NOBODY|x>": "Slack doesn't know that person in this workspace.",
        "org invite <@U0GUS|gus>": "Gus Guest is a guest of this workspace, and guests can't be members.",
        "org invite <@U0DEL|del>": "Del Deleted can't be a member: only people in this workspace can.",
    }

    heard = {typed: await said(ada, typed) for typed in expected}

    for typed, words in expected.items():
        assert words in heard[typed]


@in_full
async def test_a_rename_is_seen_everywhere(office: Office) -> None:
    ada = await office.installed()
    await connected(ada, "x", "4711")

    words = await said(ada, "org rename  Acme   Global ")

    assert "Acme is now called Acme Global." in words
    assert "🟢 Acme Global: 1 account" in await said(ada, "accounts")
    assert "organization renamed" in await trail(office)


@in_full
async def test_a_name_is_only_text_wherever_it_is_shown(office: Office) -> None:
    ada = await office.installed()
    await ada.command("org rename <!channel> *Acme* <https://evil.example|x>")

    for typed in ("org", "accounts", "status", "connect x"):
        message = await ada.command(typed)
        shown = [b for b in message.blocks if "mrkdwn" in str(b)]
        assert "<!channel>" not in str(shown)
        assert "<!channel>" not in message.text


# People


async def test_an_invited_person_gets_in_with_the_role_by_accepting(either_office: Office) -> None:
    ada = await either_office.installed()
    otto = await either_office.person(OTTO)

    words = await said(ada, "org invite <@U0OTTO|otto> admin")

    assert "I've invited Otto Ordinary to Acme as an admin. They join when they accept." in words
    invitation = (await told(otto, 0))[0]
    assert f"<@{ADA}> invites you to join *Acme* in Octapost as an admin." in invitation
    assert f"Owned by <@{ADA}> · no accounts" in invitation
    assert "You aren't a member" in await said(otto, "accounts")
    assert "You joined Acme as an admin." in await otto.accept()
    assert links_in(await otto.command("connect x"))
    await hears(ada, "accepted your invitation and is now an admin of Acme.")
    assert {"person invited", "member added"} <= set(await trail(either_office))


@in_full
async def test_an_invitation_takes_nothing_from_somebody_who_is_in_already(office: Office) -> None:
    ada = await office.installed()
    await joins(ada, await office.person(OLGA), "owner")

    words = await said(ada, "org invite <@U0OLGA|olga>")

    assert "Olga Owner is already an owner of Acme." in words
    assert "/octapost org role" in words
    assert "is now called" in await said(await office.person(OLGA), "org rename Acme 2")


@in_full
async def test_each_role_may_do_what_it_says_and_no_more(office: Office) -> None:
    ada = await office.installed()
    otto = await office.person(OTTO)
    await joins(ada, await office.person(OTTO))

    for typed in ("connect x", "disconnect", "connect"):
        assert "This needs an admin of Acme." in await said(otto, typed)
    for typed in ("org rename Mine", "org code", "org invite <@U0OLGA|olga>", "org remove <@U0ADA|ada>"):
        assert "This needs an owner of Acme." in await said(otto, typed)
    assert "Acme has no accounts yet." in await said(otto, "accounts")

    await ada.command("org role <@U0OTTO|otto> admin")

    assert links_in(await otto.command("connect x"))
    assert "This needs an owner of Acme." in await said(otto, "org rename Mine")


@in_full
async def test_a_refusal_says_who_can_help(office: Office) -> None:
    ada = await office.installed()
    await joins(ada, await office.person(OTTO))

    words = await said(await office.person(OTTO), "connect x")

    assert "/octapost org members" in words
    assert f"Ask <@{ADA}> to make you an admin." in words


@in_full
async def test_removing_a_person_disconnects_nothing(either_office: Office) -> None:
    ada = await either_office.installed()
    otto = await either_office.person(OTTO)
    await joins(ada, await either_office.person(OTTO), "admin")
    await connected(otto, "x", "4711")

    words = await said(ada, "org remove <@U0OTTO|otto>")

    assert f"<@{OTTO}> isn't a member of Acme any more." in words
    assert "The accounts they connected stay." in words
    await hears(otto, "You are no longer a member of Acme in Octapost.")
    assert "You aren't a member" in await said(otto, "accounts")
    await ada.press(await ada.command("accounts"), "account.details")
    details = text_of(await ada.modal_with("Connected by a former member"))
    assert "Octa Demo" in details
    assert "🟢 connected" in details
    assert not either_office.world.platforms["x"].calls("/2/oauth2/revoke")
    assert "member removed" in await trail(either_office)


@in_full
async def test_the_last_owner_stays_and_one_of_two_may_go(either_office: Office) -> None:
    ada = await either_office.installed()
    await joins(ada, await either_office.person(OLGA), "owner")

    first = await said(ada, "org role <@U0ADA|ada> member")
    second = await said(await either_office.person(OLGA), "org remove <@U0OLGA|olga>")

    assert "a member of Acme" in first
    assert "Acme needs at least one owner. Make someone else an owner first." in second


async def test_people_are_managed_in_the_members_modal(office: Office) -> None:
    ada = await office.installed()

    view = await ada.modal_by("org members")
    shown = await ada.submit(view, {"person": {"select": [OTTO, OLGA]}, "role": {"select": "admin"}})
    assert f"<@{OTTO}>  invited as admin" in text_of(shown)
    for user_id in (OTTO, OLGA):
        await (await office.person(user_id)).accept()
    shown = await ada.modal_by("org members")
    [value] = [
        o["value"]
        for b in shown.blocks
        if OTTO in str(b)
        for o in b["accessory"]["options"]
        if o["text"]["text"] == "Make owner"
    ]
    [block] = [b["block_id"] for b in shown.blocks if OTTO in str(b)]
    [asked] = [b["accessory"]["confirm"] for b in shown.blocks if OTTO in str(b)]
    assert "An owner can do everything, including remove you." in str(asked)
    await ada.slack.press(ADA, shown, "org.change", block_id=block, value=value)

    after = await ada.modal_with(f"<@{OTTO}>  owner")
    assert f"<@{OLGA}>  admin" in text_of(after)


@in_full
async def test_a_guest_cannot_be_added_in_the_modal_and_the_field_says_so(office: Office) -> None:
    ada = await office.installed()

    view = await ada.modal_by("org members")
    shown = await ada.submit(view, {"person": {"select": [GUS]}})

    assert "guest" in shown.errors["person"]
    assert "Gus Guest" in shown.errors["person"]


@in_full
async def test_a_guest_neither_starts_an_organization_nor_joins_one(office: Office) -> None:
    ada = await office.installed()
    gus = await office.person(GUS)
    code = await code_of(ada)

    assert "You can't do that as a guest" in await said(gus, "org create Gus Inc")
    assert "You can't do that as a guest" in await said(gus, f"org join {code}")


@in_full
async def test_a_member_may_look_at_the_members_but_change_nobody(office: Office) -> None:
    ada = await office.installed()
    await joins(ada, await office.person(OTTO))

    view = await (await office.person(OTTO)).modal_by("org members")

    assert f"<@{ADA}>  owner" in text_of(view)
    assert "overflow" not in str(view.blocks)
    assert "submit" not in view.payload


# One organization in several workspaces


async def test_a_code_lets_another_workspace_in_once_and_owners_are_told(either_office: Office) -> None:
    ada, bea = await either_office.installed(), await either_office.installed(BEA)
    code = await code_of(ada, "admin")
    seen = len(ada.direct_messages())

    words = await said(bea, f"org join {code.lower()}")
    again = await said(bea, f"org join {code}")

    assert "This workspace now has Acme, and you're an admin of it." in words
    assert "That code doesn't work any more." in again
    [news] = await told(ada, seen)
    assert "The workspace Blue Door joined Acme with a one-time code." in news
    assert "Bea Baker" in news
    assert {"code created", "workspace joined"} <= set(await trail(either_office))


@in_full
async def test_both_workspaces_work_on_the_same_accounts(either_office: Office) -> None:
    ada, bea = await joined(either_office)
    await bea.command("org switch Acme")
    await connected(ada, "x", "4711")

    view = await bea.modal_by("connect tiktok")
    assert "*Acme*\nOwned by someone at Acme · 1 account" in text_of(view)
    await bea.choose(view, "Acme")
    shown = await bea.modal_with("Continue to TikTok")
    await bea.travel(button(shown, "Continue to TikTok")["url"], Consent(person="octa_demo"))

    await hears(bea, "✅ Connected to Acme: Octa Demo on ")

    for person in (ada, bea):
        cards = await said(person, "accounts")
        assert "X · " in cards
        assert "TikTok · " in cards


@in_full
async def test_the_members_list_says_who_comes_from_another_workspace(office: Office) -> None:
    ada, _ = await joined(office)

    view = await ada.modal_by("org members")

    assert "Blue Door" in text_of(view)


@in_full
async def test_a_person_of_one_workspace_stays_a_stranger_in_the_other_organization(office: Office) -> None:
    ada, bea = await office.installed(), await office.installed(BEA)
    await connected(ada, "x", "4711")

    words = await said(bea, "accounts")

    assert words.startswith("Blue Door has no accounts yet.")
    assert "None of your organizations is called “Blue Door”." in await said(ada, "org switch Blue Door")
    assert ACME not in words


# Leaving


async def test_a_member_leaves_and_the_admins_are_told(office: Office) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await joins(ada, otto, "admin")
    await connected(otto, "x", "4711")

    form = await otto.modal_by("org leave")
    warned, shown = text_of(form), text_of(await otto.submit(form))

    assert "You'll lose access to Acme right away." in warned
    assert shown == "You've left Acme."
    await hears(ada, f"<@{OTTO}> left Acme.")
    assert "You aren't a member" in await said(otto, "accounts")
    assert "Acme: 1 account, all connected." in await said(ada, "accounts")
    assert (await trail(office))[-1] == "member left"
    await joins(ada, otto)
    await hears(ada, "is now a member of Acme.")


@in_full
async def test_the_only_owner_is_told_what_to_do_instead_of_leaving(office: Office) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await joins(ada, otto)

    refusal = await ada.command("org leave")
    await ada.press(refusal, "org.members")
    members = text_of(await ada.modal_with("org.change"))
    await ada.press(refusal, "org.delete")
    await ada.modal_with("Type the organization's name to confirm")

    assert "You're the only owner of Acme, so you can't leave yet." in text_of(refusal)
    assert f"<@{OTTO}>" in members


@in_full
async def test_an_owner_who_became_the_only_one_meanwhile_stays(office: Office) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await joins(ada, otto, "owner")
    form = await ada.modal_by("org leave")
    await ada.command(f"org role <@{OTTO}> member")

    shown = text_of(await ada.submit(form))

    assert "Acme needs at least one owner." in shown
    assert "Acme: you are an owner" in await said(ada, "org")


@in_full
async def test_the_only_owner_is_back_as_owner_when_slack_has_them_back(either_office: Office) -> None:
    ada = await either_office.installed()
    otto = await either_office.person(OTTO)
    await joins(ada, otto, "admin")
    await either_office.slack.deactivate(ADA)
    await hears(otto, "They were the last owner of Acme")

    await either_office.slack.deactivate(ADA, deleted=False)

    await hears(otto, f"<@{ADA}> is back in Slack, and an owner of Acme again.")
    assert "Acme: you are an owner" in await said(ada, "org")
    assert "member returned" in await trail(either_office)


@in_full
async def test_who_was_removed_from_an_organization_does_not_come_back_with_their_slack_account(
    office: Office,
) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await joins(ada, otto)
    await ada.command(f"org remove <@{OTTO}>")

    await office.slack.deactivate(OTTO)
    await office.slack.deactivate(OTTO, deleted=False)

    assert "You aren't a member" in await said(otto, "org")


@in_full
async def test_who_comes_back_as_a_guest_is_no_member(office: Office) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await joins(ada, otto)
    await office.slack.deactivate(OTTO)
    office.slack.state.users[OTTO].is_restricted = True

    await office.slack.deactivate(OTTO, deleted=False)

    assert "You aren't a member" in await said(otto, "org")


@in_full
async def test_an_old_event_that_comes_again_restores_nobody_whom_slack_has_deactivated(
    office: Office,
) -> None:
    ada, otto = await office.installed(), await office.person(OTTO)
    await joins(ada, otto)
    await office.slack.deactivate(OTTO)

    user = {"id": OTTO, "team_id": ACME, "deleted": False}
    await office.slack.event(ACME, {"type": "user_change", "user": user})

    assert "member returned" not in await trail(office)


@in_full
async def test_a_rename_to_the_name_of_another_organization_is_refused_as_creating_it_is(
    office: Office,
) -> None:
    ada = await office.installed()
    await ada.command("org create Bakery")
    await ada.command("org switch Bakery")

    created, renamed = await said(ada, "org create ACME"), await said(ada, "org rename Acme")

    assert "You're its owner." not in created
    assert "is now called" not in renamed
    assert "Bakery: you are an owner" in await said(ada, "org")
