"""The smallest change found that flips the prediction: the fewest patches of sound, frames or cells of the face to take away.

Greedy search with pruning: each step takes away what brings another emotion closest, and in the end everything is put
back that was not needed. What it finds does flip the prediction, which is checked on the model; that nothing smaller
does is known only where all combinations were tried (up to ten frames).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from models.checkpoint import TokenModel
from models.labels import LABELS
from xai.analysis import Analysis
from xai.assess import chosen_frames
from xai.masking import CELLS, face_logits, frame_features, without_face_cells, without_patches
from xai.methods.lime import patch_shifts, perturbed_vectors
from xai.render.text import face_part, kilohertz

_MOST_PATCHES, _TOKEN_PATCHES = 40, 12  # a sequence costs a hundred times as much
_ALL_COMBINATIONS = 10  # frames
_MOST_CELLS = 25

Judge = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Flip:
    """A change that flips the prediction.

    Attributes:
        kind: ``patches``, ``frames`` or ``cells``.
        removed: int (k,), what was taken away; of ``total``.
        label: what the model recognises then.
        exact: whether nothing smaller of this kind does it.
        words: the same in a sentence.
    """

    kind: str
    removed: tuple[int, ...]
    total: int
    label: str
    exact: bool
    words: str


def smallest_flips(analysis: Analysis, say: Callable[[str], None] = lambda _: None) -> list[Flip]:
    """One change of each kind, if one was found; the one that takes away the smallest share comes first."""
    found = [_fewest_frames(analysis), _fewest_patches(analysis, say), _fewest_cells(analysis, say)]
    return sorted([flip for flip in found if flip], key=lambda flip: len(flip.removed) / flip.total)


def withstood(analysis: Analysis, flips: list[Flip]) -> str | None:
    """What was taken away without flipping the prediction, in a sentence; None if every kind of change that applies did."""
    most = {
        "frames": (_frames_that_may_go(analysis), "of the pictures"),
        "patches": (_patches_that_may_go(analysis), "patches of sound"),
        "cells": (_MOST_CELLS if _has_cells(analysis) else 0, f"of {CELLS * CELLS} cells of the face"),
    }
    found = {flip.kind for flip in flips}
    failed = [f"{count} {words}" for kind, (count, words) in most.items() if count and kind not in found]
    return f"With what counts most taken away, up to {' or '.join(failed)}, it still said {analysis.label}." if failed else None


def _frames_that_may_go(analysis: Analysis) -> int:
    video = analysis.features.video
    used = 0 if video is None else int(video.used.sum())
    return max(0, used - 1) if used <= _ALL_COMBINATIONS else min(used - 1, _MOST_CELLS)


def _patches_that_may_go(analysis: Analysis) -> int:
    most = _TOKEN_PATCHES if isinstance(analysis.model, TokenModel) else _MOST_PATCHES
    return min(most, len(analysis.lime.cells)) if analysis.lime is not None else 0


def _has_cells(analysis: Analysis) -> bool:
    video = analysis.features.video
    return video is not None and analysis.cam is not None and not video.fallback


def fewest(judge: Judge, parts: int, own: int, most: int) -> tuple[int, ...] | None:
    """Positions of parts without which another class than ``own`` has the highest logit, or None.

    Args:
        judge: bool (n, p), the parts that are there → (n, 8) logits.
        most: no more than so many are taken away.
    """
    kept = np.ones(parts, bool)
    while (~kept).sum() < most and kept.any():
        options = np.flatnonzero(kept)
        states = np.repeat(kept[None], len(options), axis=0)
        states[np.arange(len(options)), options] = False
        lead = margin(judge(states), own)
        kept[options[lead.argmin()]] = False
        if lead.min() < 0:
            return _pruned(judge, kept, own)
    return None


def margin(logits: np.ndarray, own: int) -> np.ndarray:
    """(n, 8) → (n,): by how much a class leads the best of the others; negative once the prediction has flipped."""
    return logits[:, own] - np.delete(logits, own, axis=1).max(axis=1)


def _pruned(judge: Judge, kept: np.ndarray, own: int) -> tuple[int, ...]:
    """Put back, one by one, what is not needed."""
    for part in np.flatnonzero(~kept):
        trial = kept.copy()
        trial[part] = True
        if margin(judge(trial[None]), own)[0] < 0:
            kept = trial
    return tuple(np.flatnonzero(~kept).tolist())


def _fewest_patches(analysis: Analysis, say: Callable[[str], None]) -> Flip | None:
    features, model, lime = analysis.features, analysis.model, analysis.lime
    if lime is None or features.audio is None:
        return None

    shifts = patch_shifts(features.audio.mel_db, lime.cells)

    def judge(kept: np.ndarray) -> np.ndarray:
        say("Looking for the fewest patches of sound…")
        if isinstance(model, TokenModel):
            return without_patches(features, model, kept, lime.cells)
        return model.logits(perturbed_vectors(features.vector, kept, shifts))  # the same, exactly, and much faster

    removed = fewest(judge, len(lime.cells), analysis.predicted, _patches_that_may_go(analysis))
    if removed is None:
        return None
    kept = np.ones((1, len(lime.cells)), bool)
    kept[0, list(removed)] = False
    label = _label(judge(kept))
    places = _listed([_sound_place(lime.segments[k]) for k in removed])
    words = f"With the sound faded at {places} ({_count(removed, len(lime.cells), 'patch', 'patches')}), it would say {label}."
    return Flip("patches", removed, len(lime.cells), label, False, words)


def _fewest_frames(analysis: Analysis) -> Flip | None:
    video = analysis.features.video
    if video is None or video.used.sum() < 2:
        return None
    rows, times = frame_features(video), video.times[video.used]
    parts = len(rows)

    def judge(kept: np.ndarray) -> np.ndarray:
        # Without a frame the others speak for it: each of them, repeated, is the same mean to every model.
        return np.concatenate([_with_frames(analysis, rows[keep]) for keep in kept])

    exact, own = parts <= _ALL_COMBINATIONS, analysis.predicted
    removed = _exhaustive(judge, parts, own) if exact else fewest(judge, parts, own, _frames_that_may_go(analysis))
    if removed is None:
        return None
    kept = np.ones((1, parts), bool)
    kept[0, list(removed)] = False
    label = _label(judge(kept))
    moments = _listed([f"{times[k]:.1f} s" for k in removed])
    words = f"Without the picture{'s' if len(removed) > 1 else ''} at {moments} ({len(removed)} of {parts}), it would say {label}."
    return Flip("frames", removed, parts, label, exact, words)


def _exhaustive(judge: Judge, parts: int, own: int) -> tuple[int, ...] | None:
    """The fewest parts of all combinations that leave at least one; of equally many those that flip it furthest."""
    for count in range(1, parts):
        options = list(combinations(range(parts), count))
        kept = np.ones((len(options), parts), bool)
        for state, option in zip(kept, options, strict=True):
            state[list(option)] = False
        lead = margin(judge(kept), own)
        if lead.min() < 0:
            return options[int(lead.argmin())]
    return None


def _with_frames(analysis: Analysis, rows: np.ndarray) -> np.ndarray:
    """(1, 8): logits with ``rows`` (k, 512) only."""
    features, model = analysis.features, analysis.model
    video = features.video
    assert video is not None
    repeats = np.resize(np.arange(len(rows)), video.used.sum())
    if isinstance(model, TokenModel):
        return face_logits(features, model, rows[repeats][None])
    return face_logits(features, model, rows.mean(axis=0)[None, None])


def _fewest_cells(analysis: Analysis, say: Callable[[str], None]) -> Flip | None:
    """Cells of the face, blurred at the same place in all frames; ranked once by what each does alone, which costs a pass each."""
    features, model = analysis.features, analysis.model
    if not _has_cells(analysis):
        return None
    frames = chosen_frames(features)
    total = CELLS * CELLS

    def judge(kept: np.ndarray) -> np.ndarray:
        parts = np.repeat(kept.reshape(-1, 1, CELLS, CELLS), len(frames), axis=1)
        tick = lambda: say("Looking for the fewest parts of the face…")  # noqa: E731
        return without_face_cells(features, model, analysis.backbone.maps, parts, frames, tick)

    alone = margin(judge(~np.eye(total, dtype=bool)), analysis.predicted)
    order = np.argsort(alone, kind="stable")[:_MOST_CELLS]
    ranks = np.full(total, total)
    ranks[order] = np.arange(len(order))
    states = (ranks >= count for count in range(1, len(order) + 1))
    flipped = next((kept for kept in states if margin(judge(kept[None]), analysis.predicted)[0] < 0), None)
    if flipped is None:
        return None
    removed = _pruned(judge, flipped, analysis.predicted)
    kept = np.ones((1, total), bool)
    kept[0, list(removed)] = False
    label = _label(judge(kept))
    places = _listed(list(dict.fromkeys(face_part(k // CELLS) for k in removed)))
    words = f"With a part of {places} blurred ({_count(removed, total, 'cell', 'cells')} of the face), it would say {label}."
    return Flip("cells", removed, total, label, False, words)


def _label(logits: np.ndarray) -> str:
    return LABELS[int(logits[0].argmax())]


def _count(removed: tuple[int, ...], total: int, one: str, many: str) -> str:
    return f"{len(removed)} {one if len(removed) == 1 else many} of {total}"


def _sound_place(segment: np.ndarray) -> str:
    t0, t1, hz0, hz1 = segment
    return f"{kilohertz(hz0, hz1)} between {t0:.1f} s and {t1:.1f} s"


def _listed(places: list[str], most: int = 3) -> str:
    shown = places[:most]
    if len(places) > most:
        return f"{', '.join(shown)} and {len(places) - most} more places"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]
