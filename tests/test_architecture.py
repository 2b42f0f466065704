"""The rules of the house that a reader relies on, checked on every statement we wrote.

Who may import whom, who reads the environment, who reads a person out of a Slack payload. Each rule
is also tried on a line that breaks it, because a check that cannot fail is no check.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from fnmatch import fnmatch
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from grimp import build_graph
from importlinter import configuration
from importlinter.application import use_cases

from tests.platforms import PLATFORMS

ROOT = Path(__file__).parent.parent
RUFF = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
OURS = ("adapters", "bot", "sandbox", "storage")
LONGEST_MODULE, LONGEST_FUNCTION = 400, 50
"""Lines. A function counts from its `def` to its end, without its docstring: it fits on one screen."""

AHEAD_OF_THE_PRODUCT = frozenset({"Organizations.delete"})
"""Methods of repositories that only tests call so far, because the product cannot do this yet."""
NAMES_ROLES = frozenset({"bot/services/permissions.py"})
"""The one table that says which role has which permission."""
PLATFORM_NAMES = frozenset(
    name for key, platform in PLATFORMS.items() if key != "x" for name in (key, platform.family)
)
"""Not "x", which is a name for much else."""

SHARED_BY_ADAPTERS = (
    "adapters.base",
    "adapters.http",
    "adapters.numbers",
    "adapters.oauth",
    "adapters.paging",
    "adapters.uploads",
)
READS_ENVIRONMENT = frozenset({"bot/app.py", "bot/settings.py"})
KNOWS_WHO = frozenset({"bot/slack/payloads.py"})
OPENS_CONNECTIONS = frozenset({"bot/ops/http.py"})
HTTP_CLIENTS = frozenset(
    {"ClientSession", "AsyncClient", "AsyncWebClient", "AsyncWebhookClient", "WebClient", "urlopen"}
)
WHO = frozenset({"user", "user_id", "team", "team_id", "enterprise", "enterprise_id"})
JUDGES_SLACK = frozenset({"bot/slack/clients.py", "bot/slack/failures.py", "bot/ops/http.py"})
"""The last carries calls to platforms, not to Slack."""
SLACK_FAILURES = frozenset({"SlackApiError", "SlackClientError", "ClientError", "ClientConnectionError"})
"""What `CALL_FAILED` is for: whoever catches one of them alone misses the others."""
PAYLOADS = frozenset({"body", "payload", "event", "command", "shortcut", "action", "view", "context", "req"})
"""The names under which a Slack payload is handed around; answers of Slack's Web API have others."""

EVENT = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")
"""The name of a log event: where, and what, as `answer.not_shown`."""


@cache
def nodes_of(source: str) -> tuple[ast.AST, ...]:
    """Return every node of a module; each of the rules looks at all of them."""
    return tuple(ast.walk(ast.parse(source)))


def sources() -> Iterator[tuple[str, str]]:
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def allowed(path: str) -> tuple[str, ...]:
    """Return what a module of `adapters` may import of ours: these modules, and what is below them."""
    part = path.removeprefix("adapters/").partition("/")[0]
    return {
        "__init__.py": (),
        "base": ("adapters.base",),
        "http.py": ("adapters.base",),
        "numbers.py": (),
        "oauth.py": ("adapters.base", "adapters.http", "adapters.numbers"),
        "facebook": (*SHARED_BY_ADAPTERS, "adapters.facebook", "adapters.meta"),
        "instagram": (*SHARED_BY_ADAPTERS, "adapters.instagram", "adapters.meta"),
        "registry.py": ("adapters",),
    }.get(part, (*SHARED_BY_ADAPTERS, f"adapters.{part}"))


def imported(path: str, source: str) -> Iterator[str]:
    """Yield every module of ours that `source` imports, in full, wherever the statement stands."""
    for node in nodes_of(source):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            here = Path(path).parts[: len(Path(path).parts) - node.level] if node.level else ()
            base = ".".join([*here, *filter(None, [node.module])])
            # `from adapters import base` names a module, `from bot.app import main` a function.
            whole = [f"{base}.{alias.name}" for alias in node.names]
            names = [name if _is_module(name) else base for name in whole]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in OURS)


