"""``python -m tests.bench.badges``: seconds until each explanation is computed and checked, in the order in which the app does it.

By default on the sample; ``--audio`` and ``--video`` take any other pair. The first class is the recognised one; the second is what a
click on another bar costs, when what the checks of both share is known.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import torch

from models.checkpoint import load_model
from models.labels import LABELS
from models.registry import DEFAULT, MODELS
from tests.bench.speed import SAMPLE
from xai.analysis import Analysis, analyse, check_one
from xai.explanation import Contrast
from xai.foreground import in_background
from xai.score import Trust

Seconds = dict[tuple[int, str, str], float]  # (class, method, "computed" or "checked")


def main(arguments: list[str] | None = None) -> int:
    """Print the medians of ``--runs`` passes through the queue, each from nothing, one step a line with the sum so far."""
    p = argparse.ArgumentParser(prog="python -m tests.bench.badges", description=__doc__)
    p.add_argument("--audio", type=Path, default=SAMPLE / "sample.wav")
    p.add_argument("--video", type=Path, default=SAMPLE / "sample.mp4")
    p.add_argument("--model", choices=MODELS, default=DEFAULT)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    options = p.parse_args(arguments)
    torch.set_num_threads(options.threads)
    analysis = analyse(options.audio.read_bytes(), options.video.read_bytes(), model=load_model(options.model))
    _queue(analysis)  # libraries that are imported when first asked for
    found = defaultdict(list)
    for _ in range(options.runs):
        for step, seconds in _queue(analysis).items():
            found[step].append(seconds)
    _print(found)
    return 0


def _queue(analysis: Analysis) -> Seconds:
    """One pass, with a subject that remembers nothing yet."""
    fresh, seconds = replace(analysis, subject=replace(analysis.subject)), {}
    for target in (fresh.predicted, (fresh.predicted + 1) % len(LABELS)):
        trust: dict[str, Trust] = {}
        while key := next((key for key in in_background(fresh, trust) if key not in trust), None):
            start = time.perf_counter()
            fresh = fresh.with_attribution(key)
            computed = time.perf_counter()
            trust[key] = check_one(fresh, key, Contrast(target))
            seconds[target, key, "computed"] = computed - start
            seconds[target, key, "checked"] = time.perf_counter() - computed
    return seconds


def _print(found: dict[tuple[int, str, str], list[float]]) -> None:
    target, total = None, 0.0
    for (own, key, what), values in found.items():
        if own != target:
            target, total = own, 0.0
            print(f"{LABELS[own]}\n{'':<28}{'seconds':>8}{'so far':>8}")
        seconds = statistics.median(values)
        total += seconds
        if seconds >= 0.005:
            print(f"{key + ' ' + what:<28}{seconds:>8.2f}{total:>8.2f}")


if __name__ == "__main__":
    sys.exit(main())
