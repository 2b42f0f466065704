"""Documents: how many pages they have."""

from __future__ import annotations

from typing import IO

import pypdfium2
from pypdfium2 import PdfiumError
from pypdfium2.raw import FPDF_ERR_PASSWORD

from bot.services.media.findings import FileFault, Findings, RefusedFileError

MOST_PAGES = 10_000


def read_document(source: IO[bytes], target: IO[bytes]) -> Findings:  # noqa: ARG001 - as every reader
    """Return what a PDF is.

    Raises:
        RefusedFileError: It is damaged, or has a password.

    """
    source.seek(0)
    try:
        document = pypdfium2.PdfDocument(source)
        pages = len(document)
        first = document[0].get_size() if pages else (0, 0)
    except PdfiumError as error:
        locked = error.err_code == FPDF_ERR_PASSWORD
        raise RefusedFileError(FileFault.PASSWORD if locked else FileFault.TRUNCATED) from error
    if not pages or not all(first):
        raise RefusedFileError(FileFault.TRUNCATED)
    if pages > MOST_PAGES:
        raise RefusedFileError(FileFault.TOO_COMPLEX)
    return Findings(kind="document", type="application/pdf", pages=pages)
