"""``python -m tests.bench.costs``: what an analysis with each model costs beside one with the default, for the list of models in the app.

Seconds are those of one processor, so that other work on the machine counts little, and are compared run by run, the default and the
other in turn. Memory is what a process that has analysed with the default needs more at its peak when it analyses with the other model
too. Each model has a process of its own. The figures are written to ``models/costs.json``; ``--model`` measures some only, and keeps
those of the others.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from pathlib import Path

from models.evaluation.costs import COSTS, Cost
from models.provenance import commit, today
from models.registry import DEFAULT, MODELS
from tests.bench.speed import SAMPLE, _peak_mb

_FILM = SAMPLE / "two.mp4"  # 4 seconds of an actor


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write."""
    p = argparse.ArgumentParser(prog="python -m tests.bench.costs", description=__doc__)
    p.add_argument("--model", choices=MODELS, nargs="+", default=list(MODELS))
    p.add_argument("--runs", type=int, default=7)
    p.add_argument("--out", type=Path, default=COSTS)
    options = p.parse_args(arguments)
    found = json.loads(options.out.read_text(encoding="utf-8"))["models"] if options.out.exists() else {}
    for name in options.model:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found[name] = vars(pool.apply(measure, (name, options.runs)))
        cost = found[name]
        print(f"{name:<12} {cost['seconds']:6.2f} s, {cost['times']:5.1f} times the default, {cost['extra_mb']:4d} MB more")
    about = {"clip": f"pages/sample/{_FILM.name}", "runs": options.runs, "commit": commit(), "created": today()}
    kept = {name: found[name] for name in MODELS if name in found}
    options.out.write_text(json.dumps({**about, "models": kept}, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(name: str, runs: int) -> Cost:
    """Medians over ``runs`` pairs of warm analyses, of the default and of a model; memory in MB above that of the default."""
    import torch

    torch.set_num_threads(1)
    film = _FILM.read_bytes()
    for _ in range(2):
        _seconds(film, DEFAULT)
    before = _peak_mb()
    for _ in range(2):
        _seconds(film, name)
    extra = 0.0 if name == DEFAULT else max(0.0, _peak_mb() - before)
    pairs = [(_seconds(film, DEFAULT), _seconds(film, name)) for _ in range(runs)]
    times = 1.0 if name == DEFAULT else statistics.median(own / default for default, own in pairs)
    return Cost(round(statistics.median(own for _, own in pairs), 2), round(times, 2), round(extra))


def _seconds(film: bytes, name: str) -> float:
    from models.checkpoint import load_model
    from xai.analysis import analyse

    start = time.process_time()
    analyse(None, film, model=load_model(name))
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
