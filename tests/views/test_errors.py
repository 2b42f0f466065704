"""Every failure has its words, and they say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields
from itertools import product
from typing import Any, get_type_hints

import pytest

from adapters.base import Blocker, Hint, Platform, Rejected
from bot.services import errors
from bot.services.accounts.facts import ALREADY_HERE
from bot.services.errors import InvalidInputError, ServiceError, UnknownPlatformError
from bot.views.blockers import BLOCKED, HINTS
from bot.views.errors import explain, sentence
from tests.platforms import PLATFORMS

SOME: dict[Any, list[Any]] = {
    str: ["Acme"],
    int: [3],
    Platform: [PLATFORMS["x"]],
    tuple[str, ...]: [("Acme", "Blue Door")],
}
NAMED: dict[str, list[Any]] = {"blocker": [*Blocker, ALREADY_HERE]}
"""Facts that are codes, by their names."""
BASES = (InvalidInputError,)
"""Those that are never raised themselves."""


def kinds(base: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    for kind in base.__subclasses__():
        if kind not in BASES:
            yield kind
        yield from kinds(kind)


def cases() -> Iterator[ServiceError]:
    """Yield each error with each value of its enumerations, and with and without what it may lack."""
    for kind in kinds():
        hints = get_type_hints(kind, vars(errors))
        facts: dict[str, list[Any]] = {}
        for field in fields(kind):  # type: ignore[arg-type]
            hint = hints[field.name]
            known = [*getattr(hint, "__members__", {}).values()] or NAMED.get(field.name) or SOME[hint]
            facts[field.name] = [*known, *([] if field.default is MISSING else [field.default])]
        for values in product(*facts.values()):
            yield kind(**dict(zip(facts, values, strict=True)))


@pytest.mark.parametrize("error", list(cases()), ids=lambda error: type(error).__name__)
def test_every_error_has_a_sentence(error: ServiceError) -> None:
    words = sentence(error)

    assert words.endswith((".", "?"))
    assert "  " not in words


def test_every_error_is_counted_under_a_code_of_its_own() -> None:
    codes = [kind.code for kind in kinds() if not issubclass(kind, InvalidInputError)]

    assert len(codes) == len(set(codes))


def test_an_error_no_view_knows_is_not_shown_as_something_else() -> None:
    class NewError(ServiceError):
        code = "new"

    with pytest.raises(KeyError):
        sentence(NewError())


def test_a_likely_platform_is_named() -> None:
    error = UnknownPlatformError("tiktak", ("X", "TikTok"), ("TikTok",))

    assert sentence(error) == (
        "I don't know a platform called “tiktak”. Did you mean TikTok? Ready to connect: X, TikTok."
    )


@pytest.mark.parametrize(
    ("blocker", "reason", "page"),
    [
        (Blocker.LOCKED, "X has locked it", "x.com/account/access"),
        (Blocker.SUSPENDED, "X has suspended or restricted it", "help.x.com/forms/account-access/appeals"),
    ],
)
def test_a_blocked_account_is_explained_with_the_page_that_unlocks_it(
    blocker: Blocker, reason: str, page: str
) -> None:
    said = explain(Rejected(blocker), PLATFORMS["x"])

    assert said.startswith(f"This account can't be used: {reason}")
    assert f"Sign in at {page} " in said


def test_every_reason_an_account_cannot_be_used_has_its_words() -> None:
    assert {*BLOCKED} == {*Blocker}
    assert {*HINTS} == {*Hint}
