"""Train the runs of an experiment as Ray tasks, each resumable on its own.

A task trains one network with one seed in the run's own folder, as the command does in its own process. The
folder must be the same place for every node (one machine, or a shared file system): a task whose worker is
killed is started anew by Ray, wherever there is room, and goes on from the last checkpoint. Scheduling,
placement and retries are Ray's.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keraudit.data.dataset import Dataset
from keraudit.errors import KerauditError
from keraudit.training.recipe import Recipe
from keraudit.training.train import DivergedError, train

RETRIES = 3  # of a task whose worker was killed
WAIT = 5  # seconds until an address is taken for dead
POLL = 1.0  # seconds between two looks at the tasks, so that Ctrl-C is answered
# What a worker process must be told before Keras starts; it decides backend and determinism.
PASSED_ON = (
    "KERAS_BACKEND",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_NUM_INTEROP_THREADS",
    "XLA_FLAGS",
    "TF_CPP_MIN_LOG_LEVEL",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A run to be trained.

    Attributes:
        network: its name.
        seed: of the weights, the order of the images and their crops.
        folder: the run's own, at the same path on every node.
    """

    network: str
    seed: int
    folder: Path

    @property
    def label(self) -> str:
        return f"{self.network} seed {self.seed}"


def train_on_ray(
    jobs: Sequence[Job],
    data: Dataset,
    recipe: Recipe,
    *,
    address: str | None,
    finished: Callable[[Job], None],
    diverged: Callable[[Job, str], None],
    **settings: Any,
) -> None:
    """Train every job as a Ray task; return when all are finished or have diverged.

    On a cluster with GPUs each task holds as many as it has devices, else so many cores; Ray runs as many
    at once as there is room for.

    Args:
        jobs: the runs, in the order in which they are started.
        data: what they are trained on; it is sent to each node once.
        recipe: of all of them.
        address: of a running cluster, ``HOST:PORT`` or ``auto``; default: this machine's own cores.
        finished: called with each job that is finished.
        diverged: called with each job whose loss became infinite, and the message.
        settings: of ``train``.

    Raises:
        KerauditError: Ray does not answer or fails, no node has the devices, or a job cannot be trained; what
            is finished stays, the others resume from their checkpoints.
    """
    jobs = [Job(network=job.network, seed=job.seed, folder=job.folder.absolute()) for job in jobs]
    with _cluster(address) as ray:
        resources = _of_a_task(ray, settings.get("devices", 1))
        remote = ray.remote(_trained).options(max_retries=RETRIES, **resources)
        shared = ray.put(data)
        tasks = {remote.remote(job, shared, recipe, settings): job for job in jobs}
        for task, job in _in_order_of_finishing(ray, tasks):
            try:
                message = ray.get(task)
            except ray.exceptions.RayTaskError as error:
                cause = error.cause or error
                raise KerauditError(f"{job.label}: {_in_one_line(cause)}") from None
            except (
                ray.exceptions.WorkerCrashedError,
                ray.exceptions.NodeDiedError,
                ray.exceptions.OutOfMemoryError,
            ) as error:
                raise KerauditError(
                    f"{job.label}: its worker was lost {RETRIES + 1} times"
                    f" ({type(error).__name__}); the same command resumes from its last checkpoint"
                ) from None
            if message:
                diverged(job, message)
            else:
                finished(job)


def _of_a_task(ray: Any, devices: int) -> Mapping[str, int]:
    """What a task holds, as Ray's options.

    Raises:
        KerauditError: no node has as much; Ray would wait for one that has.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    key, unit, option = ("GPU", "GPUs", "num_gpus")
    if not any(node.get(key) for node in nodes):
        key, unit, option = ("CPU", "cores", "num_cpus")
    most = max((int(node.get(key, 0)) for node in nodes), default=0)
    if devices > most:
        raise KerauditError(
            f"a run takes {devices} {unit} (--devices), and no node of the cluster has more than {most}"
        )
    return {option: devices}


def _in_order_of_finishing(ray: Any, tasks: Mapping[Any, Job]) -> Iterator[tuple[Any, Job]]:
    waiting = list(tasks)
    while waiting:
        done, waiting = ray.wait(waiting, timeout=POLL)
        for task in done:
            yield task, tasks[task]


def _trained(job: Job, data: Dataset, recipe: Recipe, settings: Mapping[str, Any]) -> str:
    """In a worker: train one run; the message of one that diverged."""
    import keras

    keras.utils.set_random_seed(0)  # as the command does when it starts
    try:
        train(job.network, data, recipe, seed=job.seed, folder=job.folder, **settings)
    except DivergedError as error:
        return str(error)
    return ""


@contextmanager
def _cluster(address: str | None) -> Iterator[Any]:
    """Ray, connected to a cluster or to workers of its own on this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if address and address != "auto":
        _refuse_silent(address)
    try:
        ray.init(
            address=address or "local",
            runtime_env={"env_vars": {k: os.environ[k] for k in PASSED_ON if k in os.environ}},
            include_dashboard=False if address is None else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        raise KerauditError(f"Ray does not start: {_in_one_line(error)}") from None
    try:
        yield ray
    except ray.exceptions.RayError as error:  # a full disk, a store that is full, a head that died
        raise KerauditError(
            f"Ray fails ({type(error).__name__}): {_in_one_line(error)}; the same command resumes"
        ) from None
    finally:
        ray.shutdown()


def _refuse_silent(address: str) -> None:
    """Refuse an address where nothing listens; Ray itself would wait for minutes.

    Raises:
        KerauditError: it is not HOST:PORT, or does not answer.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise KerauditError(
            f"a Ray address is HOST:PORT, as 'ray start --head' prints it, or auto; received {address!r}"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=WAIT).close()
    except (OSError, OverflowError) as error:
        raise KerauditError(
            f"no Ray cluster answers at {address} ({_in_one_line(error)}): start one with"
            " 'ray start --head', or leave --address out"
        ) from None


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
