"""A folder of recordings as arrays: the same features as in the app, computed once and kept by content.

Voices and faces are kept apart, because in most copies of RAVDESS one is missing for some actors: training pairs them by label. Next to
every clean recording there are augmented copies (:mod:`models.data.augmentation`) for training, and the corruptions of
:mod:`models.data.corruptions` for testing.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from features import Modality
from features.audio import N_MFCC, mean_mfcc, mel_spectrogram_db, mfcc
from features.speech import speech_span
from models.data.cache import cached
from models.data.copies import VOICE_VARIANTS, copies_of
from models.data.corruptions import CORRUPTIONS
from models.data.faces import FACE_VARIANTS, face_views
from models.data.ferplus import load_ferplus
from models.data.ravdess import Take, find_takes
from models.data.tokens import VoiceTokens, load_tokens
from models.labels import label_index
from models.monitoring.progress import shown
from models.networks.backbone import load_backbone
from models.networks.sequence import TOKEN_FRAMES

SEQUENCE_FRAMES = 4 * TOKEN_FRAMES
_VERSION = 2  # of what is computed of a voice: part of the cache's keys


@dataclass(frozen=True)
class Voices:
    """n recordings.

    Attributes:
        mfcc: float32 (n, variants, 40), means over time. The variants :data:`CLEAN` are clean speech.
        sequence: float16 (n, variants, 40, 176), MFCCs from the first to the last sound, the last repeated to the end.
        heard: int (n, variants), frames of the sequence before it is repeated.
        corrupted: float32 (n, corruptions, 40), means under :data:`models.data.corruptions.CORRUPTIONS`.
        corrupted_sequence, corrupted_heard: the same as sequences.
        label, actor, statement: int (n,).
        tokens: the same recordings by another encoder, where one is asked for.
    """

    mfcc: np.ndarray
    sequence: np.ndarray
    heard: np.ndarray
    corrupted: np.ndarray
    corrupted_sequence: np.ndarray
    corrupted_heard: np.ndarray
    label: np.ndarray
    actor: np.ndarray
    statement: np.ndarray
    takes: list[Take]
    tokens: VoiceTokens | None = None

    def where(self, mask: np.ndarray) -> Voices:
        """Those for which ``mask``, bool (n,), is true."""
        return _subset(self, mask)


@dataclass(frozen=True)
class Faces:
    """n clips of faces.

    Attributes:
        frames: n arrays, float32 (variants, frames, 512); the first variant is the clean one.
        corrupted: n arrays, float32 (corruptions, frames, 512), under :data:`models.data.corruptions.CORRUPTIONS`; none for FER+.
        label, actor, statement: int (n,); actor 0 stands for FER+ (single pictures).
    """

    frames: list[np.ndarray]
    corrupted: list[np.ndarray]
    label: np.ndarray
    actor: np.ndarray
    statement: np.ndarray
    takes: list[Take | None]

    def where(self, mask: np.ndarray) -> Faces:
        """Those for which ``mask``, bool (n,), is true."""
        return _subset(self, mask)


def _subset(table, mask: np.ndarray):
    """The rows of a table (arrays and lists of one length) for which ``mask`` is true."""

    def pick(column):
        if column is None or isinstance(column, VoiceTokens):
            return column and column.where(mask)
        return column[mask] if isinstance(column, np.ndarray) else [row for row, keep in zip(column, mask, strict=True) if keep]

    return replace(table, **{field.name: pick(getattr(table, field.name)) for field in fields(table)})


def load_voices(folder: Path, cache: Path, workers: int | None = None, encoder: str | None = None) -> Voices:
    """Features of every spoken take below ``folder``.

    Args:
        encoder: name of another encoder whose tokens are wanted too.
    """
    takes = [take for take in find_takes(folder) if take.kind == "voice"]
    with ProcessPoolExecutor(workers) as pool:
        rows = list(shown(pool.map(_voice, takes, [cache] * len(takes), chunksize=16), "features of voices", len(takes)))
    count = VOICE_VARIANTS + len(CORRUPTIONS[Modality.AUDIO])
    mfcc, mfcc_corrupted = _split(np.array([row["mean"] for row in rows], np.float32).reshape(-1, count, N_MFCC))
    sequence, sequence_corrupted = _split(
        np.array([row["sequence"] for row in rows], np.float16).reshape(-1, count, N_MFCC, SEQUENCE_FRAMES)
    )
    heard, heard_corrupted = _split(np.array([row["heard"] for row in rows], int).reshape(-1, count))
    names = [(label_index(take.label), take.actor, take.statement) for take in takes]
    label, actor, statement = np.array(names, int).reshape(-1, 3).T
    arrays = mfcc, sequence, heard, mfcc_corrupted, sequence_corrupted, heard_corrupted, label, actor, statement
    return Voices(*arrays, takes, load_tokens(takes, cache, encoder, workers) if encoder else None)


def _split(copies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, copies, …) → those for training, and those under corruptions."""
    return copies[:, :VOICE_VARIANTS], copies[:, VOICE_VARIANTS:]


