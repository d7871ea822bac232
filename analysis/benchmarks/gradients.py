"""What a gradient profile costs beside the bare forward and backward pass it needs.

``make bench``, or ``python analysis/benchmarks/gradients.py [--model ResNet50] [--size 64] [--batch 32] [--runs 5]
[--record FILE]``. Both run eagerly, in processes of their own, turn by turn; medians of the time of one
pass and peak memory.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.processes import machine

ONE = """
import json, resource, sys, time
import numpy as np
import keras
from keras import ops
import keraudit
from keraudit.audits.gradients import losses
from keraudit.audits.gradients.batches import batch_of
from keraudit.audits.gradients.measure import profile
from keraudit.audits.gradients.network import Network
from keraudit.audits.gradients.places import parts, places

what, model, size, batch = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
graph = keraudit.read(model, input_shape=(size, size, 3), batch=batch)
loss = losses.chosen(graph)
logits = losses.with_logits(graph, loss)
batch = batch_of("random", graph, loss, 0)
if what == "profile":
    network = Network(logits, parts(graph, places(graph)))
    step = lambda: profile(network, batch, loss)
else:
    import tensorflow as tf
    net = keraudit.build(logits)
    x, y = ops.convert_to_tensor(batch.inputs[0]), [ops.convert_to_tensor(batch.labels[0])]
    def step():
        with tf.GradientTape() as tape:
            worth = losses.value(loss, [net(x, training=True)], y)
        kernels = [v.value for v in net.trainable_variables if len(v.shape) > 1]
        return [float(tf.norm(g)) for g in tape.gradient(worth, kernels)]
step()
times = []
for _ in range(3):
    start = time.perf_counter()
    step()
    times.append(time.perf_counter() - start)
print(json.dumps([min(times), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--model", default="ResNet50")
    options.add_argument("--size", type=int, default=64)
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--record", type=Path, help="write the medians as JSON")
    chosen = options.parse_args()
    found: dict[str, list[tuple[float, int]]] = {"bare": [], "profile": []}
    for _ in range(chosen.runs):
        for what, made in found.items():
            sizes = (chosen.model, str(chosen.size), str(chosen.batch))
            done = subprocess.run(
                [sys.executable, "-c", ONE, what, *sizes],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "KERAS_BACKEND": "tensorflow"},
            )
            made.append(tuple(json.loads(done.stdout.splitlines()[-1])))
    medians = {
        what: [statistics.median(column) for column in zip(*made, strict=True)]
        for what, made in found.items()
    }
    if chosen.record:
        sizes = f"--model {chosen.model} --size {chosen.size} --batch {chosen.batch}"
        record = {
            "schema": "keraudit.gradient-benchmark/1",
            "command": f"python analysis/benchmarks/gradients.py {sizes} --runs {chosen.runs}",
            "date": time.strftime("%Y-%m-%d"),
            "machine": machine("keraudit", "keras", "tensorflow"),
            "runs": chosen.runs,
            "model": chosen.model,
            "size": chosen.size,
            "batch": chosen.batch,
            **{
                what: {"seconds": seconds, "peak_bytes": int(peak * 1024)}
                for what, (seconds, peak) in medians.items()
            },
        }
        chosen.record.write_text(json.dumps(record, indent=1) + "\n")
    (bare_s, bare_m), (s, m) = medians["bare"], medians["profile"]
    print(
        f"{chosen.model} at {chosen.size}, batch {chosen.batch}, {chosen.runs} paired runs, eager"
    )
    print(f"forward and backward  {bare_s:7.3f} s  {bare_m / 1024:7.0f} MiB")
    print(f"profile               {s:7.3f} s  {m / 1024:7.0f} MiB")
    print(f"ratio                 {s / bare_s:7.2f}    {m / bare_m:7.2f}")


if __name__ == "__main__":
    main()
