"""Edit a graph: carry out a plan of bypasses, dropped inputs and new layers, and infer all shapes anew.

An architecture is a list of calls in running order; each call names the earlier outputs that it reads by
position. A rewrite never edits that list. It states a ``Plan``, and ``applied`` writes a new list from
front to back, with a table of where each old output is found now: a bypassed call's output is the output
it was bypassed with, a merge left with one input is that input, a replaced call's output is the last of
its chain. So rewrites compose, and a plan may name calls in any order. Calls that no output needs any
more are then dropped, and shapes, weights and costs are inferred from the layer table as for a file that
was just read: a rewrite cannot keep a count that is no longer true.

What a file states of an output, such as a shape that no rule can tell, is carried along only where the
call still reads what it read before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeGuard, TypeVar

from keraudit.errors import KerauditError, ModelError, ShapeError
from keraudit.layers.infer import shaped, still_holds
from keraudit.model.fuzzy import suggestion
from keraudit.model.graph import Architecture, Call, Graph, Layer, Node, Ref, Shape, refs_in

NO_ORIGIN: Mapping[str, str] = {}
Statement = TypeVar("Statement")  # what a file states of an output
UNCHANGED = ("left alone", "not reached")


class Change(NamedTuple):
    """One entry of a rewrite's log: what happened to a layer, and why.

    Attributes:
        layer: its name.
        what: ``removed``, ``cut``, ``replaced``, ``changed`` or ``copied``; ``left alone`` (rightly) or
            ``not reached`` (a limit).
        why: in words.
    """

    layer: str
    what: str
    why: str


def _layers_changed(count: int) -> str:
    return f"{count} layer{'' if count == 1 else 's'} changed"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Rewrite:
    """A rewritten network and the log of what changed.

    Attributes:
        graph: the network after the rewrite.
        log: what happened to each layer that is concerned.
        nothing: why nothing changed; empty where something did.
        origin: for each layer that the rewrite made, the layer it was made from.
        notes: this rewrite and those before it, as a report lists them; those of ``keraudit``'s own
            functions alone have it.
    """

    graph: Graph
    log: tuple[Change, ...] = ()
    nothing: str = ""
    origin: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[RewriteNote, ...] = ()

    def __repr__(self) -> str:
        done = self.nothing or _layers_changed(len(self.changes))
        return f"<Rewrite: {done}, {self.graph!r}>"

    @property
    def changes(self) -> tuple[Change, ...]:
        """The entries of the log that changed something."""
        return tuple(change for change in self.log if change.what not in UNCHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do with the calls of an architecture, by index.

    Attributes:
        bypass: calls whose output is taken from an earlier call instead.
        drop: inputs that a call no longer reads; a merge left with one input is bypassed.
        layers: layers that take the place of others, by name.
        chains: calls that are replaced by a chain of new layers.
    """

    bypass: Mapping[int, Ref] = field(default_factory=dict)
    drop: Mapping[int, frozenset[Ref]] = field(default_factory=dict)
    layers: Mapping[str, Layer] = field(default_factory=dict)
    chains: Mapping[int, Sequence[Layer]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RewriteNote:
    """What a rewrite did to the model before it was audited.

    Attributes:
        name: what was done, in words.
        changes: how many layers it changed.
        nothing: why nothing changed; empty where something did.
        log: what happened to each layer that is concerned.
    """

    name: str
    changes: int
    nothing: str = ""
    log: tuple[Change, ...] = ()

    def __repr__(self) -> str:
        return f"<RewriteNote {self.name}: {self.nothing or _layers_changed(self.changes)}>"


def applied(graph: Graph, plan: Plan) -> Graph:
    """Carry out a plan, drop what no output needs any more, and infer all shapes anew.

    Raises:
        ShapeError: a shape no longer fits; the error names the layer.
    """
    old = graph.architecture
    layers = {**old.layers, **plan.layers}
    calls: list[Call] = []
    moved: dict[Ref, Ref] = {}  # where each output of the old calls is found now

    def now(ref: Ref) -> Ref:
        return moved.get(ref) or Ref(moved[Ref(ref.call)].call, ref.output)

    for index, call in enumerate(old.calls):
        if index in plan.bypass:
            moved[Ref(index)] = now(plan.bypass[index])
            continue
        gone = plan.drop.get(index, frozenset())
        args, kwargs = without(call.args, gone), without(call.kwargs, gone)
        left = [*refs_in(args), *refs_in(kwargs)]
        if gone and len(left) == 1:
            moved[Ref(index)] = now(left[0])
            continue
        if index in plan.chains:
            ref = now(call.inputs[0])
            for layer in plan.chains[index]:
                layers[layer.name] = layer
                calls.append(Call(name=layer.name, layer=layer.name, args=(ref,)))
                ref = Ref(len(calls) - 1)
            moved[Ref(index)] = ref
            continue
        moved[Ref(index)] = Ref(len(calls))
        calls.append(replace(call, args=mapped(args, now), kwargs=mapped(kwargs, now)))
    new = replace(
        old,
        layers=layers,
        calls=tuple(calls),
        inputs=tuple(now(ref) for ref in old.inputs),
        outputs=tuple(now(ref) for ref in old.outputs),
    )
    return reshaped(_pruned(new), like=graph)


def reshaped(
    architecture: Architecture, *, like: Graph, origin: Mapping[str, str] = NO_ORIGIN
) -> Graph:
    """The graph of an architecture at the input size and batch of another, by the same rules.

    What the file records of a call's outputs is kept where the call is an old one, or by ``origin``
    the copy of one, and reads the same shapes as that did.

    Raises:
        ShapeError: the rewrite does not fit; the error says so and names the layer.
    """
    shapes = [node.outputs[0].shape[1:] for node in like.input_nodes]
    # `read_shapes`: what each old call read, so that a statement about its output can be told to hold still.
    # `earlier`: nodes of unchanged calls, which need not be measured again where their inputs are the same.
    read_shapes: dict[int, tuple[Shape, ...]] = {}
    places: dict[int, list[int]] = {}
    earlier: dict[int, Node] = {}
    for new, old in _same_calls(architecture, like.architecture, origin):
        read_shapes[new] = tuple(tensor.shape for tensor in like.nodes[old].inputs)
        places.setdefault(old, []).append(new)
        if architecture.calls[new].name == like.nodes[old].name:
            earlier[new] = like.nodes[old]
    recorded = _moved_statements(like.architecture.recorded, places)
    hinted = _moved_statements(like.architecture.hinted, places)
    try:
        done = shaped(
            replace(
                architecture,
                recorded=recorded,
                hinted=hinted,
                dtypes=_moved_statements(like.architecture.dtypes, places),
                stated_params=None,
            ),
            input_shapes=shapes,
            batch=like.batch,
            rules=like.rules,
            recorded_for=read_shapes,
            earlier=earlier,
        )
    except ModelError as error:
        raise ShapeError(f"the rewrite does not fit this model: {error}") from error

    def still_true(stated: Mapping[Ref, Statement]) -> dict[Ref, Statement]:
        return {
            ref: shape
            for ref, shape in stated.items()
            if still_holds(read_shapes, ref.call, done.nodes[ref.call].inputs)
        }

    final = replace(done.architecture, recorded=still_true(recorded), hinted=still_true(hinted))
    return replace(done, architecture=final)


def _moved_statements(
    stated: Mapping[Ref, Statement], places: Mapping[int, Sequence[int]]
) -> dict[Ref, Statement]:
    """What a file states of outputs, at the calls' new places."""
    return {
        Ref(place, ref.output): shape
        for ref, shape in stated.items()
        for place in places.get(ref.call, ())
    }


def _same_calls(
    new: Architecture, old: Architecture, origin: Mapping[str, str]
) -> Iterator[tuple[int, int]]:
    """The calls of the new architecture that are calls of the old one, or copies; indices of both."""
    names = Counter(call.name for call in old.calls)
    place = {call.name: i for i, call in enumerate(old.calls) if names[call.name] == 1}
    for index, call in enumerate(new.calls):
        source = place.get(origin.get(call.name, call.name))
        if source is None:
            continue
        same_layer = new.layers[call.layer] is old.layers[old.calls[source].layer]
        if same_layer or call.name in origin:
            yield index, source


def without(value: Any, gone: frozenset[Ref]) -> Any:
    """A structure less the references in ``gone``."""
    if isinstance(value, Ref):  # itself a tuple
        return value
    if isinstance(value, list | tuple):
        items = [without(item, gone) for item in value if not _dropped(item, gone)]
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, Mapping):
        return {k: without(item, gone) for k, item in value.items() if not _dropped(item, gone)}
    return value


