"""CIFAR-10's pickled batches, read by rules of our own: nothing that a file names is looked up or called.

``pickle`` builds whatever objects a file asks for, and a filter of names is not enough: numpy's own
constructors take dtypes of pointers, and hashing a tuple nested deep enough ends the process. Here each
opcode that a batch needs makes plain data, and each call in it a record of what is asked for. The few
records that a batch has (numpy 1 and 2, pickle protocols 0 to 5, Python 2 and 3) are then checked, and
the arrays are made from their bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from textwrap import shorten
from typing import Any, NoReturn

from keraudit.data.dataset import DataError

IMAGE = 3 * 32 * 32  # bytes: three planes of 32 x 32
LARGEST_LABEL = 2**31
LONGEST_KEY = 100  # characters
MOST_STEPS = 2**20  # opcodes; a batch of 10,000 images has about 50,000
# The names that a batch may call, and what each does; numpy 1 and 2 differ in the underscore.
NAMES: Mapping[str, str] = {
    "numpy.core.multiarray _reconstruct": "array",
    "numpy._core.multiarray _reconstruct": "array",
    "numpy.core.numeric _frombuffer": "buffer",
    "numpy._core.numeric _frombuffer": "buffer",
    "numpy ndarray": "ndarray",
    "numpy dtype": "dtype",
    "_codecs encode": "bytes",
}
TOO_LONG = f"it takes more than {MOST_STEPS:,} steps"
CALLED = ("array", "buffer", "dtype", "bytes")
# Whole numbers alone: no dtype of objects, fields, text, or times.
DTYPES = frozenset({"u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"})


class RefusedError(ValueError):
    """What no batch holds."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a name of ``NAMES`` stands for."""

    does: str


@dataclass(slots=True)
class Constructed:
    """What a file asks to have made: by which name, from what, and with what state."""

    does: str
    arguments: tuple[Any, ...]
    state: Any = None


def images_and_labels(data: bytes, where: str) -> tuple[Any, Any]:
    """The images (count, 32, 32, 3) as bytes and the labels (count,) of one batch.

    Args:
        data: the file's bytes.
        where: its name, for what is said of it.

    Raises:
        DataError: it is damaged, is no batch, or asks for anything that a batch does not need.
    """
    import numpy as np

    try:
        batch = Machine().run(data)
        if not isinstance(batch, dict):
            _refuse("it holds no dictionary")
        missing = [key for key in ("data", "labels") if key not in batch]
        if missing:
            _refuse(f"it has no {missing[0]}")
        pixels = array(batch["data"])
        if pixels.dtype != np.uint8 or pixels.size % IMAGE:
            _refuse("its data are no images of 3 x 32 x 32 bytes")
        labels = batch["labels"]
        if not isinstance(labels, list):
            labels = array(labels)
        elif not all(type(label) is int and 0 <= label < LARGEST_LABEL for label in labels):
            _refuse("its labels are no whole numbers")
        labels = np.asarray(labels, "int64").reshape(-1)
    except (IndexError, KeyError):
        why = "it takes what is not there"
    except (ValueError, OverflowError, MemoryError) as error:
        why = shorten(str(error), 100, placeholder=" ...") or type(error).__name__
    else:
        return pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels
    raise DataError(
        f"{where} is damaged or no batch of CIFAR-10 ({why}): take it from cifar-10-python.tar.gz anew"
    )


def _refuse(why: str) -> NoReturn:
    raise RefusedError(why)


def array(made: Any) -> Any:
    """The array that a record asks for, made from its bytes."""
    import numpy as np

    shape, kind, order, data = _described(made)
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        _refuse("an array's shape is not a list of sizes")
    dtype = np.dtype(_dtype_text(kind))
    if not isinstance(data, bytes) or len(shape) > 4 or prod(shape) * dtype.itemsize != len(data):
        _refuse("an array's bytes do not fill its shape")
    return np.frombuffer(data, dtype).reshape(shape, order=order).copy()


def _described(made: Any) -> tuple[Any, Any, Any, Any]:
    """Shape, dtype, order of the axes and bytes, by either of numpy's two ways to write them."""
    state = made.state if isinstance(made, Constructed) and made.does == "array" else None
    if isinstance(state, tuple) and len(state) == 5:
        _, shape, kind, is_columns, data = state
        return shape, kind, "F" if is_columns is True else "C", _as_bytes(data)
    if isinstance(made, Constructed) and made.does == "buffer" and len(made.arguments) in (4, 5):
        data, kind, shape, order, *axes = made.arguments
        if order in ("C", "F") and axes in ([], [None]):
            return shape, kind, order, _as_bytes(data)
    _refuse("it holds no array where one belongs")


def _dtype_text(made: Any) -> str:
    """A dtype of whole numbers, such as ``<i8``, out of a record and its state.

    The state is (3, byte order, subarray, names, fields, item size, alignment, flags).
    """
    kind = made.arguments[0] if isinstance(made, Constructed) and made.does == "dtype" else None
    if isinstance(kind, bytes):
        kind = kind.decode("latin-1")
    if not isinstance(kind, str) or kind not in DTYPES:
        _refuse("an array's dtype is none of whole numbers")
    state = made.state
    order = state[1] if isinstance(state, tuple) and len(state) == 8 else None
    if isinstance(order, bytes):
        order = order.decode("latin-1")
    if order not in ("|", "<", ">", "=") or state[2:] != (None, None, None, -1, -1, 0):  # no fields
        _refuse("an array's dtype is none of plain numbers")
    return f"{order}{kind}"


