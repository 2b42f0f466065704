"""The documentation names what there is: every setting, permission, command, metric and word, and no other.

Links inside the repository lead somewhere, and nothing of anybody's own machine is mentioned.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from prometheus_client.metrics import MetricWrapperBase
from typer.main import get_command

from adapters.base import App, Capability, Platform
from adapters.registry import REGISTRY
from bot.cli import cli
from bot.ops import metrics
from bot.settings import NOT_FROM_ENV, PREFIX, ConfigurationError, Settings
from bot.slack.scopes import BOT_SCOPES, USER_SCOPES
from storage.vault import KeyRing
from tests import formats
from tests.changes import Change, examples
from tests.counts import in_full
from tests.platforms import PLATFORMS

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
NOT_OURS = frozenset({"node_modules", "dist", "build"})
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in NOT_OURS for part in path.relative_to(ROOT).parts)
)
DOCS = [page for page in PAGES if "docs" in page.relative_to(ROOT).parts]
VARIABLE = re.compile(r"OCTAPOST_[A-Z0-9_]*[A-Z0-9]")
OF_THE_TESTS = frozenset({"OCTAPOST_GOLDEN", "OCTAPOST_TEST_POSTGRES_URL", "OCTAPOST_FULL"})
WORDS = {
    Capability.PUBLISH: "publishing",
    Capability.MEDIA: "media",
    Capability.INSIGHTS: "insights",
    Capability.PLACES: "list of places",
}
"""Capabilities as the permission tables name them."""
SETTING_LINE = re.compile(r"(#?)(OCTAPOST_[A-Z0-9_]+)=(\S.*)")
"""A line of the example environment; optional settings have a # in front."""
RING = {f"{PREFIX}VAULT_KEYS": KeyRing.generate()}
LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
OUR_FILE = re.compile(r"`((?:adapters|bot|sandbox|storage|tests)/[\w/.-]+)`")
"""A file or folder of the code, as a page names it."""
FORBIDDEN = ("/simple/",)
NO_SUCH = "no such setting"
"""How a setting that does not exist is refused."""
SECTIONS = (
    "Permissions",
    "Review",
    "Environment variables",
    "What members experience",
    "Limits and known traps",
    "Switch it off",
)
"""The sections that every platform's page has."""


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    """Return a page's path below the repository's root."""
    return page.relative_to(ROOT).as_posix()


def section_of(text: str, heading: str) -> str:
    """Return what stands below a heading of the second level, up to the next one."""
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def everything(pages: list[Path]) -> str:
    return "\n".join(map(text_of, pages))


def page_of(platform: Platform) -> str:
    return text_of(ROOT / "docs" / "platforms" / f"{platform.key}.md")


def variables_of(platform: Platform) -> set[str]:
    names = {f"{app.key}_{end}" for app in platform.apps for end in ("client_id", "client_secret", "scopes")}
    names |= {f"{platform.key}_{end}" for end in ("url", "callback_slug", "calls_per_minute")}
    names |= {f"{platform.key}_{option}" for option in platform.options}
    return {PREFIX + name.upper() for name in names}


def permission_rows(app: App) -> Iterator[str]:
    """Yield the row of each permission, as the platform's page must have it."""
    for scope in app.scopes:
        lost = ", ".join(words for capability, words in WORDS.items() if capability in scope.unlocks)
        cells = [f"`{scope.name}`", scope.reason, lost or "nothing stops"]
        yield f"| {' | '.join([*cells, scope.product] if scope.product else cells)} |"


def leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the full words of each command below a group of typer's, and the command."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
    else:
        for name, one in inner.items():
            yield from leaves(one, f"{path} {name}")


COMMANDS = dict(leaves(get_command(cli), "octapost"))


