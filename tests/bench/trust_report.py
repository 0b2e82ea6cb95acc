"""``python -m tests.bench.trust_report [--data DIR]``: trust scores over several recordings, mean and worst of each.

DIR holds pairs in RAVDESS' names (``01-….mp4`` with ``03-….wav``), in any subfolder; the sample in the repository is always there.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from features import Modality
from models.checkpoint import load_model
from models.registry import DEFAULT, MODELS
from models.threads import serving_threads
from xai.analysis import Analysis, analyse, check
from xai.methods import METHODS
from xai.score import Score, Trust

SAMPLE = Path(__file__).parents[2] / "pages" / "sample"


def pairs(folder: Path | None) -> Iterator[tuple[str, bytes, bytes]]:
    """Name, voice and face of the sample, and of every pair below ``folder``."""
    yield "sample", (SAMPLE / "sample.wav").read_bytes(), (SAMPLE / "sample.mp4").read_bytes()
    for video in sorted(folder.rglob("01-*.mp4")) if folder else []:
        voice = video.with_name(f"03{video.stem[2:]}.wav")
        if voice.exists():
            yield video.stem[3:], voice.read_bytes(), video.read_bytes()


def measure(folder: Path | None, name: str) -> Iterator[tuple[str, Analysis, dict[str, Trust], float]]:
    """Each recording with its analysis, its trust scores, and the seconds that these took."""
    model = load_model(name)
    for recording, voice, face in pairs(folder):
        audio, video = (part if model.judges(m) else None for m, part in ((Modality.AUDIO, voice), (Modality.VIDEO, face)))
        analysis = analyse(audio, video, model=model)
        start = time.perf_counter()
        trust = check(analysis)
        yield recording, analysis, trust, time.perf_counter() - start


def table(found: list[dict[str, Trust]]) -> str:
    """Markdown: for each explanation and score its mean, its worst value, its thresholds and how often it was which colour."""
    lines = ["| explanation | score | mean | worst | green from | red beyond | green / amber / red |", "|---|---|---|---|---|---|---|"]
    for key, method in METHODS.items():
        scores: dict[str, list[Score]] = {}
        for trust in found:
            for score in trust[key].scores if key in trust else ():
                scores.setdefault(score.measure.name, []).append(score)
        lines += [_row(method.title, own) for own in scores.values()]
    return "\n".join(lines)


def _row(title: str, scores: list[Score]) -> str:
    measure, values = scores[0].measure, np.array([score.value for score in scores])
    worst = values.min() if measure.higher_is_better else values.max()
    levels = Counter(str(score.level) for score in scores)
    counts = " / ".join(str(levels[level]) for level in ("green", "amber", "red"))
    name = measure.name.replace("_", " ")
    return f"| {title} | {name} | {values.mean():.3f} | {worst:.3f} | {measure.good:g} | {measure.enough:g} | {counts} |"


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each recording and the table."""
    p = argparse.ArgumentParser(prog="python -m tests.bench.trust_report", description="Trust scores over several recordings.")
    p.add_argument("--data", type=Path, metavar="DIR", help="folder with pairs of RAVDESS")
    p.add_argument("--model", choices=MODELS, default=DEFAULT)
    options = p.parse_args(arguments)
    serving_threads()
    found, seconds = [], []
    for recording, analysis, trust, took in measure(options.data, options.model):
        found.append(trust)
        seconds.append(took)
        levels = ", ".join(f"{METHODS[key].title} {scores.level}" for key, scores in trust.items())
        print(f"{recording}: {analysis.label}; {levels}; {took:.1f} s", flush=True)
    print(
        f"\n{table(found)}\n\n{len(found)} recordings; all scores of one: median {np.median(seconds):.1f} s, longest {max(seconds):.1f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
