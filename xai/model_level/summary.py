"""What a model weighs on the whole: SHAP values of the clips that it is shown with.

``python -m xai.summary`` computes them for every checkpoint and keeps them in ``models/results/summary.NAME.npz``: a few
seconds a model on vectors, minutes on sequences, too long to wait for on a page.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from features import FEATURE_NAMES, N_AUDIO
from models.checkpoint import AnyModel, EmotionModel, load_model
from models.data.clips import Clips, token_rows
from models.labels import LABELS
from models.reference import load_reference
from models.registry import MODELS, RESULTS
from xai.methods.shap import quadrature
from xai.tokens import path_gradients

_CLIPS = 112
_FACE_FEATURES = 10
_NODES, _TOKEN_NODES = 4, 3
_REFERENCES = 24


@dataclass(frozen=True)
class Summary:
    """SHAP values of n clips.

    Attributes:
        values: float32 (n, 8, k), of the calibrated logits.
        raw: float32 (n, k), the features themselves; the last is the mean of what is not named.
        names: k names: MFCCs, the strongest face features, and all other face features together.
        voices: how many of them belong to the voice.
    """

    values: np.ndarray
    raw: np.ndarray
    names: list[str]
    voices: int

    def strongest(self, target: int, count: int, voice: bool) -> np.ndarray:
        """Positions of the features of one modality with the largest mean absolute value for a class, best first."""
        mine = np.arange(self.voices) if voice else np.arange(self.voices, len(self.names))
        return mine[np.argsort(-np.abs(self.values[:, target][:, mine]).mean(axis=0), kind="stable")][:count]


def summarise(model: AnyModel, clips: Clips) -> Summary:
    """SHAP values of ``clips``; fewer references and nodes than for a single clip, as the noise averages out."""
    rows = np.linspace(0, len(clips.label) - 1, min(_CLIPS, len(clips.label))).round().astype(int)
    vectors = clips.vectors()[rows]
    values = np.stack([_values(model, clips, row) for row in tqdm(rows, model.name, leave=False, disable=None)])
    voice, face = values[:, :, :N_AUDIO], values[:, :, N_AUDIO:]
    top = np.sort(np.argsort(-np.abs(face).mean(axis=(0, 1)))[:_FACE_FEATURES])
    rest = np.setdiff1d(np.arange(face.shape[2]), top)
    shown = [voice, face[:, :, top], face[:, :, rest].sum(axis=2, keepdims=True)]
    raw = [vectors[:, :N_AUDIO], vectors[:, N_AUDIO + top], vectors[:, N_AUDIO + rest].mean(axis=1, keepdims=True)]
    names = FEATURE_NAMES[:N_AUDIO] + [FEATURE_NAMES[N_AUDIO + k] for k in top] + [f"{len(rest)} other face features"]
    summary = Summary(np.concatenate(shown, axis=2).astype(np.float32), np.concatenate(raw, axis=1).astype(np.float32), names, N_AUDIO)
    return _only(summary, model.hears, model.sees)


def _only(summary: Summary, hears: bool, sees: bool) -> Summary:
    """Without the modality that the model does not judge."""
    kept = np.array([hears if k < summary.voices else sees for k in range(len(summary.names))])
    names = [name for name, keep in zip(summary.names, kept, strict=True) if keep]
    return Summary(summary.values[:, :, kept], summary.raw[:, kept], names, summary.voices if hears else 0)


def _values(model: AnyModel, clips: Clips, row: int) -> np.ndarray:
    """(8, 552) SHAP values of one clip."""
    if isinstance(model, EmotionModel):
        vector = clips.vectors()[row]
        missing = torch.from_numpy(np.isnan(vector))
        reference = model.standardise(model.reference[:_REFERENCES]).masked_fill(missing, 0.0)
        return quadrature(model, model.standardise(vector[None]), reference, _NODES)
    few = replace(model, reference_voice=model.reference_voice[:_REFERENCES], reference_faces=model.reference_faces[:_REFERENCES])
    batch = token_rows(few, clips, np.array([row]))
    return path_gradients(batch, few, _TOKEN_NODES)[0]


def state_of(model: AnyModel) -> str:
    """What a model is best shown."""
    return "both" if model.hears and model.sees else "voice" if model.hears else "face"


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
        summary = summarise(model, load_reference(state_of(model)))
        path = options.out / f"summary.{name}.npz"
        arrays = {"values": summary.values.astype(np.float16), "raw": summary.raw, "names": np.array(summary.names)}
        np.savez_compressed(path, allow_pickle=False, voices=np.array(summary.voices), **arrays)
        print(f"{path}: {len(summary.values)} clips, {len(LABELS)} emotions, {path.stat().st_size / 1e3:.0f} kB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
