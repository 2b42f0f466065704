"""Tests lie where the code lies that they test: bot/services/x.py is tested by tests/services/test_x.py."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
BESIDE = ("bench", "browser", "contract", "crash", "golden", "hostile", "stories", "toy")
"""Folders for tests of the whole product, or of every adapter at once."""
MIRRORS_NONE = {
    "sandbox/slack/test_files.py": "files, from the upload to the app that reads them",
    "sandbox/test_noticed.py": "what Octapost finds out about changes at platforms",
    "storage/engine/test_silence.py": "a database that stops answering",
    "storage/models/test_models.py": "all tables together",
    "storage/test_isolation.py": "no repository shows an organization another's rows",
    "storage/test_deauthorizations.py": "what is left of people who leave, in several tables",
    "storage/test_logins.py": "several one-time tables of a sign-in",
    "storage/test_migrations.py": "the folder of migrations",
    "storage/test_redeeming.py": "all that may be used once",
    "views/publishing/test_meta.py": "the words of Facebook and Instagram, which share Graph's codes",
    "test_architecture.py": "the source tree",
    "test_container.py": "the image and compose.yml",
    "test_counts.py": "the tests themselves",
    "test_dependencies.py": "pyproject.toml and the hashes",
    "test_docs.py": "the documentation",
    "test_layout.py": "the tests themselves",
    "test_main.py": "bot/__main__.py",
    "test_secret_scan.py": "tests/secret_scan.py",
}
"""Test files that mirror no module, each with what it is about."""


def module_of(test: Path) -> bool:
    """Return whether the file is named after a module or package, or after one and an aspect of it.

    `web/test_connect_callback.py` belongs to `bot/web/connect.py`.
    """
    folder = test.parent.relative_to(TESTS)
    words = test.stem.removeprefix("test_").split("_")
    names = {"_".join(words[:count]) for count in range(1, len(words) + 1)}
    rooms = (ROOT / folder, ROOT / "bot" / folder)
    return (
        any(
            (room / f"{name}.py").exists() or (room / name / "__init__.py").exists()
            for room in rooms
            for name in names
        )
        or (TESTS / folder / f"{'_'.join(words)}.py").exists()
    )


def mirrored() -> list[Path]:
    """Return every test file outside the folders that stand beside the tree."""
    files = sorted(TESTS.rglob("test_*.py"))
    return [path for path in files if path.relative_to(TESTS).parts[0] not in BESIDE]


def test_every_test_file_is_named_after_a_module() -> None:
    lost = [
        name
        for path in mirrored()
        if (name := path.relative_to(TESTS).as_posix()) not in MIRRORS_NONE and not module_of(path)
    ]

    assert lost == []


def test_a_file_that_belongs_nowhere_is_found() -> None:
    assert module_of(TESTS / "web" / "test_connect_callback.py")
    assert not module_of(TESTS / "web" / "test_callback.py")


def test_every_exception_is_needed() -> None:
    assert [name for name in MIRRORS_NONE if not (TESTS / name).exists()] == []
    assert all((TESTS / name).is_dir() for name in BESIDE)
