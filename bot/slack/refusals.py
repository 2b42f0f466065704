"""Errors for input that a story refuses, and the field of a form under which they are shown."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.services.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator


class BadInputError(Exception):
    """The input does not work. The sentence comes from a view, and says what would work."""

    def __init__(self, sentence: str, *, field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        """The block of the submitted form that the sentence belongs under."""


class InvalidFieldError(Exception):
    """A service refused what was entered in a form."""

    def __init__(self, error: InvalidInputError, field: str) -> None:
        super().__init__(error.code)
        self.error = error
        self.field = field
        """The block of the submitted form that the error belongs under."""


@contextmanager
def under(field: str) -> Iterator[None]:
    """Show a service's InvalidInputError under this field of the form, which stays open.

    Raises:
        InvalidFieldError: The service raised an InvalidInputError.

    """
    try:
        yield
    except InvalidInputError as error:
        raise InvalidFieldError(error, field) from error
