"""``python -m tests.bench.unlike --data RAVDESS``: how sure the models are of what is unlike their training, before and after softening.

Altered voices have a label. Give ``--checkpoints``, a folder of models that ``python -m models.train --without ACTORS`` made, and the same
``--without``; else the models know these voices, and *right* says nothing. A wheel of ``espeakng-loader`` adds synthetic speech.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from features import Features, Modality
from features.voice_activity import NO_SPEECH, speech_probability
from models.checkpoint import load_model
from models.data.ravdess import Take, find_takes
from models.evaluation.familiarity import softening
from models.evaluation.metrics import softmax
from models.labels import label_index
from models.model import EmotionModel
from tests.bench import unlike_sounds
from xai.quality.typicality import voice_ratio

Sounds = dict[str, list[tuple[np.ndarray, int | None]]]


def main(arguments: list[str] | None = None) -> int:
    p = argparse.ArgumentParser(prog="python -m tests.bench.unlike", description="How sure is a model of what it does not know?")
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with RAVDESS, voices at 22,050 Hz")
    p.add_argument("--model", nargs="+", default=["fused", "whisper-tokens"])
    p.add_argument("--checkpoints", type=Path, help="folder of models that did not learn from the actors of --without")
    p.add_argument("--without", type=int, nargs="+", default=list(range(1, 25)), metavar="ACTOR", help="whose voices are altered")
    p.add_argument("--clips", type=int, default=40, help="of each kind")
    options = p.parse_args(arguments)
    sounds = collect([t for t in find_takes(options.data) if t.kind == "voice" and t.actor in options.without], options.clips)
    models = [loaded(name, options.checkpoints) for name in options.model]
    _speech(sounds)
    print("| heard | clips | distance | " + " | ".join(f"{m.spec.title}: sure before, now | right" for m in models) + " |")
    print("|---|---|---|" + "---|---|" * len(models))
    for kind, found in sounds.items():
        ratios, cells = [], []
        for model in models:
            ratios, cell = _measure(model, found)
            cells.append(cell)
        print(
            f"| {kind} | {len(found)} | {np.median(ratios):.2f} ({np.mean(np.array(ratios) > 1):.0%} above 1) | {' | '.join(cells)} |",
            flush=True,
        )
    return 0


def _speech(sounds: Sounds) -> None:
    """How many sounds of each kind the detector takes for speech."""
    for kind, found in sounds.items():
        likely = [speech_probability(samples) for samples, _ in found]
        print(
            f"{kind}: speech in {np.mean(np.array(likely) >= NO_SPEECH):.0%}; {min(likely):.2f} to {max(likely):.2f} likely",
            file=sys.stderr,
        )


def loaded(name: str, folder: Path | None) -> EmotionModel:
    """A checkpoint that was trained without scores has no temperature of its own: that of the one that ships."""
    shipped = load_model(name)
    if folder is None:
        return shipped
    return replace(load_model(str(folder / f"{name}.safetensors")), temperature=shipped.temperature, alone=shipped.alone)


def collect(takes: list[Take], count: int, seed: int = 0) -> Sounds:
    """By kind: float32 samples at 22,050 Hz and the number of the emotion, None where there is none."""
    rng, found = np.random.default_rng(seed), defaultdict(list)
    for k in rng.permutation(len(takes))[:count]:
        samples, _ = soundfile.read(takes[k].path, dtype="float32")
        label = label_index(takes[k].label)
        found["as it is"].append((samples, label))
        for kind, other in unlike_sounds.altered(samples, rng):
            found[kind].append((np.clip(other, -1, 1).astype(np.float32), label))
    for _ in range(count):
        for kind, other in unlike_sounds.made(rng):
            found[kind].append((unlike_sounds.levelled(other), None))
    try:
        for kind, other in unlike_sounds.spoken(count, rng):
            found[kind].append((unlike_sounds.levelled(other), None))
    except ModuleNotFoundError as missing:
        print(f"no synthetic speech: {missing}", file=sys.stderr)
    return found


def _measure(model: EmotionModel, sounds: list[tuple[np.ndarray, int | None]]) -> tuple[list[float], str]:
    encode, rows, ratios = model.load_encoders()[Modality.AUDIO], [], []
    for samples, label in sounds:
        audio = encode(samples)
        ratio = voice_ratio(audio)
        logits = model.predict(Features({Modality.AUDIO: audio}))
        before, now = (softmax(x[None])[0] for x in (logits, logits / softening(ratio)))
        rows.append((before.max(), now.max(), np.nan if label is None else float(before.argmax() == label)))
        ratios.append(ratio)
    before, now, right = np.mean(rows, axis=0)
    return ratios, f"{before:.0%}, {now:.0%} | " + ("—" if np.isnan(right) else f"{right:.0%}")


if __name__ == "__main__":
    sys.exit(main())
