"""The smallest change found that flips the prediction: the fewest patches of sound, frames or cells of the face to take away.

Greedy search with pruning: each step takes away what brings another emotion closest, and in the end everything is put
back that was not needed. What it finds does flip the prediction, which is checked on the model; that nothing smaller
does is known only where all combinations were tried (up to ten frames).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np

from features.patches import segments
from models.labels import LABELS
from xai.analysis import Analysis
from xai.explanation import Say, silent
from xai.masking import CELLS, FaceCellMasker, FrameMasker, PatchMasker
from xai.methods.lime import patches_of
from xai.render.text import face_part, kilohertz

_ALL_COMBINATIONS = 10  # frames
_MOST_CELLS = 25


class Game(Protocol):
    """Any removal: bool (n, p), the parts that are kept → (n, 8) logits."""

    def __len__(self) -> int: ...

    def __call__(self, kept: np.ndarray) -> np.ndarray: ...


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


def smallest_flips(analysis: Analysis, say: Say = silent) -> list[Flip]:
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
    return min(analysis.model.budget.patches, len(patches_of(analysis.subject))) if analysis.features.audio is not None else 0


def _has_cells(analysis: Analysis) -> bool:
    video = analysis.features.video
    return video is not None and not video.fallback


def fewest(masker: Game, own: int, most: int) -> tuple[int, ...] | None:
    """Positions of parts without which another class than ``own`` has the highest logit, or None.

    Args:
        most: no more than so many are taken away.
    """
    kept = np.ones(len(masker), bool)
    while (~kept).sum() < most and kept.any():
        options = np.flatnonzero(kept)
        states = np.repeat(kept[None], len(options), axis=0)
        states[np.arange(len(options)), options] = False
        lead = margin(masker(states), own)
        kept[options[lead.argmin()]] = False
        if lead.min() < 0:
            return _pruned(masker, kept, own)
    return None


def margin(logits: np.ndarray, own: int) -> np.ndarray:
    """(n, 8) → (n,): by how much a class leads the best of the others; negative once the prediction has flipped."""
    return logits[:, own] - np.delete(logits, own, axis=1).max(axis=1)


def _pruned(judge: Game, kept: np.ndarray, own: int) -> tuple[int, ...]:
    """Put back, one by one, what is not needed."""
    for part in np.flatnonzero(~kept):
        trial = kept.copy()
        trial[part] = True
        if margin(judge(trial[None]), own)[0] < 0:
            kept = trial
    return tuple(np.flatnonzero(~kept).tolist())


def _fewest_patches(analysis: Analysis, say: Say) -> Flip | None:
    audio = analysis.features.audio
    if audio is None:
        return None
    patches = patches_of(analysis.subject)
    masker = PatchMasker(analysis.subject, patches, words="Looking for the fewest patches of sound…", say=say)
    removed = fewest(masker, analysis.predicted, _patches_that_may_go(analysis))
    if removed is None:
        return None
    label, where = _label_without(masker, removed), segments(patches.cells, audio.seconds, audio.scale)
    places = _listed([_sound_place(where[k]) for k in removed])
    words = f"With the sound faded at {places} ({_count(removed, len(masker), 'patch', 'patches')}), it would say {label}."
    return Flip("patches", removed, len(masker), label, False, words)


def _fewest_frames(analysis: Analysis) -> Flip | None:
    video = analysis.features.video
    if video is None or video.used.sum() < 2:
        return None
    masker, times = FrameMasker(analysis.subject), video.times[video.used]
    parts, own = len(masker), analysis.predicted
    exact = parts <= _ALL_COMBINATIONS
    removed = _exhaustive(masker, own) if exact else fewest(masker, own, _frames_that_may_go(analysis))
    if removed is None:
        return None
    label = _label_without(masker, removed)
    moments = _listed([f"{times[k]:.1f} s" for k in removed])
    words = f"Without the picture{'s' if len(removed) > 1 else ''} at {moments} ({len(removed)} of {parts}), it would say {label}."
    return Flip("frames", removed, parts, label, exact, words)


def _exhaustive(masker: Game, own: int) -> tuple[int, ...] | None:
    """The fewest parts of all combinations that leave at least one; of equally many those that flip it furthest."""
    parts = len(masker)
    for count in range(1, parts):
        options = list(combinations(range(parts), count))
        kept = np.ones((len(options), parts), bool)
        for state, option in zip(kept, options, strict=True):
            state[list(option)] = False
        lead = margin(masker(kept), own)
        if lead.min() < 0:
            return options[int(lead.argmin())]
    return None


class _EveryFrame:
    """Cells of the face, blurred at the same place in all chosen frames."""

    def __init__(self, cells: FaceCellMasker) -> None:
        self.cells = cells

    def __len__(self) -> int:
        return CELLS * CELLS

    def __call__(self, kept: np.ndarray) -> np.ndarray:
        """bool (n, 49) → (n, 8)."""
        return self.cells(np.tile(kept, (1, len(self.cells.frames))))


def _fewest_cells(analysis: Analysis, say: Say) -> Flip | None:
    """Ranked once by what each does alone, which costs a pass each."""
    if not _has_cells(analysis):
        return None
    masker = _EveryFrame(FaceCellMasker(analysis.subject, words="Looking for the fewest parts of the face…", say=say))
    total, own = CELLS * CELLS, analysis.predicted
    alone = margin(masker(~np.eye(total, dtype=bool)), own)
    order = np.argsort(alone, kind="stable")[:_MOST_CELLS]
    ranks = np.full(total, total)
    ranks[order] = np.arange(len(order))
    states = (ranks >= count for count in range(1, len(order) + 1))
    flipped = next((kept for kept in states if margin(masker(kept[None]), own)[0] < 0), None)
    if flipped is None:
        return None
    removed = _pruned(masker, flipped, own)
    places = _listed(list(dict.fromkeys(face_part(k // CELLS) for k in removed)))
    label = _label_without(masker, removed)
    words = f"With a part of {places} blurred ({_count(removed, total, 'cell', 'cells')} of the face), it would say {label}."
    return Flip("cells", removed, total, label, False, words)


def _label_without(masker: Game, removed: tuple[int, ...]) -> str:
    """What the model names without some parts."""
    kept = np.ones((1, len(masker)), bool)
    kept[0, list(removed)] = False
    return LABELS[int(masker(kept)[0].argmax())]


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
