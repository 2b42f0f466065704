"""Documents: how many pages they have, and what the first one looks like."""

from __future__ import annotations

from typing import IO

import pypdfium2
from PIL import Image
from pypdfium2 import PdfiumError
from pypdfium2.raw import FPDF_ERR_PASSWORD

from bot.services.media.findings import FileFault, Findings, RefusedFileError

MOST_PAGES = 10_000
LARGEST_SIDE = 2000
"""Pixels of a page that is drawn."""


class Document:
    """PDF."""

    def read(self, source: IO[bytes], target: IO[bytes]) -> Findings:  # noqa: ARG002 - as every kind
        """Return what a PDF is.

        Raises:
            RefusedFileError: It is damaged, or has a password.

        """
        document = _opened(source)
        if len(document) > MOST_PAGES:
            raise RefusedFileError(FileFault.TOO_COMPLEX)
        return Findings(kind="document", type="application/pdf", pages=len(document))

    def show(self, source: IO[bytes], side: int) -> Image.Image:
        """Return the first page.

        Raises:
            RefusedFileError: It is damaged, or has a password.

        """
        try:
            page = _opened(source)[0]
            scale = min(side or LARGEST_SIDE, LARGEST_SIDE) / max(page.get_size())
            drawn: Image.Image = page.render(scale=scale).to_pil()
        except PdfiumError as error:
            raise RefusedFileError(FileFault.TRUNCATED) from error
        return drawn


def _opened(source: IO[bytes]) -> pypdfium2.PdfDocument:
    """Return a document that has at least one page with a size."""
    source.seek(0)
    try:
        document = pypdfium2.PdfDocument(source)
        first = document[0].get_size() if len(document) else (0, 0)
    except PdfiumError as error:
        locked = error.err_code == FPDF_ERR_PASSWORD
        raise RefusedFileError(FileFault.PASSWORD if locked else FileFault.TRUNCATED) from error
    if not all(first):
        raise RefusedFileError(FileFault.TRUNCATED)
    return document
