"""Classifiers of tokens: half seconds of a voice by a pretrained encoder, and frames of the face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from features import Features, Modality, Standardiser
from features.patches import Patches
from features.tokens import TokenFeatures
from models.labels import LABELS
from models.model import NOTHING, Budget, Span
from models.networks.tokens import Moments
from models.sequence_model import SequenceInputs, SequenceModel

if TYPE_CHECKING:
    from models.data.clips import Clips

_VALUES = 20_000_000  # numbers of one block of copies: bounds memory at any clip length
_FEWEST_REFERENCES, _MOST_REFERENCES = 4, 16
# To hear a masked copy again takes as long as 0.3 % of its length on one core. LIME: 500 copies of a clip of 4 s.
_BUDGET = Budget(path_nodes=8, summary_nodes=3, seeds=3, scrambled=1, patches=12, frames=200_000, fewest=60, at_once=False, states=100_000)


@dataclass(frozen=True)
class TokenInputs(SequenceInputs):
    """n recordings as tokens, ``standardise`` by the moments of single tokens and of faces. What is removed is gone, not at its mean."""

    batch: Moments  # type: ignore[assignment]

    def room(self, most: int) -> int:
        """As many as have :data:`_VALUES` numbers in all."""
        each = self.batch.voice[0].numel() + self.batch.faces[0].numel()
        return max(1, min(most, _VALUES // max(1, each)))

    def with_patches(self, kept: np.ndarray, patches: Patches, exact: bool = False) -> TokenInputs:
        audio = self._audio
        copies = audio.encoder.copies(audio, (patches.hidden(row) for row in kept))
        return self.with_tokens(torch.from_numpy(np.concatenate(list(copies))))

    def with_tokens(self, tokens: torch.Tensor) -> TokenInputs:
        """Copies with other raw tokens of the voice, (n, k, d); differentiable."""
        return replace(self, batch=replace(self.batch.repeated(len(tokens)), voice=self._standardised(tokens, Modality.AUDIO)))

    def with_frames(self, kept: np.ndarray) -> TokenInputs:
        spoken = torch.ones(len(kept), self.batch.spoken.shape[1], dtype=torch.bool)
        return replace(self, batch=self.batch.kept(spoken, torch.from_numpy(kept)))

    def with_weighed(self, kept: np.ndarray) -> TokenInputs:
        there = torch.from_numpy(np.asarray(kept, bool))
        count = self.batch.spoken.shape[1]
        return replace(self, batch=self.batch.kept(there[:, :count], there[:, count:]))

    def moments(self) -> dict[Modality, np.ndarray]:
        """Where each token lies in the recording, in seconds; a frame of the face lasts until the next."""
        features, nothing = self._features, np.zeros((0, 2))
        audio, video = features.parts.get(Modality.AUDIO), features.video
        heard = audio.segments if isinstance(audio, TokenFeatures) and self.batch.spoken.any() else nothing
        shown = _stretches(video.times[video.used]) if video is not None and self.batch.seen.any() else nothing
        return {Modality.AUDIO: heard, Modality.VIDEO: shown}

    def speech_span(self) -> tuple[int, int]:
        return self._audio.speech if self._features.audio is not None else (0, 0)

    def windows(self, spans: Sequence[Span]) -> TokenInputs:
        """Each encoded by itself, the silence around the voice cut off."""
        video, batches = self._features.video, []
        for span in spans:
            heard = faces = None
            if span.voice is not None and self._features.audio is not None:
                heard = self._audio.part(span.voice.start, span.voice.stop)
            if len(span.faces) and video is not None:
                faces = video.frame_vectors[span.faces]
            tokens = None if heard is None else heard.tokens
            batches.append(encoded(tokens, faces, span.seconds if faces is not None else None, self.standardise))
        return replace(self, batch=together(batches))

    @property
    def _audio(self) -> TokenFeatures:
        audio = self._features.audio
        assert isinstance(audio, TokenFeatures)
        return audio


@dataclass(frozen=True)
class TokenModel(SequenceModel):
    """Reads tokens of a voice and frames of a face; ``standardise`` is by the moments of single tokens.

    ``reference_voice`` is float32 (m, k, d), raw tokens.
    """

    @property
    def budget(self) -> Budget:
        return _BUDGET

    def encode(self, features: Features, drop: frozenset[Modality] = NOTHING) -> TokenInputs:
        """Raises TypeError where the voice was encoded for another model: it would be judged as if there were none."""
        tokens = faces = seconds = None
        audio, video = features.audio, features.video
        if audio is not None and Modality.AUDIO not in drop:
            if not isinstance(audio, TokenFeatures):
                raise TypeError(f"{self.name} reads tokens: the voice was not encoded by {self.encoders[Modality.AUDIO]}")
            tokens = audio.tokens
        if video is not None and Modality.VIDEO not in drop:
            faces, seconds = video.maps[video.used].mean(axis=(2, 3)), video.times[video.used] - video.times[0]
        return TokenInputs(encoded(tokens, faces, seconds, self.standardise), self.standardise, features)

    def encode_rows(self, clips: Clips, rows: np.ndarray) -> TokenInputs:
        """Some of the clips as one block.

        Raises:
            TypeError: there are voices, but not as tokens.
        """
        if clips.mfcc is not None and clips.tokens is None:
            raise TypeError(f"{self.name} reads tokens: load the clips with their tokens")
        return TokenInputs(together([self._encode_row(clips, row) for row in rows]), self.standardise)

    def _encode_row(self, clips: Clips, row: int) -> Moments:
        tokens = None if clips.tokens is None else np.asarray(clips.tokens[row], np.float32)
        faces, seconds = (None, None) if clips.faces is None else (clips.faces[row], clips.times(row))
        return encoded(tokens, faces, seconds, self.standardise)

    def references(self, inputs: Any, most: int | None = None) -> TokenInputs:
        """Cut or repeated to the length of ``inputs``; fewer of them where that is long."""
        x = inputs.batch
        room = inputs.room(_MOST_REFERENCES * self.budget.path_nodes) // self.budget.path_nodes
        m = min(len(self.reference_voice[:most]), max(_FEWEST_REFERENCES, room))
        voices = self.reference_voice[:m][:, np.arange(x.voice.shape[1]) % max(1, self.reference_voice.shape[1])]
        faces = self.reference_faces[:m][:, np.arange(x.faces.shape[1]) % max(1, self.reference_faces.shape[1])]
        parts = self.standardise.part(voices, Modality.AUDIO), self.standardise.part(faces, Modality.VIDEO)
        voice, face = (torch.from_numpy(part) for part in parts)
        return replace(inputs, batch=replace(x.repeated(m), voice=voice, faces=face))

    def path_gradients(self, inputs: Any, references: Any, places: np.ndarray) -> np.ndarray:
        return np.concatenate([part.sum(axis=2) for part in self._paths(inputs, references, places)], axis=1)

    def column_gradients(self, inputs: Any, references: Any, places: np.ndarray) -> np.ndarray:
        return np.concatenate([part.sum(axis=1) for part in self._paths(inputs, references, places)], axis=1)

    def _paths(self, inputs: TokenInputs, references: TokenInputs, places: np.ndarray) -> list[np.ndarray]:
        """float64 (8, k, d) of the voice and (8, m, 512) of the faces: see :meth:`path_gradients`."""
        x, (nodes, paths) = inputs.batch, places.shape
        values = [torch.zeros(len(LABELS), *part.shape[1:], dtype=torch.float64) for part in (x.voice, x.faces)]
        for rows in torch.arange(paths).split(max(1, inputs.room(paths * nodes) // nodes)):
            t = torch.from_numpy(places).float()[:, rows].reshape(-1, 1, 1)
            starts = [part[rows].repeat(nodes, 1, 1) for part in (references.batch.voice, references.batch.faces)]
            steps = [part - start for part, start in zip((x.voice, x.faces), starts, strict=True)]
            points = [(start + t * step).requires_grad_(True) for start, step in zip(starts, steps, strict=True)]
            logits = self.forward(replace(inputs, batch=replace(x.repeated(len(t)), voice=points[0], faces=points[1]))).sum(0)
            for c in range(len(LABELS)):
                gradients = torch.autograd.grad(logits[c], points, retain_graph=c < len(LABELS) - 1, allow_unused=True)
                for total, gradient, step in zip(values, gradients, steps, strict=True):
                    if gradient is not None:
                        total[c] += (gradient * step).sum(0).double()
        return [(total / places.size).numpy() for total in values]


def encoded(tokens: np.ndarray | None, faces: np.ndarray | None, seconds: np.ndarray | None, standardise: Standardiser) -> Moments:
    """One recording: raw tokens (k, d) of its voice, features (m, 512) and times (m,) of its frames, or None."""
    space = standardise.space

    def rows(raw: np.ndarray | None, modality: Modality) -> torch.Tensor:
        nothing = np.zeros((0, space.size(modality)), np.float32)
        return torch.from_numpy((nothing if raw is None else standardise.part(raw, modality, dtype=np.float32))[None])

    voice, shown = rows(tokens, Modality.AUDIO), rows(faces, Modality.VIDEO)
    there = [torch.ones(part.shape[:2], dtype=torch.bool) for part in (voice, shown)]
    times = np.zeros(0, np.float32) if seconds is None else seconds.astype(np.float32)
    return Moments(voice, there[0], shown, there[1], torch.from_numpy(times[None]))


def together(batches: Sequence[Moments]) -> Moments:
    """Batches of one as one batch, filled up with absent tokens and frames."""

    def filled(name: str) -> torch.Tensor:
        rows = [getattr(batch, name)[0] for batch in batches]
        longest = max(len(part) for part in rows)
        return torch.stack([torch.cat([part, part.new_zeros(longest - len(part), *part.shape[1:])]) for part in rows])

    return Moments(*(filled(name) for name in ("voice", "spoken", "faces", "seen", "seconds")))


def _stretches(times: np.ndarray) -> np.ndarray:
    """(m,) seconds of frames → (m, 2): from each to the next, the last as long as the one before."""
    steps = np.diff(times)
    last = steps[-1] if len(steps) else 1.0
    return np.stack([times, np.append(times[1:], times[-1:] + last)], axis=1)
