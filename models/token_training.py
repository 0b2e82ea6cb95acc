"""Train the Transformer on sequences: seconds of voices, frames of faces."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from features import N_AUDIO, N_VISUAL
from models.batches import smooth, targets
from models.checkpoint import TokenModel
from models.dataset import SPOKEN, Faces, Voices
from models.fitting import OnEpoch, fit
from models.labels import LABELS
from models.pools import DB_TO_MFCC0, Samples, reference_rows, samples, subset
from models.recipe import Recipe
from models.teachers import balanced_weights, face_expert
from models.tokens import CLIP_SECONDS, TOKEN_FRAMES, TokenBatch, TokenTransformer

FACES = 6  # frames of a clip that are shown at most
LONGEST = 3 * TOKEN_FRAMES  # MFCC frames of a voice in training; few have more between their silences


@dataclass(frozen=True)
class TokenRecipe(Recipe):
    """As :class:`models.recipe.Recipe`, with what sequences allow.

    Attributes:
        mixup: of the Beta distribution, for samples without a face (Zhang et al. 2018, arXiv:1710.09412); 0 for none.
        mask_frames: longest stretch of a voice that is blanked (SpecAugment, Park et al. 2019, arXiv:1904.08779).
    """

    epochs: int = 40
    batch: int = 32
    epoch_size: int = 1440
    lr: float = 1e-3
    voice_alone: float = 0.65
    face_alone: float = 0.15
    altered: float = 0.5
    levelled: float = 0.5
    balance: float = 1.0
    mixup: float = 0.3
    mask_frames: int = 25
    reference: int = 32


@dataclass
class _Sequences:
    """Everything to draw from, standardised on the way out."""

    voices: Voices
    faces: Faces
    pools: Samples
    mean: np.ndarray
    std: np.ndarray
    face_weights: np.ndarray
    by_label: dict[int, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_label = {label: np.flatnonzero(self.faces.label == label) for label in range(len(LABELS))}


def train_tokens(
    voices: Voices,
    faces: Faces,
    recipe: TokenRecipe,
    backbone: str = "ferplus",
    on_epoch: OnEpoch | None = None,
) -> TokenModel:
    """Train on all that is given; the loss of each epoch is in ``info["history"]``."""
    pools = samples(voices, faces, recipe)
    mean, std = frame_moments(voices, pools)
    weights = balanced_weights(faces.label, faces.actor > 0, recipe.ferplus_share)
    data = _Sequences(voices, faces, pools, mean, std, weights)
    torch.manual_seed(recipe.seed)
    network = TokenTransformer(dropout=recipe.dropout)
    draw = _TokenBatches(data, recipe)
    history = fit(network, draw, recipe, on_epoch)
    info = {"backbone": backbone, "recipe": asdict(recipe), "history": history}
    reference, voice, face = reference_sequences(data, recipe)
    network = network.eval().requires_grad_(False)
    arrays = {"reference_voice": voice, "reference_faces": face}
    return TokenModel("av-tokens", network, mean, std, reference, 1.0, info, "", "av-tokens", None, **arrays)


def frame_moments(voices: Voices, pools: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (552,) of single MFCC frames, and of the faces as in the vector."""
    some = np.concatenate(
        [s[0, :, :h] for s, h in zip(voices.sequence.astype(np.float32), voices.heard[:, 0], strict=True)], axis=1, dtype=float
    )
    return (
        np.concatenate([some.mean(axis=1), pools.mean[N_AUDIO:]]),
        np.concatenate([some.std(axis=1) + 1e-2, pools.std[N_AUDIO:]]),
    )


