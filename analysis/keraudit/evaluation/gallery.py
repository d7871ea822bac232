"""Which images say most about one or two trained networks, and what each network makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keraudit.errors import KerauditError
from keraudit.evaluation.grad_cam import FeatureCut, feature_cut
from keraudit.evaluation.load import LoadedRun
from keraudit.evaluation.metrics import entropy
from keraudit.output.plain_data import as_dict

SCHEMA = "keraudit.gallery/1"
NEIGHBOURS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one network makes of an image; ``heat`` is its Grad-CAM for the class it names."""

    PLAIN = ("network", "named", "confidence", "of_label", "entropy")  # the heat is a picture

    network: str
    named: int
    confidence: float
    of_label: float
    entropy: float
    heat: Any = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A training image by its place, its label, and the cosine of its features and the image's."""

    image: int
    label: int
    cosine: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A test image by its place, and the looks of all networks at it."""

    image: int
    label: int
    looks: tuple[Look, ...]
    neighbours: Mapping[str, tuple[Neighbour, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Pictures that were chosen by one rule."""

    title: str
    rule: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """Sections on one or two networks. It names images by their place and holds none."""

    networks: tuple[str, ...]
    places: Mapping[str, str]
    accuracy: Mapping[str, float]
    dataset: Mapping[str, Any]
    searched: int
    sections: tuple[Section, ...]
    command: str = ""
    schema: str = field(default=SCHEMA)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain data, without the heat."""
        return as_dict(self)


def confident_mistakes(probabilities: Any, labels: Any, count: int) -> list[int]:
    """Wrong images, the most confident first."""
    wrong = probabilities.argmax(axis=1) != labels
    return _first_where(wrong, probabilities.max(axis=1), count)


def most_uncertain(probabilities: Any, count: int) -> list[int]:
    """Images by the entropy of their probabilities, the highest first."""
    values = entropy(probabilities)
    return _first_where(values >= 0, values, count)


def disagreements(a: Any, b: Any, count: int) -> list[int]:
    """Images that two networks name differently, by the smaller of the two confidences."""
    import numpy as np

    differ = a.argmax(axis=1) != b.argmax(axis=1)
    return _first_where(differ, np.minimum(a.max(axis=1), b.max(axis=1)), count)


def _first_where(chosen: Any, values: Any, count: int) -> list[int]:
    """The places that are chosen, by their value from the highest; equal ones by place."""
    import numpy as np

    order = np.argsort(-values, kind="stable")
    return [int(i) for i in order[chosen[order]][:count]]


def nearest(queries: Any, features: Any, labels: Any, count: int = NEIGHBOURS) -> Any:
    """The rows of ``features`` with the highest cosine to each query."""
    import numpy as np

    def unit(rows: Any) -> Any:
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)

    cosines = unit(queries) @ unit(features).T
    for row in cosines:
        places = np.argsort(-row, kind="stable")[:count]
        yield tuple(
            Neighbour(image=int(i), label=int(labels[i]), cosine=float(row[i])) for i in places
        )


def gallery(
    networks: Sequence[LoadedRun], *, each: int = 8, searched: int = 5000, command: str = ""
) -> Gallery:
    """Choose test images and look at them with each network.

    Args:
        networks: one or two, of the same test images.
        each: images a section.
        searched: how many training images, from the first, the nearest neighbours are sought among.
        command: for the record.

    Raises:
        KerauditError: more than two networks, or networks of different test images.
    """
    import numpy as np

    if not 1 <= len(networks) <= 2:
        raise KerauditError(f"a gallery shows one or two networks, received {len(networks)}")
    first = networks[0].data
    if any(n.data.fingerprint != first.fingerprint for n in networks):
        raise KerauditError("the two networks were trained or tested on different images")
    names = named(networks)
    test = first.test
    predictions = [n.probabilities(test.images) for n in networks]
    chosen = rules(names, predictions, test.labels, each)
    drawn = sorted({i for _, _, places in chosen for i in places})
    within = {name: feature_cut(n.body) for name, n in zip(names, networks, strict=True)}
    if drawn:
        images = test.images[np.array(drawn)]
        looks = [
            look(name, n, within[name], images, p[np.array(drawn)], test.labels[np.array(drawn)])
            for name, n, p in zip(names, networks, predictions, strict=True)
        ]
        near = _neighbours(networks, within, images, searched)
    pictures = {
        i: Picture(
            image=i,
            label=int(test.labels[i]),
            looks=tuple(of_network[place] for of_network in looks),
            neighbours={name: rows[place] for name, rows in near.items()},
        )
        for place, i in enumerate(drawn)
    }
    return Gallery(
        networks=names,
        places={name: part.place for name, part in within.items()},
        accuracy={
            name: float((p.argmax(axis=1) == test.labels).mean())
            for name, p in zip(names, predictions, strict=True)
        },
        dataset=first.describe(),
        searched=min(searched, len(first.train)),
        sections=tuple(
            Section(title=title, rule=rule, pictures=tuple(pictures[i] for i in places))
            for title, rule, places in chosen
        ),
        command=command,
    )


def named(networks: Sequence[LoadedRun]) -> tuple[str, ...]:
    """The networks' names, with what tells them apart."""
    names = [n.run.network for n in networks]
    if len(set(names)) < len(names):
        names = [f"{n.run.network} seed {n.run.seed}" for n in networks]
    if len(set(names)) < len(names):
        names = [f"{name} ({i})" for i, name in enumerate(names, 1)]
    return tuple(names)


def rules(
    names: Sequence[str], predictions: Sequence[Any], labels: Any, each: int
) -> list[tuple[str, str, list[int]]]:
    """Title, rule and places of each section."""
    chosen = [
        (
            f"{name}: most confident mistakes",
            "Wrong images, by the probability of the class that was named",
            confident_mistakes(p, labels, each),
        )
        for name, p in zip(names, predictions, strict=True)
    ]
    if len(predictions) == 2:
        chosen.append(
            (
                "Where the two disagree",
                "Images named differently, by the smaller of the two confidences",
                disagreements(predictions[0], predictions[1], each),
            )
        )
    chosen += [
        (
            f"{name}: most uncertain",
            "By the entropy of the probabilities",
            most_uncertain(p, each),
        )
        for name, p in zip(names, predictions, strict=True)
    ]
    return chosen


def look(
    name: str, network: LoadedRun, within: FeatureCut, images: Any, probabilities: Any, labels: Any
) -> list[Look]:
    """A network's looks at images."""
    classes = probabilities.argmax(axis=1)
    heat = within.grad_cam(network.normalized(images), classes)
    unsure = entropy(probabilities)
    return [
        Look(
            network=name,
            named=int(classes[i]),
            confidence=float(probabilities[i].max()),
            of_label=float(probabilities[i, labels[i]]),
            entropy=float(unsure[i]),
            heat=heat[i],
        )
        for i in range(len(images))
    ]


def _neighbours(
    networks: Sequence[LoadedRun], within: Mapping[str, FeatureCut], images: Any, searched: int
) -> dict[str, list[tuple[Neighbour, ...]]]:
    """For each network and image its nearest training images in feature space."""
    result = {}
    for (name, part), network in zip(within.items(), networks, strict=True):
        train = network.data.train.first(searched)
        features = part.features(network.normalized(train.images))
        queries = part.features(network.normalized(images))
        result[name] = list(nearest(queries, features, train.labels))
    return result
