"""A folder of recordings as arrays: the same features as in the app, computed once and kept by content.

Voices and faces are kept apart, because in most copies of RAVDESS one is missing for some actors: training pairs them
by label. Next to every clean recording there are altered ones (:mod:`models.data.augmentation`) to learn from, and the fixed changes
of :mod:`models.data.corruptions` to be tested with.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from features.audio import N_MFCC, extract_audio, mean_mfcc, mel_spectrogram_db, mfcc
from features.faces import Box, FaceTracker, crop_square, cut
from features.media import read_frames, read_sound
from features.video import extract_video
from models.data.augmentation import random_camera, random_face, random_line, random_voice, speed
from models.data.corruptions import FACE_CHANGES, VOICE_CHANGES
from models.data.ravdess import Take, find_takes
from models.labels import LABELS, label_index
from models.networks.backbone import load_backbone
from models.networks.sequence import TOKEN_FRAMES, speech_span

log = logging.getLogger(__name__)

# Copies of a recording to learn from: as it is, played at other speeds (as if by larger and smaller speakers), and altered
# by one change or a chain of them, as by other microphones, rooms and lines.
SPEEDS = (0.84, 0.90, 0.95, 1.06, 1.12, 1.19)
_LINES = ("telephone",) * 3 + ("noise",) * 3 + ("room",) * 2 + ("codec", "microphone")
_CHAINS = 4
SPOKEN = slice(0, 1 + len(SPEEDS))
VOICE_VARIANTS = 1 + len(SPEEDS) + len(_LINES) + _CHAINS
_CAMERAS = ("left", "right", "blur", "dim", "jpeg")
_FACE_CHAINS = 5
FACE_VARIANTS = 1 + _FACE_CHAINS + len(_CAMERAS)
SEQUENCE_FRAMES = 4 * TOKEN_FRAMES
_VOICE_VERSION, _FACE_VERSION = 2, 2  # of what is computed below: part of the cache's keys
_STRIP_SIDE = 224
# In the face strips of actor 05 the faces are stored 4:3 too flat (compare any of them with its MP4).
_STRIP_ASPECT = {5: 4 / 3}

FERPLUS_VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "no face")
_FERPLUS_LABELS = {0: "neutral", 1: "happy", 2: "surprised", 3: "sad", 4: "angry", 5: "disgust", 6: "fearful"}


@dataclass(frozen=True)
class Voices:
    """n recordings.

    Attributes:
        mfcc: float32 (n, variants, 40), means over time. The variants :data:`SPOKEN` are clean speech.
        sequence: float16 (n, variants, 40, 176), MFCCs from the first to the last sound, the last repeated to the end.
        heard: int (n, variants), frames of the sequence before it is repeated.
        changed: float32 (n, changes, 40), means under :data:`models.data.corruptions.VOICE_CHANGES`.
        changed_sequence, changed_heard: the same as sequences.
        label, actor, statement: int (n,).
    """

    mfcc: np.ndarray
    sequence: np.ndarray
    heard: np.ndarray
    changed: np.ndarray
    changed_sequence: np.ndarray
    changed_heard: np.ndarray
    label: np.ndarray
    actor: np.ndarray
    statement: np.ndarray
    takes: list[Take]

    def where(self, mask: np.ndarray) -> Voices:
        return _subset(self, mask)


@dataclass(frozen=True)
class Faces:
    """n clips of faces.

    Attributes:
        frames: n arrays, float32 (variants, frames, 512); the first variant is the clean one.
        changed: n arrays, float32 (changes, frames, 512), under :data:`models.data.corruptions.FACE_CHANGES`; none for FER+.
        label, actor, statement: int (n,); actor 0 stands for FER+ (single pictures).
    """

    frames: list[np.ndarray]
    changed: list[np.ndarray]
    label: np.ndarray
    actor: np.ndarray
    statement: np.ndarray
    takes: list[Take | None]

    def where(self, mask: np.ndarray) -> Faces:
        return _subset(self, mask)


def _subset(table, mask: np.ndarray):
    """The rows of a table (arrays and lists of one length) for which ``mask`` is true."""

    def pick(column):
        return column[mask] if isinstance(column, np.ndarray) else [row for row, keep in zip(column, mask, strict=True) if keep]

    return replace(table, **{field.name: pick(getattr(table, field.name)) for field in fields(table)})


def load_voices(folder: Path, cache: Path, workers: int | None = None) -> Voices:
    """Features of every spoken take below ``folder``."""
    takes = [take for take in find_takes(folder) if take.kind == "voice"]
    with ProcessPoolExecutor(workers) as pool:
        rows = list(tqdm(pool.map(_voice, takes, [cache] * len(takes), chunksize=16), "voices", len(takes), leave=False, disable=None))
    columns = [[label_index(t.label), t.actor, t.statement] for t in takes]
    label, actor, statement = np.array(columns, int).reshape(-1, 3).T
    count = VOICE_VARIANTS + len(VOICE_CHANGES)
    means = np.array([row["mean"] for row in rows], np.float32).reshape(-1, count, N_MFCC)
    sequence = np.array([row["sequence"] for row in rows], np.float16).reshape(-1, count, N_MFCC, SEQUENCE_FRAMES)
    heard = np.array([row["heard"] for row in rows], int).reshape(-1, count)
    learn, test = slice(0, VOICE_VARIANTS), slice(VOICE_VARIANTS, None)
    return Voices(
        means[:, learn],
        sequence[:, learn],
        heard[:, learn],
        means[:, test],
        sequence[:, test],
        heard[:, test],
        label,
        actor,
        statement,
        takes,
    )


def load_faces(folder: Path, cache: Path, ferplus_per_class: int = 0, backbone: str = "ferplus", workers: int | None = None) -> Faces:
    """Features of every face below ``folder``: MP4s, face strips, and FER+ pictures of ``ferplus.npz`` if asked for."""
    takes: list[Take | None] = []
    found = [take for take in find_takes(folder) if take.kind != "voice"]
    load_backbone(backbone)
    with ThreadPoolExecutor(workers) as pool:  # decoding, detection and convolution all run outside Python's lock
        jobs = pool.map(_face, found, [cache] * len(found), [backbone] * len(found))
        views = list(tqdm(jobs, "faces", len(found), leave=False, disable=None))
    frames = [view[:FACE_VARIANTS] for view in views]
    changed = [view[FACE_VARIANTS:] for view in views]
    rows = [(label_index(t.label), t.actor, t.statement) for t in found]
    takes += found
    archive = folder / "ferplus.npz"
    if ferplus_per_class and archive.exists():
        pictures, labels = load_ferplus(archive, cache, ferplus_per_class, backbone)
        frames += list(pictures[:, None, None, :])
        changed += [np.zeros((0, 1, pictures.shape[1]), np.float32)] * len(pictures)
        rows += [(label, 0, 0) for label in labels]
        takes += [None] * len(labels)
    label, actor, statement = np.array(rows, int).reshape(-1, 3).T
    return Faces(frames, changed, label, actor, statement, takes)


def load_ferplus(archive: Path, cache: Path, per_class: int, backbone: str = "ferplus") -> tuple[np.ndarray, np.ndarray]:
    """FER+ training faces with a clear majority (Barsoum et al. 2016, arXiv:1608.01041) → (n, 512) features, (n,) labels.

    Calm, which FER+ does not have, is taken from neutral faces with a few votes for happiness.
    """
    with np.load(archive) as data:
        votes, split, jpeg, offsets = data["votes"], data["split"], data["jpeg"], data["off"]
    labels = ferplus_labels(votes)
    rng = np.random.default_rng(0)
    picked = np.concatenate([_some(rng, np.flatnonzero((labels == c) & (split == 0)), per_class) for c in range(len(LABELS))])

    def compute() -> dict[str, np.ndarray]:
        out = []
        for block in tqdm(np.array_split(picked, max(1, len(picked) // 64)), "FER+", leave=False, disable=None):
            crops = np.stack([_ferplus_crop(jpeg[offsets[i] : offsets[i + 1]]) for i in block])
            out.append(_pooled(crops, backbone))
        return {"features": np.concatenate(out)}

    content = b"".join(part.tobytes() for part in (picked, offsets, jpeg))
    kept = _cached(cache, f"{_face_settings(backbone)} FER+ {per_class}", content, compute)
    return kept["features"], labels[picked]


def ferplus_labels(votes: np.ndarray) -> np.ndarray:
    """(n, 10) votes → (n,) positions in LABELS, −1 where the taggers do not agree or there is no such emotion."""
    total = votes.sum(1)
    top = votes.argmax(1)
    clear = votes.max(1) > 0.5 * total
    labels = np.full(len(votes), -1)
    for column, name in _FERPLUS_LABELS.items():
        labels[clear & (top == column)] = label_index(name)
    smiling = (top == 0) & clear & (votes[:, 1] >= 2) & (votes[:, 2:].sum(1) <= 1)
    labels[smiling] = label_index("calm")
    return labels


def _voice(take: Take, cache: Path) -> dict[str, np.ndarray]:
    """``mean`` float32 (k, 40), ``sequence`` float16 (k, 40, 176) and ``heard`` int (k,): variants, then changes."""
    data = take.path.read_bytes()

    def compute() -> dict[str, np.ndarray]:
        clean = extract_audio(read_sound(data)).samples
        rng = np.random.default_rng(_seed(data))
        copies = [clean, *(speed(clean, factor) for factor in SPEEDS)]
        copies += [random_line(clean, rng, kind) for kind in _LINES] + [random_voice(clean, rng) for _ in range(_CHAINS)]
        copies += [change(clean) for change in VOICE_CHANGES.values()]
        spectrograms = [mel_spectrogram_db(copy) for copy in copies]
        parts = [_sequence(mfcc(mel)) for mel in spectrograms]
        return {
            "mean": np.array([mean_mfcc(mel) for mel in spectrograms], np.float32),
            "sequence": np.array([part for part, _ in parts], np.float16),
            "heard": np.array([count for _, count in parts], np.int16),
        }

    return _cached(cache, f"voice {_VOICE_VERSION}", data, compute)


def _sequence(mfccs: np.ndarray) -> tuple[np.ndarray, int]:
    """MFCCs (40, frames) between the silences, cut or repeated to (40, 176), and how many of them are the recording's."""
    first, last = speech_span(mfccs)
    part = mfccs[:, first : min(last, first + SEQUENCE_FRAMES)]
    return np.pad(part, ((0, 0), (0, SEQUENCE_FRAMES - part.shape[1])), mode="edge"), part.shape[1]


