"""A speech classifier of Hugging Face as the voice of a late fusion, beside this project's model of the face.

A sidecar, a JSON file, says which model it is and what its labels stand for::

    {
      "kind": "huggingface",
      "model": "superb/wav2vec2-base-superb-er",
      "labels": {"neu": "neutral", "hap": "happy", "ang": "angry", "sad": "sad"}
    }

Voice and face are mixed as in :class:`models.networks.fusion.LateFusion`. All explanations of the face apply; the sound is explained by
copies without some patches of it, which the classifier hears again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import nn

from features import SPACE, Features, FeatureSpace, Modality, Standardiser
from features.log_mel import HOP, RATE, SCALE
from features.patches import Patches
from features.tokens import TokenFeatures
from models.foreign.hugging_face_sidecar import Sidecar, read_sidecar
from models.labels import LABELS
from models.model import NOTHING, Budget, Span
from models.networks import ModelError
from models.networks.fusion import FAINTEST, SingleModality, mixed_by_confidence
from models.networks.hugging_face import SpeechModel, load_speech_model
from models.networks.resynthesis import SampledVoice, read_voice
from models.registry import ModelSpec
from models.vector_model import VectorInputs, VectorModel

if TYPE_CHECKING:
    from models.data.clips import Clips

_LONGEST = 10 * RATE  # samples that are judged at once; a longer voice is judged in equal pieces, whose probabilities are averaged
_BLOCK = 8  # copies that are judged between two words of progress
_VOICE_NAMES = tuple(f"voice_{label}" for label in LABELS)
# A pass takes as long as a tenth of the voice, or more.
_BUDGET = Budget(path_nodes=8, summary_nodes=4, seeds=2, scrambled=1, patches=8, frames=60_000, fewest=60, at_once=False, states=40_000)


class ClassifiedVoice(SampledVoice):
    """A voice as what a classifier says of all of it: one row of ``tokens``, logarithms of the probabilities of our eight emotions."""

    @property
    def segments(self) -> np.ndarray:
        return self.scale.starts(np.array([self.speech])).clip(self.start, self.end)


class VoiceClassifier:
    """See :class:`features.tokens.TokenEncoder`: a voice → logarithms of eight probabilities.

    Labels that stand for one emotion are added; what has no counterpart is shared out among the others; an emotion without a label has
    the probability 0, as logarithm that of :data:`models.networks.fusion.FAINTEST`.

    Raises:
        ModelError: the classifier cannot be loaded, or its labels are not those of the sidecar.
    """

    scale, names, gradients = SCALE, _VOICE_NAMES, False

    def __init__(self, sidecar: Sidecar, name: str) -> None:
        self.sidecar, self.name, self.title = sidecar, name, Path(sidecar.model).name
        self.model: SpeechModel = load_speech_model(sidecar.model, "AutoModelForAudioClassification")
        own = [self.model.network.config.id2label[k] for k in range(self.model.network.config.num_labels)]
        if set(own) != set(sidecar.labels):
            raise ModelError(f"{name}: its labels are {', '.join(own)}; say of each of these which emotion it stands for, or null.")
        self.map = torch.tensor([[float(sidecar.labels[label] == emotion) for emotion in LABELS] for label in own])

    def __call__(self, samples: np.ndarray) -> TokenFeatures:
        """float32 (n,) at 22,050 Hz → the voice."""
        sound, mel_db, span = read_voice(samples)
        with torch.inference_mode():
            tokens = self._judged(torch.from_numpy(sound[None]), span)
        return ClassifiedVoice(samples, mel_db, tokens[0].astype(float), encoder=self, tokens=tokens, speech=span, sound=sound)

    def copies(self, audio: TokenFeatures, mel_db: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Masked copies of a voice, each (80, frames) in dB → what it says of them, float32 (b, 1, 8), a few copies at a time."""
        assert isinstance(audio, SampledVoice)
        (made, span), rest = audio.resynthesis(), iter(mel_db)
        size = max(1, _LONGEST // max(1, HOP * (span[1] - span[0])))
        while batch := list(islice(rest, size)):
            with torch.inference_mode():
                yield self._judged(made(torch.from_numpy(np.stack(batch)).float()), span)[:, None]

    def differentiable(self, audio: TokenFeatures, mel_db: Any) -> Any:
        raise ValueError("it is asked, not differentiated")

    def _judged(self, sound: torch.Tensor, span: tuple[int, int]) -> np.ndarray:
        """Sounds (n, samples) at 16 kHz, of the frames in ``span`` → float32 (n, 8)."""
        speech = sound[:, max(0, span[0] * HOP - HOP // 2) : span[1] * HOP + HOP // 2]
        pieces = speech.tensor_split(-(-speech.shape[1] // _LONGEST), dim=1)
        lengths = [piece.shape[1] / speech.shape[1] for piece in pieces]
        found = sum(share * self._probabilities(piece) for share, piece in zip(lengths, pieces, strict=True))
        return found.clamp(min=FAINTEST).log().numpy()  # type: ignore[union-attr]

    def _probabilities(self, piece: torch.Tensor) -> torch.Tensor:
        read = self.model.extractor(list(piece.numpy()), sampling_rate=RATE, return_tensors="pt", padding=True)
        found = (self.model.network(**read).logits / self.sidecar.temperature).softmax(dim=1) @ self.map
        return found / found.sum(dim=1, keepdim=True).clamp(min=FAINTEST)


class VoiceBesideFace(nn.Module):
    """Logarithms of the probabilities by a voice, less ``usual``, and a face, standardised (n, 520) → their mixture.

    Args:
        face: classifier of the face alone; temperature: its own.
        usual: (8,), what the voice says of nobody in particular.
    """

    def __init__(self, face: SingleModality, temperature: float, usual: np.ndarray) -> None:
        super().__init__()
        self.face, self.temperature = face.network, temperature
        self.usual: torch.Tensor
        self.register_buffer("usual", torch.from_numpy(usual).float())

    def embedding(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 520) → (n, 264): what the voice says, beside the embedding of the face."""
        voice, face = x.split([len(LABELS), x.shape[1] - len(LABELS)], dim=1)
        return torch.cat([(voice + self.usual).softmax(dim=1), self.face.embedding(face)], dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 520) → (n, 8) logarithms of the mixed probabilities."""
        parts = x.split([len(LABELS), x.shape[1] - len(LABELS)], dim=1)
        said = torch.stack([parts[0] + self.usual, self.face(parts[1]) / self.temperature], dim=1)
        return mixed_by_confidence(said.softmax(dim=2), torch.stack([(part != 0).any(dim=1) for part in parts], dim=1))


class FusionInputs(VectorInputs):
    """As vectors, but that the voice of a copy is judged anew."""

    def room(self, most: int) -> int:
        return min(most, _BLOCK)

    def with_patches(self, kept: np.ndarray, patches: Patches, exact: bool = False) -> FusionInputs:
        voice = self._voice
        found = np.concatenate(list(voice.encoder.copies(voice, (patches.hidden(row) for row in kept))))
        return self._with_part(Modality.AUDIO, found[:, 0])  # type: ignore[return-value]

    def speech_span(self) -> tuple[int, int]:
        return self._voice.speech if self._features.audio is not None else (0, 0)

    def windows(self, spans: Sequence[Span]) -> FusionInputs:
        """Each judged by itself, the silence around the voice cut off."""
        video, space = self._features.video, self.standardise.space
        vectors = np.full((len(spans), len(space)), np.nan)
        for row, span in zip(vectors, spans, strict=True):
            heard = None
            if span.voice is not None and self._features.audio is not None:
                heard = self._voice.part(span.voice.start, span.voice.stop)
            if heard is not None:
                space.part(row, Modality.AUDIO)[:] = heard.tokens[0]
            if len(span.faces) and video is not None:
                space.part(row, Modality.VIDEO)[:] = video.frame_vectors[span.faces].mean(axis=0)
        return replace(self, z=torch.from_numpy(self.standardise(vectors)))

    @property
    def _voice(self) -> TokenFeatures:
        voice = self._features.audio
        assert isinstance(voice, TokenFeatures)
        return voice


@dataclass(frozen=True)
class HuggingFaceFusion(VectorModel):
    """Reads what a classifier says of the voice, and 512 features of the face.

    Attributes:
        sidecar: its description; path: of the file that holds it.
    """

    learned_voices: ClassVar[bool] = False

    sidecar: Sidecar = field(kw_only=True)
    path: Path = field(kw_only=True)

    @property
    def spec(self) -> ModelSpec:
        return self.sidecar.description

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that must be read beside every answer of it."""
        return self.sidecar.notes

    @property
    def encoders(self) -> dict[Modality, str]:
        return {Modality.AUDIO: str(self.path), Modality.VIDEO: self.backbone}

    @property
    def budget(self) -> Budget:
        return _BUDGET

    def encode(self, features: Features, drop: frozenset[Modality] = NOTHING) -> FusionInputs:
        vector = self.space.join({modality: part.vector for modality, part in features.parts.items() if modality not in drop})
        return FusionInputs(self.inputs(vector[None]).z, self.standardise, features)

    def encode_clips(self, clips: Clips) -> Iterator[VectorInputs]:
        raise TypeError("clips at hand as features have no sound that it could hear")


def voice_of(path: Path) -> VoiceClassifier:
    """The voice encoder that a sidecar describes.

    Raises:
        ModelError: it cannot be used.
    """
    return VoiceClassifier(read_sidecar(path), path.name)


def read_fusion(path: Path) -> HuggingFaceFusion:
    """The model that a sidecar describes.

    Raises:
        ModelError: it cannot be used.
    """
    from models.checkpoint import load_model

    voice, face = voice_of(path), load_model("face")
    space = FeatureSpace({**SPACE.columns, Modality.AUDIO: _VOICE_NAMES})
    named = np.array([label in voice.sidecar.labels.values() for label in LABELS])
    usual = np.log(np.where(named, 1 / named.sum(), FAINTEST))
    faces = (SPACE.part(moments, Modality.VIDEO) for moments in (face.standardise.mean, face.standardise.std))
    mean, std = (space.join({Modality.AUDIO: own, Modality.VIDEO: seen}) for own, seen in zip((usual, np.ones(8)), faces, strict=True))
    reference = np.concatenate([np.tile(usual, (len(face.reference), 1)), SPACE.part(face.reference, Modality.VIDEO)], axis=1)
    assert isinstance(face.classifier, SingleModality)
    temperature = face.temperature if face.alone is None else face.alone[Modality.VIDEO]
    return HuggingFaceFusion(
        name=path.name,
        classifier=VoiceBesideFace(face.classifier, temperature, usual).eval().requires_grad_(False),
        standardise=Standardiser(mean, std, space),
        reference=reference.astype(np.float32),
        temperature=1.0,
        info={"backbone": face.backbone},
        digest=hashlib.sha256(f"{voice.model.digest} {face.digest} {voice.sidecar}".encode()).hexdigest()[:16],
        architecture=path.name,
        sidecar=voice.sidecar,
        path=path,
    )
