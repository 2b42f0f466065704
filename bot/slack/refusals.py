"""What a story refuses itself, because of what was typed or chosen in Slack."""

from __future__ import annotations


class BadInputError(Exception):
    """What was typed or chosen does not work; the sentence, which comes from a view, says what would."""

    def __init__(self, sentence: str, *, field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        """The block of the submitted form that the sentence belongs under."""
