"""A wrong setting ends the start with one sentence that names it and repeats no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.registry import REGISTRY
from bot.settings import ConfigurationError, Settings
from storage.vault import KeyRing

MINIMAL = {
    "OCTAPOST_PUBLIC_URL": "https://bot.example.com",
    "OCTAPOST_VAULT_KEYS": KeyRing.generate(),
    "OCTAPOST_SLACK_CLIENT_ID": "1.2",
    "OCTAPOST_SLACK_CLIENT_SECRET": "slack-secret",
    "OCTAPOST_SLACK_SIGNING_SECRET": "s" * 32,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://octapost:hunter22@db/octapost"),
        ("DATABASE_URL", "postgresql+asyncpg://octapost@db:hunter22/octapost"),
        ("DATABASE_URL", "postgresql+asyncpg://octapost:hunter22@db/octapost?sslmode=require"),
        ("DATABASE_MIGRATION_URL", "postgresql+asyncpg://octapost_owner:hunter22@[::1/octapost"),
        ("LOG_LEVEL", "hunter22"),
        ("PLATFORMS_ENV", "hunter22"),
        ("PUBLIC_URL", "https://bot.example.com/#hunter22"),
        ("PUBLIC_URL", "https://[hunter22"),
        ("TRUSTED_PROXIES", "hunter22"),
        ("PORT", "hunter22"),
    ],
)
def test_a_wrong_setting_is_named_once_and_its_value_is_not_repeated(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_env(MINIMAL | {f"OCTAPOST_{name}": value}, REGISTRY)

    said = str(refused.value)
    assert said.startswith(f"OCTAPOST_{name}: ")
    assert said.count("OCTAPOST_") == 1
    assert "hunter22" not in said


def test_a_key_ring_file_is_read_once(tmp_path: Path) -> None:
    file, ring = tmp_path / "vault.keys", KeyRing.generate()
    file.touch(0o600)
    file.write_text(ring)
    without = {name: value for name, value in MINIMAL.items() if name != "OCTAPOST_VAULT_KEYS"}
    settings = Settings.from_env(without | {"OCTAPOST_VAULT_KEYS_FILE": str(file)}, REGISTRY)
    masked = settings.secrets()
    file.write_text(KeyRing.generate())

    assert settings.keys == ring
    assert ring.removeprefix("1:") in masked
    assert ring not in repr(settings)


def test_a_password_is_kept_out_of_the_log_as_it_was_written_and_as_it_is_meant() -> None:
    url = "postgresql+asyncpg://octapost:hunter%4022[@db/octapost"

    secrets = Settings.from_env(MINIMAL | {"OCTAPOST_DATABASE_URL": url}, REGISTRY).secrets()

    assert {url, "hunter@22["} <= set(secrets)
