"""Buffers that are freed leave nothing behind in a process of its own."""

from __future__ import annotations

import asyncio
import sys

import pytest

PROGRAM = """
import sys
import random
import psutil
from bot.ops.allocation import give_back_large_blocks

if sys.argv[1] == "fixed":
    give_back_large_blocks()
before = psutil.Process().memory_info().rss
buffers, small = [], []
for _ in range(600):
    buffers.append(random.randbytes(60 << 10))
    small.append(bytes(3000))
buffers.clear()
print((psutil.Process().memory_info().rss - before) >> 20)
"""


async def left_behind(how: str) -> int:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, how, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    return int(said)


@pytest.mark.skipif(sys.platform != "linux", reason="about glibc")
async def test_large_buffers_that_are_freed_go_back_to_the_system() -> None:
    fixed, otherwise = await left_behind("fixed"), await left_behind("as it is")

    assert 2 * fixed < otherwise
