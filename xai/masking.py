"""What the model says when parts of a recording are removed (Covert et al. 2021, arXiv:2011.14878).

A masker is called with the parts that are kept, bool (n, p), and returns calibrated logits (n, 8). Every removal goes through the
whole path of the features: a blurred cell of a face through the backbone again, a faded patch through the encoder of the voice.
Surrogates, occlusion, curves of faithfulness, Shapley values and searches for a flip are all played on these.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import singledispatch
from typing import Protocol

import cv2
import numpy as np

from features.faces import CROP
from features.patches import Patches
from xai.explanation import Columns, FrameCells, Moments, Parts, Say, SoundPatches, Subject, silent
from xai.metrics.looking import look_again, whole_film

CELLS = 7  # a side of the last convolutional maps
FRAMES = 6  # of a long clip, evenly spaced, stand for all
BLUR = CROP / 12  # standard deviation in pixels: eyes, brows and mouth melt away, the shape of the head stays
_FINE = 4  # points a side of a cell on which borders are softened
_EFFORT = 20, 20  # steps and random orders of curves
_BLOCK, _FEATURE_BLOCK = 64, 32  # copies of a recording that are judged at once
_FILM_EFFORT = 5, 3  # where every state is a pass of seconds
_FACE_BLOCK = 8  # states of a face that are judged at once; pictures that pass through the backbone between two words


class Masker(Protocol):
    """bool (n, p), the parts that are kept → calibrated logits (n, 8).

    Attributes:
        effort: steps and random orders of curves that can be waited for (:func:`xai.metrics.faithfulness.measure_curves`).
        block: states that are judged together.
    """

    effort: tuple[int, int]
    block: int

    def __len__(self) -> int:
        """Number of parts p."""

    def __call__(self, kept: np.ndarray) -> np.ndarray: ...

    def select(self, evidence: np.ndarray) -> np.ndarray:
        """(p,): of evidence shaped as an attribution has it, that of the parts that can be removed."""


class PatchMasker:
    """Patches of the spectrogram, faded to the quiet level of their bands.

    Args:
        exact: through the spectrogram of every copy, even where the model reads a linear map of it.
        words: said before each block of copies.
    """

    block = _BLOCK

    def __init__(self, subject: Subject, patches: Patches, *, exact: bool = False, words: str = "", say: Say = silent) -> None:
        self.subject, self.patches, self.exact, self.words, self.say = subject, patches, exact, words, say
        self.effort = subject.model.budget.effort(*_EFFORT, patches.mel_db.shape[1])

    def __len__(self) -> int:
        return len(self.patches)

    def select(self, evidence: np.ndarray) -> np.ndarray:
        return evidence

    def __call__(self, kept: np.ndarray) -> np.ndarray:
        model, inputs = self.subject.model, self.subject.inputs
        size = min(_BLOCK, inputs.room(_BLOCK)) if self.exact else inputs.room(_BLOCK)
        out = []
        for start in range(0, len(kept), size):
            self.say(self.words)
            out.append(model.logits(inputs.with_patches(kept[start : start + size], self.patches, self.exact)))
        return np.concatenate(out)


class FeatureMasker:
    """What the model weighs: features, set to their mean in training, or moments, taken away; of a missing modality none is a part."""

    effort, block = _EFFORT, _FEATURE_BLOCK

    def __init__(self, subject: Subject, words: str = "", say: Say = silent) -> None:
        self.subject, self.words, self.say = subject, words, say
        self.present = weighed_parts(subject).present

    def __len__(self) -> int:
        return int(self.present.sum())

    def select(self, evidence: np.ndarray) -> np.ndarray:
        return evidence[self.present]

    def __call__(self, kept: np.ndarray) -> np.ndarray:
        model, inputs = self.subject.model, self.subject.inputs
        size = min(_BLOCK, inputs.room(_FEATURE_BLOCK))
        out = []
        for start in range(0, len(kept), size):
            self.say(self.words)
            block = kept[start : start + size]
            every = np.ones((len(block), len(self.present)), bool)
            every[:, self.present] = block
            out.append(model.logits(inputs.with_weighed(every)))
        return np.concatenate(out)


class FrameMasker:
    """Sampled frames of the face; those that are left speak for the others. At least one must be kept."""

    effort, block = _EFFORT, _FEATURE_BLOCK

    def __init__(self, subject: Subject) -> None:
        assert subject.features.video is not None
        self.subject, self.count = subject, int(subject.features.video.used.sum())

    def __len__(self) -> int:
        return self.count

    def select(self, evidence: np.ndarray) -> np.ndarray:
        return evidence

    def __call__(self, kept: np.ndarray) -> np.ndarray:
        inputs = self.subject.inputs
        size = inputs.room(_FEATURE_BLOCK)
        blocks = [kept[start : start + size] for start in range(0, len(kept), size)]
        return np.concatenate([self.subject.model.logits(inputs.with_frames(block)) for block in blocks])


class FaceCellMasker:
    """Cells of the face in some frames, blurred; the other frames stay as they are. Parts: frame by frame, row by row.

    Args:
        frames: int (f,), which frames; all others that count are left whole. By default :func:`chosen_frames`.
        words: said before each block of passes.
    """

    effort = 10, 5  # every step is a pass of the backbone for each frame
    block = _FACE_BLOCK

    def __init__(self, subject: Subject, frames: np.ndarray | None = None, words: str = "", say: Say = silent) -> None:
        video = subject.features.video
        assert video is not None
        self.subject, self.words, self.say = subject, words, say
        self.frames = chosen_frames(subject) if frames is None else frames
        self.places = np.searchsorted(np.flatnonzero(video.used), self.frames)
        self.crops = video.crops[self.frames]
        self.blurred = np.stack([cv2.GaussianBlur(crop, (0, 0), BLUR) for crop in self.crops])
        self.rows = video.frame_vectors
        self.effort = _FILM_EFFORT if whole_film(subject) else self.effort

    def __len__(self) -> int:
        return len(self.frames) * CELLS * CELLS

    def select(self, evidence: np.ndarray) -> np.ndarray:
        return evidence[self.frames].ravel()

    def __call__(self, kept: np.ndarray) -> np.ndarray:
        kept = kept.reshape(-1, len(self.frames), CELLS, CELLS)
        rows = np.repeat(self.rows[None], len(kept), axis=0)
        state, frame = np.nonzero(~kept.all(axis=(2, 3)))  # a frame that is whole needs no pass
        if len(state):
            if whole_film(self.subject):
                return self._of_films(kept, np.unique(state), rows)
            cells = kept[state, frame]
            pictures, which = np.unique(np.c_[frame, cells.reshape(len(cells), -1)], axis=0, return_inverse=True)
            rows[state, self.places[frame]] = self._features(pictures[:, 0], pictures[:, 1:].astype(bool))[which.ravel()]
        return face_logits(self.subject, rows)

    def _of_films(self, kept: np.ndarray, states: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """As :meth:`__call__`, where every state in which something is removed is a film of its own."""
        for state in states:
            maps, _ = look_again(self.subject, blend(self.crops, self.blurred, kept[state]), self.frames)
            rows[state] = maps.mean(axis=(2, 3))
            self.say(self.words)
        return face_logits(self.subject, rows)

    def _features(self, frame: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """float32 (k, 512) of pictures: int (k,), positions in :attr:`frames`, and bool (k, 49), the cells that are kept."""
        found, cells = [], cells.reshape(-1, CELLS, CELLS)
        for start in range(0, len(frame), _FACE_BLOCK):
            which = frame[start : start + _FACE_BLOCK]
            pictures = blend(self.crops[which], self.blurred[which], cells[start : start + _FACE_BLOCK])
            found.append(self.subject.backbone.maps(pictures).mean(axis=(2, 3)))
            self.say(self.words)
        return np.concatenate(found)


class ModalityMasker:
    """The modalities of the feature space; one that is missing in the recording adds nothing."""

    effort, block = _EFFORT, _BLOCK

    def __init__(self, subject: Subject) -> None:
        self.subject, self.modalities = subject, tuple(subject.model.space.columns)

    def __len__(self) -> int:
        return len(self.modalities)

    def select(self, evidence: np.ndarray) -> np.ndarray:
        return evidence

    def __call__(self, kept: np.ndarray) -> np.ndarray:
        model, features = self.subject.model, self.subject.features
        drops = [frozenset(m for m, keep in zip(self.modalities, row, strict=True) if not keep) for row in kept]
        return np.concatenate([model.logits(model.encode(features, drop)) for drop in drops])


class Remembering:
    """A masker that judges no state twice: the random orders that curves are held to are the same for every explanation of a subject.

    All eight logits are kept, so another class costs no more than its own order; what was judged before work is cancelled stays known.
    """

    def __init__(self, masker: Masker, subject: Subject, parts: Parts) -> None:
        self.masker, self.memo, self.effort, self.block = masker, subject.memo, masker.effort, masker.block
        self.parts: Hashable = (type(parts), *(np.asarray(places).tobytes() for places in vars(parts).values()))

    def __len__(self) -> int:
        return len(self.masker)

    def select(self, evidence: np.ndarray) -> np.ndarray:
        return self.masker.select(evidence)

    def __call__(self, kept: np.ndarray) -> np.ndarray:
        keys = [(self.parts, row.tobytes()) for row in np.packbits(kept, axis=1)]
        found = {key: self.memo.get(key) for key in keys}
        missing = [k for k, key in enumerate(keys) if found[key] is None]
        for start in range(0, len(missing), self.block):
            block = missing[start : start + self.block]
            for k, logits in zip(block, self.masker(kept[block]), strict=True):
                found[keys[k]] = logits
                self.memo.keep(keys[k], logits)
        return np.array([found[key] for key in keys])


@singledispatch
def masker_of(parts: Parts, subject: Subject, words: str = "", say: Say = silent) -> Masker:
    """The removal game for the parts of an attribution; another kind of parts registers its own.

    Raises:
        TypeError: nobody knows how to remove such parts.
    """
    raise TypeError(f"no masker for {type(parts).__name__}")


@masker_of.register
def _(parts: FrameCells, subject: Subject, words: str = "", say: Say = silent) -> Masker:
    return FaceCellMasker(subject, None, words, say)


@masker_of.register
def _(parts: SoundPatches, subject: Subject, words: str = "", say: Say = silent) -> Masker:
    assert subject.features.audio is not None
    return PatchMasker(subject, Patches(subject.features.audio.mel_db, parts.cells), exact=True, words=words, say=say)


@masker_of.register(Columns)
@masker_of.register(Moments)
def _(parts: Parts, subject: Subject, words: str = "", say: Say = silent) -> Masker:
    return FeatureMasker(subject, words, say)


def chosen_frames(subject: Subject, most: int = FRAMES) -> np.ndarray:
    """int (f,): the frames that count, or ``most`` of them, evenly spaced."""
    assert subject.features.video is not None
    used = np.flatnonzero(subject.features.video.used)
    return used[np.unique(np.linspace(0, len(used) - 1, min(most, len(used))).round().astype(int))]


def weighed_parts(subject: Subject) -> Columns | Moments:
    """What the model weighs in a recording: moments, or the features of the modalities that are there."""
    moments, space = subject.inputs.moments(), subject.model.space
    if moments is not None:
        return Moments(moments)
    found = np.zeros(len(space), bool)
    for modality in subject.features.parts:
        space.part(found, modality)[:] = True
    return Columns(found, space)


def face_logits(subject: Subject, rows: np.ndarray) -> np.ndarray:
    """Calibrated logits (n, 8) with other raw face features (n, m, 512) in the frames that count."""
    inputs = subject.inputs
    size = inputs.room(_FEATURE_BLOCK)
    return np.concatenate([subject.model.logits(inputs.with_faces(rows[k : k + size])) for k in range(0, len(rows), size)])


def blend(crops: np.ndarray, blurred: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """uint8 (f, 224, 224, 3) crops, blurred where the cells of ``kept`` (f, 7, 7) are not, with soft borders.

    A hard border is an edge that no face has: the network answers it, and the curves get noisier.
    """
    if kept.all() or not kept.any():
        return crops if kept.all() else blurred
    fine = kept.repeat(_FINE, axis=1).repeat(_FINE, axis=2).astype(np.float32)
    soft = [cv2.resize(cv2.GaussianBlur(mask, (0, 0), _FINE / 4), (CROP, CROP)) for mask in fine]
    return (blurred + np.stack(soft)[..., None] * (crops.astype(np.float32) - blurred)).round().astype(np.uint8)
