"""Performances that are at hand as features, and what a model makes of many of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from features import N_AUDIO, N_VISUAL
from models.checkpoint import AnyModel, EmotionModel, TokenModel
from models.data.corruptions import FACE_CHANGES, VOICE_CHANGES, WORDS_ONLY
from models.data.dataset import Faces, Voices
from models.networks.sequence import CLIP_SECONDS, TOKEN_FRAMES, TokenBatch

_BATCH = 128


@dataclass(frozen=True)
class Clips:
    """n performances to be tested on; None where a modality is left out.

    Attributes:
        mfcc: (n, 40) means; sequence (n, 40, 176) and heard (n,): the same in time.
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
    seconds: Sequence[np.ndarray] | None = None  # None: each clip's frames are spread over :data:`CLIP_SECONDS`

    def times(self, row: int) -> np.ndarray:
        """Seconds (frames,) of a clip's frames."""
        if self.seconds is not None:
            return self.seconds[row]
        return spread(len(self.faces[row])) if self.faces is not None else np.zeros(0)

    def vectors(self) -> np.ndarray:
        """Raw (n, 552), NaN where a modality is left out."""
        n = len(self.label)
        voice = np.full((n, N_AUDIO), np.nan) if self.mfcc is None else self.mfcc
        face = np.full((n, N_VISUAL), np.nan) if self.faces is None else np.array([f.mean(axis=0) for f in self.faces])
        return np.concatenate([voice, face.reshape(n, N_VISUAL)], axis=1)


def held_out_clips(voices: Voices, faces: Faces, state: str, change: str | None = None) -> Clips:
    """Every performance of ``voices`` and ``faces`` that can be shown in that state.

    RAVDESS has each performance twice as video, with and without sound: that is one clip, not two.

    Args:
        change: one of :data:`VOICE_CHANGES` or :data:`FACE_CHANGES`, or :data:`WORDS_ONLY`, that all of them undergo.
    """
    seen: dict[tuple, tuple[int, list[np.ndarray]]] = {}
    for take, frames, changed, label in zip(faces.takes, faces.frames, faces.changed, faces.label, strict=True):
        if take is not None:
            view = changed[list(FACE_CHANGES).index(change)] if change in FACE_CHANGES else frames[0]
            seen.setdefault(take.key, (int(label), []))[1].append(view)
    heard = {take.key: row for row, take in enumerate(voices.takes)}
    keys = sorted({"both": seen.keys() & heard.keys(), "voice": heard.keys(), "face": seen.keys()}[state])
    rows = [heard[key] for key in keys] if state != "face" else []
    label = voices.label[rows] if state != "face" else np.array([seen[key][0] for key in keys], int)
    mfcc = sequence = count = None
    if state != "face":
        c = list(VOICE_CHANGES).index(change) if change in VOICE_CHANGES else None
        mfcc = voices.mfcc[rows, 0] if c is None else voices.changed[rows, c]
        sequence = voices.sequence[rows, 0] if c is None else voices.changed_sequence[rows, c]
        count = voices.heard[rows, 0] if c is None else voices.changed_heard[rows, c]
        if change == WORDS_ONLY:
            words = [frames[:, :n].mean(axis=1, dtype=np.float32) for frames, n in zip(sequence, count, strict=True)]
            mfcc = np.array(words).reshape(-1, N_AUDIO)
    shown = times = None
    if state != "voice":
        shown = [np.concatenate(seen[key][1]) for key in keys]
        times = [np.concatenate([spread(len(view)) for view in seen[key][1]]) for key in keys]  # both films start at 0
    return Clips(mfcc, sequence, count, shown, label, np.array([key[0] for key in keys], int), keys, times)


def spread(count: int) -> np.ndarray:
    """(count,) seconds of the frames of one film, whose own times are not kept."""
    return np.arange(count) * CLIP_SECONDS / max(1, count)


def predict(model: AnyModel, clips: Clips) -> np.ndarray:
    """(n, 8) logits."""
    if isinstance(model, EmotionModel):
        return model.logits(clips.vectors())
    return np.concatenate([model.logits(token_rows(model, clips, rows)) for rows in _blocks(clips)])


def embed(model: AnyModel, clips: Clips) -> np.ndarray:
    """(n, d) float32: what the last layers of a model see of each clip."""
    if isinstance(model, EmotionModel):
        return model.embedding(clips.vectors())
    return np.concatenate([model.embedding(token_rows(model, clips, rows)) for rows in _blocks(clips)])


def _blocks(clips: Clips) -> list[np.ndarray]:
    rows = np.arange(len(clips.label))
    return np.array_split(rows, -(-len(rows) // _BATCH))


def token_rows(model: TokenModel, clips: Clips, rows: np.ndarray) -> TokenBatch:
    """Some of the clips as sequences."""
    n = len(rows)
    voice, heard = np.zeros((n, N_AUDIO, TOKEN_FRAMES), np.float32), np.zeros(n, int)
    if clips.sequence is not None and clips.heard is not None:
        voice = (clips.sequence[rows] - model.mean[:N_AUDIO, None]) / model.std[:N_AUDIO, None]
        heard = clips.heard[rows]
    shown = [clips.faces[row] for row in rows] if clips.faces is not None else [np.zeros((0, N_VISUAL))] * n
    longest = max(map(len, shown), default=0)
    faces, seconds, seen = np.zeros((n, longest, N_VISUAL)), np.zeros((n, longest)), np.zeros((n, longest), bool)
    for k, frames in enumerate(shown):
        faces[k, : len(frames)] = (frames - model.mean[N_AUDIO:]) / model.std[N_AUDIO:]
        seconds[k, : len(frames)] = clips.times(rows[k])
        seen[k, : len(frames)] = True
    arrays = (voice.astype(np.float32), heard, faces.astype(np.float32), seconds.astype(np.float32), seen)
    return TokenBatch(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))
