"""The start of the command line, beside packages of other projects that are called like ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.__main__ import HOME, PACKAGES, misplaced


def octapost_help(*folders: Path) -> subprocess.CompletedProcess[str]:
    """Run `octapost --help` where Python looks for packages in these folders first, in this order."""
    return subprocess.run(
        # -P keeps the current folder, which is the checkout, out of the path, -S what is installed.
        [sys.executable, "-P", "-S", "-m", "bot", "--help"],
        env={"PYTHONPATH": ":".join(map(str, folders))},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("name", PACKAGES)
def test_another_package_with_our_name_ends_the_start_with_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("raise RuntimeError('it must not be imported')\n")

    done = octapost_help(tmp_path, HOME)

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"Another package named `{name}`, in {tmp_path / name}, hides Octapost's own:"
        " install Octapost in an environment of its own.\n"
    )


def test_a_folder_without_our_packages_ends_the_start_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bot").mkdir()
    for name in ("__init__.py", "__main__.py"):
        (tmp_path / "bot" / name).write_bytes((HOME / "bot" / name).read_bytes())

    done = octapost_help(tmp_path)

    assert done.returncode == 1
    assert done.stderr == f"Octapost is incomplete: its package `adapters` is not in {tmp_path}.\n"


def test_here_every_package_is_ours() -> None:
    assert misplaced() is None
    assert {path.parent.name for path in HOME.glob("*/__init__.py")} == {"bot", "tests", *PACKAGES}