def slash_words() -> Iterator[tuple[str, ...]]:
    """Yield the word of each `/octapost` command with its aliases, from where the stories register them."""
    for path in sorted((ROOT / "bot" / "stories").rglob("*.py")):
        for node in ast.walk(ast.parse(text_of(path))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == "command":
                aliases = [ast.literal_eval(k.value) for k in node.keywords if k.arg == "aliases"]
                yield str(node.args[0].value), *(aliases[0] if aliases else ())


@cache
def anchors(text: str) -> set[str]:
    """Return the fragments that GitHub makes of a page's headings."""
    headings = re.findall(r"^#{1,6} +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


# Settings


def test_every_setting_is_in_the_table() -> None:
    operating = text_of(ROOT / "docs" / "operating.md")
    fields = {PREFIX + name.upper() for name in Settings.model_fields.keys() - NOT_FROM_ENV}

    missing = {name for name in fields if f"| `{name}` |" not in operating}

    assert missing == set()


def test_every_variable_of_a_platform_is_on_its_page() -> None:
    missing = [
        (platform.key, name)
        for platform in PLATFORMS.values()
        for name in sorted(variables_of(platform))
        if f"| `{name}` |" not in page_of(platform)
    ]

    assert missing == []


def test_pages_name_only_settings_that_exist() -> None:
    names = {page: set(VARIABLE.findall(text_of(page))) - OF_THE_TESTS for page in PAGES}

    with pytest.raises(ConfigurationError) as refusal:
        Settings.from_env(dict.fromkeys(set().union(*names.values()), "x"), REGISTRY)
    refused = {fault.partition(":")[0] for fault in str(refusal.value).split("; ") if NO_SUCH in fault}
    unknown = [(name_of(page), name) for page, found in names.items() for name in sorted(found & refused)]

    assert unknown == []


def test_a_setting_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        Settings.from_env({"OCTAPOST_MUGS": "x"}, REGISTRY)

    assert f"OCTAPOST_MUGS: {NO_SUCH}" in str(refusal.value)


def test_defaults_are_written_as_they_are() -> None:
    operating = text_of(ROOT / "docs" / "operating.md")
    defaults = {
        PREFIX + name.upper(): field.default
        for name, field in Settings.model_fields.items()
        if isinstance(field.default, str | int) and field.default != ""
    }

    wrong = {name for name, value in defaults.items() if f"| `{name}` | `{value}` |" not in operating}

    assert wrong == set()


def test_the_example_environment_is_accepted_and_has_every_setting() -> None:
    lines = text_of(ROOT / "docs" / "examples" / "octapost.example.env").splitlines()
    found = [match.groups() for line in lines if (match := SETTING_LINE.fullmatch(line))]
    active = {name for mark, name, _ in found if not mark}
    values = {name: value for _, name, value in found}
    rings = {f"{PREFIX}VAULT_KEYS", f"{PREFIX}VAULT_KEYS_FILE"}
    fields = {PREFIX + name.upper(): field for name, field in Settings.model_fields.items()}
    ours = {name for name in fields if name.removeprefix(PREFIX).lower() not in NOT_FROM_ENV}
    platforms = set().union(*map(variables_of, PLATFORMS.values()))

    Settings.from_env({n: v for n, v in values.items() if n not in rings} | RING, REGISTRY)

    assert len(values) == len(found)
    assert ours | {name for name in platforms if name.endswith(("_ID", "_SECRET"))} <= values.keys()
    assert values.keys() <= ours | platforms
    assert {name for name in ours - rings if fields[name].is_required()} <= active
    assert len(rings & active) == 1


# Permissions


def test_a_platforms_page_has_each_permission_with_its_reason_and_no_other() -> None:
    expected = {
        (platform.key, row)
        for platform in PLATFORMS.values()
        for app in platform.apps
        for row in permission_rows(app)
    }

    found = {
        (platform.key, line)
        for platform in PLATFORMS.values()
        for line in section_of(page_of(platform), "Permissions").splitlines()
        if line.startswith("| `")
    }

    assert found == expected


def test_a_platforms_page_has_its_callback_and_every_section() -> None:
    parts = {
        platform.key: [
            f"https://octapost.example.com/oauth/{platform.key}/callback",
            *(f"\n## {name}\n" for name in SECTIONS),
        ]
        for platform in PLATFORMS.values()
    }

    missing = [
        (platform.key, part)
        for platform in PLATFORMS.values()
        for part in parts[platform.key]
        if part not in page_of(platform)
    ]

    assert missing == []


def test_slacks_page_has_each_scope_with_its_reason() -> None:
    slack = text_of(ROOT / "docs" / "slack.md")
    rows = {f"| `{scope}` | {reason} |" for scope, reason in BOT_SCOPES.items()}
    rows |= {f"| `{scope}` (of the person) | {reason} |" for scope, reason in USER_SCOPES.items()}

    missing = {row for row in rows if row not in slack}

    assert missing == set()


# Commands


def test_every_command_is_documented() -> None:
    text = everything(DOCS)

    missing = {path for path in COMMANDS if f"`{path}" not in text}

    assert missing == set()


def test_only_commands_and_options_that_exist_are_named() -> None:
    named = re.findall(
        r"(?:`|^ {0,4}|uv run )(octapost (?!for |\.\.\.)[a-z][^`\n#|]*)", everything(PAGES), re.MULTILINE
    )

    wrong = [line for line in named if not _runs(line)]

    assert len(named) > len(COMMANDS)
    assert wrong == []


def _runs(line: str) -> bool:
    path = max((path for path in COMMANDS if f"{line} ".startswith(f"{path} ")), key=len, default=None)
    if path is None:
        return False
    known = {
        option
        for parameter in COMMANDS[path].params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    return {word for word in line.split() if word.startswith("--")} <= known | {"--help"}


def test_the_first_commands_work_with_debians_own_python() -> None:
    """Outside of a virtual environment it refuses `pip install` (https://peps.python.org/pep-0668, read 2026-11-30)."""
    every = [text_of(page) for page in PAGES]
    first = text_of(README).partition("```console\n")[2].partition("```")[0].splitlines()

    assert first[0].startswith("python3 -m venv ~/.uv && ~/.uv/bin/pip install uv ")
    assert first[1].startswith("~/.uv/bin/uv run --no-dev octapost sandbox ")
    outside = re.compile(r"(?<!uv )(?<![\w/.~-])(?:sudo )?pip3? install (?!--require-hashes)")
    assert [found for page in every for found in outside.findall(page)] == []


@in_full
def test_the_readme_says_how_much_is_installed() -> None:
    found = re.search(
        r"`--no-dev` leaves out the tools for tests: (\d+) MB instead of (\d+) MB", text_of(README)
    )
    assert found is not None
    lock = text_of(ROOT / "deploy" / "requirements.txt")
    needed = {name.lower() for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}

    sizes = {
        re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(): sum(
            Path(str(file.locate())).stat().st_size
            for file in each.files or ()
            if file.suffix != ".pyc" and Path(str(file.locate())).is_file()
        )
        for each in distributions()
    }

    counted = [sum(size for name, size in sizes.items() if name in needed), sum(sizes.values())]
    assert [size / 1e6 for size in counted] == pytest.approx([int(size) for size in found.groups()], rel=0.1)


def test_every_word_of_the_slash_command_is_documented() -> None:
    slack = text_of(ROOT / "docs" / "slack.md")
    words = [word for word, *_ in slash_words()]

    missing = {word for word in words if f"`{f'/octapost {word}'.strip()}`" not in slack}

    assert words
    assert missing == set()


def test_only_words_that_exist_are_named() -> None:
    known = {word for entry in slash_words() for word in entry}
    named = set(re.findall(r"`/octapost ([a-z]+(?: [a-z]+)?)", everything(PAGES)))

    wrong = {words for words in named if words not in known and words.split()[0] not in known - {"org"}}

    assert wrong == set()


def test_every_metric_is_documented_and_no_other() -> None:
    operating = text_of(ROOT / "docs" / "operating.md")
    ours = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
    names = {name for metric in ours for name in _sampled(metric)}

    found = set(re.findall(r"^\| `(octapost_[a-z_]+)` \|", operating, re.MULTILINE))

    assert found == names


def _sampled(metric: MetricWrapperBase) -> Iterator[str]:
    for family in metric.collect():
        yield f"{family.name}_total" if family.type == "counter" else family.name


# The pages themselves


def test_every_link_inside_the_repository_leads_somewhere() -> None:
    links = [
        (page, target)
        for page in PAGES
        for target in LINK.findall(text_of(page))
        if not re.match(r"[a-z]+:", target)
    ]

    broken = [(name_of(page), target) for page, target in links if not leads_somewhere(page, target)]

    assert len(links) > 50
    assert broken == []


def leads_somewhere(page: Path, target: str) -> bool:
    """Return whether a relative link of a page names a file of ours and, with a fragment, a heading in it."""
    name, _, fragment = unquote(target).partition("#")
    path = (page.parent / name).resolve() if name else page
    if not path.is_relative_to(ROOT) or not path.exists():
        return False
    return not fragment or fragment in anchors(text_of(path))


def test_the_icon_of_the_slack_app_has_a_size_that_slack_takes() -> None:
    header = (ROOT / "docs" / "images" / "app-icon.png").read_bytes()[:24]

    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert [int.from_bytes(header[at : at + 4]) for at in (16, 20)] == [1024, 1024]


def test_the_marketplace_page_counts_its_rows() -> None:
    page = text_of(ROOT / "docs" / "marketplace.md")

    states = re.findall(r"^\| (\d+) \| [^|]+ \| ([a-z ]+) \|", page, re.MULTILINE)
    counted = {
        state: int(number) for state, number in re.findall(r"^\| ([a-z ]+) \| (\d+) \|$", page, re.MULTILINE)
    }

    assert [int(number) for number, _ in states] == list(range(1, 33))
    assert counted == Counter(state for _, state in states)


def test_the_page_of_formats_says_what_the_adapters_take() -> None:
    assert formats.PAGE.read_text(encoding="utf-8") == formats.page()


def test_files_of_ours_that_a_page_names_are_there() -> None:
    named = [(page, path) for page in DOCS for path in OUR_FILE.findall(text_of(page))]

    gone = [(name_of(page), path) for page, path in named if not (ROOT / path).exists()]

    assert named
    assert gone == []


def test_no_page_mentions_anybodys_own_machine() -> None:
    found = [(name_of(page), word) for page in PAGES for word in FORBIDDEN if word in text_of(page)]

    assert found == []


def test_decisions_are_numbered_without_gaps_and_have_every_part() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    numbers = [int(page.name[:4]) for page in pages]
    parts = ("\n## Context\n", "\n## Decision\n", "\n## Consequences\n")
    lacking = [page.name for page in pages if not all(part in text_of(page) for part in parts)]

    assert numbers == list(range(1, len(pages) + 1))
    assert lacking == []


def templates() -> list[tuple[str, list[str]]]:
    """Return the file and the lines of each piece of code in CONTRIBUTING that says where it is from."""
    blocks = re.findall(
        r"^```python\n# (\S+\.py)\n(.+?)^```$", text_of(ROOT / "CONTRIBUTING.md"), re.MULTILINE | re.DOTALL
    )
    return [(path, code.rstrip().splitlines()) for path, code in blocks]


@pytest.mark.parametrize(("path", "lines"), templates(), ids=[path for path, _ in templates()])
def test_a_template_is_code_that_is_there(path: str, lines: list[str]) -> None:
    assert "\n".join(lines) in text_of(ROOT / path)


def test_there_is_a_template_for_every_layer() -> None:
    layers = {path.rpartition("/")[0] for path, _ in templates()}

    assert layers == {
        "storage/models",
        "storage",
        "bot/services/organizations",
        "bot/services/incidents",
        "bot/views",
        "bot/stories",
    }


@pytest.mark.parametrize("change", examples(), ids=lambda change: change.path)
def test_a_change_that_is_shown_fits_the_code(change: Change) -> None:
    assert text_of(ROOT / change.path).count(change.before) == 1
    assert change.after != change.before
