"""What a story refuses because of what was typed or chosen in Slack, and where in a form that is shown."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.services.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator


class BadInputError(Exception):
    """What was typed or chosen does not work; the sentence, which comes from a view, says what would."""

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
    """Show what a service refuses under this field of the form, which stays open.

    Raises:
        InvalidFieldError: The service raised an InvalidInputError.

    """
    try:
        yield
    except InvalidInputError as error:
        raise InvalidFieldError(error, field) from error
