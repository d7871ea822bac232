"""JAX's own loop over steps: on an accelerator many of them are one call.

A small network's step takes a GPU less time than Python takes to ask for it. Here the steps of a call follow
each other on the device alone (``lax.scan``), and the next call is asked for before the last one is looked at.
On a processor a call is one step, for there XLA's convolutions take many times as long inside a loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from keraudit.training.divergence import NotFiniteError
from keraudit.training.throughput import on_cpu

if TYPE_CHECKING:
    from keraudit.training.trainer import Session

MOST = 50  # steps a call on an accelerator: it is told how far a run is some times an epoch
MOST_ON_CPU = 1

Told = Callable[[int, float, float], None]  # steps done, mean loss, mean accuracy


def steps_a_call(steps: int, highest: int) -> int:
    """The largest number up to ``highest`` that goes into ``steps``: each length is compiled anew.

    >>> steps_a_call(390, 50), steps_a_call(97, 50), steps_a_call(8, 50)
    (39, 1, 8)
    """
    return max(size for size in range(1, min(steps, highest) + 1) if steps % size == 0)


class Loop:
    """The compiled steps of a session.

    Between two epochs the session's variables hold their values; inside one ``settle`` gives them.
    """

    def __init__(self, session: Session) -> None:
        import jax

        self.session = session
        self.trainable = session.learner.trainable_variables
        everything = session.learner.non_trainable_variables
        self.table = session.images.layer.table
        self.at = [v is self.table for v in everything].index(True)
        self.others = [v for v in everything if v is not self.table]
        self.variables = (self.trainable, self.others, session.optimizer.variables)
        self.state: Any = None
        self.learn = jax.jit(self.learnt, donate_argnums=0)
        self.judge = jax.jit(self.judged)

    def epoch(
        self,
        rows: Any,
        labels: Any,
        rates: Sequence[float],
        *,
        told: Told,
        looks: Callable[[int], bool],
        after: Callable[[int], None] | None = None,
    ) -> dict[str, float]:
        """Learn from the rows of an epoch in order.

        Args:
            rows: (images, columns), as ``feeding.plan`` gives them.
            labels: (images, classes).
            rates: the learning rate of each step. It is a number that the compiled step is fed, as is the
                decay of the average: what differs in them alone need not be compiled anew.
            told: how far it is.
            looks: whether to look at the loss after so many steps, where a call is one step.
            after: called after every step, which is then a call of its own.

        Returns:
            The means of ``cross_entropy`` and ``accuracy`` over the epoch.

        Raises:
            NotFiniteError: a loss is not finite.
        """
        import numpy as np

        steps, batch = self.session.steps, self.session.recipe.batch
        size = 1 if after else steps_a_call(steps, self.most(batch))
        rows = rows.reshape(steps // size, size, batch, -1)
        labels = labels.reshape(steps // size, size, batch, -1)
        speeds = np.asarray(rates, "float32").reshape(steps // size, size)
        decay = np.float32(self.session.optimizer.ema_momentum)
        self.state = [[v.value for v in part] for part in self.variables]
        found: list[Any] = []
        seen: list[Sequence[float]] = []  # of every step: loss, cross-entropy, accuracy

        def look(calls: int) -> None:
            for part in found[len(seen) // size : calls]:
                seen.extend(zip(*(column.tolist() for column in part), strict=True))
            bad = [i for i, row in enumerate(seen) if not math.isfinite(row[0])]
            if bad:
                raise NotFiniteError(bad[0])
            told(len(seen), mean(seen, 1), mean(seen, 2))

        for call in range(steps // size):
            part = self.session.images.rows(rows[call]), labels[call], speeds[call]
            self.state, told_by_call = self.learn(self.state, self.table.value, decay, part)
            found.append(told_by_call)
            if after:
                after(call + 1)
            if size > 1 and call:  # the device has the next call already
                look(call)
            elif size == 1 and looks(call) and call + 1 < len(rows):
                look(call + 1)
        look(len(found))
        self.settle()
        self.state = None
        return {"cross_entropy": mean(seen, 1), "accuracy": mean(seen, 2)}

    def most(self, batch: int) -> int:
        """Steps that a call may have."""
        return min(MOST_ON_CPU if on_cpu() else MOST, max(1, self.session.images.held // batch))

    def settle(self) -> None:
        """Let the variables have the values of the steps so far."""
        for part, values in zip(self.variables, self.state or ((), (), ()), strict=True):
            for variable, value in zip(part, values, strict=False):
                variable.assign(value)

    def logits(self, rows: Any, batch: int, calls_of: int) -> Any:
        """What the classifier says of rows; as many batches a call as go into ``calls_of`` of them."""
        import numpy as np

        size = steps_a_call(calls_of, self.most(batch))
        count = -(-len(rows) // (batch * size))
        filled = np.resize(rows, (count, size, batch, rows.shape[-1]))
        values = ([v.value for v in self.trainable], [v.value for v in self.others])
        parts = []
        for part in filled:
            here = self.session.images.rows(part)
            parts.append(self.judge(*values, self.table.value, here))
        return np.concatenate([np.asarray(part, "float32") for part in parts])[: len(rows)]

    def called(self, trainable: Any, others: Any, table: Any, rows: Any, **options: Any) -> Any:
        everything = [*others[: self.at], table, *others[self.at :]]
        return self.session.learner.stateless_call(trainable, everything, rows, **options)

    def learnt(self, state: Any, table: Any, decay: Any, parts: Any) -> Any:
        """Several steps: rows (steps, batch, columns), labels (steps, batch, classes) and rates (steps,)."""

        def step(state: Any, part: Any) -> Any:
            rows, labels, rate = part
            with self.session.optimizer.given(rate, decay):
                return self.step(state, table, rows, labels)

        return scanned(step, state, parts)

    def step(self, state: Any, table: Any, rows: Any, labels: Any) -> Any:
        import jax
        import keras
        from keras import ops

        trainable, others, optimizer = state

        def loss_of(trainable: Any) -> Any:
            found, after, penalties = self.called(
                trainable, others, table, rows, training=True, return_losses=True
            )
            loss = self.session.loss(labels, found) + sum(penalties)
            return loss, (found, [*after[: self.at], *after[self.at + 1 :]])

        (loss, (found, others)), slopes = jax.value_and_grad(loss_of, has_aux=True)(trainable)
        trainable, optimizer = self.session.optimizer.stateless_apply(optimizer, slopes, trainable)
        entropy = ops.mean(keras.losses.categorical_crossentropy(labels, found, from_logits=True))
        right = ops.argmax(found, axis=-1) == ops.argmax(labels, axis=-1)
        accuracy = ops.mean(ops.cast(right, "float32"))
        return [trainable, others, optimizer], (loss, entropy, accuracy)

    def judged(self, trainable: Any, others: Any, table: Any, rows: Any) -> Any:
        """Logits of several batches: rows (batches, batch, columns) to (images, classes)."""

        def one(_: None, part: Any) -> Any:
            return None, self.called(trainable, others, table, part, training=False)[0]

        found = scanned(one, None, rows)[1]
        return found.reshape(-1, found.shape[-1])


def scanned(step: Callable[[Any, Any], Any], state: Any, parts: Any) -> Any:
    """``lax.scan``; of a single step the step itself, outside any loop."""
    import jax

    if len(jax.tree.leaves(parts)[0]) > 1:
        return jax.lax.scan(step, state, parts)
    state, told = step(state, jax.tree.map(lambda part: part[0], parts))
    return state, jax.tree.map(lambda value: value[None], told)


def mean(rows: Sequence[Sequence[float]], column: int) -> float:
    """Of a column; every batch has as many images."""
    return sum(row[column] for row in rows) / len(rows)
