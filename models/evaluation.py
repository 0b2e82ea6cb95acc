"""How good a classifier is: metrics, and clips of people whom it has never met."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features import N_AUDIO, N_FEATURES
from features.vector import join
from models.dataset import Faces, Voices
from models.training import Recipe, train

STATES = ("both", "voice", "face")


def real_pairs(voices: Voices, faces: Faces, actor: int) -> tuple[np.ndarray, np.ndarray]:
    """Unaltered voice and face of the same performance, for one actor → raw vectors (n, 552), labels (n,)."""
    heard = {take.key: row for take, row in zip(voices.takes, voices.mfcc, strict=True)}
    seen: dict[tuple, list[np.ndarray]] = {}
    labels = {}
    for take, frames, label in zip(faces.takes, faces.frames, faces.label, strict=True):
        if take is not None and take.actor == actor and take.key in heard:
            seen.setdefault(take.key, []).append(frames[0].mean(axis=0))
            labels[take.key] = label
    # RAVDESS has each performance twice as video, with and without sound: that is one clip, not two.
    vectors = [join(heard[key][0], np.mean(views, axis=0)) for key, views in seen.items()]
    return np.array(vectors).reshape(-1, N_FEATURES), np.array([labels[key] for key in seen], int)


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Share of clips whose class of highest logit or probability is the right one."""
    return float((scores.argmax(axis=1) == labels).mean())


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of the top class with equal-width bins (Guo et al. 2017, arXiv:1706.04599)."""
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [abs(right[place == b].mean() - sure[place == b].mean()) * (place == b).mean() for b in np.unique(place)]
    return float(np.sum(gaps))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that makes held-out labels most likely (Guo et al. 2017): a search on a fine grid, 0.25 to 8."""
    grid = np.exp(np.linspace(np.log(0.25), np.log(8.0), 400))
    return float(grid[np.argmin([_negative_log_likelihood(logits / t, labels) for t in grid])])


def _negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    top = logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
    return float((log_sum - logits[np.arange(len(labels)), labels]).mean())


def held_out(voices: Voices, faces: Faces, recipe: Recipe, seeds: int) -> tuple[dict, float]:
    """Leave each filmed actor out, voice and face, train without them ``seeds`` times, and test on their real pairs.

    Returns:
        Scores for the checkpoint, and the temperature fitted on all held-out clips in all three states (both, voice
        alone, face alone). Each actor's calibration error is measured with the temperature of the other actors.
    """
    actors = sorted({int(actor) for actor in faces.actor if actor})
    logits: dict[int, list[dict[str, np.ndarray]]] = {}
    labels: dict[int, np.ndarray] = {}
    for actor in actors:
        vectors, labels[actor] = real_pairs(voices, faces, actor)
        logits[actor] = []
        for seed in range(seeds):
            model = train(voices.where(voices.actor != actor), faces.where(faces.actor != actor), replace(recipe, seed=recipe.seed + seed))
            logits[actor].append({state: model.logits(_with(vectors, state)) for state in STATES})
            print(
                f"without actor {actor:02d}, seed {recipe.seed + seed}: {accuracy(logits[actor][-1]['both'], labels[actor]):.3f}",
                flush=True,
            )
    temperatures = {a: _temperature(logits, labels, [b for b in actors if b != a] or [a]) for a in actors}
    scores = {a: _scores(logits[a], labels[a], temperatures[a]) for a in actors}
    return {"seeds": seeds, "actors": {str(a): scores[a] for a in actors}}, _temperature(logits, labels, actors)


def _with(vectors: np.ndarray, state: str) -> np.ndarray:
    vectors = vectors.copy()
    if state == "face":
        vectors[:, :N_AUDIO] = np.nan
    if state == "voice":
        vectors[:, N_AUDIO:] = np.nan
    return vectors


def _temperature(logits: dict, labels: dict, actors: list[int]) -> float:
    rows = [(run[state], labels[a]) for a in actors for run in logits[a] for state in STATES]
    return fit_temperature(np.concatenate([r for r, _ in rows]), np.concatenate([y for _, y in rows]))


def _scores(runs: list[dict[str, np.ndarray]], labels: np.ndarray, temperature: float) -> dict:
    both = [accuracy(run["both"], labels) for run in runs]
    return {
        "clips": len(labels),
        "accuracy": {s: round(float(np.mean([accuracy(run[s], labels) for run in runs])), 4) for s in STATES},
        "range": [round(min(both), 4), round(max(both), 4)],
        "calibration_error": {
            s: round(float(np.mean([calibration_error(softmax(run[s] / temperature), labels) for run in runs])), 4) for s in STATES
        },
    }


def softmax(logits: np.ndarray) -> np.ndarray:
    """Rows of logits → rows of probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
