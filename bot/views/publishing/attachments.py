"""The files of a post: attaching them, describing them, and why one was not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.base import MediaKind
from bot.services.media.findings import FileFault
from bot.services.media.intake import RefusedFile
from bot.services.posts.formats import is_upright
from bot.views import kit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.base import Media
    from bot.services.posts.drafts import Written
    from bot.views.kit import Json

FILES, KEPT, ALT, REEL = "files", "kept", "alt", "reel"
PREVIEW = "compose.preview"
COUNTED = frozenset({FILES, KEPT})
"""Inputs whose names have the number of the form's turn."""
MOST_FILES = 10
"""https://docs.slack.dev/reference/block-kit/block-elements/file-input-element, read 2026-11-30."""
MOST_BOXES = 10
"""https://docs.slack.dev/reference/block-kit/block-elements/checkboxes-element, read 2026-11-30."""
MOST_BYTES = 10 * 1024 * 1024
MOST_ALT = 1000
LONGEST_ALERT = 200
DESCRIBED = frozenset({MediaKind.IMAGE, MediaKind.GIF})
TYPES = {
    "image/jpeg": "a JPEG",
    "image/png": "a PNG",
    "image/gif": "a GIF",
    "image/webp": "a WebP",
    "video/mp4": "an MP4 video",
    "video/quicktime": "a QuickTime video",
    "video/webm": "a WebM video",
    "video/x-matroska": "a Matroska video",
    "application/pdf": "a PDF",
}
FAULTS = {
    FileFault.EMPTY: "{name} is empty. Attach it again.",
    FileFault.TOO_BIG: "{name} is larger than 10 MB. Press Add large files to upload it in your browser.",
    FileFault.UNSUPPORTED: "{name} can't be published. Attach a JPEG, PNG, GIF, WebP, HEIC, MP4, MOV, WebM or PDF.",
    FileFault.NAME_LIES: "{name} is really {found}. Rename it, or export it again.",
    FileFault.TRUNCATED: "{name} is damaged or incomplete. Export it again and attach the new file.",
    FileFault.TOO_COMPLEX: "{name} is too large to open. Attach a version with fewer pixels or frames.",
    FileFault.PASSWORD: "{name} has a password. Attach a copy without one.",
    FileFault.ANIMATED: "{name} is animated. Export it as a GIF or a video.",
    FileFault.UNREADABLE: "Slack didn't give me {name}. Attach it again.",
}
NO_SCOPE = (
    "You can't attach files here: this workspace doesn't let Octapost read them. Add them on the upload page."
    " A workspace admin can change that by adding Octapost to Slack again."
)


def files(written: Written, metadata: str, turn: int, *, allowed: bool) -> list[Json]:
    """Return the input for files, and those that are attached already; or why files can't be attached.

    `metadata` names the organization and the draft. `turn` counts how often the form was shown. It is part of the
    inputs' names, since Slack keeps what is in an input of the same name: the same files would be sent again. So is how
    many are attached already: one that arrives on the upload page while the form is open is ticked like the others.
    """
    blocks: list[Json] = []
    if written.media:
        options = [kit.option(_line(one), one.key) for one in written.media]
        element: Json = {
            "type": "checkboxes" if len(options) <= MOST_BOXES else "multi_static_select",
            "action_id": "compose.kept",
            "options": options,
            "initial_options": options,
        }
        blocks.append(
            kit.entry(
                f"{KEPT}:{turn}:{len(written.media)}",
                "Attached",
                element,
                hint="What you remove isn't published.",
                optional=True,
            )
        )
    more = large_files(metadata, preview=bool(written.media))
    if not allowed:
        return [*blocks, kit.fine_print(NO_SCOPE), more]
    if (room := MOST_FILES - len(written.media)) > 0:
        element = {"type": "file_input", "action_id": "compose.files", "max_files": room}
        hint = "Pictures, a video or a PDF, up to 10 MB each."
        blocks.append(kit.entry(f"{FILES}:{turn}", "Files", element, hint=hint, optional=True))
    return [*blocks, more]


def preview_button(metadata: str) -> Json:
    """Return the button for the preview. `metadata` names the organization and the draft."""
    return kit.button("Preview", PREVIEW, metadata)


def large_files(metadata: str, *, preview: bool = False) -> Json:
    """Return the button for the page that takes files which the form doesn't, and the one for the preview."""
    seen = [preview_button(metadata)] if preview else []
    return kit.actions(kit.button("Add large files", "compose.upload", metadata), *seen)


def _line(one: Media) -> str:
    size = f"{one.size / 1_000_000:.1f} MB" if one.size >= 100_000 else f"{max(one.size // 1000, 1)} kB"
    return f"{kit.cut(one.name, 50)} ({size})"


def alerts(refused: Sequence[RefusedFile]) -> list[str]:
    """Return why each file was not taken."""
    return [fault(one) for one in refused]


def fault(one: RefusedFile) -> str:
    """Return why a file was not taken, as plain text, and what to do."""
    found = TYPES.get(one.found, "another kind of file")
    return FAULTS[one.fault].format(name=kit.cut(one.name, 60), found=found)


def alert(text: str) -> Json:
    """Return a warning above a form."""
    return {"type": "alert", "level": "warning", "text": kit.plain(text, LONGEST_ALERT)}


def described(written: Written) -> list[int]:
    """Return the positions of the files that people describe in words."""
    return [index for index, one in enumerate(written.media) if one.kind in DESCRIBED]


def offers_reel(written: Written) -> bool:
    """Tell whether the post can go out as a Reel or a Short."""
    return len(written.media) == 1 and is_upright(written.media[0])


def alt_texts(written: Written) -> list[Json]:
    """Return an input for each picture's description."""
    return [_alt_text(index, written.media[index]) for index in described(written)]


def _alt_text(index: int, one: Media) -> Json:
    element: Json = {
        "type": "plain_text_input",
        "action_id": "compose.alt",
        "max_length": MOST_ALT,
        "multiline": True,
    }
    return kit.entry(
        f"{ALT}:{index}",
        f"What {kit.cut(one.name, 60)} shows",
        element | ({"initial_value": one.alt_text[:MOST_ALT]} if one.alt_text else {}),
        hint="Read aloud to people who can't see it, where the platform supports that.",
        optional=True,
    )


def reel(written: Written) -> Json:
    """Return the question whether an upright video is a Reel."""
    box = kit.option("Publish as a Reel or Short where possible", "yes")
    element: Json = {"type": "checkboxes", "action_id": "compose.reel", "options": [box]}
    initial = {"initial_options": [box]} if written.reel else {}
    return kit.entry(REEL, "Upright video", element | initial, optional=True)