def imports_by_name(path: str, source: str) -> Iterator[str]:
    # Import-linter does not see these.
    for node in nodes_of(source):
        if isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__"}:
            yield f"{path}:{node.lineno} imports by name"


def wrong_imports(path: str, source: str) -> Iterator[str]:
    # A new platform needs no line here. The layers of the other packages are in pyproject.toml.
    if not path.startswith("adapters/"):
        return
    may = allowed(path)
    for name in imported(path, source):
        if not any(name == module or name.startswith(f"{module}.") for module in may):
            yield f"{path} imports {name}"


def environment_reads(path: str, source: str) -> Iterator[str]:
    if path in READS_ENVIRONMENT:
        return
    words = {"environ", "environb", "getenv", "getenvb", "BaseSettings", "load_dotenv", "dotenv_values"}
    for node in nodes_of(source):
        if isinstance(node, ast.Attribute):
            found = {node.attr}
        elif isinstance(node, ast.ImportFrom):
            found = {alias.name for alias in node.names}
        else:
            continue
        for word in found & words:
            yield f"{path}:{node.lineno} reads the environment ({word})"


def who_reads(path: str, source: str) -> Iterator[str]:
    if not path.startswith("bot/") or path in KNOWS_WHO:
        return
    for node in nodes_of(source):
        match node:
            case ast.Subscript(value=value, slice=key):
                pass
            case ast.Call(func=ast.Attribute(value=value, attr="get" | "pop"), args=[key, *_]):
                pass
            case ast.Attribute(value=value, attr=attribute) if _root(value) == "context":
                key = ast.Constant(attribute.removeprefix("actor_"))
            case _:
                continue
        if isinstance(key, ast.Constant) and key.value in WHO and _root(value) in PAYLOADS:
            yield f"{path}:{node.lineno} reads {key.value!r} out of a payload"


def named_roles(path: str, source: str) -> Iterator[str]:
    # A role named anywhere else is a decision that a new role would have to find.
    if not path.startswith("bot/") or path in NAMES_ROLES:
        return
    for node in nodes_of(source):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Role":
            yield f"{path}:{node.lineno} names Role.{node.attr}"


def named_platforms(path: str, source: str) -> Iterator[str]:
    # What the product decides by a platform's name, the next platform needs decided there too. Its facts decide.
    # Only sentences may differ by platform.
    if (
        path.partition("/")[0] not in {"bot", "storage"}
        or "/migrations/" in path
        or path.startswith("bot/views/")
    ):
        return
    for node in nodes_of(source):
        if isinstance(node, ast.Constant) and node.value in PLATFORM_NAMES:
            yield f"{path}:{node.lineno} names the platform {node.value!r}"


def raised_for_status(path: str, source: str) -> Iterator[str]:
    # Its text holds the whole URL, and ends up in logs.
    for node in nodes_of(source):
        if isinstance(node, ast.Attribute) and node.attr == "raise_for_status":
            yield f"{path}:{node.lineno} calls raise_for_status"


def opened_clients(path: str, source: str) -> Iterator[str]:
    # Their answers would be unbounded, and redirects followed.
    if path.partition("/")[0] not in {"adapters", "bot"} or path in OPENS_CONNECTIONS:
        return
    for node in nodes_of(source):
        if isinstance(node, ast.Call) and _called(node) in HTTP_CLIENTS:
            yield f"{path}:{node.lineno} opens an HTTP client of its own"


def read_numbers(path: str, source: str) -> Iterator[str]:
    # NaN, 400 digits and the year 60000 break each of these in a way of its own.
    if not path.startswith("adapters/") or path == "adapters/numbers.py":
        return
    for node in nodes_of(source):
        if isinstance(node, ast.Call) and _called(node) in {"int", "float", "fromtimestamp", "fromisoformat"}:
            yield f"{path}:{node.lineno} reads a number without adapters.numbers"


