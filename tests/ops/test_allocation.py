"""Buffers that are freed leave nothing behind in a process of its own."""

from __future__ import annotations

import subprocess
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


def left_behind(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, check=True, text=True, timeout=60
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="about glibc")
def test_large_buffers_that_are_freed_go_back_to_the_system() -> None:
    fixed, otherwise = left_behind("fixed"), left_behind("as it is")

    assert 2 * fixed < otherwise
