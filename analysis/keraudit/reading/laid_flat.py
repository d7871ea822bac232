"""How much a config may come to, once models within models are laid flat: a small file can multiply."""

from __future__ import annotations

from keraudit.errors import ModelError

LARGEST_GRAPH = 100_000  # layers and their calls
MOST_REFERENCES = 400_000  # of calls to tensors
MOST_CHARACTERS = 2**26  # of the paths of layers, which grow with every model around them
DEEPEST_NEST = 50  # models within models


class Amounts:
    """What was laid flat so far; it is stopped before it fills the memory.

    Args:
        most_calls: layers and their calls; more is refused.
    """

    def __init__(self, most_calls: int) -> None:
        self.most_calls = most_calls
        self.calls = self.references = self.characters = self.depth = 0

    def work(self, calls: int) -> None:
        """Count layers and calls.

        Raises:
            ModelError: it is too much, as in the other methods.
        """
        self.calls += calls
        if self.calls > self.most_calls:
            raise ModelError(
                f"the model has more than {self.most_calls:,} calls of layers, laid flat"
            )

    def refer(self, references: int) -> None:
        """Count references to tensors."""
        self.references += references
        if self.references > MOST_REFERENCES:
            raise ModelError(
                f"the calls of its layers refer to more than {MOST_REFERENCES:,} tensors, laid flat"
            )

    def write(self, name: str) -> None:
        """Count the characters of a path."""
        self.characters += len(name)
        if self.characters > MOST_CHARACTERS:
            raise ModelError(
                f"the names of its layers take more than {MOST_CHARACTERS:,} characters, laid flat"
            )

    def enter(self) -> None:
        """Count the models that one is within."""
        self.depth += 1
        if self.depth > DEEPEST_NEST:
            raise ModelError(f"models are nested more than {DEEPEST_NEST} deep")

    def leave(self) -> None:
        """Count one model less."""
        self.depth -= 1
