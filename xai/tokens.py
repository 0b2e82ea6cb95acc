"""What the explanations need of a classifier of sequences (:class:`models.checkpoint.TokenModel`).

The same questions as to a classifier of the 552-vector, which has short cuts that sequences do not have: what it says
without a modality, its gradient on every frame, what it says when patches are hidden, and expected gradients.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from features import N_AUDIO, N_FEATURES, Features
from features.audio import dct_matrix, mfcc
from models.checkpoint import TokenModel, softmax
from models.labels import LABELS
from models.networks.sequence import TokenBatch, padding, speech_span
from xai.methods.path_nodes import path_nodes

_BATCH = 64
BLOCK_FRAMES = 20_000  # MFCC frames of one block of altered recordings: bounds memory at any clip length
_WORK = 400_000  # MFCC frames that LIME runs through the network, at most: 2,000 samples of a clip of 4 s
_FEWEST_SAMPLES = 300
_PATH_FRAMES = 60_000  # the same for expected gradients
_FEWEST_REFERENCES, _MOST_REFERENCES = 4, 16


def coalitions(features: Features, model: TokenModel) -> np.ndarray:
    """(4, 8) probabilities: with neither, the voice alone, the face alone, both."""
    states = ((False, False), (True, False), (False, True), (True, True))
    return softmax(np.concatenate([model.logits(model.batch(features, hear=hear, see=see)) for hear, see in states]))


def frame_gradients(features: Features, model: TokenModel) -> np.ndarray:
    """float64 (8, m, 512): change of each calibrated logit with each raw feature of each frame that counts."""
    batch = model.batch(features)
    faces = batch.faces.clone().requires_grad_(True)
    logits = model.forward(replace(batch, faces=faces))[0]
    rows = [torch.autograd.grad(logits[c], faces, retain_graph=c < len(LABELS) - 1)[0][0] for c in range(len(LABELS))]
    return torch.stack(rows).double().numpy() / model.std[N_AUDIO:]


def sample_count(frames: int, wanted: int) -> int:
    """How many altered recordings LIME can afford: as many as wanted for a few seconds, fewer for minutes."""
    return min(wanted, max(_FEWEST_SAMPLES, _WORK // max(1, frames)))


def hidden_logits(features: Features, model: TokenModel, masks: np.ndarray, cells: np.ndarray, fill: np.ndarray) -> np.ndarray:
    """(n, 8) calibrated logits of the recordings in which the patches with mask 0 are faded to ``fill``.

    Args:
        masks: 0/1 (n, p).
        cells: int (p, 4): first and last (exclusive) frame, first and last (exclusive) mel band of each patch.
        fill: (128,) dB.
    """
    assert features.audio is not None
    mel_db = features.audio.mel_db.astype(float)
    whole = mfcc(mel_db)
    first, last = speech_span(whole)  # what is silence is decided on the recording as it is
    change = dct_matrix()
    shifts = [
        (a, b, change[:, low:high] @ (fill[low:high, None] - mel_db[low:high, a:b])) for a, b, low, high in cells.tolist()
    ]  # each (40, frames of the patch)
    base = model.batch(features)
    out = []
    size = max(1, min(_BATCH, BLOCK_FRAMES // whole.shape[1]))
    for start in range(0, len(masks), size):
        block = 1 - masks[start : start + size]
        voices = np.repeat(whole[None], len(block), axis=0)
        for patch, (a, b, shift) in enumerate(shifts):
            voices[:, :, a:b] += block[:, patch, None, None] * shift
        out.append(model.logits(_with_voices(base, voices[:, :, first:last], model)))
    return np.concatenate(out)


def _with_voices(base: TokenBatch, mfccs: np.ndarray, model: TokenModel) -> TokenBatch:
    """The faces of ``base`` (a batch of one) with each of the voices (n, 40, frames)."""
    n, _, frames = mfccs.shape
    z = (mfccs - model.mean[:N_AUDIO, None]) / model.std[:N_AUDIO, None]
    z = np.pad(z, ((0, 0), (0, 0), (0, padding(frames))), mode="edge").astype(np.float32)
    return replace(base.repeated(n), voice=torch.from_numpy(z), heard=torch.full((n,), frames))


def expected_gradients(features: Features, model: TokenModel, nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """:func:`path_gradients` of a recording."""
    return path_gradients(model.batch(features), model, nodes)


def path_gradients(x: TokenBatch, model: TokenModel, nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expected gradients on every MFCC of every frame of a batch of one, summed over time.

    The reference recordings are cut or repeated to the length of this one.

    Args:
        nodes: points on each path, see :mod:`xai.methods.path_nodes`.

    Returns:
        values (8, 552), mean logits of the references (8,), logits of this recording (8,).
    """
    voice, faces = _references(x, model)
    places = torch.from_numpy(path_nodes(nodes, len(voice))).float()
    values = torch.zeros(len(LABELS), N_FEATURES, dtype=torch.float64)
    base = []
    for t, reference_voice, reference_face in zip(places.T[:, :, None, None], voice, faces, strict=True):
        steps = x.voice[0] - reference_voice, x.faces[0] - reference_face
        path = [(r + t * step).requires_grad_(True) for r, step in zip((reference_voice, reference_face), steps, strict=True)]
        batch = TokenBatch(path[0], x.heard.expand(nodes), path[1], x.seconds.expand(nodes, -1), x.seen.expand(nodes, -1))
        logits = model.forward(batch)
        for c in range(len(LABELS)):
            gradients = torch.autograd.grad(logits[:, c].sum(), path, retain_graph=c < len(LABELS) - 1, allow_unused=True)
            sums = [torch.zeros(s.shape) if g is None else g.sum(0) * s for g, s in zip(gradients, steps, strict=True)]
            values[c] += torch.cat([sums[0].sum(1), sums[1].sum(0)]).double()
        alone = TokenBatch(reference_voice[None], x.heard, reference_face[None], x.seconds, x.seen)
        base.append(model.logits(alone)[0])
    return (values / places.numel()).numpy(), np.mean(base, axis=0), model.logits(x)[0]


def _references(x: TokenBatch, model: TokenModel) -> tuple[torch.Tensor, torch.Tensor]:
    """Standardised (m, 40, frames) and (m, k, 512), as long as ``x``."""
    frames, shown = x.voice.shape[2], x.faces.shape[1]
    count = min(len(model.reference_voice), max(_FEWEST_REFERENCES, min(_MOST_REFERENCES, _PATH_FRAMES // max(1, frames))))
    voices = model.reference_voice[:count][:, :, np.arange(frames) % model.reference_voice.shape[2]]
    faces = model.reference_faces[:count][:, np.arange(shown) % model.reference_faces.shape[1]]
    z_voice = (voices - model.mean[:N_AUDIO, None]) / model.std[:N_AUDIO, None]
    z_face = (faces - model.mean[N_AUDIO:]) / model.std[N_AUDIO:]
    return torch.from_numpy(z_voice.astype(np.float32)), torch.from_numpy(z_face.astype(np.float32))
