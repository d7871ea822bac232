"""What ``--help`` teaches: examples that run, options in groups, exit codes, 80 columns."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from command import process, run
from keraudit.cli.main import group


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and subcommand, by the words that name it."""
    context = click.Context(group, info_name="keraudit")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", one) for inner, one in command.commands.items())


COMMANDS = dict(commands())
ROOT = Path(__file__).parents[2]
SAME = {"integer range": "integer", "directory": "path", "data": "text"}


def examples(page: str) -> list[str]:
    found = re.search(r"\nExamples:\n((?:  \S.*\n)+)", page)
    return [line.strip() for line in found[1].splitlines()] if found else []


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_a_page_opens_with_examples_and_ends_with_exit_codes(name: str) -> None:
    page = run(*name.split(), "--help").out
    assert max(map(len, page.splitlines())) <= 80
    assert len(examples(page)) >= 2
    assert page.index("Examples:") < page.index("Options:")
    assert not name or name == "runs" or "Exit codes:\n  0  success\n" in page
    assert "RANGE" not in page


def parsed(words: list[str]) -> None:
    """Parse a command line as the program does, and run nothing."""
    context = click.Context(group, info_name="keraudit")
    command: click.Command = group
    while isinstance(command, click.Group) and words and words[0] in command.list_commands(context):
        command = command.get_command(context, words[0]) or command
        words = words[1:]
    if not isinstance(command, click.Group):
        command.make_context("keraudit", words)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_the_examples_parse(name: str) -> None:
    for line in examples(run(*name.split(), "--help").out):
        first, *words = shlex.split(line.partition(" > ")[0])
        assert first == "keraudit"
        assert not name or words[: len(name.split())] == name.split() or name == "runs list"
        parsed(words)


def printed() -> Iterator[tuple[str, str]]:
    """The command lines in the README and on the pages, and those that made the records."""
    for page in (ROOT / "README.md", *sorted((ROOT / "site").rglob("*.md"))):
        text = page.read_text("utf-8").replace("\\\n", " ")
        for line in re.findall(r"^\s*\$ (keraudit .+)$", text, re.MULTILINE):
            yield page.name, re.split(r" [>|#] ", f"{line} ")[0]
    for path in sorted((ROOT / "site/results").rglob("*.json")):
        record = json.loads(path.read_text("utf-8"))
        command = record.get("command", "") if isinstance(record, dict) else ""
        if command.startswith("keraudit "):
            yield path.name, command.replace(" SEED ", " 0 ")


def test_what_the_pages_and_records_print_parses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("runs", "site/results"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    lines = list(printed())
    assert len(lines) > 100
    for place, line in lines:
        try:
            parsed(shlex.split(line)[1:])
        except click.ClickException as error:
            raise AssertionError(f"{place}: {line}: {error.format_message()}") from None


@pytest.mark.parametrize("name", ["flops", "compare", "reductions", "structure", "models", "help"])
def test_the_first_two_examples_run(name: str, tmp_path: object) -> None:
    for line in examples(run(name, "--help").out)[:2]:
        done = run(*shlex.split(line)[1:])
        assert (done.code, done.out != "") == (0, True), done.err


def test_one_flag_means_one_thing() -> None:
    """A flag takes the same type of value in every command that has it."""
    kinds: dict[str, set[str]] = {}
    for command in COMMANDS.values():
        for option in command.params:
            if isinstance(option, click.Option):
                kind = SAME.get(option.type.name, option.type.name)
                kinds.setdefault(option.opts[0], set()).add(kind)
    differ = {flag: found for flag, found in kinds.items() if len(found) > 1}
    assert set(differ) == {"--require"}, differ  # counters in one, claims in the other
    assert kinds["--seeds"] == {"numbers"}
    for gone in ("--budget", "--run", "--list"):
        assert gone not in kinds


def test_every_option_is_explained() -> None:
    for name, command in COMMANDS.items():
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, (name, option.opts)


def completed(*words: str) -> list[str]:
    *args, incomplete = words
    shell = ShellComplete(group, {}, "keraudit", "_KERAUDIT_COMPLETE")
    return [item.value for item in shell.get_completions(args, incomplete)]


@pytest.mark.parametrize(
    ("words", "among"),
    [
        (("",), "flops"),
        (("flops", "resnet"), "ResNet50"),
        (("flops", "X", "--format", ""), "github"),
        (("flops", "X", "--activation", "re"), "relu"),
        (("structure", "X", "--require", "RES01,RES0"), "RES01,RES02"),
        (("gradients", "X", "--against", "without-skips+g"), "without-skips+glorot"),
        (("gradients", "X", "--fail-on", "van"), "vanishing"),
        (("train", "Res"), "ResNet-CIFAR-20"),
        (("train", "X", "--recipe", ""), "modern"),
        (("experiment", ""), "degradation"),
        (("help", "fl"), "flops"),
        (("runs", ""), "compare"),
        (("completion", ""), "fish"),
        (("flops", "X", "--sort", "m"), "memory"),
    ],
)
def test_every_choice_completes(words: tuple[str, ...], among: str) -> None:
    assert among in completed(*words)


@pytest.mark.parametrize(
    "words",
    [
        ("flops", "mod"),
        ("flops", "X", "--rules", ""),
        ("flops", "X", "--output", "re"),
        ("flops", "X", "--baseline", ""),
        ("gradients", "X", "--data", "im"),
        ("train", "X", "--data", ""),
        ("faces", "--data", "orl"),
    ],
)
def test_files_complete_where_a_file_may_stand(words: tuple[str, ...]) -> None:
    *args, incomplete = words
    shell = ShellComplete(group, {}, "keraudit", "_KERAUDIT_COMPLETE")
    kinds = {item.type for item in shell.get_completions(args, incomplete)}
    assert kinds & {"file", "dir"}


def test_the_protocol_of_bash() -> None:
    words = {"COMP_WORDS": "keraudit flops ResNet5", "COMP_CWORD": "2"}
    done = process(_KERAUDIT_COMPLETE="bash_complete", **words)
    assert done.out.split() == ["plain,ResNet50", "plain,ResNet50V2", "file,ResNet5"]


def test_help_and_version() -> None:
    assert run("help", "flops").out == run("flops", "--help").out
    assert run("help", "runs", "compare").out == run("runs", "compare", "--help").out
    assert run("help").out == run("--help").out
    assert run("-V").out == run("--version").out
    verbose = run("--version", "--verbose").out
    for name in ("keraudit", "Python", "keras", "tensorflow", "jax", "torch", "backend", "cache"):
        assert re.search(rf"^{name} +\S", verbose, re.MULTILINE)