def standardised_frames(mfccs: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Raw MFCCs (…, 40, frames) → float32, by the voice's part of ``mean`` and ``std`` (552,)."""
    return (mfccs - mean[:N_AUDIO, None].astype(np.float32)) / std[:N_AUDIO, None].astype(np.float32)


def reference_sequences(data: _Sequences, recipe: TokenRecipe) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of one label as vectors (m, 552), and the same as sequences (m, 40, 176) and (m, 4, 512)."""
    rng = np.random.default_rng(recipe.seed + 2)
    i, j = reference_rows(data.pools.heard, data.pools.seen, recipe.reference, rng)
    rows = [int(rng.choice(data.by_label[label])) for label in data.pools.seen.labels[j]]
    clips = [data.faces.frames[row][0] for row in rows]
    frames = np.stack([clip[np.arange(4) % len(clip)] for clip in clips])
    vectors = np.concatenate([data.voices.mfcc[i, 0], [clip.mean(axis=0) for clip in clips]], axis=1)
    return vectors.astype(np.float32), data.voices.sequence[i, 0].astype(np.float32), frames.astype(np.float32)


class _TokenBatches:
    """Draws sequences of voices and faces, with missing modalities, and their soft targets."""

    def __init__(self, data: _Sequences, recipe: TokenRecipe) -> None:
        self.data, self.recipe = data, recipe
        self.rng = np.random.default_rng(recipe.seed + 1)
        filmed = data.faces.actor > 0
        means = np.array([frames[0].mean(axis=0) for frames in data.faces.frames])
        self.expert = face_expert(means, data.faces.label, filmed)

    def __call__(self) -> tuple[TokenBatch, torch.Tensor]:
        n, rng, recipe, data = self.recipe.batch, self.rng, self.recipe, self.data
        heard = data.pools.heard
        i = rng.choice(len(heard.labels), n, p=heard.weights)
        j = rng.choice(len(data.faces.label), n, p=data.face_weights)
        paired = np.arange(n) < round(recipe.matched * n)
        for k in np.flatnonzero(paired):
            same = data.by_label[heard.labels[i[k]]]
            if len(same):
                j[k] = rng.choice(same, p=data.face_weights[same] / data.face_weights[same].sum())
        fate = rng.permutation(n) / n  # the same share of each in every batch
        deaf, blind = fate < recipe.face_alone, fate >= 1 - recipe.voice_alone
        voice, count = self._voices(i)
        faces, seconds, seen, means = self._faces(j)
        target = targets(
            heard.labels[i], data.faces.label[j], self.expert.log_probabilities(means), paired & ~deaf & ~blind, deaf, blind, recipe
        )
        voice, count, target = self._mix(voice, count, target, blind, heard.labels[i])
        batch = TokenBatch(
            torch.from_numpy(voice),
            torch.from_numpy(np.where(deaf, 0, count)),
            torch.from_numpy(faces),
            torch.from_numpy(seconds),
            torch.from_numpy(seen & ~blind[:, None]),
        )
        return batch, torch.from_numpy(target.astype(np.float32))

    def _voices(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Random copies → float32 (n, 40, 132) standardised, (n,) frames heard."""
        n, rng, recipe, data = len(rows), self.rng, self.recipe, self.data
        last = data.voices.sequence.shape[1]
        copies = np.where(rng.random(n) < recipe.altered, rng.integers(SPOKEN.stop, last, n), rng.integers(SPOKEN.stop, size=n))
        x = data.voices.sequence[rows, copies, :, :LONGEST].astype(np.float32)
        count = np.minimum(data.voices.heard[rows, copies], LONGEST)
        x[:, 0] += ((rng.random(n) < recipe.levelled) * rng.uniform(-recipe.gain_db, recipe.gain_db, n) * DB_TO_MFCC0)[:, None]
        x = standardised_frames(x, data.mean, data.std)
        x += recipe.voice_noise * rng.standard_normal(x.shape, np.float32)
        for k in range(n):
            start = rng.integers(x.shape[2])
            x[k, :, start : start + rng.integers(max(1, recipe.mask_frames))] = 0
        # Where a second begins is an accident.
        shift = rng.integers(0, np.maximum(1, count // 4))
        columns = np.minimum(np.arange(x.shape[2])[None] + shift[:, None], x.shape[2] - 1)
        x = np.take_along_axis(x, columns[:, None, :], axis=2)
        return x.astype(np.float32), np.maximum(count - shift, TOKEN_FRAMES // 4)

    def _faces(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Random frames of random views → (n, 6, 512) standardised, seconds and presence (n, 6), raw means (n, 512)."""
        n, rng, data = len(rows), self.rng, self.data
        faces, seconds = np.zeros((n, FACES, N_VISUAL), np.float32), np.zeros((n, FACES), np.float32)
        seen, means = np.zeros((n, FACES), bool), np.zeros((n, N_VISUAL))
        for k, row in enumerate(rows):
            views = data.faces.frames[row][: self.recipe.face_views]
            view = views[rng.integers(len(views))]
            order = np.sort(subset(np.arange(len(view)), rng)[:FACES])
            means[k] = view[order].mean(axis=0)
            faces[k, : len(order)] = (view[order] - data.mean[N_AUDIO:]) / data.std[N_AUDIO:]
            seconds[k, : len(order)] = (order + rng.random()) * CLIP_SECONDS / len(view)
            seen[k, : len(order)] = True
        faces += self.recipe.face_noise * rng.standard_normal((n, 1, N_VISUAL), np.float32)
        return faces, seconds, seen, means

    def _mix(self, voice, count, target, blind, labels):
        """Mixup among the samples that are voices alone."""
        alone = np.flatnonzero(blind)
        if not self.recipe.mixup or len(alone) < 2:
            return voice, count, target
        partner = self.rng.permutation(alone)
        share = self.rng.beta(self.recipe.mixup, self.recipe.mixup, len(alone)).astype(np.float32)
        voice[alone] = share[:, None, None] * voice[alone] + (1 - share[:, None, None]) * voice[partner]
        wanted = smooth(labels, self.recipe.smoothing)
        target[alone] = share[:, None] * wanted[alone] + (1 - share[:, None]) * wanted[partner]
        count[alone] = np.maximum(count[alone], count[partner])
        return voice, count, target
