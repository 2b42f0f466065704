"""The upload page's words, and why a file is not taken there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.services.media.findings import FileFault
from bot.services.media.intake import RefusedFile
from bot.services.media.uploading import UploadFault
from bot.views import kit
from bot.views.plain_pages import PlainPage
from bot.views.publishing import attachments
from storage.models import UploadState

if TYPE_CHECKING:
    from bot.services.media.uploading import UploadRefusedError
    from bot.views.kit import Json
    from storage.models import Upload

TITLE = "Add large files"
GONE = PlainPage(
    title="This link doesn't work any more",
    sentences=(
        "It was for one draft and for a short time, and the draft may have been published or discarded.",
        "Open your draft in Slack with `/octapost posts drafts` and press the same button for a new link.",
    ),
    status=404,
)
NOT_CONFIRMED = "Open the upload page in this browser first, and confirm there who you are."
NO_SUCH_FILE = "This file isn't being uploaded any more. Add it again."
WRONG_OFFSET = "The upload goes on at another place. Ask for it with HEAD."
FAULTS: Mapping[UploadFault, str] = {
    UploadFault.EMPTY: "This file is empty. Choose another one.",
    UploadFault.TOO_LARGE: "This file is too large: none of the chosen platforms takes more than {size}.",
    UploadFault.FULL: (
        "Your organization's room for files is used up ({size}). Discard drafts with files you don't need, or ask"
        " the operator of Octapost for more."
    ),
    UploadFault.TOO_MANY: (
        "Your organization is uploading {count} files already. Wait until one is done, then add this one again."
    ),
    UploadFault.NO_SPACE: "Octapost has hardly any disk space left. Ask its operator to make room, then try again.",
    UploadFault.OVERLONG: "More of this file came than was announced. Remove it and add it again.",
}
SCRIPT = {
    "waiting": "Waiting for the other files",
    "sending": "Uploading",
    "lost": "Connection lost. Trying again…",
    "again": "Choose this file again to go on",
    "checking": "Checking your file…",
    "stored": "Added to your post",
    "remove": "Remove",
    "failed": "This didn't work. Remove the file and add it again.",
}
"""What the page's script says."""


def link(url: str) -> Json:
    """Return the modal with the address of an upload page."""
    blocks = [
        kit.words(
            "Upload pictures, videos or a PDF in your browser. It goes on where it stopped if the connection is cut."
        ),
        kit.actions(kit.link("Open the upload page", "compose.upload_page", url, style="primary")),
        kit.fine_print(
            "Only you can use the page, for 24 hours. Once it says that your files are added, come back to the form:"
            " they are in your post."
        ),
    ]
    return kit.modal(TITLE, blocks, close="Back")


def refused(error: UploadRefusedError) -> str:
    """Return why an upload is not taken, and what to do."""
    return FAULTS[error.fault].format(size=size(error.most), count=error.most)


def size(count: int) -> str:
    """Return bytes for people: `4 GB`, `1.5 GB`, `512 MB`."""
    if count >= 10**9:
        return f"{count / 10**9:.1f}".removesuffix(".0") + " GB"
    return f"{max(count // 10**6, 1)} MB"


def file(upload: Upload) -> dict[str, object]:
    """Return a file as the page's script reads it."""
    words = ""
    if upload.state == UploadState.REFUSED:
        one = RefusedFile(name=upload.name, fault=FileFault(upload.fault), found=upload.found)
        words = attachments.fault(one)
    return {
        "id": upload.id,
        "name": upload.name,
        "size": upload.size,
        "received": upload.received,
        "state": upload.state,
        "words": words,
    }


def unfinished(upload: Upload) -> str:
    """Return why a post can't go out yet: a file is still on its way."""
    name = kit.cut(upload.name, 60)
    if upload.state == UploadState.CHECKING:
        return f"{name} is still being checked. Try again in a moment."
    return f"{name} is still being uploaded. Finish or remove it on the upload page, then try again."
