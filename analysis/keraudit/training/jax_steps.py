"""JAX's loops over training steps and test batches: on an accelerator many of them are one call.

A step of a small network takes a GPU less time than Python needs to start it, and Keras' ``fit`` on JAX starts
every step from Python (its ``steps_per_execution`` is a Python loop too). So a call here runs up to ``MOST`` steps
on the device alone: ``lax.scan`` compiles Keras' own ``train_step`` once and repeats it over a stack of batches,
with the values of all variables as the state that each step passes on to the next. The state is donated: its
memory is reused, and the variables themselves hold nothing valid until ``sync_variables``. The next call is
started before the results of the last one are read, so that the device does not wait for Python. The table of
images, which no step changes, is an input beside the state. Learning rates and the decay of the averaged weights
are inputs too: runs that differ in them alone share a compiled program.

On a processor a call is one step, for there XLA's convolutions take many times as long inside a loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keraudit.training.callbacks import EpochMonitor
from keraudit.training.step import TrainState
from keraudit.training.throughput import on_cpu

MOST = 50  # steps a call on an accelerator: progress is reported a few times an epoch
MOST_ON_CPU = 1


def _steps_per_call(steps: int, highest: int) -> int:
    """The largest number up to ``highest`` that divides ``steps``: each length is compiled anew.

    >>> _steps_per_call(390, 50), _steps_per_call(97, 50), _steps_per_call(8, 50)
    (39, 1, 8)
    """
    return max(size for size in range(1, min(steps, highest) + 1) if steps % size == 0)


class JaxLoop:
    """The compiled loops of a run."""

    def __init__(self, state: TrainState) -> None:
        import jax
        from keras import ops

        self.state, self.model = state, state.model
        self.table = state.images.layer.table
        weights = self.model.non_trainable_variables
        self.at = [v is self.table for v in weights].index(True)
        others = [v for v in weights if v is not self.table]
        self.variables = (self.model.trainable_variables, others, state.optimizer.variables)
        labels = ops.zeros((1, len(state.data.classes)))
        self.model.compute_metrics(None, labels, labels)  # Keras makes their variables only now
        self.values: Any = None  # of the variables and the metrics, while an epoch runs
        self.train = jax.jit(self._train, donate_argnums=0)
        self.predict = jax.jit(self._predict)

    def epoch(self, rows: Any, labels: Any, monitor: EpochMonitor) -> None:
        """Train on the rows of an epoch in order.

        Args:
            rows: (images, columns), as ``augment.plan`` gives them.
            labels: (images, classes).
            monitor: called after each call; one that watches gradients, after each step.

        Raises:
            NotFiniteError: the loss is not finite.
        """
        import numpy as np
        from keras import ops

        steps, batch = self.state.steps, self.state.recipe.batch
        size = 1 if monitor.gradients else _steps_per_call(steps, self._most_steps(batch))
        calls = steps // size
        rows = rows.reshape(calls, size, batch, -1)
        labels = labels.reshape(calls, size, batch, -1)
        rates = np.asarray(self.state.learning_rates(monitor.epoch), "float32").reshape(calls, size)
        decay = np.float32(self.state.optimizer.ema_momentum)
        metrics = [ops.zeros(v.shape, v.dtype) for v in self.model.metrics_variables]
        self.values = [*([v.value for v in part] for part in self.variables), metrics]
        logs: Any = None
        for call in range(calls):
            last = logs
            batches = self.state.images.rows(rows[call]), labels[call], rates[call]
            self.values, logs = self.train(self.values, self.table.value, decay, batches)
            if size == 1:
                monitor.on_train_batch_end(call, logs)
            elif call:  # the device has the next call already
                monitor.on_train_batch_end(call * size - 1, last)
        if size > 1:
            monitor.on_train_batch_end(steps - 1, logs)
        monitor.on_train_end(logs)
        self.sync_variables()
        self.values = None

    def sync_variables(self) -> None:
        """Give the variables their values after the steps so far."""
        for part, values in zip(self.variables, self.values or (), strict=False):
            for variable, value in zip(part, values, strict=True):
                variable.assign(value)

    def logits(self, rows: Any, batch: int, multiple: int) -> Any:
        """Logits (N, classes) of rows; a call has as many batches as divide ``multiple``."""
        import numpy as np

        size = _steps_per_call(multiple, self._most_steps(batch))
        count = -(-len(rows) // (batch * size))
        filled = np.resize(rows, (count, size, batch, rows.shape[-1]))
        trainable, others = ([v.value for v in part] for part in self.variables[:2])
        parts = []
        for part in filled:
            local = self.state.images.rows(part)  # before the table is read: this may load images
            parts.append(self.predict(trainable, others, self.table.value, local))
        return np.concatenate([np.asarray(part, "float32") for part in parts])[: len(rows)]

    def _most_steps(self, batch: int) -> int:
        return min(MOST_ON_CPU if on_cpu() else MOST, max(1, self.state.images.capacity // batch))

    def _train(self, values: Any, table: Any, decay: Any, batches: Any) -> Any:
        """Several steps: rows (steps, batch, columns), labels (steps, batch, classes), rates (steps,)."""
        import jax

        def step(values: Any, batch: Any) -> Any:
            trainable, others, optimizer, metrics = values
            rows, labels, rate = batch
            state = trainable, self._with_table(others, table), optimizer, metrics
            with self.state.optimizer.overridden(rate, decay):
                logs, state = self.model.train_step(state, (rows, labels))
            trainable, weights, optimizer, metrics = state
            others = [*weights[: self.at], *weights[self.at + 1 :]]
            return [trainable, others, optimizer, metrics], logs

        values, logs = _scan(step, values, batches)
        return values, jax.tree.map(lambda value: value[-1], logs)  # means over the epoch so far

    def _predict(self, trainable: Any, others: Any, table: Any, rows: Any) -> Any:
        """Logits of several batches: rows (batches, batch, columns) to (images, classes)."""

        def one(_: None, part: Any) -> Any:
            weights = self._with_table(others, table)
            return None, self.model.stateless_call(trainable, weights, part, training=False)[0]

        logits = _scan(one, None, rows)[1]
        return logits.reshape(-1, logits.shape[-1])

    def _with_table(self, others: Any, table: Any) -> list[Any]:
        return [*others[: self.at], table, *others[self.at :]]


def _scan(step: Callable[[Any, Any], Any], state: Any, batches: Any) -> Any:
    """``lax.scan``; of a single step the step itself, outside any loop."""
    import jax

    if len(jax.tree.leaves(batches)[0]) > 1:
        return jax.lax.scan(step, state, batches)
    state, outputs = step(state, jax.tree.map(lambda part: part[0], batches))
    return state, jax.tree.map(lambda value: value[None], outputs)