def slack_errors_by_hand(path: str, source: str) -> Iterator[str]:
    # What a failed call means is decided in one place; by hand, silence was once read as "does not exist".
    if not path.startswith("bot/") or path in JUDGES_SLACK:
        return
    for node in nodes_of(source):
        if not isinstance(node, ast.ExceptHandler) or node.type is None:
            continue
        for named in ast.walk(node.type):
            name = named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")
            if name in SLACK_FAILURES:
                yield f"{path}:{node.lineno} catches {name} by hand"


def log_events(path: str, source: str) -> Iterator[str]:
    # One form, written in full, so that an operator can search the log and an alert can name an event.
    for node in nodes_of(source):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log")), args=[ast.IfExp(body=a, orelse=b), *_]
            ):
                events = [a, b]
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log")), args=[event, *_]):
                events = [event]
            case _:
                continue
        for event in events:
            if not (isinstance(event, ast.Constant) and EVENT.fullmatch(str(event.value))):
                yield f'{path}:{node.lineno} logs {ast.unparse(event)}, which is not "area.event"'


def written() -> Iterator[tuple[str, str]]:
    """Yield the modules whose size counts: not the sandbox's, and no migration, which stays as it was run."""
    for path, source in sources():
        if not path.startswith(("sandbox/", "storage/migrations/versions/")):
            yield path, source


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Yield each function's name and its lines without the docstring."""
    for node in nodes_of(source):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            said = node.body[0] if ast.get_docstring(node) is not None else None
            yield node.name, _lines(node) - (_lines(said) if said else 0)


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def cycles(imports: Mapping[str, AbstractSet[str]]) -> list[tuple[str, ...]]:
    """Return each group of modules that import each other, directly or through one another, sorted."""

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        todo = [start]
        while todo:
            new = imports.get(todo.pop(), set()) - found
            found |= new
            todo += new
        return found

    reach = {module: reached(module) for module in imports}
    return sorted(
        {
            tuple(sorted(other for other in reach[module] if module in reach.get(other, ())))
            for module in imports
            if module in reach[module]
        }
    )


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _root(node: ast.expr) -> str:
    """Return the name an expression starts from: `body` for `body.get("event", {})["user"]`."""
    while not isinstance(node, ast.Name):
        match node:
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Await(value=inner):
                node = inner
            case ast.Call(func=inner):
                node = inner
            case ast.BoolOp(values=[inner, *_]):
                node = inner
            case _:
                return ""
    return node.id


Rule = Callable[[str, str], Iterator[str]]
RULES = pytest.mark.parametrize(
    "rule",
    [
        imports_by_name,
        wrong_imports,
        environment_reads,
        who_reads,
        named_roles,
        named_platforms,
        raised_for_status,
        slack_errors_by_hand,
        opened_clients,
        read_numbers,
        log_events,
    ],
)


@RULES
def test_the_rule_holds_in_every_module(rule: Rule) -> None:
    checked = list(sources())

    assert [fault for path, source in checked for fault in rule(path, source)] == []
    assert {path.partition("/")[0] for path, _ in checked} == set(OURS)


