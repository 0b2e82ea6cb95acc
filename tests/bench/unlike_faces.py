"""``python -m tests.bench.unlike_faces --data DIR``: how sure models are of faces, beside voices that they do not know and alone.

DIR holds ``ravdess_speech`` (voices at 22,050 Hz) and ``ferplus.npz``. With ``--checkpoints`` and ``--without`` as in
:mod:`tests.bench.unlike` the filmed actor whose face is shown is one that the models did not learn from.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from features import Features, Modality
from features.faces import Box
from features.video import VideoFeatures
from models.data.ravdess import find_takes
from models.evaluation.familiarity import softening
from models.evaluation.metrics import softmax
from models.labels import LABELS
from models.model import EmotionModel
from models.reference import load_reference
from tests.bench.unlike import collect, loaded
from xai.quality.certainty import BESIDE_A_FACE
from xai.quality.typicality import typicality, voice_ratio

_GROUPS = {"neutral": 0, "happy": 1, "surprised": 2, "sad": 3, "angry": 4, "disgust": 5, "fearful": 6}
_AGREED = 6  # of ten taggers
_BOUNDS = (0.0, 0.8, 1.0, 1.2, 1.5, np.inf)


def main(arguments: list[str] | None = None) -> int:
    p = argparse.ArgumentParser(prog="python -m tests.bench.unlike_faces", description="How sure is a model of faces?")
    p.add_argument("--data", type=Path, required=True, metavar="DIR")
    p.add_argument("--model", nargs="+", default=["fused", "whisper-tokens"])
    p.add_argument("--checkpoints", type=Path)
    p.add_argument("--without", type=int, nargs="+", default=list(range(1, 25)), metavar="ACTOR")
    p.add_argument("--clips", type=int, default=20, help="voices of each kind")
    p.add_argument("--photographs", type=int, default=40, help="of each emotion")
    options = p.parse_args(arguments)
    takes = [take for take in find_takes(options.data) if take.kind == "voice" and take.actor in options.without]
    for name in options.model:
        _beside(loaded(name, options.checkpoints), collect(takes, options.clips), options.without)
    _photographs(loaded("face", None), options.data / "ferplus.npz", options.photographs)
    return 0


def _beside(model: EmotionModel, sounds: dict, actors: list[int]) -> None:
    """Every face with a voice of each kind, drawn at random: right is who names what the face portrays."""
    reference, encode, rng = load_reference("face"), model.load_encoders()[Modality.AUDIO], np.random.default_rng(0)
    own = np.flatnonzero(np.isin(reference.actor, actors))
    print(f"| beside {len(own)} faces: {model.spec.title} | sure before | now | right |\n|---|---|---|---|")
    for kind, found in sounds.items():
        heard = [encode(samples) for samples, _ in found]
        rows = []
        for row in own:
            voice = heard[rng.integers(len(heard))]
            logits = model.predict(Features({Modality.AUDIO: voice, Modality.VIDEO: film(reference.faces[row])}))
            divided = logits / min(BESIDE_A_FACE, softening(voice_ratio(voice)))
            before, now = (softmax(x[None])[0] for x in (logits, divided))
            rows.append((before.max(), now.max(), before.argmax() == reference.label[row]))
        before, now, right = np.mean(rows, axis=0)
        print(f"| {kind} | {before:.0%} | {now:.0%} | {right:.0%} |", flush=True)


def film(rows: np.ndarray) -> VideoFeatures:
    """Features (k, 512) of pictures a second apart, as a film."""
    count, box = len(rows), Box(0, 0, 224, 224)
    maps = np.broadcast_to(rows[:, :, None, None], (*rows.shape, 7, 7)).astype(np.float32)
    crops = np.zeros((count, 224, 224, 3), np.uint8)
    return VideoFeatures(np.arange(float(count)), list(crops), 1.0, [box] * count, [box] * count, crops, maps, np.ones(count, bool), False)


def _photographs(model: EmotionModel, path: Path, count: int) -> None:
    """Of FER+'s test parts: distance, certainty and how often right, of a model that reads the face alone."""
    with np.load(path) as data:
        votes, split, jpeg, at = (data[name] for name in ("votes", "split", "jpeg", "off"))
    rng, rows, labels = np.random.default_rng(0), [], []
    for emotion, column in _GROUPS.items():
        agreed = np.flatnonzero((split > 0) & (votes.argmax(axis=1) == column) & (votes[:, column] >= _AGREED))
        rows += rng.permutation(agreed)[:count].tolist()
        labels += [LABELS.index(emotion)] * min(count, len(agreed))
    grey = [cv2.imdecode(np.asarray(jpeg[at[i] : at[i + 1]], np.uint8), cv2.IMREAD_GRAYSCALE) for i in rows]
    crops = np.stack([cv2.cvtColor(cv2.resize(g, (224, 224), interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2RGB) for g in grey])
    maps, backbone = [], model.load_backbone()
    for start in range(0, len(crops), 16):
        maps.append(backbone.maps(crops[start : start + 16]).mean(axis=(2, 3)))
    found = [Features({Modality.VIDEO: film(row[None])}) for row in np.concatenate(maps)]
    ratios = np.array([kind.ratio for one in found if (kind := typicality(one, model, Modality.VIDEO)) is not None])
    p = softmax(np.stack([model.predict(one) for one in found]))
    right = p.argmax(axis=1) == np.array(labels)
    print(
        f"\n| {len(rows)} photographs, distance of the face (at most {ratios.max():.2f}) | photographs | sure | right |\n|---|---|---|---|"
    )
    for low, high in zip(_BOUNDS, _BOUNDS[1:], strict=False):
        own = (ratios >= low) & (ratios < high)
        print(f"| {low:g} to {high:g} | {own.sum()} | {p[own].max(axis=1).mean():.0%} | {right[own].mean():.0%} |")


if __name__ == "__main__":
    sys.exit(main())