def _dropped(item: Any, gone: frozenset[Ref]) -> bool:
    return isinstance(item, Ref) and item in gone


def mapped(value: Any, change: Callable[[Ref], Ref]) -> Any:
    """A structure with every reference changed."""
    if isinstance(value, Ref):
        return change(value)
    if isinstance(value, list | tuple):
        items = [mapped(item, change) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, Mapping):
        return {key: mapped(item, change) for key, item in value.items()}
    return value


def _pruned(architecture: Architecture) -> Architecture:
    """Only the inputs and the calls that an output needs; layers that nobody calls are dropped."""
    needed = {ref.call for ref in (*architecture.inputs, *architecture.outputs)}
    for index in range(len(architecture.calls) - 1, -1, -1):
        if index in needed:
            needed.update(ref.call for ref in architecture.calls[index].inputs)
    place = {old: new for new, old in enumerate(sorted(needed))}

    def now(ref: Ref) -> Ref:
        return Ref(place[ref.call], ref.output)

    calls = tuple(
        replace(call, args=mapped(call.args, now), kwargs=mapped(call.kwargs, now))
        for index, call in enumerate(architecture.calls)
        if index in needed
    )
    used = {call.layer for call in calls}
    return replace(
        architecture,
        calls=calls,
        layers={name: layer for name, layer in architecture.layers.items() if name in used},
        inputs=tuple(map(now, architecture.inputs)),
        outputs=tuple(map(now, architecture.outputs)),
    )


