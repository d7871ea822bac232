"""What a training run says of itself where nobody looks at a terminal."""

from __future__ import annotations

import pytest

from keraudit.cli.progress import Progress
from keraudit.training.callbacks import Tick

pytest.importorskip("rich")


@pytest.mark.parametrize(
    ("steps", "following", "told"),
    [
        (10, 0, "it: about 46 s for 46 more steps"),
        (10, 0.5, "it: about 46 s for 46 more steps, 71 s with the runs after it"),
        (4, 0, "it: about 16 s for 16 more steps"),  # at the end of an epoch
    ],
)
def test_how_long_it_takes_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    steps: int,
    following: float,
    told: str,
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with Progress("it", 128, following=following) as shown:
        for step in range(1, steps + 1):
            now = float(step)
            shown.show(Tick(epoch=1, epochs=5, step=step, steps=steps, loss=1.0, accuracy=0.5))
    first, last = capsys.readouterr().err.splitlines()
    assert first == f"keraudit: {told}"
    assert last.startswith(f"keraudit: epoch 1/5, step {steps}/{steps}, loss 1.000, accuracy 50.0%")
