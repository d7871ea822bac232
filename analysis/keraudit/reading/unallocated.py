"""Make a model without allocating its weights: neither memory nor the time to draw them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

WAITING = "uninitialized_variables"  # Keras' list of variables whose values are yet to be made


def unallocated(make: Callable[[], Any]) -> Any:
    """What ``make`` returns; its weights are not allocated where nothing in it needs their values.

    Code that compiles, trains or sets values raises without them, and is run again with them: ``make`` may
    be called twice.
    """
    import keras
    from keras.src.backend.common import global_state

    global_state.set_global_attribute(WAITING, [])  # of the last model, none
    try:
        with keras.StatelessScope(initialize_variables=False):
            made = make()
    except Exception:  # noqa: BLE001  # the user's own code may need values in any way
        global_state.set_global_attribute(WAITING, [])
        return make()
    if isinstance(made, keras.Model):
        waiting = [variable for variable in made.variables if variable._value is None]
        for variable in waiting:
            if variable.shape == ():  # a plain number for an initial value is no tensor until then
                variable._deferred_initialize()
        global_state.set_global_attribute(WAITING, [v for v in waiting if v._value is None])
    return made
