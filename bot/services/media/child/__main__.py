"""Run by `bot.services.media.inspecting`, with a file as descriptor 0.

`python -m bot.services.media.child <output descriptor> <output bytes>` looks into the file; with a `Drawing` as JSON
behind it, it draws it.
"""

from __future__ import annotations

import json
import os
import sys

from bot.services.media.child.limits import confine, limit
from bot.services.media.findings import Drawing, FileFault, RefusedFileError, dump

HEAD = 8192
"""Bytes that tell what a file is."""
OUTPUT_GONE = 3


def main() -> None:
    """Write a line about the file, and to the output a drawing of it, or a copy if it has to be changed."""
    output, most, *task = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    limit(most)
    head = os.pread(0, HEAD, 0)
    try:
        if not head:
            raise RefusedFileError(FileFault.EMPTY)  # noqa: TRY301 - one way out for every fault
        from bot.services.media.child.kinds import drawer_for, reader_for  # noqa: PLC0415 - after the limits

        work = drawer_for(head, Drawing(**json.loads(task[0]))) if task else reader_for(head)
        with os.fdopen(0, "rb", closefd=False) as source, os.fdopen(output, "r+b", closefd=False) as target:
            confine()
            found = dump(work(source, target))
            target.flush()
    except RefusedFileError as error:
        found = dump(error.fault)
    except MemoryError:
        found = dump(FileFault.TOO_COMPLEX)
    os.write(1, found.encode())
    os._exit(0)  # libraries may want to open something while they are torn down


main()
