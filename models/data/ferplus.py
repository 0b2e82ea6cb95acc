"""FER+ (Barsoum et al. 2016, arXiv:1608.01041): photographs of faces, with the votes of ten taggers each."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from models.data.cache import cached
from models.data.faces import face_settings, pooled
from models.labels import LABELS, label_index
from models.networks.backbone import load_backbone

FERPLUS_VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "no face")
_FERPLUS_LABELS = {0: "neutral", 1: "happy", 2: "surprised", 3: "sad", 4: "angry", 5: "disgust", 6: "fearful"}


def load_ferplus(archive: Path, cache: Path, per_class: int, backbone: str = "ferplus") -> tuple[np.ndarray, np.ndarray]:
    """Training faces with a clear majority → float32 (n, 512) features, int (n,) labels.

    Calm, which FER+ does not have, is taken from neutral faces with a few votes for happiness.

    Args:
        archive: ``ferplus.npz``: votes, split, the bytes of all JPEGs, and where each begins.
        per_class: photographs of each emotion, at most.
    """
    with np.load(archive) as data:
        votes, split, jpeg, offsets = data["votes"], data["split"], data["jpeg"], data["off"]
    labels = ferplus_labels(votes)
    rng = np.random.default_rng(0)
    picked = np.concatenate([rng.permutation(np.flatnonzero((labels == c) & (split == 0)))[:per_class] for c in range(len(LABELS))])

    whole_film = load_backbone(backbone).whole_film

    def compute() -> dict[str, np.ndarray]:
        out = []
        for block in tqdm(np.array_split(picked, max(1, len(picked) // 64)), "FER+", leave=False, disable=None):
            crops = np.stack([_crop(jpeg[offsets[i] : offsets[i + 1]]) for i in block])
            out += [pooled(crop[None], backbone) for crop in crops] if whole_film else [pooled(crops, backbone)]  # a photograph is a film
        return {"features": np.concatenate(out)}

    content = b"".join(part.tobytes() for part in (picked, offsets, jpeg))
    kept = cached(cache, f"{face_settings(backbone)} FER+ {per_class}", content, compute)
    return kept["features"], labels[picked]


def ferplus_labels(votes: np.ndarray) -> np.ndarray:
    """(n, 10) votes → (n,) positions in LABELS, −1 where the taggers do not agree or there is no such emotion."""
    total = votes.sum(1)
    top = votes.argmax(1)
    clear = votes.max(1) > 0.5 * total
    labels = np.full(len(votes), -1)
    for column, name in _FERPLUS_LABELS.items():
        labels[clear & (top == column)] = label_index(name)
    smiling = (top == 0) & clear & (votes[:, 1] >= 2) & (votes[:, 2:].sum(1) <= 1)
    labels[smiling] = label_index("calm")
    return labels


def _crop(code: np.ndarray) -> np.ndarray:
    grey = np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))
    return cv2.cvtColor(cv2.resize(grey, (224, 224), interpolation=cv2.INTER_LINEAR), cv2.COLOR_GRAY2RGB)
