"""Train one network with one recipe and one seed; stop anywhere, resume exactly.

The images of a step depend on the seed and the epoch alone, and a checkpoint holds every variable: a run that
was killed and resumed ends with the weights of one that was not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keraudit.data.dataset import Dataset
from keraudit.environment import backend, where
from keraudit.errors import KerauditError
from keraudit.output.files import save
from keraudit.training import checkpoint
from keraudit.training.callbacks import GradientWatch, Tick, Watch, slim
from keraudit.training.deadline import Deadline, TimeIsUpError
from keraudit.training.devices import data_parallel, reporting_out_of_memory
from keraudit.training.divergence import DivergedError
from keraudit.training.networks import sized, spelled
from keraudit.training.recipe import OLDER, Recipe, is_whole
from keraudit.training.record import (
    DIVERGED,
    PROSE,
    Run,
    alone,
    read_config,
    read_run,
    refuse_clipped_loss,
    write_config,
    write_diverged,
    write_run,
)
from keraudit.training.record_check import LOGITS
from keraudit.training.resumed import mark_of, resumed
from keraudit.training.tensorboard import Board
from keraudit.training.throughput import measured_peak, work
from keraudit.training.trainer import Trainer

__all__ = ["DivergedError", "Tick", "TimeIsUpError", "flat", "train"]
MEMORY_ADVICE = "lower --batch, --size or --device-images"
OPTIONAL = ("devices", "ema_decay", "gradients_every")  # in a configuration only where they differ


def train(
    name: str,
    data: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    folder: Path,
    watch: Watch | None = None,
    budget: float = 1.0,
    devices: int = 1,
    device_images: int | None = None,
    gradients_every: int | None = None,
    board: Path | None = None,
    deadline: Deadline | None = None,
    command: str = "",
) -> Run:
    """Train ``name`` on ``data``, or resume the run in ``folder``.

    Args:
        name: a network of ``network``.
        data: what to train and test on.
        recipe: how.
        seed: of the weights, the order of the images and their crops.
        folder: the run's own; its checkpoint and record are kept there.
        watch: called with the progress of the run.
        budget: the part of the full recipe that ``recipe`` is, for the record.
        devices: how many share each batch.
        device_images: images on a device at once; default: as many as fit. The result is the same.
        gradients_every: steps between gradient profiles; default: none are taken.
        board: a folder for TensorBoard's logs.
        deadline: no epoch is begun that would not end by then.
        command: for the record.

    Returns:
        The finished run, as ``folder/run.json`` holds it; one that is finished is left as it is.

    Raises:
        DivergedError: the loss is not finite; the message names the step, the rate and the layer.
        TimeIsUpError: the deadline came first; what was trained is in the checkpoint.
        CheckpointError: a checkpoint cannot be written, or belongs to another run.
        KerauditError: the folder holds a run of another configuration, another process trains in it,
            or the memory is too small.
    """
    name = spelled(name)
    recipe = sized(recipe, name)
    config = {
        "network": name,
        "recipe": recipe.to_dict(),
        "seed": seed,
        "budget": budget,
        "dataset": data.describe(),
        "order": data.order,
        "backend": backend(),
        "loss": LOGITS,
    }
    if recipe.ema:
        steps = len(data.train) // recipe.batch * recipe.epochs
        config["ema_decay"] = recipe.ema_decay(steps)
    if devices != 1:
        config["devices"] = devices
    if gradients_every is not None:
        config["gradients_every"] = gradients_every
    refuse_other_configuration(folder, config)
    if (folder / "run.json").is_file():
        return read_run(folder)
    if deadline and deadline.is_too_late():
        raise TimeIsUpError(f"{folder}: time is up before its next epoch; the same command resumes")
    with (
        _logs(board, folder) as logs,
        data_parallel(devices, recipe.batch),
        reporting_out_of_memory(recipe.batch, MEMORY_ADVICE),
    ):
        trainer = Trainer(name, data, recipe, seed, devices=devices, device_images=device_images)
        with alone(folder):
            return _completed(
                trainer, config, folder, watch, gradients_every, logs, deadline, command
            )


@contextmanager
def _logs(board: Path | None, folder: Path) -> Iterator[Board | None]:
    """TensorBoard's logs of a run, closed whatever happens."""
    logs = None if board is None else Board(board / folder.name)
    try:
        yield logs
    finally:
        if logs is not None:
            logs.close()


