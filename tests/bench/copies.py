"""``python -m tests.bench.copies``: seconds until masked copies of a clip are heard again, and how often progress is reported meanwhile."""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import numpy as np
import torch

from features import extract
from models.checkpoint import load_model
from models.registry import MODELS
from tests.bench.speed import SAMPLE, repeat_sound
from xai.explanation import Subject
from xai.masking import PatchMasker
from xai.methods.lime import patches_of


def main(arguments: list[str] | None = None) -> int:
    p = argparse.ArgumentParser(prog="python -m tests.bench.copies", description="How long do masked copies of a clip take?")
    p.add_argument("--model", choices=MODELS, default="whisper-tokens")
    p.add_argument("--copies", type=int, default=500)
    p.add_argument("--length", type=float, default=4.0, metavar="SECONDS", help="of the clip, the sample over and over")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    options = p.parse_args(arguments)
    torch.set_num_threads(options.threads)
    model = load_model(options.model)
    features = extract(repeat_sound((SAMPLE / "sample.wav").read_bytes(), options.length), None, model.load_encoders())
    found = [seconds_of(Subject(features, model, model.load_backbone()), options.copies, seed) for seed in range(options.runs + 1)][1:]
    seconds, said = (statistics.median(column) for column in zip(*found, strict=True))
    print(f"{options.model}: {options.copies} copies of {options.length:g} s in {seconds:.2f} s, {said:g} words of progress")
    return 0


def seconds_of(subject: Subject, copies: int, seed: int) -> tuple[float, int]:
    """Seconds for copies without half of their patches, drawn at random, and how often progress was reported."""
    said: list[str] = []
    patches = patches_of(subject)
    kept = np.random.default_rng(seed).random((copies, len(patches))) < 0.5
    start = time.perf_counter()
    PatchMasker(subject, patches, words="Hearing it again…", say=said.append)(kept)
    return time.perf_counter() - start, len(said)


if __name__ == "__main__":
    sys.exit(main())