@pytest.mark.parametrize(
    ("rule", "path", "line"),
    [
        (wrong_imports, "adapters/x/account.py", "from bot import errors"),
        (wrong_imports, "adapters/x/account.py", "from adapters.reddit import PLATFORM"),
        (wrong_imports, "adapters/x/account.py", "from adapters.meta.graph import Graph"),
        (wrong_imports, "adapters/base/protocol.py", "import adapters.oauth"),
        (wrong_imports, "adapters/oauth.py", "from adapters import x"),
        (wrong_imports, "adapters/x/account.py", "from ..reddit import PLATFORM"),
        (
            imports_by_name,
            "storage/engine/db.py",
            "import importlib\nimportlib.import_module('adapters.base')",
        ),
        (imports_by_name, "bot/app.py", "__import__('sandbox')"),
        (environment_reads, "bot/ops/logs.py", "import os\nos.environ['HOME']"),
        (environment_reads, "storage/engine/db.py", "from os import environ"),
        (environment_reads, "sandbox/core.py", "import os\nos.getenv('HOME')"),
        (environment_reads, "adapters/x/account.py", "from pydantic_settings import BaseSettings"),
        (who_reads, "bot/slack/dispatch/dispatcher.py", "body['user']['id']"),
        (who_reads, "bot/slack/dispatch/dispatcher.py", "body.get('team_id')"),
        (who_reads, "bot/slack/dispatch/dispatcher.py", "(body.get('event') or {}).get('user')"),
        (who_reads, "bot/slack/dispatch/dispatcher.py", "context.team_id"),
        (who_reads, "bot/slack/dispatch/dispatcher.py", "context.actor_user_id"),
        (who_reads, "bot/slack/dispatch/dispatcher.py", "payload.pop('enterprise_id')"),
        (named_roles, "bot/stories/x.py", "if actor.role >= Role.ADMIN: ..."),
        (named_roles, "bot/views/x.py", "WHAT = {Role.OWNER: 'all'}"),
        (named_platforms, "bot/services/tokens/policy.py", "if grant.platform == 'facebook': ..."),
        (named_platforms, "storage/grants.py", "FAMILY = 'meta'"),
        (raised_for_status, "adapters/x/account.py", "response.raise_for_status()"),
        (opened_clients, "bot/slack/clients.py", "aiohttp.ClientSession()"),
        (opened_clients, "adapters/x/account.py", "httpx.AsyncClient(timeout=1)"),
        (opened_clients, "bot/app.py", "AsyncWebClient(token='x')"),
        (read_numbers, "adapters/x/account.py", "float(response.headers['retry-after'])"),
        (read_numbers, "adapters/meta/graph.py", "datetime.fromtimestamp(body['expires_at'], UTC)"),
        (log_events, "bot/stories/x.py", "log.info('answer not shown', code=code)"),
        (log_events, "bot/stories/x.py", "log.info('answer.not shown')"),
        (log_events, "bot/stories/x.py", "log.error('event.failed' if slow else 'handler failed')"),
        (log_events, "bot/stories/x.py", "log.info(event)"),
        (slack_errors_by_hand, "bot/stories/x.py", "try:\n    pass\nexcept SlackApiError:\n    pass"),
        (
            slack_errors_by_hand,
            "bot/x.py",
            "try:\n    pass\nexcept (OSError, aiohttp.ClientError):\n    pass",
        ),
    ],
)
def test_a_line_that_breaks_the_rule_is_found(rule: Rule, path: str, line: str) -> None:
    assert len(list(rule(path, line))) == 1


@pytest.mark.parametrize(
    ("rule", "path", "line"),
    [
        (wrong_imports, "adapters/facebook/account.py", "from adapters import facebook, meta, oauth"),
        (wrong_imports, "adapters/registry.py", "from adapters import x, youtube"),
        (environment_reads, "bot/settings.py", "import os\nos.environ"),
        (named_roles, "bot/services/permissions.py", "{Permission.INVITE: Role.OWNER}"),
        (named_platforms, "bot/views/reminders.py", "if platform.key == 'linkedin': ..."),
        (named_roles, "bot/stories/x.py", "role = Role(member.role)"),
        (slack_errors_by_hand, "bot/slack/clients.py", "try:\n    pass\nexcept SlackApiError:\n    pass"),
        (slack_errors_by_hand, "bot/x.py", "try:\n    pass\nexcept CALL_FAILED:\n    pass"),
        (who_reads, "bot/slack/payloads.py", "body['user']"),
        (who_reads, "bot/slack/dispatch/dispatcher.py", "(await client.users_info(user=x))['user']"),
        (who_reads, "bot/slack/dispatch/dispatcher.py", "body.get('text')"),
        (log_events, "bot/stories/x.py", "log.info('member.left_slack', code=code)"),
        (log_events, "bot/slack/x.py", "log.error('event.failed' if slow else 'request.failed')"),
    ],
)
def test_a_line_that_keeps_the_rule_passes(rule: Rule, path: str, line: str) -> None:
    assert list(rule(path, line)) == []


