"""Several devices for one run: the images of a batch are shared out, every device has the weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from keraudit.errors import KerauditError


@contextmanager
def spread_over(count: int, batch: int) -> Iterator[None]:
    """Inside it, models are built and run on ``count`` devices by ``keras.distribution``.

    Raises:
        KerauditError: Keras' backend cannot, there are fewer, or the batch cannot be shared out.
    """
    import keras

    if count == 1:
        yield
        return
    if count < 1:
        raise KerauditError(f"devices must be 1 or more, received {count}")
    if keras.backend.backend() != "jax":
        raise KerauditError(
            f"keras.distribution shares a batch over devices with JAX alone, not with"
            f" {keras.backend.backend()}: --backend jax"
        )
    found = keras.distribution.list_devices()
    if len(found) < count:
        raise KerauditError(f"{count} devices were asked for; JAX sees {len(found)}")
    if batch % count:
        raise KerauditError(f"a batch of {batch} cannot be shared out over {count} devices evenly")
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=found[:count]))
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)
