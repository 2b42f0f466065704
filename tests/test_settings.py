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


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("X_CLIENT_ID", '"hunter22"', "quotation mark"),
        ("SLACK_CLIENT_SECRET", "'hunter22'", "quotation mark"),
        ("PUBLIC_URL", '"https://bot.example.com"', "quotation mark"),
        ("X_CLIENT_SECRET", "hunter22\n", "ends with a space or a line break"),
        ("LOG_LEVEL", " INFO", "starts or ends with a space"),
        ("X_CLIENT_SECRET", "hunter\n22", "another character that no credential has"),
        ("X_CLIENT_SECRET", "hunter\u00a022", "another character that no credential has"),
        ("X_CALLBACK_SLUG", "reddit", "is also the callback slug of"),
        ("X_CALLS_PER_MINUTE", "9", "must be a number, at least 10"),
        ("X_CENTS_PER_DAY", "1.50", "must be a whole number of US cents"),
        ("X_URL", "https://x.example/path", "must be an https origin"),
        ("X_PKCE", "S256", "no such setting"),
        ("TIKTOK_PKCE", "hunter22", "must be one of off, S256, hex"),
        ("SUPPORT_URL", "hunter22@example.com", "such as mailto:help@example.com"),
        ("SUPPORT_URL", "https://example.com/|hunter22>", "such as mailto:help@example.com"),
        ("VAULT_KEYS", "1:hunter22", "Vault key 1 has 6 bytes instead of 32"),
        ("VAULT_KEYS", '"1:hunter22"', "quotation mark"),
    ],
)
def test_a_value_that_was_copied_wrongly_ends_the_start(name: str, value: str, fault: str) -> None:
    given = {"X_CLIENT_ID": "x-id", "X_CLIENT_SECRET": "x-secret", name: value}

    with pytest.raises(ConfigurationError) as refused:
        Settings.from_env(MINIMAL | {f"OCTAPOST_{key}": value for key, value in given.items()}, REGISTRY)

    said = str(refused.value)
    assert "; " not in said
    assert fault in said
    assert "hunter" not in said


def test_an_id_without_its_secret_is_named_by_what_is_missing() -> None:
    with pytest.raises(ConfigurationError, match=r"^OCTAPOST_X_CLIENT_SECRET: is missing"):
        Settings.from_env(MINIMAL | {"OCTAPOST_X_CLIENT_ID": "x-id"}, REGISTRY)


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    ring = tmp_path / "vault.keys"
    ring.touch(0o600)
    ring.write_text("one: two")
    wrong = {
        "PUBLIC_URL": "bot.example.com",
        "PORT": "http",
        "MUGS": "3",
        "X_CLIENT_ID": "x",
        "X_URL": "x.com",
    }
    named = {*wrong, "VAULT_KEYS_FILE", "X_CLIENT_SECRET", "SLACK_SIGNING_SECRET", "SLACK_CLIENT_ID"} - {
        "X_CLIENT_ID"
    }
    env = {f"OCTAPOST_{name}": value for name, value in (wrong | {"VAULT_KEYS_FILE": str(ring)}).items()}

    with pytest.raises(ConfigurationError) as refused:
        Settings.from_env(env | {"OCTAPOST_SLACK_CLIENT_SECRET": "s"}, REGISTRY)

    faults = [fault.partition(":")[0].removeprefix("OCTAPOST_") for fault in str(refused.value).split("; ")]
    assert sorted(faults) == sorted(named)


SLACK = {
    "SLACK_CLIENT_ID": "4242424242.8088088088",
    "SLACK_CLIENT_SECRET": "0123456789abcdef" * 2,
    "SLACK_SIGNING_SECRET": "fedcba9876543210" * 2,
    "SLACK_APP_TOKEN": "xapp-1-hunter22",
}
GOOGLE_ID = "1012345-hunter22.apps.googleusercontent.com"