def test_import_linters_contracts_hold(capsys: pytest.CaptureFixture[str]) -> None:
    # A step of CI too; here so that a fault is found early. Not through its command line, which would switch off the
    # loggers that the next tests in this process look at.
    configuration.configure()

    assert use_cases.lint_imports(str(ROOT / "pyproject.toml"), cache_dir=None), capsys.readouterr().out


def test_every_module_of_the_bot_is_in_a_layer() -> None:
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0][
        "layers"
    ]
    listed = set(" ".join(layers).replace("|", " ").replace(":", " ").split())

    modules = {path.with_suffix("") for path in (ROOT / "bot").glob("*.py") if path.stem != "__init__"}
    packages = {path.parent for path in (ROOT / "bot").glob("*/__init__.py")}
    slack = {
        path.with_suffix("") for path in (ROOT / "bot" / "slack").glob("*.py") if path.stem != "__init__"
    } | {path.parent for path in (ROOT / "bot" / "slack").glob("*/__init__.py")}
    found = {
        ".".join(path.relative_to(ROOT).parts) for path in modules | packages | slack if path.name != "slack"
    }
    assert found == {name for name in listed if name.startswith("bot.")}


@pytest.mark.parametrize("package", OURS)
def test_no_module_imports_itself_through_others(package: str) -> None:
    graph = build_graph(package, cache_dir=None)

    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert cycles(imports) == []


def test_a_cycle_is_found() -> None:
    assert cycles({"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": set()}) == [("a", "b", "c")]
    assert cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_module_outgrows_its_room(record_property: Callable[[str, object], None]) -> None:
    lengths = {path: source.count("\n") for path, source in written()}

    assert [path for path, lines in lengths.items() if lines > LONGEST_MODULE] == []
    longest = sorted(lengths.items(), key=lambda each: -each[1])[:3]
    record_property("counted", "longest modules: " + ", ".join(f"{path} {lines}" for path, lines in longest))


def test_no_function_outgrows_a_screen() -> None:
    found = [
        f"{path}:{name}"
        for path, source in written()
        for name, lines in functions(source)
        if lines > LONGEST_FUNCTION
    ]

    assert found == []


def test_a_function_is_measured_without_its_docstring() -> None:
    source = 'async def f(\n    a,\n):\n    """Say\n\n    so.\n    """\n    return a\n'

    assert list(functions(source)) == [("f", 4)]


def unused_methods(modules: Mapping[str, str]) -> Iterator[str]:
    # A method counts as used where a module that names its class reads an attribute of this name, so a method that is
    # named like another one may be missed, and none is reported wrongly.
    read = {path: (_names(source), _attributes(source)) for path, source in modules.items()}
    for path, source in modules.items():
        if not fnmatch(path, "storage/*.py") or path.count("/") > 1:
            continue
        for node in ast.parse(source).body:
            if not isinstance(node, ast.ClassDef):
                continue
            for method in node.body:
                if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) or method.name.startswith(
                    "_"
                ):
                    continue
                if not any(
                    node.name in names and method.name in attributes for names, attributes in read.values()
                ):
                    yield f"{node.name}.{method.name}"


def _names(source: str) -> frozenset[str]:
    own = {node.name for node in nodes_of(source) if isinstance(node, ast.ClassDef)}
    imported = {a.name for node in nodes_of(source) if isinstance(node, ast.ImportFrom) for a in node.names}
    return frozenset(own | imported)


def _attributes(source: str) -> frozenset[str]:
    return frozenset(node.attr for node in nodes_of(source) if isinstance(node, ast.Attribute))


def test_the_product_uses_every_method_of_a_repository() -> None:
    product = {path: source for path, source in sources() if path.partition("/")[0] in {"bot", "storage"}}

    assert set(unused_methods(product)) == AHEAD_OF_THE_PRODUCT


def test_a_method_that_nobody_uses_is_found() -> None:
    repository = "class Cats:\n    def feed(self): ...\n    def wash(self): ...\n    def _dry(self): ...\n"
    service = "from storage.cats import Cats\nCats(session).feed()\n"
    other = "from storage.dogs import Dogs\nDogs(session).wash()\n"

    found = unused_methods({"storage/cats.py": repository, "bot/cats.py": service, "bot/dogs.py": other})

    assert list(found) == ["Cats.wash"]


