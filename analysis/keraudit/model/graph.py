"""Frozen records of a network: its layers, the calls between them, and what each call costs.

An ``Architecture`` is what a model file says: layers and calls, no sizes. ``shapes.shaped`` turns it
into a ``Graph`` by giving it an input size; every audit is a function of a ``Graph``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from keraudit.model.bounds import ALL_EXACT, Bounds
from keraudit.safe_text import harmless, is_harmless

if TYPE_CHECKING:
    from fractions import Fraction

Shape = tuple[int, ...]


class Tensor(NamedTuple):
    """The shape (batch first, no unknown sizes) and dtype of an activation."""

    shape: Shape
    dtype: str

    @property
    def elements(self) -> int:
        return prod(self.shape)


class Ref(NamedTuple):
    """One output of an earlier call."""

    call: int
    output: int = 0


class Term(NamedTuple):
    """A count written as a product of named sizes, e.g. ``28 x 28 x 192 x 5 x 5 x 32``.

    ``unit`` is ``"mac"`` (one multiply-accumulate, two FLOPs) or ``"flop"`` (one other operation);
    ``what`` names the operation: ``"convolution"``, ``"bias"``, ``"normalisation"``, ...
    ``operands`` says how many of the two factors of each multiplication are activations: 1 for a
    weight times an activation, 2 for the two products of attention, 0 for a product of two weights;
    training needs it.
    """

    unit: str
    what: str
    factors: tuple[tuple[str, int], ...]
    operands: int = 1

    @property
    def value(self) -> int:
        return prod([size for _, size in self.factors])


class Weight(NamedTuple):
    """One weight tensor of a layer; ``trainable`` is the layer's own say, before freezing.

    ``trainable`` is ``None`` for a weight that was read from a file, which does not say.
    """

    name: str
    shape: Shape
    trainable: bool | None = True
    dtype: str | None = None  # None: the layer's variable dtype

    @property
    def elements(self) -> int:
        return prod(self.shape)


class Window(NamedTuple):
    """Where an output position looks in the input, along one axis.

    Position ``x`` of the output sees ``[stride * x + low, stride * x + high]`` of the input.
    A convolution with kernel k, stride s and p padded at the start is ``(s, -p, k - 1 - p)``;
    the stride is a fraction where the output is larger than the input.
    """

    stride: int | Fraction
    low: int | Fraction
    high: int | Fraction


POINTWISE = "pointwise"  # each position sees the same position of every input
GLOBAL = "global"  # each position may see every position of every input
STATISTICS = (
    "statistics"  # along an axis: each position keeps its place and sees all others besides
)


class Along(NamedTuple):
    """How a call looks along some axes of its inputs; along all others positions keep their place.

    Each axis, counted with the batch, has a window, ``STATISTICS``, or ``GLOBAL`` where places are lost
    (reversed, sorted, repeated). Which of them hold positions, the layout says.
    """

    axes: tuple[tuple[int, Window | str], ...]


def all_along(*axes: int) -> Along:
    """The view of what mixes some axes so that their positions are lost."""
    return Along(tuple((axis, GLOBAL) for axis in axes))


def laid_along(axis: int, sizes: Sequence[int]) -> Along:
    """The view of what lays inputs of these sizes one behind the other along an axis.

    Position x is that of one input, less the sizes of those before it: the window holds every such
    shift, so it is a bound.
    """
    return Along(((axis, Window(1, -sum(sizes[:-1]), 0)),))


def statistics_along(*axes: int) -> Along:
    """The view of what keeps every position and takes something from all along some axes."""
    return Along(tuple((axis, STATISTICS) for axis in axes))


# How a call looks at its inputs: one of the first two words above, one window per spatial axis, or by
# axis.
View = str | tuple[Window, ...] | Along


def windows_of(view: View) -> tuple[Window, ...]:
    """All windows of a view."""
    if isinstance(view, Along):
        return tuple(window for _, window in view.axes if isinstance(window, Window))
    return () if isinstance(view, str) else view


COUNTED, ZERO, UNSUPPORTED = "counted", "zero", "unsupported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one call of a layer does: its output, its operations, its weights and its view.

    ``status`` has three answers only: counted; zero by decision, with its ``reason``; unsupported,
    with its ``reason``. ``spatial_axes`` are the output's axes that hold positions.

    ``guessed``: no rule gives the output shapes; they are the file's, or assumed. ``estimated``: the
    counts themselves rest on an assumed shape, inside a wrapper. ``weights_known`` is false where the layer
    may have weights that are not listed.
    """

    outputs: tuple[Shape, ...]
    terms: tuple[Term, ...] = ()
    weights: tuple[Weight, ...] = ()
    view: View = POINTWISE
    status: str = COUNTED
    reason: str = ""
    dtype: str | None = None  # of the outputs; None: the layer's compute dtype
    guessed: bool = False
    estimated: bool = False
    weights_known: bool = True

    def __post_init__(self) -> None:
        """Rules quote a config's values, and equations name sizes: nothing in them may act."""
        words = [self.reason, self.dtype, *(w.dtype for w in self.weights)]
        words += [w.name for w in self.weights]
        words += [word for t in self.terms for word in (t.what, *(name for name, _ in t.factors))]
        if is_harmless("".join(word for word in words if isinstance(word, str))):
            return
        terms = (
            t._replace(
                what=harmless(t.what),
                factors=tuple((harmless(name), size) for name, size in t.factors),
            )
            for t in self.terms
        )
        weights = (
            w._replace(name=harmless(w.name), dtype=w.dtype and harmless(w.dtype))
            for w in self.weights
        )
        object.__setattr__(self, "reason", harmless(self.reason))
        object.__setattr__(self, "dtype", self.dtype and harmless(self.dtype))
        object.__setattr__(self, "terms", tuple(terms))
        object.__setattr__(self, "weights", tuple(weights))

    @property
    def macs(self) -> int:
        return sum(t.value for t in self.terms if t.unit == "mac")

    @property
    def other_flops(self) -> int:
        return sum(t.value for t in self.terms if t.unit == "flop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer as its model's config describes it; ``inner`` are the layers a wrapper holds.

    ``weights`` are those that the file, or the live layer, holds; ``None`` where they were not read.
    ``unknown`` says why a live layer of the user's own could not be opened; ``counted`` holds what its
    class's own function counted, by the shapes of the inputs.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    module: str = "keras.layers"
    trainable: bool = True
    inner: tuple[Layer | Architecture, ...] = ()
    weights: tuple[Weight, ...] | None = None
    unknown: str = ""
    counted: Mapping[tuple[Shape, ...], Effect] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a layer. ``args`` and ``kwargs`` are as in the file, tensors replaced by ``Ref``.

    ``within`` are the models inside the model that hold it, from the outermost on: each one's name
    and which of its calls this is.
    """

    name: str
    layer: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    within: tuple[tuple[str, int], ...] = ()

    @property
    def inputs(self) -> tuple[Ref, ...]:
        return refs_in(self.args) + refs_in(self.kwargs)


SEQUENCES = (list, tuple)  # ``list | tuple`` is made anew at each use, which shows in large graphs


def refs_in(value: Any) -> tuple[Ref, ...]:
    """Every ``Ref`` in nested lists, tuples and dicts, in order."""
    refs: list[Ref] = []
    _collect(value, refs)
    return tuple(refs)


def _collect(value: Any, refs: list[Ref]) -> None:
    if isinstance(value, Ref):
        refs.append(value)
    elif isinstance(value, SEQUENCES):
        for item in value:
            _collect(item, refs)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, refs)


class Hint(NamedTuple):
    """The shape that the reader of an output was built for. ``sure``: its weights would not fit another."""

    shape: tuple[int | None, ...]
    sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Layers by name and their calls in the order they run; no sizes yet.

    ``dtypes`` holds the dtypes of outputs that the file states, ``stated_params`` the number of
    parameters that the file or the live model holds, where that is known.

    ``packages`` are those that classes in the file come from; none of them was imported.
    ``name`` is the model's own, ``title`` what people call it (``InceptionV3``), if that differs.
    ``input_shapes`` are the recorded ones, ``None`` where a size is left open;
    ``recorded`` holds the output shapes that the file states, to be checked against ours;
    ``hinted`` those that the layers behind them were built for, to go by where nothing else is known.
    ``traced`` says that it holds for its recorded sizes alone: ``call`` may have asked for them.
    ``containers`` are the classes of the models, and of the user's own layers, that hold layers, by path.
    ``left_out`` are the optional arguments of a subclassed model's call that it was counted without.
    """

    name: str
    source: str
    layers: Mapping[str, Layer]
    calls: tuple[Call, ...]
    inputs: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    input_shapes: tuple[tuple[int | None, ...] | None, ...]
    recorded: Mapping[Ref, tuple[int | None, ...]] = field(default_factory=dict)
    hinted: Mapping[Ref, Hint] = field(default_factory=dict)
    dtypes: Mapping[Ref, str] = field(default_factory=dict)
    stated_params: int | None = None
    packages: tuple[str, ...] = ()
    title: str = ""
    traced: bool = False
    containers: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A call with its sizes: the tensors it reads and writes and what it costs.

    ``bounds`` says which of its figures are exact.
    """

    name: str
    layer: Layer
    sources: tuple[Ref, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    effect: Effect
    first_call: bool = True  # a shared layer's weights belong to its first call
    bounds: Bounds = ALL_EXACT

    @property
    def weights(self) -> tuple[Weight, ...]:
        return self.effect.weights if self.first_call else ()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Graph:
    """An architecture at an input size: nodes in the order they run, every shape known.

    Attributes:
        architecture: layers and calls, as the model file has them.
        batch: the batch size of every shape.
        nodes: the calls with their sizes, in running order.
        rules: those for the user's own layer classes, by class name, that the shapes were inferred
            with: a rewrite infers them anew.
    """

    architecture: Architecture
    batch: int
    nodes: tuple[Node, ...]
    rules: Mapping[str, Callable[[Any], Effect]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def __repr__(self) -> str:
        name = self.architecture.title or self.architecture.name
        sizes = ", ".join(str(node.outputs[0].shape[1:]) for node in self.input_nodes)
        return f"<Graph {name}: {len(self.nodes)} calls at {sizes}, batch {self.batch}>"

    @property
    def input_nodes(self) -> tuple[Node, ...]:
        return tuple(self.nodes[ref.call] for ref in self.architecture.inputs)