@pytest.mark.parametrize(
    ("given", "doubted"),
    [
        ({}, []),
        ({"SLACK_CLIENT_ID": "0123456789abcdef" * 2}, ["SLACK_CLIENT_ID should be two numbers"]),
        ({"SLACK_CLIENT_SECRET": "xoxb-hunter22"}, ["SLACK_CLIENT_SECRET should be 32 hexadecimal digits"]),
        (
            {"SLACK_SIGNING_SECRET": "0123456789abcdef" * 2},
            ["SLACK_SIGNING_SECRET is the same as the client"],
        ),
        ({"SLACK_APP_TOKEN": "xoxb-hunter22"}, ["SLACK_APP_TOKEN should be a token that starts with xapp-"]),
        ({"SLACK_WEB_URL": "http://localhost:3000", "SLACK_CLIENT_ID": "hunter22"}, []),
        ({"YOUTUBE_CLIENT_ID": GOOGLE_ID, "YOUTUBE_CLIENT_SECRET": "GOCSPX-hunter22"}, []),
        (
            {"YOUTUBE_CLIENT_ID": "GOCSPX-hunter22", "YOUTUBE_CLIENT_SECRET": GOOGLE_ID},
            ["YOUTUBE_CLIENT_ID and the secret look swapped"],
        ),
        (
            {"FACEBOOK_CLIENT_ID": "hunter22", "FACEBOOK_CLIENT_SECRET": "0a1b2c"},
            ["FACEBOOK_CLIENT_ID should be the app id: digits only"],
        ),
        (
            {
                "FACEBOOK_CLIENT_ID": "4711",
                "FACEBOOK_CLIENT_SECRET": "0a1b2c",
                "FACEBOOK_CONFIG_ID": "hunter22",
            },
            ["FACEBOOK_CONFIG_ID should be the configuration's id: digits only"],
        ),
        (
            {
                "INSTAGRAM_CLIENT_ID": "4711",
                "INSTAGRAM_CLIENT_SECRET": "0a1b2c",
                "INSTAGRAM_CONFIG_ID": "4711",
            },
            ["INSTAGRAM_CONFIG_ID is the same as the client id: they are two values"],
        ),
        (
            {"REDDIT_CLIENT_ID": "hunter22hunter22", "REDDIT_CLIENT_SECRET": "hunter22"},
            ["REDDIT_CLIENT_ID is longer than the secret"],
        ),
        (
            {"X_CLIENT_ID": "hunter22", "X_CLIENT_SECRET": "hunter22"},
            ["X_CLIENT_ID is the same as the secret"],
        ),
        (
            {"X_CLIENT_ID": "hunter22", "X_CLIENT_SECRET": "hunter22", "X_URL": "http://localhost:3001"},
            [],
        ),
    ],
)
def test_credentials_that_look_like_others_are_doubted(given: dict[str, str], doubted: list[str]) -> None:
    env = {f"OCTAPOST_{name}": value for name, value in (SLACK | given).items()}

    doubts = Settings.from_env(MINIMAL | env, REGISTRY).doubts()

    assert [doubt[: len(start) + 9] for doubt, start in zip(doubts, doubted, strict=True)] == [
        f"OCTAPOST_{start}" for start in doubted
    ]
    assert "hunter" not in str(doubts)


@pytest.mark.parametrize(
    ("url", "folder"),
    [("file:///srv/our%20files/", "/srv/our files"), ("s3://bucket/prefix", "")],
)
def test_the_files_of_posts_are_where_the_operator_says(url: str, folder: str) -> None:
    made = Settings.from_env(MINIMAL | {"OCTAPOST_MEDIA_URL": url}, REGISTRY)

    assert made.media_folder == folder


@pytest.mark.parametrize("url", ["files", "file://host", "http://example.com", "s3://B"])
def test_what_is_no_place_for_files_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="MEDIA_URL"):
        Settings.from_env(MINIMAL | {"OCTAPOST_MEDIA_URL": url}, REGISTRY)
