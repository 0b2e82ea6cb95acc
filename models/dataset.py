"""A folder of recordings as arrays: the same features as in the app, computed once and kept by content.

Voices and faces are kept apart, because in most copies of RAVDESS one is missing for some actors: training pairs them
by label. Next to every clean recording there are altered ones (:mod:`models.augment`).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from features.audio import extract_audio, mean_mfcc, mel_spectrogram_db
from features.faces import Box, FaceTracker, crop_square, cut
from features.media import read_frames, read_sound
from features.video import extract_video
from models.augment import random_face, random_voice
from models.backbone import load_backbone
from models.labels import LABELS, label_index
from models.ravdess import Take, find_takes

log = logging.getLogger(__name__)

VOICE_VARIANTS, FACE_VARIANTS = 12, 6  # the first is the clean one
_VOICE_VERSION, _FACE_VERSION = 1, 1  # of what is computed below: part of the cache's keys
_STRIP_SIDE = 224
# In the face strips of actor 05 the faces are stored 4:3 too flat (compare any of them with its MP4).
_STRIP_ASPECT = {5: 4 / 3}

FERPLUS_VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "no face")
_FERPLUS_LABELS = {0: "neutral", 1: "happy", 2: "surprised", 3: "sad", 4: "angry", 5: "disgust", 6: "fearful"}


@dataclass(frozen=True)
class Voices:
    """n recordings: ``mfcc`` float32 (n, variants, 40), labels, actors, statements int (n,)."""

    mfcc: np.ndarray
    label: np.ndarray
    actor: np.ndarray
    statement: np.ndarray
    takes: list[Take]

    def where(self, mask: np.ndarray) -> Voices:
        picked = [take for take, keep in zip(self.takes, mask, strict=True) if keep]
        return Voices(self.mfcc[mask], self.label[mask], self.actor[mask], self.statement[mask], picked)


@dataclass(frozen=True)
class Faces:
    """n clips of faces: ``frames[i]`` is float32 (variants, frames, 512); ``actor`` 0 stands for FER+ (single pictures)."""

    frames: list[np.ndarray]
    label: np.ndarray
    actor: np.ndarray
    statement: np.ndarray
    takes: list[Take | None]

    def where(self, mask: np.ndarray) -> Faces:
        index = np.flatnonzero(mask)
        return Faces(
            [self.frames[i] for i in index],
            self.label[mask],
            self.actor[mask],
            self.statement[mask],
            [self.takes[i] for i in index],
        )


def load_voices(folder: Path, cache: Path, workers: int | None = None) -> Voices:
    """Features of every spoken take below ``folder``."""
    takes = [take for take in find_takes(folder) if take.kind == "voice"]
    with ProcessPoolExecutor(workers) as pool:
        rows = list(tqdm(pool.map(_voice, takes, [cache] * len(takes), chunksize=16), "voices", len(takes), leave=False, disable=None))
    columns = [[label_index(t.label), t.actor, t.statement] for t in takes]
    label, actor, statement = np.array(columns, int).reshape(-1, 3).T
    return Voices(np.array(rows, np.float32), label, actor, statement, takes)


def load_faces(folder: Path, cache: Path, ferplus_per_class: int = 0, backbone: str = "ferplus") -> Faces:
    """Features of every face below ``folder``: MP4s, face strips, and FER+ pictures of ``ferplus.npz`` if asked for."""
    takes: list[Take | None] = []
    found = [take for take in find_takes(folder) if take.kind != "voice"]
    frames = [_face(take, cache, backbone) for take in tqdm(found, "faces", leave=False, disable=None)]
    rows = [(label_index(t.label), t.actor, t.statement) for t in found]
    takes += found
    archive = folder / "ferplus.npz"
    if ferplus_per_class and archive.exists():
        pictures, labels = load_ferplus(archive, cache, ferplus_per_class, backbone)
        frames += list(pictures[:, None, None, :])
        rows += [(label, 0, 0) for label in labels]
        takes += [None] * len(labels)
    label, actor, statement = np.array(rows, int).reshape(-1, 3).T
    return Faces(frames, label, actor, statement, takes)


def load_ferplus(archive: Path, cache: Path, per_class: int, backbone: str = "ferplus") -> tuple[np.ndarray, np.ndarray]:
    """FER+ training faces with a clear majority (Barsoum et al. 2016, arXiv:1608.01041) → (n, 512) features, (n,) labels.

    Calm, which FER+ does not have, is taken from neutral faces with a few votes for happiness.
    """
    with np.load(archive) as data:
        votes, split, jpeg, offsets = data["votes"], data["split"], data["jpeg"], data["off"]
    labels = ferplus_labels(votes)
    rng = np.random.default_rng(0)
    picked = np.concatenate([_some(rng, np.flatnonzero((labels == c) & (split == 0)), per_class) for c in range(len(LABELS))])

    def compute() -> np.ndarray:
        out = []
        for block in tqdm(np.array_split(picked, max(1, len(picked) // 64)), "FER+", leave=False, disable=None):
            crops = np.stack([_ferplus_crop(jpeg[offsets[i] : offsets[i + 1]]) for i in block])
            out.append(_pooled(crops, backbone))
        return np.concatenate(out)

    return _cached(cache, f"{_face_settings(backbone)} FER+ {per_class}", votes.tobytes(), compute), labels[picked]


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


def _voice(take: Take, cache: Path) -> np.ndarray:
    data = take.path.read_bytes()

    def compute() -> np.ndarray:
        clean = extract_audio(read_sound(data))
        rng = np.random.default_rng(_seed(data))
        altered = [random_voice(clean.samples, rng) for _ in range(VOICE_VARIANTS - 1)]
        return np.stack([clean.mfcc] + [mean_mfcc(mel_spectrogram_db(x)) for x in altered]).astype(np.float32)

    return _cached(cache, f"voice {_VOICE_VERSION} {VOICE_VARIANTS}", data, compute)


def _face(take: Take, cache: Path, backbone: str) -> np.ndarray:
    data = take.path.read_bytes()

    def compute() -> np.ndarray:
        crops = _strip_crops(data, take.actor) if take.kind == "strip" else _video_crops(data)
        rng = np.random.default_rng(_seed(data))
        views = [crops] + [np.stack([random_face(crop, rng) for crop in crops]) for _ in range(FACE_VARIANTS - 1)]
        return np.stack([_pooled(view, backbone) for view in views])

    return _cached(cache, f"{_face_settings(backbone)} {FACE_VARIANTS}", data, compute)


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


def _cached(cache: Path, settings: str, data: bytes, compute) -> np.ndarray:
    """``compute()``, kept as one array under the hash of the content and of the settings."""
    path = cache / f"{hashlib.sha256(settings.encode() + data).hexdigest()}.npy"
    if path.exists():
        return np.load(path, allow_pickle=False)
    array = compute()
    cache.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npy")
    np.save(partial, array)
    partial.replace(path)
    return array
