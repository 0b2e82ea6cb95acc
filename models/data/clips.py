"""Performances that are at hand as features, and the predictions and embeddings of many of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from features import SPACE, FeatureSpace, Modality
from features.audio import N_MFCC
from models.data.copies import VOICE_VARIANTS
from models.data.corruptions import CORRUPTIONS, WORDS_ONLY
from models.data.dataset import Faces, Voices
from models.model import EmotionModel
from models.networks.sequence import CLIP_SECONDS


@dataclass(frozen=True)
class Clips:
    """n performances to be tested on; None where a modality is left out.

    Attributes:
        mfcc: (n, 40) means; sequence (n, 40, 176) and heard (n,): the same in time.
        tokens: n arrays (k, d), the voices by another encoder, where one is asked for.
        faces: n arrays (frames, 512).
        label, actor: int (n,).
        keys: n names of performances, as in :class:`models.data.ravdess.Take`.
    """

    mfcc: np.ndarray | None
    sequence: np.ndarray | None
    heard: np.ndarray | None
    faces: Sequence[np.ndarray] | None
    label: np.ndarray
    actor: np.ndarray
    keys: list[tuple]
    tokens: Sequence[np.ndarray] | None = None
    seconds: Sequence[np.ndarray] | None = None  # None: each clip's frames are spread over :data:`CLIP_SECONDS`

    def times(self, row: int) -> np.ndarray:
        """Seconds (frames,) of a clip's frames."""
        if self.seconds is not None:
            return self.seconds[row]
        return spread(len(self.faces[row])) if self.faces is not None else np.zeros(0)

    def rows(self, rows: np.ndarray) -> Clips:
        """Some of the clips."""
        picked: dict[str, Any] = {}
        for column in fields(self):
            values = getattr(self, column.name)
            picked[column.name] = values[rows] if isinstance(values, np.ndarray) else values and [values[row] for row in rows]
        return replace(self, **picked)

    def vectors(self, space: FeatureSpace = SPACE) -> np.ndarray:
        """Raw (n, d), of MFCCs and face features (n, 552), NaN where a modality is left out.

        Args:
            space: which features; a voice has MFCCs, or the tokens of another encoder.
        """
        vectors = np.full((len(self.label), len(space)), np.nan)
        if self.mfcc is not None:
            space.part(vectors, Modality.AUDIO)[:] = self.mfcc if space == SPACE else self._mean_tokens()
        if self.faces is not None:
            means = [frames.mean(axis=0) for frames in self.faces]
            space.part(vectors, Modality.VIDEO)[:] = np.reshape(means, (len(means), space.size(Modality.VIDEO)))
        return vectors

    def _mean_tokens(self) -> np.ndarray:
        assert self.tokens is not None
        return np.array([rows.mean(axis=0, dtype=float) for rows in self.tokens])


def held_out_clips(voices: Voices, faces: Faces, state: str, corruption: str | None = None) -> Clips:
    """Every performance of ``voices`` and ``faces`` that can be shown in that state.

    RAVDESS has each performance twice as video, with and without sound: that is one clip, not two.

    Args:
        corruption: of all of them, by its name in :data:`CORRUPTIONS`, or :data:`WORDS_ONLY`; None for the clips as they are.
    """
    of_voice, of_face = (list(CORRUPTIONS[modality]) for modality in (Modality.AUDIO, Modality.VIDEO))
    seen: dict[tuple, tuple[int, list[np.ndarray]]] = {}
    for take, frames, corrupted, label in zip(faces.takes, faces.frames, faces.corrupted, faces.label, strict=True):
        if take is not None:
            view = corrupted[of_face.index(corruption)] if corruption in of_face else frames[0]
            seen.setdefault(take.key, (int(label), []))[1].append(view)
    heard = {take.key: row for row, take in enumerate(voices.takes)}
    keys = sorted({"both": seen.keys() & heard.keys(), "voice": heard.keys(), "face": seen.keys()}[state])
    rows = [heard[key] for key in keys] if state != "face" else []
    label = voices.label[rows] if state != "face" else np.array([seen[key][0] for key in keys], int)
    mfcc = sequence = count = None
    if state != "face":
        c = of_voice.index(corruption) if corruption in of_voice else None
        mfcc = voices.mfcc[rows, 0] if c is None else voices.corrupted[rows, c]
        sequence = voices.sequence[rows, 0] if c is None else voices.corrupted_sequence[rows, c]
        count = voices.heard[rows, 0] if c is None else voices.corrupted_heard[rows, c]
        if corruption == WORDS_ONLY:
            words = [frames[:, :n].mean(axis=1, dtype=np.float32) for frames, n in zip(sequence, count, strict=True)]
            mfcc = np.array(words).reshape(-1, N_MFCC)
    shown = times = None
    if state != "voice":
        shown = [np.concatenate(seen[key][1]) for key in keys]
        times = [np.concatenate([spread(len(view)) for view in seen[key][1]]) for key in keys]  # both films start at 0
    tokens = None
    if state != "face" and voices.tokens is not None:
        copy = VOICE_VARIANTS + of_voice.index(corruption) if corruption in of_voice else 0
        tokens = [voices.tokens.of(row, copy) for row in rows]  # silence at the ends is cut off already
    return Clips(mfcc, sequence, count, shown, label, np.array([key[0] for key in keys], int), keys, tokens, times)


def spread(count: int) -> np.ndarray:
    """(count,) seconds of the frames of one film, whose own times are not kept."""
    return np.arange(count) * CLIP_SECONDS / max(1, count)


def predict(model: EmotionModel, clips: Clips) -> np.ndarray:
    """(n, 8) calibrated logits."""
    return np.concatenate([model.logits(block) for block in model.encode_clips(clips)])


def embed(model: EmotionModel, clips: Clips) -> np.ndarray:
    """(n, e) float32: the embedding of each clip: what the last layers see."""
    return np.concatenate([model.embed(block) for block in model.encode_clips(clips)])
