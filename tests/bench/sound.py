"""``python -m tests.bench.sound --data RAVDESS --model NAME``: does the evidence in the sound hold? Every method on voices, as a table.

RAVDESS is any folder with its files; voices are taken evenly from all that are there, so that every actor and emotion has its turn. Each
method is asked about the class that the model recognises, and held to its faithfulness: deletion and insertion of patches.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from features import extract
from models.checkpoint import load_model
from models.data.ravdess import find_takes
from models.registry import DEFAULT, MODELS
from xai.explanation import Contrast, Panel, Settings, Subject
from xai.methods import methods_of
from xai.metrics.faithfulness import check_faithfulness
from xai.score import Level


def measured(folder: Path, name: str, count: int) -> dict[str, list[tuple[float, Level | None, float]]]:
    """By method: the lead over random orders, its level and the seconds that the explanation took, of each voice."""
    takes = [take for take in find_takes(folder) if take.kind == "voice"]
    model = load_model(name)
    encoders, found = model.load_encoders(), {}
    for take in [takes[k] for k in np.linspace(0, len(takes) - 1, min(count, len(takes))).round().astype(int)]:
        features = extract(take.path.read_bytes(), None, encoders)
        subject = Subject(features, model, model.load_backbone(), Settings())
        contrast = Contrast(int(model.predict(features).argmax()))
        for key, method in methods_of(subject, Panel.HEARD).items():
            start = time.perf_counter()
            attribution = method.explain(subject)
            seconds = time.perf_counter() - start
            score = check_faithfulness(subject, attribution, contrast)
            found.setdefault(key, []).append((score.value, score.level, seconds))
        print(f"{take.path.stem}: {', '.join(f'{key} {rows[-1][0]:+.2f}' for key, rows in found.items())}", file=sys.stderr, flush=True)
    return found


def main(arguments: list[str] | None = None) -> int:
    p = argparse.ArgumentParser(prog="python -m tests.bench.sound", description="Does the evidence in the sound hold?")
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with RAVDESS")
    p.add_argument("--model", choices=MODELS, default=DEFAULT)
    p.add_argument("--clips", type=int, default=24)
    options = p.parse_args(arguments)
    print("| of the sound | lead over random orders, mean | green | red | seconds, median |", "|---|---|---|---|---|", sep="\n")
    for key, rows in measured(options.data, options.model, options.clips).items():
        leads, levels, seconds = zip(*rows, strict=True)
        green, red = (sum(level is wanted for level in levels) for wanted in (Level.GREEN, Level.RED))
        print(f"| `{key}` | {np.mean(leads):+.3f} | {green} of {len(rows)} | {red} | {np.median(seconds):.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