def _face(take: Take, cache: Path, backbone: str) -> np.ndarray:
    data = take.path.read_bytes()

    def compute() -> dict[str, np.ndarray]:
        crops = _strip_crops(data, take.actor) if take.kind == "strip" else _video_crops(data)
        rng = np.random.default_rng(_seed(data))
        views = [crops] + [np.stack([random_face(crop, rng) for crop in crops]) for _ in range(_FACE_CHAINS)]
        views += [np.stack([random_camera(crop, rng, kind) for crop in crops]) for kind in _CAMERAS]
        views += [np.stack([change(crop) for crop in crops]) for change in FACE_CHANGES.values()]
        return {"views": np.stack([_pooled(view, backbone) for view in views])}

    return _cached(cache, f"{_face_settings(backbone)} {FACE_VARIANTS}", data, compute)["views"]


def _face_settings(backbone: str) -> str:
    return f"face {_FACE_VERSION} {load_backbone(backbone).digest}"


def _video_crops(data: bytes) -> np.ndarray:
    video = extract_video(read_frames(data), lambda crops: np.zeros((len(crops), 512, 7, 7), np.float32))
    return video.crops[video.used]


def _strip_crops(data: bytes, actor: int) -> np.ndarray:
    """Cut the pictures of a strip as the app would cut the frames they come from."""
    strip = cv2.cvtColor(np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
    tracker, crops = FaceTracker(), []
    for index, frame in enumerate(_strip_frames(strip, _STRIP_ASPECT.get(actor, 1.0))):
        face = tracker(frame)
        if face is None:
            log.warning("no face in picture %d of a strip of actor %02d: its middle is used", index, actor)
            side = 0.5 * min(frame.shape[:2])
            face = Box((frame.shape[1] - side) / 2, (frame.shape[0] - side) / 2, side, side)
        crops.append(cut(frame, crop_square(face)))
    return np.stack(crops)


def _strip_frames(strip: np.ndarray, aspect: float) -> Iterable[np.ndarray]:
    for left in range(0, strip.shape[1] - _STRIP_SIDE + 1, _STRIP_SIDE):
        picture = strip[:, left : left + _STRIP_SIDE]
        picture = cv2.resize(picture, (_STRIP_SIDE, round(_STRIP_SIDE * aspect)), interpolation=cv2.INTER_LINEAR)
        border = _STRIP_SIDE // 2  # the detector wants to see something around the face
        yield cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REPLICATE)


def _ferplus_crop(code: np.ndarray) -> np.ndarray:
    grey = np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))
    return cv2.cvtColor(cv2.resize(grey, (224, 224), interpolation=cv2.INTER_LINEAR), cv2.COLOR_GRAY2RGB)


def _pooled(crops: np.ndarray, backbone: str) -> np.ndarray:
    return load_backbone(backbone).maps(crops).mean(axis=(2, 3))


def _some(rng: np.random.Generator, index: np.ndarray, count: int) -> np.ndarray:
    return rng.permutation(index)[:count]


def _seed(data: bytes) -> int:
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "little")


def _cached(cache: Path, settings: str, data: bytes, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """``compute()``, kept as one file of arrays under the hash of the content and of the settings."""
    path = cache / f"{hashlib.sha256(settings.encode() + data).hexdigest()}.npz"
    if not path.exists():
        arrays = compute()
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part.npz")
        np.savez(partial, allow_pickle=False, **arrays)
        partial.replace(path)
    with np.load(path, allow_pickle=False) as kept:
        return dict(kept)
