"""The two things that can go wrong: the user's input, and a budget that the user set."""

from keraudit.safe_text import harmless

LONGEST_MESSAGE = 1_000  # characters; what it repeats may be as long as a file
# What the backends say when no memory is left, in their own errors.
MEMORY_SIGNS = ("bad_alloc", "can't allocate memory", "RESOURCE_EXHAUSTED", "ResourceExhausted")


class KerauditError(Exception):
    """A mistake in the input, told in one line: the rule, what was received, what to do.

    It may repeat what a file holds, so its text goes through the door for such text.
    """

    def __str__(self) -> str:
        text = Exception.__str__(self)
        if len(text) > LONGEST_MESSAGE:
            text = f"{text[:LONGEST_MESSAGE]} ... ({len(text):,} characters)"
        return harmless(" ".join(text.split()))


class ModelError(KerauditError):
    """A model that cannot be read, or whose layers contradict one another."""


class ShapeError(ModelError):
    """An input shape that does not fit the model, or that collapses inside it."""


class UnknownNameError(KerauditError, KeyError):
    """A name that a report does not hold; the message lists the nearest ones."""