def _as_bytes(value: Any, most: int | None = None) -> Any:
    """The bytes that Python 3 wraps into a call of ``_codecs.encode``; anything else as it is.

    It is called of what is needed alone: a file could ask for the same long text a million times.
    """
    if not (isinstance(value, Constructed) and value.does == "bytes"):
        return value
    text, *rest = value.arguments
    if not isinstance(text, str) or rest not in (["latin1"], [b"latin1"]):
        _refuse("bytes are made of what is not text")
    return text[:most].encode("latin-1")


def _key_of(value: Any) -> str:
    """The name of an entry: short text, or bytes."""
    key = _as_bytes(value, LONGEST_KEY + 1)
    if isinstance(key, bytes):
        key = key[: LONGEST_KEY + 1].decode("latin-1")
    if not isinstance(key, str) or len(key) > LONGEST_KEY:
        _refuse("an entry has no short name")
    return str(key)


class Machine:
    """A stack machine for the opcodes that batches are written in, of pickle protocols 0 to 5."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, data: bytes) -> Any:
        """What is left on the stack at the end."""
        import pickletools

        for number, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if opcode.name == "STOP":
                return self.stack.pop()
            step = STEPS.get(opcode.name)
            if step is None or number > MOST_STEPS:
                _refuse(
                    f"it uses {opcode.name}, which no batch needs" if step is None else TOO_LONG
                )
            step(self, argument)
        return _refuse("it has no end")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def marked(self) -> list[Any]:
        """Take off the stack what was put there since the last mark."""
        at = self.marks.pop()
        found = self.stack[at:]
        del self.stack[at:]
        return found

    def put(self, at: int) -> None:
        self.memo[at] = self.stack[-1]

    def add(self, items: list[Any]) -> None:
        top = self.stack[-1]
        if not isinstance(top, list):
            _refuse("it appends to what is not a list")
        top.extend(items)

    def enter(self, items: list[Any]) -> None:
        top = self.stack[-1]
        if not isinstance(top, dict):
            _refuse("it enters into what is not a dictionary")
        top.update((_key_of(k), v) for k, v in zip(items[::2], items[1::2], strict=True))

    def fill(self, items: list[Any]) -> None:
        self.push({})
        self.enter(items)

    def join(self, count: int) -> None:
        """A tuple of the last entries."""
        if count > len(self.stack):
            _refuse("its stack is empty")
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.push(items)

    def name(self, text: str) -> None:
        """A name is compared with those that batches have, and looked up nowhere."""
        if text not in NAMES:
            _refuse(f"it would run {text.replace(' ', '.')}")
        self.push(Name(NAMES[text]))

    def name_on_stack(self, _: Any) -> None:
        module, name = self.stack.pop(-2), self.stack.pop()
        if not isinstance(module, str) or not isinstance(name, str):
            _refuse("a name is not text")
        self.name(f"{module} {name}")

    def call(self, _: Any) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        if not isinstance(called, Name) or called.does not in CALLED:
            _refuse("it calls what is not a function")
        if not isinstance(arguments, tuple) or not arguments:
            _refuse("a call has no arguments")
        self.push(Constructed(called.does, arguments))

    def build(self, _: Any) -> None:
        state, made = self.stack.pop(), self.stack[-1]
        if not isinstance(made, Constructed) or made.does not in ("array", "dtype"):
            _refuse("it gives a state to what has none")
        if made.state is not None:
            _refuse("it gives a state twice")
        made.state = state


def _old_text(machine: Machine, value: Any) -> None:
    """Python 2's strings are bytes."""
    machine.push(value.encode("latin-1"))


Step = Callable[[Machine, Any], None]
NUMBERS = ("INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1")
TEXTS = ("UNICODE", "BINUNICODE", "SHORT_BINUNICODE")
BYTES = ("SHORT_BINBYTES", "BINBYTES", "BINBYTES8")
STEPS: Mapping[str, Step] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda machine, _: None),
    **dict.fromkeys((*NUMBERS, *TEXTS, *BYTES), Machine.push),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), _old_text),
    "BYTEARRAY8": lambda machine, value: machine.push(bytes(value)),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "MARK": Machine.mark,
    "LIST": lambda machine, _: machine.push(machine.marked()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.marked())),
    "DICT": lambda machine, _: machine.fill(machine.marked()),
    "TUPLE1": lambda machine, _: machine.join(1),
    "TUPLE2": lambda machine, _: machine.join(2),
    "TUPLE3": lambda machine, _: machine.join(3),
    "APPEND": lambda machine, _: machine.add([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.add(machine.marked()),
    "SETITEM": lambda machine, _: machine.enter([machine.stack.pop(-2), machine.stack.pop()]),
    "SETITEMS": lambda machine, _: machine.enter(machine.marked()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), Machine.put),
    "MEMOIZE": lambda machine, _: machine.put(len(machine.memo)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda m, at: m.push(m.memo[at])),
    "GLOBAL": Machine.name,
    "STACK_GLOBAL": Machine.name_on_stack,
    "REDUCE": Machine.call,
    "BUILD": Machine.build,
}
