"""What a person was shown, without what differs from run to run: ids, times, ports, secrets."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

NOT_SHOWN = frozenset(
    {"hash", "external_id", "replace_original", "response_action", "token", "trigger_id", "view_id"}
)
"""Top-level arguments that address a call to Slack; nobody reads them."""

MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
WEEKDAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"

Replacement = str | Callable[[re.Match[str]], str]
RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), shown)
    for pattern, shown in (
        (r"<!date\^\d+\^([^|>]*)\|[^>]*>", r"<!date^TIME^\1>"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?: ?UTC|Z|[+-]\d\d:\d\d)?", "TIME"),
        (r"\b\d{4}-\d\d-\d\d\b", "DATE"),
        (rf"\b\d{{1,2}} {MONTH}(?: \d{{4}})?\b", "DATE"),
        (rf"\b{MONTH} \d{{1,2}}(?:, \d{{4}})?\b", "DATE"),
        (rf"\b{WEEKDAY}\b", "WEEKDAY"),
        (r"\b\d\d:\d\d\b", "CLOCK"),
        (r"\bp?1[6-9]\d{8}(?:\.?\d{6})?\b", "TIMESTAMP"),
        (r"(?<![\w-])[\w-]{43}(?![\w-])", "SECRET"),
        (r"\b(?:[A-Z0-9]{4}-){3}[A-Z0-9]{4}\b", "JOIN-CODE"),
        (r"\blocalhost:\d+", "localhost"),
        (r"(/comments/|/shorts/|/watch\?v=)[\w-]+", r"\1POST"),
    )
)
OURS = re.compile(r"\b([a-z]{3})_[0-9a-f]{20}\b")
SLACKS = re.compile(r"\b([ABCDEFUVW])[A-Z2-7]{8,10}\b")
"""Ids that the simulated Slack makes up; those of its people and channels have a 0 in the second place."""
HEX = re.compile(r"\b[0-9a-f]{10,64}\b")


class Normalizer:
    """Replaces what differs from run to run in one payload. Ids are numbered as they come: acc_1, acc_2."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """Take `names`: what to write for texts known in advance, such as the address of a server."""
        self._names = names
        self._numbers: dict[str, dict[str, int]] = defaultdict(dict)

    def clean(self, node: Any) -> Any:
        """Return a copy of a JSON value with all texts normalized and keys in order."""
        match node:
            case dict():
                return {key: self.clean(value) for key, value in sorted(node.items())}
            case list():
                return [self.clean(value) for value in node]
            case str():
                return self.text(node)
            case int() if not isinstance(node, bool) and node > 1_600_000_000:
                return "TIMESTAMP"
        return node

    def text(self, text: str) -> str:
        """Return one normalized text."""
        for known, name in self._names.items():
            text = text.replace(known, name)
        for pattern, shown in RULES:
            text = pattern.sub(shown, text)
        text = OURS.sub(lambda found: self._numbered(found.group(1), found.group()), text)
        text = SLACKS.sub(lambda found: self._numbered(f"slack {found.group(1)}", found.group()), text)
        return HEX.sub(lambda found: self._numbered("hex", found.group()), text)

    def _numbered(self, kind: str, value: str) -> str:
        numbers = self._numbers[kind]
        return f"{kind}_{numbers.setdefault(value, len(numbers) + 1)}"


def normalized(payloads: Iterable[Any], names: Mapping[str, str]) -> list[Any]:
    """Return the payloads, each normalized by itself."""
    return [Normalizer(names).clean(payload) for payload in payloads]