def load_faces(folder: Path, cache: Path, ferplus_per_class: int = 0, backbone: str = "ferplus", workers: int | None = None) -> Faces:
    """Features of every face below ``folder``: MP4s, face strips, and FER+ pictures of ``ferplus.npz`` if asked for."""
    found = [take for take in find_takes(folder) if take.kind != "voice"]
    load_backbone(backbone)
    with ThreadPoolExecutor(workers) as pool:  # decoding, detection and convolution all run outside Python's lock
        jobs = pool.map(face_views, found, [cache] * len(found), [backbone] * len(found))
        views = list(shown(jobs, "features of faces", len(found)))
    takes: list[Take | None] = [*found]
    frames = [view[:FACE_VARIANTS] for view in views]
    corrupted = [view[FACE_VARIANTS:] for view in views]
    rows = [(label_index(take.label), take.actor, take.statement) for take in found]
    archive = folder / "ferplus.npz"
    if ferplus_per_class and archive.exists():
        pictures, labels = load_ferplus(archive, cache, ferplus_per_class, backbone)
        takes += [None] * len(labels)
        frames += list(pictures[:, None, None, :])
        corrupted += [np.zeros((0, 1, pictures.shape[1]), np.float32)] * len(pictures)
        rows += [(label, 0, 0) for label in labels]
    label, actor, statement = np.array(rows, int).reshape(-1, 3).T
    return Faces(frames, corrupted, label, actor, statement, takes)


def _voice(take: Take, cache: Path) -> dict[str, np.ndarray]:
    """``mean`` float32 (k, 40), ``sequence`` float16 (k, 40, 176) and ``heard`` int (k,): variants, then corruptions."""
    data = take.path.read_bytes()

    def compute() -> dict[str, np.ndarray]:
        spectrograms = [mel_spectrogram_db(copy) for copy in copies_of(data)]
        parts = [_sequence(mfcc(mel)) for mel in spectrograms]
        return {
            "mean": np.array([mean_mfcc(mel) for mel in spectrograms], np.float32),
            "sequence": np.array([part for part, _ in parts], np.float16),
            "heard": np.array([count for _, count in parts], np.int16),
        }

    return cached(cache, f"voice {_VERSION}", data, compute)


def _sequence(mfccs: np.ndarray) -> tuple[np.ndarray, int]:
    """MFCCs (40, frames) between the silences, cut or repeated to (40, 176), and how many of them are the recording's."""
    first, last = speech_span(mfccs)
    part = mfccs[:, first : min(last, first + SEQUENCE_FRAMES)]
    return np.pad(part, ((0, 0), (0, SEQUENCE_FRAMES - part.shape[1])), mode="edge"), part.shape[1]
