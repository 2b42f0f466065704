"""Dockerfile and compose.yml, read without an engine: what they name exists, and nothing runs as root.

`data/compose-spec.json` is the Compose Specification's schema, under the Apache licence beside it
(https://github.com/compose-spec/compose-spec/blob/main/schema/compose-spec.json).
"""

from __future__ import annotations

import json
import os
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from sqlalchemy import make_url
from typer.main import get_command

from adapters.registry import REGISTRY
from bot.cli import cli
from bot.settings import ConfigurationError, Settings

ROOT = Path(__file__).parent.parent
OLDEST = ".".join(re.findall(r'requires-python = ">=(\d+)\.(\d+)', (ROOT / "pyproject.toml").read_text())[0])
"""The Python we support that is oldest: the one that CI runs the tests on."""
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE_TEXT = (ROOT / "compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SCHEMA = json.loads((ROOT / "tests" / "data" / "compose-spec.json").read_text())
HEALTH = (ROOT / "bot" / "web" / "health.py").read_text()
OURS = ("upgrade", "web", "jobs")
WRITTEN = ["Dockerfile", "compose.yml", "deploy/compose.env", "deploy/postgres-role.sh"]
SECRET = re.compile(r"(?i)(password|secret|token|keys?)\w*\s*[=:]\s*[^\s<.$\"']{3,}")


def instructions(text: str) -> list[tuple[str, str]]:
    """Return each instruction and its arguments (https://docs.docker.com/reference/dockerfile/)."""
    kept = "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    lines = re.sub(r"\\\n", " ", kept).splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


FOUND = instructions(DOCKERFILE)
LAST_STAGE = FOUND[max(i for i, (word, _) in enumerate(FOUND) if word == "FROM") :]


def of(word: str, among: list[tuple[str, str]] = FOUND) -> list[str]:
    return [rest for name, rest in among if name == word]


def ignored(path: str) -> bool:
    """Tell whether .dockerignore keeps a path out: the last line that matches decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if (
            line
            and not line.startswith("#")
            and (fnmatch(path, pattern) or fnmatch(Path(path).name, pattern))
        ):
            out = not line.startswith("!")
    return out


def runs(arguments: list[str]) -> bool:
    """Tell whether the command line takes these arguments."""
    command: Any = get_command(cli)
    words = list(arguments)
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    if hasattr(command, "commands"):
        return False
    try:
        command.make_context("octapost", words)
    except Exception:  # noqa: BLE001 - typer refuses in several ways
        return False
    return True


def assumed(file: str) -> dict[str, str]:
    """Return the settings in an environment file."""
    lines = [line for line in (ROOT / file).read_text().splitlines() if line.startswith("OCTAPOST_")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


# The image


def test_only_known_instructions_are_used() -> None:
    plain = {"FROM", "ENV", "WORKDIR", "RUN", "COPY", "USER", "VOLUME", "EXPOSE"}
    known = plain | {"STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}

    assert {word for word, _ in FOUND} <= known  # no ADD: it takes URLs and unpacks archives


def test_every_base_is_the_slim_python_that_the_tests_run_on_by_its_digest() -> None:
    bases = {rest.split()[0] for rest in of("FROM")}

    assert len(of("FROM")) == 2
    (base,) = bases
    assert re.fullmatch(rf"python:{OLDEST}-slim-bookworm@sha256:[0-9a-f]{{64}}", base)


def test_the_database_is_named_by_its_digest_too() -> None:
    image = COMPOSE["services"]["postgres"]["image"]

    assert re.fullmatch(r"postgres:\d+@sha256:[0-9a-f]{64}", image)


def test_it_runs_as_a_numbered_user_who_is_not_root() -> None:
    user, group = of("USER", LAST_STAGE)[-1].split(":")

    assert int(user) > 0
    assert int(group) > 0
    assert f"--owner={user} --group={group}" in of("RUN", LAST_STAGE)[0]


def test_everything_copied_exists_and_is_not_ignored() -> None:
    sources = [
        source for rest in of("COPY") if not rest.startswith("--from=") for source in rest.split()[:-1]
    ]

    assert sources
    assert [source for source in sources if not (ROOT / source).exists() or ignored(source)] == []


@pytest.mark.parametrize(
    "path",
    [".git", ".venv", "octapost.env", "owner.env", "postgres.env", "octapost.sqlite3", "tests", "docs"],
)
def test_what_is_nobodys_business_stays_out_of_the_build(path: str) -> None:
    assert ignored(path)


def test_every_package_of_the_wheel_is_copied() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text()
    packages = set(re.findall(r'"(\w+)"', re.findall(r"^packages = (.+)$", pyproject, re.MULTILINE)[0]))

    assert {rest.split()[0] for rest in of("COPY")} >= packages


def test_every_package_is_checked_against_its_hash_and_nothing_else_is_fetched() -> None:
    installs = [line for rest in of("RUN") for line in rest.split("&&") if "/pip " in line]

    hashed = [line for line in installs if "--require-hashes" in line]
    offline = [line for line in installs if "--no-index --no-deps" in line]
    assert len(hashed) == len(offline) == 2
    assert len(installs) == 4
    assert all("--only-binary :all:" in line for line in hashed)
    assert {line.split("--requirement ")[1].strip() for line in hashed} == {
        "requirements.txt",
        "build-requirements.txt",
    }
    assert "--no-build-isolation" in offline[0]


def test_the_healthcheck_asks_a_route_there_is_and_takes_no_proxy() -> None:
    (check,) = of("HEALTHCHECK", LAST_STAGE)
    command = json.loads(check.partition("CMD ")[2])

    assert command[:2] == ["python", "-c"]
    compile(command[2], "healthcheck", "exec")
    assert "/livez" in command[2]
    assert 'web.get("/livez"' in HEALTH


def test_it_starts_the_command_line_and_stops_by_sigterm() -> None:
    (entry,), (default,) = of("ENTRYPOINT", LAST_STAGE), of("CMD", LAST_STAGE)

    assert json.loads(entry) == ["octapost"]
    assert runs(json.loads(default))
    assert of("STOPSIGNAL", LAST_STAGE) == ["SIGTERM"]


def test_a_command_that_does_not_exist_is_found() -> None:
    assert not runs(["run", "--only", "cakes"])
    assert not runs(["db", "downgrade"])
    assert not runs(["db"])


# The installation


def test_compose_keeps_to_the_specification() -> None:
    jsonschema.Draft7Validator(SCHEMA).validate(COMPOSE)


def test_a_compose_file_with_a_mistake_is_found() -> None:
    wrong = yaml.safe_load(COMPOSE_TEXT.replace("read_only: true", "read_only: [yes]"))

    assert not jsonschema.Draft7Validator(SCHEMA).is_valid(wrong)


def test_there_are_two_of_each_and_one_upgrade_before_them() -> None:
    services = COMPOSE["services"]

    assert set(services) == {"postgres", *OURS}
    for name in ("web", "jobs"):
        assert services[name]["deploy"]["replicas"] == 2
        assert services[name]["depends_on"] == {"upgrade": {"condition": "service_completed_successfully"}}
    assert services["upgrade"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["upgrade"]["restart"] == "no"
    assert services["postgres"]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", ["postgres", *OURS])
def test_no_container_can_more_than_it_must(name: str) -> None:
    service = COMPOSE["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid"} & set(service)
    assert "environment" not in service
    assert service["env_file"]


@pytest.mark.parametrize("name", OURS)
def test_without_an_address_of_the_database_nobody_falls_back_to_a_file_of_their_own(name: str) -> None:
    first, *later = COMPOSE["services"][name]["env_file"]

    url = assumed(first)["OCTAPOST_DATABASE_URL"]

    assert make_url(url).get_backend_name() == "postgresql"
    assert make_url(url).password is None  # so that it is refused, unless octapost.env says more
    assert later == ["octapost.env", *(["owner.env"] if name == "upgrade" else [])]


def test_visitors_are_told_apart_behind_the_one_proxy_that_compose_expects() -> None:
    assert "a proxy that spreads requests" in COMPOSE_TEXT
    assert assumed("deploy/compose.env")["OCTAPOST_TRUSTED_PROXIES"] == "1"


def test_metrics_are_reached_inside_the_network_and_not_from_outside() -> None:
    port = str(Settings.model_fields["metrics_port"].default)

    assert assumed("deploy/compose.env")["OCTAPOST_METRICS_HOST"] == "0.0.0.0"  # noqa: S104 - in a container
    assert port not in str([service.get("ports") for service in COMPOSE["services"].values()])
    assert "network_mode" not in COMPOSE_TEXT


@pytest.mark.parametrize("name", OURS)
def test_every_command_exists(name: str) -> None:
    service = COMPOSE["services"][name]

    assert runs(service["command"])
    assert service["image"] == "octapost"
    assert service["build"] == "."


def test_the_web_is_reached_only_through_this_machine_and_each_replica_has_a_port() -> None:
    (ports,) = COMPOSE["services"]["web"]["ports"]
    address, first, last, inside = re.fullmatch(r"([\d.]+):(\d+)-(\d+):(\d+)", ports).groups()  # type: ignore[union-attr]

    assert address == "127.0.0.1"
    assert int(last) - int(first) + 1 == COMPOSE["services"]["web"]["deploy"]["replicas"]
    assert of("EXPOSE", LAST_STAGE) == [inside]
    assert inside == str(Settings.model_fields["port"].default)
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["web"]


def test_a_process_has_longer_to_stop_than_it_takes() -> None:
    grace = int(Settings.model_fields["shutdown_grace_s"].default)

    assert all(int(COMPOSE["services"][name]["stop_grace_period"].removesuffix("s")) > grace for name in OURS)


def test_only_the_upgrade_knows_the_owners_password() -> None:
    files = {name: set(service["env_file"]) for name, service in COMPOSE["services"].items()}

    assert [name for name in files if "owner.env" in files[name]] == ["upgrade"]
    assert [name for name in files if "postgres.env" in files[name]] == ["postgres"]


def test_every_file_that_is_mounted_exists_and_makes_ordinary_roles() -> None:
    mounts = [v for service in COMPOSE["services"].values() for v in service.get("volumes", ())]
    files = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]

    (script,) = [ROOT / file for file in files]
    assert "NOSUPERUSER NOBYPASSRLS" in script.read_text()
    assert os.access(script, os.X_OK)
    assert {mount.split(":")[0] for mount in mounts if not mount.startswith("./")} == set(COMPOSE["volumes"])


# Both


@pytest.mark.parametrize("name", WRITTEN)
def test_every_variable_is_a_setting(name: str) -> None:
    named = set(re.findall(r"OCTAPOST_[A-Z0-9_]*[A-Z0-9]", (ROOT / name).read_text()))

    with pytest.raises(ConfigurationError) as refusal:
        Settings.from_env(dict.fromkeys(named, "x"), REGISTRY)

    assert "no such setting" not in str(refusal.value)


@pytest.mark.parametrize("name", [*WRITTEN, ".dockerignore"])
def test_no_secret_is_written_down(name: str) -> None:
    assert SECRET.findall((ROOT / name).read_text()) == []


def test_the_files_with_secrets_are_kept_out_of_version_control() -> None:
    kept_out = (ROOT / ".gitignore").read_text().splitlines()
    files = {file for service in COMPOSE["services"].values() for file in service["env_file"]}

    assert {file for file in files if file not in WRITTEN} <= set(kept_out)


@pytest.mark.parametrize(
    "line", ["POSTGRES_PASSWORD=hunter22", "OCTAPOST_VAULT_KEYS: 1:abcdef=", "secret: abc"]
)
def test_a_secret_that_is_written_down_is_found(line: str) -> None:
    assert SECRET.search(line)
