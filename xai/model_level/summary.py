"""What a model weighs on the whole: SHAP values of the clips that it is shown with.

``python -m xai.summary`` computes them for every checkpoint and keeps them in ``models/results/summary.NAME.npz``: a few
seconds a model on vectors, minutes on sequences, too long to wait for on a page.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from features import Modality
from models.checkpoint import load_model
from models.data.clips import Clips
from models.labels import LABELS
from models.model import EmotionModel
from models.reference import load_reference
from models.registry import MODELS, RESULTS
from xai.methods.shap import path_nodes

_CLIPS = 112
_ALL = 64  # features of a modality that are all shown; of more, the strongest
_STRONGEST = 10
_REFERENCES = 24


@dataclass(frozen=True)
class Summary:
    """SHAP values of n clips.

    Attributes:
        values: float32 (n, 8, k), of the calibrated logits.
        raw: float32 (n, k), the features themselves; where others are summed up, their mean.
        names: k names: of a modality with many features the strongest, and all others together.
        voices: how many of them belong to the voice; the others belong to the face.
    """

    values: np.ndarray
    raw: np.ndarray
    names: list[str]
    voices: int

    @property
    def modalities(self) -> dict[Modality, np.ndarray]:
        """Positions of the features of each modality that the model judges."""
        parts = {Modality.AUDIO: np.arange(self.voices), Modality.VIDEO: np.arange(self.voices, len(self.names))}
        return {modality: rows for modality, rows in parts.items() if len(rows)}

    def strongest(self, target: int, count: int, modality: Modality) -> np.ndarray:
        """Positions of the features of one modality with the largest mean absolute value for a class, best first."""
        mine = self.modalities[modality]
        return mine[np.argsort(-np.abs(self.values[:, target][:, mine]).mean(axis=0), kind="stable")][:count]

    def effect(self, target: int, modality: Modality) -> float:
        """By how much all features of a modality together move the logit of a class, on average over the clips."""
        return float(np.abs(self.values[:, target, self.modalities[modality]].sum(axis=1)).mean())


def summarise(model: EmotionModel, clips: Clips) -> Summary:
    """SHAP values of ``clips``; fewer references and nodes than for a single clip, as the noise averages out."""
    rows = np.linspace(0, len(clips.label) - 1, min(_CLIPS, len(clips.label))).round().astype(int)
    vectors = clips.vectors(model.space)[rows]
    values = np.stack([_values(model, clips, row) for row in tqdm(rows, model.name, leave=False, disable=None)])
    space = model.space
    parts = {m: _shown(space.part(values, m), space.part(vectors, m), list(space.columns[m]), m) for m in model.spec.modalities}
    shown, raw, names = zip(*parts.values(), strict=True)
    values, raws = (np.concatenate(part, axis=-1).astype(np.float32) for part in (shown, raw))
    voices = len(parts[Modality.AUDIO][2]) if Modality.AUDIO in parts else 0
    return Summary(values, raws, [name for own in names for name in own], voices)


def _shown(values: np.ndarray, raw: np.ndarray, names: list[str], modality: Modality) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Values (n, 8, d), raw features (n, d) and names of one modality: the strongest by themselves, all others as one."""
    if len(names) <= _ALL:
        return values, raw, names
    top = np.sort(np.argsort(-np.abs(values).mean(axis=(0, 1)))[:_STRONGEST])
    rest = np.setdiff1d(np.arange(len(names)), top)
    kept = np.concatenate([values[:, :, top], values[:, :, rest].sum(axis=2, keepdims=True)], axis=2)
    means = np.concatenate([raw[:, top], raw[:, rest].mean(axis=1, keepdims=True)], axis=1)
    return kept, means, [*(names[k] for k in top), f"{len(rest)} other {modality.noun} features"]


def _values(model: EmotionModel, clips: Clips, row: int) -> np.ndarray:
    """(8, d) SHAP values of one clip."""
    inputs = next(iter(model.encode_clips(clips.rows(np.array([row])))))
    references = model.references(inputs, _REFERENCES)
    return model.column_gradients(inputs, references, path_nodes(model.budget.summary_nodes, len(references)))


@cache
def load_summary(name: str) -> Summary | None:
    """The summary in the repository; None where there is none."""
    path = RESULTS / f"summary.{name}.npz"
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as file:
        values, raw = file["values"].astype(np.float32), file["raw"].astype(np.float32)
        return Summary(values, raw, file["names"].tolist(), int(file["voices"]))


def main(arguments: list[str] | None = None) -> int:
    """Compute and write the summaries of the checkpoints in the repository."""
    p = argparse.ArgumentParser(prog="python -m xai.summary", description="SHAP values of the reference clips, for the page Models.")
    p.add_argument("--model", choices=MODELS, nargs="+", default=list(MODELS))
    p.add_argument("--out", type=Path, default=RESULTS, metavar="DIR")
    options = p.parse_args(arguments)
    for name in options.model:
        model = load_model(name)
        summary = summarise(model, load_reference(model.spec.states[0], model.encoders.get(Modality.AUDIO)))
        path = options.out / f"summary.{name}.npz"
        arrays = {"values": summary.values.astype(np.float16), "raw": summary.raw, "names": np.array(summary.names)}
        np.savez_compressed(path, allow_pickle=False, voices=np.array(summary.voices), **arrays)
        print(f"{path}: {len(summary.values)} clips, {len(LABELS)} emotions, {path.stat().st_size / 1e3:.0f} kB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