def of_keras(layer: Layer | Architecture) -> TypeGuard[Layer]:
    """Whether a layer's class is Keras' own: a user's class may mean anything by an option's name."""
    return isinstance(layer, Layer) and bool(layer.module)


def layers_within(layer: Layer | Architecture) -> Iterator[Layer]:
    """Every layer that a wrapper holds, at every depth, the wrapper aside."""
    layers = layer.layers.values() if isinstance(layer, Architecture) else layer.inner
    for inner in layers:
        if isinstance(inner, Layer):
            yield inner
        yield from layers_within(inner)


def configured(layer: Layer, **options: Any) -> Layer:
    """A layer with other options; weights that were read with it are no longer its own."""
    return replace(layer, config={**layer.config, **options}, weights=None)


def users_of(graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The nodes that read each node."""
    users: list[list[int]] = [[] for _ in graph.nodes]
    for index, node in enumerate(graph.nodes):
        for ref in dict.fromkeys(node.sources):
            users[ref.call].append(index)
    return tuple(map(tuple, users))


def is_output(graph: Graph, index: int) -> bool:
    return any(ref.call == index for ref in graph.architecture.outputs)


def kernel_of(node: Node) -> tuple[int, ...]:
    """The kernel of a convolution, a size per axis; empty for any other layer."""
    for term in node.effect.terms:
        sizes = tuple(size for name, size in term.factors if name.startswith("kernel "))
        if sizes:
            return sizes
    return ()


def check_name(graph: Graph, name: str, fits: Callable[[Node], bool], what: str) -> None:
    """Refuse the name of a layer that is not there, or is something else; no name is fine.

    Raises:
        KerauditError: no such layer; near names are listed.
    """
    known = [node.name for node in graph.nodes if fits(node)]
    if name and name not in known:
        raise KerauditError(f"no {what} is called {name!r}: {suggestion(name, known)}")
