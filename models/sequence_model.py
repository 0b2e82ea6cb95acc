"""Classifiers of a sequence: every frame of the spectrogram and of the face, in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from features import Features, Modality, Standardiser
from features.patches import Patches
from features.speech import speech_span
from models.labels import LABELS
from models.model import NOTHING, Budget, EmotionModel, Span
from models.networks.sequence import TOKEN_FRAMES, TokenBatch, padding

if TYPE_CHECKING:
    from models.data.clips import Clips

_CLIPS = 128  # clips that are judged at once
_BLOCK_FRAMES = 20_000  # spectrogram frames of one block of copies: bounds memory at any clip length
_PATH_FRAMES = 60_000  # the same for all references of expected gradients
_FEWEST_REFERENCES, _MOST_REFERENCES = 4, 16
# A copy costs a hundred times what a vector does. LIME: 2,000 copies of a clip of 4 s.
_BUDGET = Budget(path_nodes=12, summary_nodes=3, seeds=4, scrambled=2, patches=12, frames=400_000)


@dataclass(frozen=True)
class SequenceInputs:
    """n recordings as sequences.

    Attributes:
        batch: standardised.
        standardise: by the moments of single frames.
        source: the one recording it is of, for those operations that need more of it.
    """

    batch: TokenBatch
    standardise: Standardiser
    source: Features | None = None

    def __len__(self) -> int:
        return len(self.batch)

    @property
    def tensor(self) -> None:
        """A sequence with gaps is more than one tensor."""
        return

    def with_tensor(self, tensor: torch.Tensor) -> Self:
        raise TypeError("a sequence is not one tensor")

    def room(self, most: int) -> int:
        """As many as have :data:`_BLOCK_FRAMES` spectrogram frames in all."""
        return max(1, min(most, _BLOCK_FRAMES // max(1, self.batch.voice.shape[2])))

    def repeat(self, n: int) -> Self:
        return replace(self, batch=self.batch.repeated(n))

    def with_patches(self, kept: np.ndarray, patches: Patches, exact: bool = False) -> SequenceInputs:
        whole = self._features.parts[Modality.AUDIO].frame_vectors  # type: ignore[union-attr]
        first, last = speech_span(whole)  # what is silence is decided on the recording as it is
        hidden = 1 - kept.astype(int)
        voices = np.repeat(whole[None], len(kept), axis=0)
        for patch, (a, b, shift) in enumerate(patches.frame_shifts):
            voices[:, :, a:b] += hidden[:, patch, None, None] * shift
        voices = voices[:, :, first:last]
        z = self.standardise.part(voices, Modality.AUDIO, axis=1)
        z = np.pad(z, ((0, 0), (0, 0), (0, padding(last - first))), mode="edge")
        copies = self.batch.repeated(len(kept))
        return replace(self, batch=replace(copies, voice=torch.from_numpy(z), heard=torch.full((len(kept),), last - first)))

    def with_faces(self, rows: np.ndarray | torch.Tensor) -> Self:
        if isinstance(rows, np.ndarray):
            faces = torch.from_numpy(self.standardise.part(rows, Modality.VIDEO))
        else:
            faces = self._standardised(rows, Modality.VIDEO)
        return replace(self, batch=replace(self.batch.repeated(len(faces)), faces=faces))

    def _standardised(self, raw: torch.Tensor, modality: Modality) -> torch.Tensor:
        """As :attr:`standardise` does, differentiable."""
        space = self.standardise.space
        mean, std = (torch.from_numpy(space.part(m, modality)).float() for m in (self.standardise.mean, self.standardise.std))
        return (raw - mean) / std

    def with_frames(self, kept: np.ndarray) -> SequenceInputs:
        # The frames that are kept stand in for the others: the sequence stays as long as it was.
        video = self._features.video
        assert video is not None
        places = np.stack([np.resize(np.flatnonzero(row), len(row)) for row in kept])
        return self.with_faces(video.frame_vectors[places])

    def with_weighed(self, kept: np.ndarray) -> SequenceInputs:
        space, copies = self.standardise.space, self.batch.repeated(len(kept))
        voice, faces = (torch.from_numpy(np.ascontiguousarray(space.part(kept, m))) for m in (Modality.AUDIO, Modality.VIDEO))
        return replace(self, batch=replace(copies, voice=copies.voice * voice[:, :, None], faces=copies.faces * faces[:, None]))

    def faded(self, left: Mapping[Modality, float]) -> Self:
        voice, faces = (left.get(modality, 1.0) for modality in (Modality.AUDIO, Modality.VIDEO))
        return replace(self, batch=replace(self.batch, voice=self.batch.voice * voice, faces=self.batch.faces * faces))

    def moments(self) -> dict[Modality, np.ndarray] | None:
        """None: its features are weighed."""
        return None

    def speech_span(self) -> tuple[int, int]:
        audio = self._features.audio
        return speech_span(audio.frame_vectors) if audio is not None else (0, 0)

    def windows(self, spans: Sequence[Span]) -> SequenceInputs:
        """Each timed from its own beginning, the silence around the voice cut off."""
        audio, video = self._features.audio, self._features.video
        first, last = self.speech_span()
        batches = []
        for span in spans:
            voice = faces = None
            if span.voice is not None and audio is not None:
                voice = audio.frame_vectors[:, max(first, span.voice.start) : min(last, span.voice.stop)]
            if len(span.faces) and video is not None:
                faces = video.frame_vectors[span.faces]
            batches.append(encoded(voice, faces, span.seconds if faces is not None else None, self.standardise))
        return replace(self, batch=_together(batches))

    @property
    def _features(self) -> Features:
        assert self.source is not None, "inputs of many clips cannot be taken apart"
        return self.source


@dataclass(frozen=True)
class SequenceModel(EmotionModel):
    """Reads a sequence of seconds and frames; ``standardise`` is by the moments of single frames.

    Attributes:
        reference_voice: float32 (m, 40, frames) raw MFCCs, and
        reference_faces: float32 (m, k, 512) raw features: sequences that belong to the rows of ``reference``.
    """

    reference_voice: np.ndarray = field(default_factory=lambda: np.zeros((0, 40, 0), np.float32))
    reference_faces: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 512), np.float32))

    @property
    def budget(self) -> Budget:
        return _BUDGET

    def encode(self, features: Features, drop: frozenset[Modality] = NOTHING) -> SequenceInputs:
        voice = faces = seconds = None
        audio, video = features.audio, features.video
        if audio is not None and Modality.AUDIO not in drop:
            first, last = speech_span(audio.frame_vectors)
            voice = audio.frame_vectors[:, first:last]
        if video is not None and Modality.VIDEO not in drop:
            faces, seconds = video.maps[video.used].mean(axis=(2, 3)), video.times[video.used] - video.times[0]
        return SequenceInputs(encoded(voice, faces, seconds, self.standardise), self.standardise, features)

    def encode_clips(self, clips: Clips) -> Iterator[SequenceInputs]:
        rows = np.arange(len(clips.label))
        for block in np.array_split(rows, -(-len(rows) // _CLIPS)):
            yield self.encode_rows(clips, block)

    def encode_rows(self, clips: Clips, rows: np.ndarray) -> SequenceInputs:
        """Some of the clips as one block."""
        n, space, shown = len(rows), self.standardise.space, clips.faces
        voice, heard = np.zeros((n, space.size(Modality.AUDIO), TOKEN_FRAMES), np.float32), np.zeros(n, int)
        if clips.sequence is not None and clips.heard is not None:
            voice, heard = self.standardise.part(clips.sequence[rows], Modality.AUDIO, axis=1), clips.heard[rows]
        longest = max((len(shown[row]) for row in rows), default=0) if shown is not None else 0
        faces = np.zeros((n, longest, space.size(Modality.VIDEO)), np.float32)
        seconds, seen = np.zeros((n, longest), np.float32), np.zeros((n, longest), bool)
        for k, row in enumerate(rows if shown is not None else ()):
            frames = shown[row]  # type: ignore[index]
            faces[k, : len(frames)] = self.standardise.part(frames, Modality.VIDEO)
            seconds[k, : len(frames)] = clips.times(row)
            seen[k, : len(frames)] = True
        arrays = (voice, heard, faces, seconds, seen)
        return SequenceInputs(TokenBatch(*(torch.from_numpy(np.ascontiguousarray(a)) for a in arrays)), self.standardise)

    def forward(self, inputs: SequenceInputs) -> torch.Tensor:
        return self.scaled(self.classifier(inputs.batch), inputs.batch.present())

    def logits(self, inputs: SequenceInputs) -> np.ndarray:
        with torch.inference_mode():
            return self.forward(inputs).double().numpy()

    def embed(self, inputs: SequenceInputs) -> np.ndarray:
        with torch.inference_mode():
            return self.classifier.embedding(inputs.batch).numpy()  # type: ignore[operator]

    def frame_gradients(self, inputs: SequenceInputs) -> np.ndarray:
        faces = inputs.batch.faces.clone().requires_grad_(True)
        logits = self.forward(replace(inputs, batch=replace(inputs.batch, faces=faces)))[0]
        rows = [torch.autograd.grad(logits[c], faces, retain_graph=c < len(LABELS) - 1)[0][0] for c in range(len(LABELS))]
        return self.standardise.raw_gradient(torch.stack(rows).double().numpy(), Modality.VIDEO)

    def references(self, inputs: SequenceInputs, most: int | None = None) -> SequenceInputs:
        """Cut or repeated to the length of ``inputs``; fewer of them where that is long."""
        x = inputs.batch
        frames, shown = x.voice.shape[2], x.faces.shape[1]
        available = min(len(self.reference_voice), len(self.reference_voice) if most is None else most)
        m = min(available, max(_FEWEST_REFERENCES, min(_MOST_REFERENCES, _PATH_FRAMES // max(1, frames))))
        voices = self.reference_voice[:m][:, :, np.arange(frames) % self.reference_voice.shape[2]]
        faces = self.reference_faces[:m][:, np.arange(shown) % self.reference_faces.shape[1]]
        parts = self.standardise.part(voices, Modality.AUDIO, axis=1), self.standardise.part(faces, Modality.VIDEO)
        voice, face = (torch.from_numpy(part) for part in parts)
        return replace(inputs, batch=replace(x.repeated(m), voice=voice, faces=face))

    def baseline(self, inputs: SequenceInputs) -> SequenceInputs:
        x = inputs.batch
        return replace(inputs, batch=replace(x, voice=torch.zeros_like(x.voice), faces=torch.zeros_like(x.faces)))

    def path_gradients(self, inputs: SequenceInputs, references: SequenceInputs, places: np.ndarray) -> np.ndarray:
        x, (nodes, m) = inputs.batch, places.shape
        t = torch.from_numpy(places).float().T[:, :, None, None]
        values = torch.zeros(len(LABELS), len(self.standardise.space), dtype=torch.float64)
        for k in range(m):
            starts = references.batch.voice[k], references.batch.faces[k]
            steps = x.voice[0] - starts[0], x.faces[0] - starts[1]
            path = [(r + t[k] * step).requires_grad_(True) for r, step in zip(starts, steps, strict=True)]
            batch = replace(x.repeated(nodes), voice=path[0], faces=path[1])
            logits = self.forward(replace(inputs, batch=batch))
            for c in range(len(LABELS)):
                gradients = torch.autograd.grad(logits[:, c].sum(), path, retain_graph=c < len(LABELS) - 1, allow_unused=True)
                sums = [torch.zeros(s.shape) if g is None else g.sum(0) * s for g, s in zip(gradients, steps, strict=True)]
                values[c] += torch.cat([sums[0].sum(1), sums[1].sum(0)]).double()
        return (values / places.size).numpy()


def encoded(voice: np.ndarray | None, faces: np.ndarray | None, seconds: np.ndarray | None, standardise: Standardiser) -> TokenBatch:
    """One recording: MFCCs (40, frames) between the silences, features (m, 512) and times (m,) of the frames, or None."""
    space, count = standardise.space, 0
    z = np.zeros((space.size(Modality.AUDIO), 0), np.float32)
    if voice is not None:
        count = voice.shape[1]
        z = np.pad(standardise.part(voice, Modality.AUDIO, axis=0), ((0, 0), (0, padding(count))), mode="edge")
    rows = np.zeros((0, space.size(Modality.VIDEO)), np.float32) if faces is None else standardise.part(faces, Modality.VIDEO)
    times = np.zeros(0) if seconds is None else seconds
    return TokenBatch(
        torch.from_numpy(z[None]),
        torch.tensor([count]),
        torch.from_numpy(rows[None]),
        torch.from_numpy(times[None].astype(np.float32)),
        torch.ones(1, len(rows), dtype=torch.bool),
    )


def _together(batches: Sequence[TokenBatch]) -> TokenBatch:
    """Batches of one as one batch: voices go on with their last frame, faces are filled up with absent ones."""
    frames, shown = max(b.voice.shape[2] for b in batches), max(b.faces.shape[1] for b in batches)
    return TokenBatch(
        torch.cat([_longer(b.voice, frames) for b in batches]),
        torch.cat([b.heard for b in batches]),
        torch.cat([_filled(b.faces, shown) for b in batches]),
        torch.cat([_filled(b.seconds, shown) for b in batches]),
        torch.cat([_filled(b.seen, shown) for b in batches]),
    )


def _longer(voice: torch.Tensor, frames: int) -> torch.Tensor:
    """(1, 40, n) → (1, 40, frames)."""
    if voice.shape[2] == 0:
        return voice.new_zeros(1, voice.shape[1], frames)
    return torch.cat([voice, voice[:, :, -1:].expand(-1, -1, frames - voice.shape[2])], dim=2)


def _filled(rows: torch.Tensor, count: int) -> torch.Tensor:
    """(1, m, …) → (1, count, …), zeros or False at the end."""
    return torch.cat([rows, rows.new_zeros(1, count - rows.shape[1], *rows.shape[2:])], dim=1)
