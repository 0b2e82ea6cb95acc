"""Predictions for held-out clips: kept beside the scores, which can be computed from them again.

A file is of one model under one protocol. Of corrupted clips only the verdict is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.labels import LABELS, label_index, ravdess_label


@dataclass(frozen=True)
class Prediction:
    """One model's logits for one split's held-out clips, as they are or all under one corruption.

    Attributes:
        state: one of :data:`models.registry.STATES`.
        corruption: one of :func:`models.data.corruptions.corruptions_in`; None for the clips as they are.
        logits: (n, 8), before temperature.
        label, actor: int (n,).
        keys: n names of performances, as in :class:`models.data.ravdess.Take`.
    """

    model: str
    split: int
    seed: int
    state: str
    corruption: str | None
    logits: np.ndarray
    label: np.ndarray
    actor: np.ndarray
    keys: list[tuple]


def save_predictions(found: Sequence[Prediction], path: Path, about: dict[str, Any]) -> None:
    """Write the predictions of one model as NPZ, compressed.

    For each state that is ``<state>.clips``, int32 (n, 7): seed, split, actor, emotion, intensity, statement, repetition;
    ``<state>.logits``, float32 (n, 8); ``<state>.changes``, names of c corruptions; ``<state>.verdicts``, uint8 (c, n). Once:
    ``about``, JSON.

    Args:
        about: where it comes from: ``protocol``, ``settings``, ``commit`` and the day on which it was ``created``.

    Raises:
        ValueError: they are of several models, or under a corruption other clips were judged than without.
    """
    if len({p.model for p in found}) != 1:
        raise ValueError("a file of predictions is of one model")
    arrays: dict[str, np.ndarray] = {"about": np.array(json.dumps({**about, "model": found[0].model}))}
    for state in dict.fromkeys(p.state for p in found):
        clean = [p for p in found if p.state == state and p.corruption is None]
        corruptions = list(dict.fromkeys(p.corruption for p in found if p.state == state and p.corruption is not None))
        arrays[f"{state}.clips"] = np.array([[p.seed, p.split, *map(int, key)] for p in clean for key in p.keys], np.int32)
        arrays[f"{state}.logits"] = np.concatenate([p.logits for p in clean]).astype(np.float32)
        arrays[f"{state}.changes"] = np.array(corruptions, str)
        columns = [np.concatenate([_corrupted(found, p, name).logits.argmax(axis=1) for p in clean]) for name in corruptions]
        arrays[f"{state}.verdicts"] = np.array(columns, np.uint8).reshape(len(corruptions), sum(len(p.keys) for p in clean))
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, allow_pickle=False, **arrays)


def _corrupted(found: Sequence[Prediction], clean: Prediction, corruption: str) -> Prediction:
    where = clean.split, clean.seed, clean.state
    same = [p for p in found if (p.split, p.seed, p.state) == where and p.corruption == corruption and p.keys == clean.keys]
    if len(same) != 1:
        raise ValueError(f"under {corruption} other clips were judged than without")
    return same[0]


def read_predictions(path: Path) -> tuple[list[Prediction], dict[str, Any]]:
    """What :func:`save_predictions` wrote, and where it comes from. Under a corruption the logits are 1 for the verdict, else 0."""
    with np.load(path) as file:
        arrays = dict(file)
    about = json.loads(str(arrays["about"]))
    states = [name.removesuffix(".logits") for name in arrays if name.endswith(".logits")]
    return [p for state in states for p in _of_state(arrays, about["model"], state)], about


def _of_state(arrays: dict[str, np.ndarray], model: str, state: str) -> Iterator[Prediction]:
    clips, logits = arrays[f"{state}.clips"], arrays[f"{state}.logits"]
    keys = [(actor, f"{emotion:02d}", *rest) for actor, emotion, *rest in clips[:, 2:].tolist()]
    label = np.array([label_index(ravdess_label(f"{emotion:02d}")) for emotion in clips[:, 3]], int)
    shown = [(None, logits), *zip(arrays[f"{state}.changes"].tolist(), np.eye(len(LABELS))[arrays[f"{state}.verdicts"]], strict=True)]
    for seed, split in dict.fromkeys(map(tuple, clips[:, :2].tolist())):
        rows = np.flatnonzero((clips[:, :2] == (seed, split)).all(axis=1))
        own = [keys[row] for row in rows]
        for corruption, values in shown:
            yield Prediction(model, split, seed, state, corruption, values[rows], label[rows], clips[rows, 2].astype(int), own)
