"""What the sandbox says when it cannot start."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.start import PortRefused, bound, playground


async def test_a_port_that_is_taken_is_named_with_the_option_that_chooses_another(tmp_path: Path) -> None:
    with bound() as taken:
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(PortRefused) as refused:
            async with playground(port=port, data=tmp_path):
                pass

    assert str(refused.value) == f"Port {port} is in use by another process. Choose another one with --port."
