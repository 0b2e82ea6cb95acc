"""What the model says of a recording of which parts were taken away, through the whole path of its features.

A blurred patch of a face goes through the backbone again, a faded patch of the spectrogram through the MFCCs: what an
explanation claims is tested on the model, not on the shortcut that made the explanation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import torch

from features import N_AUDIO, Features
from features.audio import mean_mfcc
from features.faces import CROP
from features.video import VideoFeatures
from models.checkpoint import AnyModel, EmotionModel, TokenModel
from models.networks.sequence import TokenBatch
from xai.methods.lime import background
from xai.tokens import BLOCK_FRAMES, hidden_logits

CELLS = 7  # a side of the last convolutional maps
BLUR = CROP / 12  # standard deviation in pixels: eyes, brows and mouth melt away, the shape of the head stays
_FINE = 4  # points a side of a cell on which borders are softened
_BLOCK, _FACE_BLOCK = 32, 8  # recordings that are judged at once

Maps = Callable[[np.ndarray], np.ndarray]


def without_patches(features: Features, model: AnyModel, kept: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Calibrated logits (n, 8) of recordings whose patches outside ``kept`` are faded to the quiet level of their bands.

    Args:
        kept: bool (n, p).
        cells: int (p, 4): first and last (exclusive) frame, first and last (exclusive) mel band.
    """
    assert features.audio is not None
    mel_db = features.audio.mel_db
    quiet = background(mel_db)
    if isinstance(model, TokenModel):
        return hidden_logits(features, model, kept.astype(int), cells, quiet)
    vectors = np.repeat(features.vector[None], len(kept), axis=0)
    for vector, keep in zip(vectors, kept, strict=True):
        altered = mel_db.copy()
        for first, last, low, high in cells[~keep]:
            altered[low:high, first:last] = quiet[low:high, None]
        vector[:N_AUDIO] = mean_mfcc(altered)
    return model.logits(vectors)


def without_face_cells(
    features: Features, model: AnyModel, maps: Maps, kept: np.ndarray, frames: np.ndarray, say: Callable[[], None] = lambda: None
) -> np.ndarray:
    """Calibrated logits (n, 8) of recordings in which cells of some frames are blurred; the other frames stay as they are.

    Args:
        maps: the backbone.
        kept: bool (n, f, 7, 7).
        frames: int (f,): which frames ``kept`` is about.
        say: called between passes.
    """
    video = features.video
    assert video is not None
    rows = np.repeat(frame_features(video)[None], len(kept), axis=0)
    place = np.searchsorted(np.flatnonzero(video.used), frames)
    crops = video.crops[frames]
    blurred = np.stack([cv2.GaussianBlur(crop, (0, 0), BLUR) for crop in crops])
    states = np.flatnonzero(~kept.all(axis=(1, 2, 3)))
    for start in range(0, len(states), _FACE_BLOCK):
        block = states[start : start + _FACE_BLOCK]
        pictures = np.stack([blend(crops, blurred, kept[state]) for state in block])
        seen = maps(pictures.reshape(-1, *crops.shape[1:])).mean(axis=(2, 3))
        rows[np.ix_(block, place)] = seen.reshape(len(block), len(frames), -1)
        say()
    return face_logits(features, model, rows)


def frame_features(video: VideoFeatures) -> np.ndarray:
    """float64 (m, 512): the features of each frame that counts."""
    return video.maps[video.used].mean(axis=(2, 3), dtype=np.float64)


def face_logits(features: Features, model: AnyModel, rows: np.ndarray) -> np.ndarray:
    """Calibrated logits (n, 8) of the recording with other face features (n, m, 512) in the frames that count."""
    if isinstance(model, EmotionModel):
        vectors = np.repeat(features.vector[None], len(rows), axis=0)
        vectors[:, N_AUDIO:] = rows.mean(axis=1)
        return model.logits(vectors)
    base = model.batch(features)
    z = torch.from_numpy(((rows - model.mean[N_AUDIO:]) / model.std[N_AUDIO:]).astype(np.float32))
    return np.concatenate([model.logits(replace(base.repeated(len(block)), faces=block)) for block in z.split(_block_size(base))])


def without_features(features: Features, model: AnyModel, kept: np.ndarray) -> np.ndarray:
    """Calibrated logits (n, 8) with the features outside ``kept`` (n, 552) at their mean in training."""
    if isinstance(model, EmotionModel):
        vectors = np.repeat(features.vector[None], len(kept), axis=0)
        missing = np.isnan(vectors)
        vectors = np.where(kept, vectors, model.mean)
        vectors[missing] = np.nan
        return model.logits(vectors)
    base = model.batch(features)
    keep = torch.from_numpy(kept)
    out = []
    for block in keep.split(_block_size(base)):
        batch = base.repeated(len(block))
        voice = batch.voice * block[:, :N_AUDIO, None]
        out.append(model.logits(replace(batch, voice=voice, faces=batch.faces * block[:, None, N_AUDIO:])))
    return np.concatenate(out)


def _block_size(base: TokenBatch) -> int:
    return max(1, min(_BLOCK, BLOCK_FRAMES // max(1, base.voice.shape[2])))


def blend(crops: np.ndarray, blurred: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """uint8 (f, 224, 224, 3) crops, blurred where the cells of ``kept`` (f, 7, 7) are not, with soft borders.

    A hard border is an edge that no face has: the network answers it, and the curves get noisier.
    """
    if kept.all() or not kept.any():
        return crops if kept.all() else blurred
    fine = kept.repeat(_FINE, axis=1).repeat(_FINE, axis=2).astype(np.float32)
    soft = [cv2.resize(cv2.GaussianBlur(mask, (0, 0), _FINE / 4), (CROP, CROP)) for mask in fine]
    return (blurred + np.stack(soft)[..., None] * (crops.astype(np.float32) - blurred)).round().astype(np.uint8)
