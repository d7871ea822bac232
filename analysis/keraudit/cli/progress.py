"""How far a training run is, for people: a live line in a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from keraudit.safe_text import harmless

if TYPE_CHECKING:
    from keraudit.training.callbacks import Tick

LEAST_STEPS, LEAST_SECONDS = 3, 2.0  # after the first step, before a total is predicted


class Progress:
    """Shows epoch, step, loss, accuracy, images a second and the time left.

    After a few steps it says, once, how long the whole run will take, and those that follow it.

    Args:
        label: what runs.
        batch: images of a step.
        following: how much work the runs after this one are, in parts of the whole of this one.
    """

    def __init__(self, label: str, batch: int, *, following: float = 0.0) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self.batch, self.label, self.following = batch, harmless(label), following
        self.console = Console(stderr=True)
        self.bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.bars.add_task(self.label, text="compiling", total=None)
        self.begun: tuple[float, int] | None = None
        # The epoch that is shown: its number, when its first tick was, and after how many steps.
        self.epoch: tuple[int, float, int] = (0, 0.0, 0)
        self.is_predicted = False

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:  # elsewhere rich 13.7 ends with an empty line
            self.bars.stop()

    def show(self, tick: Tick) -> None:
        """Show a tick; images a second are those of its epoch, without what stands between two epochs."""
        import time

        done = (tick.epoch - 1) * tick.steps + tick.step
        now = time.monotonic()
        first, at = self.begun = self.begun or (now, done)
        passed = now - first
        if tick.epoch != self.epoch[0]:
            self.epoch = tick.epoch, now, done
        _, since, start = self.epoch
        images = (done - start) * self.batch
        speed = f", {images / (now - since):,.0f} images/s" if images and now > since else ""
        text = (
            f"epoch {tick.epoch}/{tick.epochs}, step {tick.step}/{tick.steps}, loss {tick.loss:.3f},"
            f" accuracy {tick.accuracy:.1%}{speed}"
        )
        total = tick.epochs * tick.steps
        self.bars.update(self.task, completed=done, total=total, text=text)
        if not self.is_predicted and done - at >= LEAST_STEPS and passed >= LEAST_SECONDS:
            self.is_predicted = True
            step = passed / (done - at)
            left, after = (total - done) * step, total * self.following * step
            line = f"{self.label}: about {_in_words(left)} for {total - done:,} more steps"
            self.say(f"{line}, {_in_words(left + after)} with the runs after it" if after else line)
        if tick.step == tick.steps and not self.console.is_terminal:
            self.say(text)

    def say(self, line: str) -> None:
        """A line of its own, above the live one in a terminal."""
        if self.console.is_terminal:
            self.bars.console.print(f"keraudit: {line}", highlight=False, markup=False)
        else:
            click.echo(f"keraudit: {line}", err=True)


def _in_words(seconds: float) -> str:
    """A duration as people say it.

    >>> _in_words(40), _in_words(1300), _in_words(8000), _in_words(200_000)
    ('40 s', '22 min', '2 h 13 min', '56 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 10 else f"{round(seconds / 3600)} h"