def test_every_function_that_may_have_more_parameters_has() -> None:
    allowed_in = {path for path, codes in RUFF["lint"]["per-file-ignores"].items() if codes == ["PLR0913"]}
    check = (
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--quiet",
        "--isolated",
        "--output-format=concise",
        "--select=PLR0913",
    )
    found = subprocess.run(  # noqa: S603 - a tool of ours, with arguments written here
        [
            *check,
            f"--config=lint.pylint.max-args={RUFF['lint']['pylint']['max-args']}",
            "adapters",
            "bot",
            "storage",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    ).stdout

    assert {line.partition(":")[0] for line in found.splitlines() if "PLR0913" in line} == allowed_in


def test_authlibs_other_transport_cannot_be_imported() -> None:
    # With httpx2 present, Authlib silently leaves our one httpx client, its limits and its tests.
    assert find_spec("httpx2") is None


# Every write on behalf of a member goes through `bot.services.acting`; each other writer is listed with its reason.

BOT = ROOT / "bot"
MAY_WRITE = {
    "services/accounts/arrivals.py:finish": "uses an attempt up; its member is checked before anything comes of it",
    "services/accounts/arrivals.py:_finish": "keeps what came of it",
    "services/accounts/connecting.py:_drop": "forgets a consent that led to nothing",
    "services/accounts/connecting.py:_tell": "owes a member a message",
    "services/accounts/deauthorizing.py:*": "a platform's signed word",
    "services/accounts/disconnecting.py:end_grant": "ends a grant that nobody needs any more",
    "services/accounts/disconnecting.py:end_if_unused": "ends a grant that led to no account",
    "services/accounts/looking.py:*": "what the clock does, for every organization that shares a sign-in",
    "services/accounts/revoking.py:*": "what the clock does, for nobody's organization",
    "services/organizations/access_requests.py:request": "whoever asks for access may be no member",
    "services/organizations/deletion.py:work": "what the clock does once the organization is gone",
    "services/organizations/ownership.py:appoint": "the operator, where no member is left who could",
    "jobs/*": "what the clock does",
    "services/organizations/grid_moves.py:follow": "what Slack says of a workspace",
    "services/organizations/installing.py:*": "what Slack says of the app",
    "services/organizations/invitations.py:decline": "the invited person is not a member",
    "services/organizations/join_codes.py:join": "a code instead of a membership",
    "services/organizations/offboarding.py:*": "what Slack says of people",
    "services/organizations/organizations.py:create": "there is no organization yet to be a member of",
    "services/posts/delivering.py:*": "what the clock does with what a member decided",
    "services/posts/sending.py:*": "what the clock does with what a member decided",
    "services/posts/reconciling.py:*": "what the clock does with what a member decided",
    "services/posts/altering.py:*": "what the clock does with what a member decided",
    "services/posts/checking.py:*": "what the clock finds before a post is due",
    "services/posts/restoring.py:*": "what has to be looked up after the database was restored",
    "services/posts/watching.py:*": "what the clock finds after a post is live",
    "services/posts/holds.py:run": "ends holds whose time has come",
    "services/incidents/reminders.py:*": "what the clock does",
    "services/incidents/watch.py:*": "what the clock does",
    "services/tokens/*": "what the clock does",
    "slack/sender.py:*": "what the clock does",
    "services/media/drawing.py:*": "what is made of a file for a post that a member decided",
    "services/media/library.py:public_url": "lets a platform fetch a file that was decided to be published",
    "services/media/sweeping.py:run": "deletes files that nobody uses any more",
    "services/incidents/operator_alerts.py:*": "what whoever runs this installation is told",
    "slack/dispatch/replies.py:_enqueue": "owes a person a message",
    "slack/dispatch/replies.py:put": "owes a person a message",
    "slack/rotation.py:*": "the bot's own tokens",
    "web/identity.py:_admit": "whose browser it is",
    "web/identity.py:returned": "uses a trip to Slack's sign-in up",
    "web/identity.py:ask": "begins a trip to Slack's sign-in",
    "web/install_trips.py:finish": "uses a trip to Slack's install page up",
    "web/install_trips.py:keep": "keeps what came of it",
}
"""Who opens a write of the system's own, and why that is not on behalf of a member whose role counts."""


def writes(source: str) -> Iterator[tuple[str, str]]:
    """Yield the function and the kind of every transaction in `source` that may write."""
    functions = [
        node for node in nodes_of(source) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    for function in functions:
        for node in ast.walk(function):
            match node:
                case ast.Call(func=ast.Attribute(value=database, attr="system" | "organization" as kind)):
                    name = (
                        database.attr if isinstance(database, ast.Attribute) else getattr(database, "id", "")
                    )
                    if name.endswith("database") and not _reads(node):
                        yield function.name, kind


def _reads(call: ast.Call) -> bool:
    return any(
        each.arg == "write" and isinstance(each.value, ast.Constant) and each.value.value is False
        for each in call.keywords
    )


def writers() -> list[tuple[str, str]]:
    """Return every function of the bot that may write without `bot.services.acting`, as `path:function`, and how."""
    return [
        (f"{path.relative_to(BOT).as_posix()}:{function}", kind)
        for path in sorted(BOT.rglob("*.py"))
        for function, kind in writes(path.read_text())
    ]


def test_no_writer_goes_around_the_check_of_the_members_role() -> None:
    found = writers()

    unlisted = [each for each, _ in found if not any(fnmatch(each, known) for known in MAY_WRITE)]
    assert unlisted == []
    assert [each for each, kind in found if kind == "organization"] == []
    assert [known for known in MAY_WRITE if not any(fnmatch(each, known) for each, _ in found)] == []


EDGES = ("stories", "web")
ONE_TIME_SECRETS = {
    "web/identity.py": "trips to Slack's sign-in, each used up by the page that it leads to",
    "web/install_trips.py": "the state of a trip to Slack's install page",
}
"""Pages that may write, and what: nothing that a member changes."""


def stores(source: str) -> Iterator[str]:
    """Yield what in `source` stores something: transactions that may write, and audit lines."""
    yield from (f"{function} opens a transaction" for function, _ in writes(source))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _called(node) in {"acting", "Audit"}:
            yield f"line {node.lineno} calls {_called(node)}"


def test_stories_and_pages_leave_every_change_to_a_service() -> None:
    found = {
        path.relative_to(BOT).as_posix(): list(stores(path.read_text()))
        for edge in EDGES
        for path in sorted((BOT / edge).rglob("*.py"))
    }

    assert {path: what for path, what in found.items() if what and path not in ONE_TIME_SECRETS} == {}
    assert {path for path in ONE_TIME_SECRETS if not found[path]} == set()
    assert [what for path in ONE_TIME_SECRETS for what in found[path] if "calls" in what] == []


@pytest.mark.parametrize(
    "line",
    [
        "async with acting(self._database, actor, Permission.INVITE) as session: ...",
        "async with self._database.system() as session: ...",
        "await Audit(session).write(organization_id, membership_id, 'it happened')",
    ],
)
def test_a_story_that_stores_something_is_found(line: str) -> None:
    assert len(list(stores(f"async def f():\n    {line}"))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "async with self._database.organization(actor.organization_id) as session: ...",
        "async with self._database.system() as session: ...",
        "async with database.system(write=write) as session: ...",
        "async with office.parts.database.organization('org_1', write=True) as session: ...",
    ],
)
def test_a_writer_is_found(line: str) -> None:
    assert [function for function, _ in writes(f"async def f():\n    {line}")] == ["f"]


@pytest.mark.parametrize(
    "line",
    [
        "async with self._database.organization(actor.organization_id, write=False) as session: ...",
        "async with acting(self._database, actor, Permission.INVITE) as session: ...",
        "self._platform.system()",
    ],
)
def test_a_reader_is_not(line: str) -> None:
    assert list(writes(f"async def f():\n    {line}")) == []