def _completed(
    trainer: Trainer,
    config: Mapping[str, Any],
    folder: Path,
    watch: Watch | None,
    gradients_every: int | None,
    logs: Board | None,
    deadline: Deadline | None,
    command: str,
) -> Run:
    """Train the epochs that are left, and write the record; no other process may train in ``folder``."""
    if (folder / "run.json").is_file():  # another process has just completed it
        return read_run(folder)
    state, recipe, file = trainer.state, trainer.state.recipe, folder / "checkpoint.npz"
    mark = mark_of(config)
    saved = checkpoint.resume(file, state.variables)
    so_far = resumed(saved, file, epochs=recipe.epochs, mark=mark)
    history = so_far.history
    sessions = [*so_far.sessions, {"from_epoch": len(history) + 1, **where()}]
    gradients = None
    if gradients_every is not None:
        gradients = GradientWatch(state, gradients_every, so_far.gradients, trainer.sync_variables)
    write_config(folder, config)
    peak_before = measured_peak(recipe.precision)
    timer = checkpoint.CheckpointTimer()
    for epoch in range(len(history), recipe.epochs):
        begin = time.perf_counter()
        try:
            history.append(trainer.run_epoch(epoch, watch, gradients))
        except DivergedError as error:
            write_diverged(folder, str(error))
            raise
        (folder / DIVERGED).unlink(missing_ok=True)  # elsewhere it need not diverge again
        is_last = epoch + 1 == recipe.epochs
        if deadline:
            deadline.count(time.perf_counter() - begin + timer.seconds)
        is_over = deadline is not None and not is_last and deadline.is_too_late()
        if is_last or is_over or timer.is_due():
            to_save = {"of": mark, "history": history, "sessions": sessions}
            to_save |= {"gradients": gradients.profiles} if gradients else {}
            timer.save(file, state.variables, to_save)
        if logs:
            logs.add(history[-1])
        if is_over:
            raise TimeIsUpError(
                f"{folder}: time is up after {epoch + 1} of {recipe.epochs} epochs; the same command resumes"
            )
    devices, timed = config.get("devices", 1), on_this_hardware(history, sessions)
    run = Run.of(
        config,
        history=history,
        evaluation=trainer.scores(),
        params=state.network.count_params(),
        command=command,
        work=work(state.network, timed, recipe.precision, before=peak_before, devices=devices)
        if timed
        else None,
        gradients=slim(gradients.record()) if gradients else None,
        sessions=sessions if len(sessions) > 1 else None,
    )
    predictions = trainer.probabilities(state.data.test)
    if gradients:
        save(folder / "gradients.json", json.dumps(gradients.record()) + "\n")
    write_run(folder, run, predictions)
    checkpoint.previous(file).unlink(missing_ok=True)
    return run


def on_this_hardware(
    history: Sequence[Mapping[str, Any]], sessions: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """The epochs that ran on the hardware of the last session.

    >>> sessions = [{"from_epoch": 1, "hardware": "GPU"}, {"from_epoch": 3, "hardware": "CPU"}]
    >>> on_this_hardware([{"epoch": 1}, {"epoch": 2}, {"epoch": 3}], sessions)
    [{'epoch': 3}]
    """

    def hardware_of(epoch: int) -> Any:
        return [s["hardware"] for s in sessions if s["from_epoch"] <= epoch][-1]

    return [row for row in history if hardware_of(row["epoch"]) == sessions[-1]["hardware"]]


def refuse_other_configuration(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse to resume a run whose configuration was another."""
    older = read_config(folder)
    if older is None:
        if checkpoint.exists(folder / "checkpoint.npz"):
            raise KerauditError(
                f"{folder} has a checkpoint but no config.json to identify its run: delete the checkpoint to start"
                " the run anew, or choose another folder"
            )
        return
    if not is_whole(older.get("recipe") or {}):
        raise KerauditError(f"{folder} {OLDER}")
    before, now = flat(older), flat(config)
    if (folder / "run.json").is_file():
        before["loss"] = now["loss"]  # a finished run is left as it is, whatever its loss was
    else:
        refuse_clipped_loss(older, folder)
    for key in dict.fromkeys((*now, *(key for key in OPTIONAL if key in before))):
        value = now.get(key)
        if key not in PROSE and before.get(key) != value:
            raise KerauditError(
                f"{folder} holds a run with {key} = {before.get(key)!r}, not {value!r}: resume it"
                " with its own options, or choose another folder"
            )


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested options as one level: ``recipe.batch``."""
    result: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[prefix + key] = list(value) if isinstance(value, tuple) else value
    return result
