"""The limits that the page on security states, from the code that keeps them."""

from __future__ import annotations

from collections.abc import Sequence

from keraudit.cli import budgets
from keraudit.data import cifar_batches, sources
from keraudit.explorer import builds, jobs, upload
from keraudit.explorer import limits as explorer_limits
from keraudit.layers import user_rules
from keraudit.model import shape_text
from keraudit.output import stored
from keraudit.output.csv_markdown import pipe_table
from keraudit.output.numbers import mebibytes
from keraudit.output.table import bare_grid
from keraudit.reading import archive, hdf5, hdf5_copy, imports, laid_flat, serialised

Row = tuple[str, str]


def of_files() -> str:
    """What a model file may come to."""
    return _table(
        [
            ("config, of one file", mebibytes(archive.LARGEST_CONFIG)),
            ("values in it: items of lists, entries of objects", f"{archive.MOST_VALUES:,}"),
            ("one text in it", mebibytes(archive.LONGEST_TEXT)),
            ("a name of a layer, a class or a dtype", f"{serialised.LONGEST_NAME:,} characters"),
            ("axes of a shape", f"{shape_text.MOST_AXES}"),
            ("outputs of one call", f"{serialised.MOST_OUTPUTS:,}"),
            ("models within models", f"{laid_flat.DEEPEST_NEST} deep"),
            ("layers and calls, laid flat", f"{laid_flat.LARGEST_GRAPH:,}"),
            ("references to tensors, laid flat", f"{laid_flat.MOST_REFERENCES:,}"),
            ("characters of all paths, laid flat", f"{laid_flat.MOST_CHARACTERS:,}"),
            ("list of a zip's members", mebibytes(archive.LARGEST_INDEX)),
        ]
    )


def of_children() -> str:
    """What the processes may take that read or run what comes from a file."""
    config, shapes = (hdf5.CPU_SECONDS[what] for what in ("config", "shapes"))
    return _table(
        [
            ("config of an HDF5 file", f"{config} s of processor time"),
            ("shapes of its weights", f"{shapes} s of processor time"),
            ("copy of its weights", f"{hdf5_copy.CPU_SECONDS} s of processor time"),
            ("memory of each of these", f"{mebibytes(hdf5.MEMORY)} on top of the library"),
            ("groups, datasets and links", f"{hdf5.MOST_ENTRIES:,}"),
            ("groups within groups", f"{hdf5.DEEPEST_GROUP} deep"),
            ("`--import`: importing, building, tracing", f"{imports.SECONDS:g} s"),
            ("`--import`: memory", mebibytes(imports.MEMORY)),
        ]
    )


def of_others() -> str:
    """What the other files may come to."""
    return _table(
        [
            ("`--rules` file", f"{user_rules.LARGEST_FILE:,} bytes"),
            ("`pyproject.toml` with settings", f"{budgets.LARGEST_FILE:,} bytes"),
            ("record of a run, plan, evaluation", mebibytes(stored.LARGEST)),
            ("values in it", f"{stored.MOST_VALUES:,}, {stored.DEEPEST} deep"),
            ("batch of CIFAR-10", mebibytes(sources.LARGEST_BATCH)),
            ("steps to unpack it", f"{cifar_batches.MOST_STEPS:,}"),
            ("image of a data set", f"{sources.MOST_PIXELS:,} pixels"),
        ]
    )


def of_explorer() -> str:
    """What visitors of the explorer may have it do."""
    return _table(
        [
            ("file that is sent", f"{upload.LARGEST_FILE_MIB} MiB"),
            ("its config", mebibytes(upload.LARGEST_CONFIG)),
            ("layers and calls in it", f"{upload.MOST_CALLS:,}"),
            ("files kept for a session", f"{upload.MOST_UPLOADS}, with the weights of the last"),
            ("weights kept for all sessions", mebibytes(upload.MOST_WEIGHTS)),
            ("files being sent, of all sessions", mebibytes(upload.MOST_OF_ALL)),
            ("picture", f"{upload.LARGEST_IMAGE_MIB} MiB, {upload.MOST_PIXELS:,} pixels"),
            ("builds at a time", f"{builds.AT_A_TIME}, {builds.MOST_WAITING} waiting"),
            ("one build", f"{builds.SECONDS:g} s"),
            ("one gradient audit or activation map", f"{jobs.LONGEST} s"),
            ("parameters of a network that is run", f"{explorer_limits.MOST_PARAMS:,}"),
            ("MACs of all its passes", f"{explorer_limits.MOST_MACS:,}"),
        ]
    )


def _table(rows: Sequence[Row]) -> str:
    return pipe_table(bare_grid({"what": "markdown", "at most": "text"}, rows))
