"""A pretrained speech model of Hugging Face as voice encoder: wav2vec 2.0, HuBERT, WavLM, or any other that reads samples.

The mean and the deviation of some layers over each half second of speech, as superb's benchmarks weigh layers (Yang et al. 2021,
arXiv:2105.01051): emotion is best told from the middle ones (Pepino et al. 2021, arXiv:2104.03502). Such a network has no spectrogram of
its own, so patches lie on Whisper's 80 mel bands, and a masked copy is the recording with those bands made quieter
(:mod:`models.networks.resynthesis`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from features.log_mel import HOP, RATE, SCALE
from features.tokens import TOKEN_SECONDS, TokenFeatures, mean_token, token_lengths
from models.networks import ModelError
from models.networks.hugging_face import load_speech_model
from models.networks.resynthesis import SampledVoice, read_voice
from models.networks.whisper import POSITIONS_PER_SECOND, positions_of, windows

LONGEST = 300
"""Positions of a window, with a second of context on both sides: 6 s, hardly longer than the clips of training. Memory is bounded by it."""
TOKEN_POSITIONS = round(TOKEN_SECONDS * POSITIONS_PER_SECOND)
_STEP = RATE // POSITIONS_PER_SECOND  # samples of a position
_KINDS = ("mean", "deviation")
_MOST_WEIGHTS = 30_000_000  # of a network through which gradients are waited for: the base size has 95 million, and takes minutes
_NAMED = re.compile(r"(?P<source>.+)@(?P<digest>[0-9a-f]{16})")


class HuggingFaceVoice:
    """See :class:`features.tokens.TokenEncoder`. A token has the means, then the deviations, of each of three layers in the middle.

    Args:
        source: folder, or name on the hub; with ``@`` and its digest, as in a checkpoint, it must be that very model.

    Raises:
        ModelError: it cannot be loaded, is another than was asked for, or reads no samples.
    """

    scale = SCALE

    def __init__(self, source: str) -> None:
        named = _NAMED.fullmatch(source)
        given = named["source"] if named else source
        if named and "/" not in given and not Path(given).is_dir():
            raise ModelError(f"{given}, the folder of the speech model, is neither here nor beside the checkpoint: put it there.")
        model = load_speech_model(given)
        config, self.network = model.network.config, model.network
        self.around = _around(given, config, model.network)
        self.normalised = bool(getattr(model.extractor, "do_normalize", True))
        self.layers = middle(config.num_hidden_layers)
        self.network.encoder.layers = self.network.encoder.layers[: self.layers[-1] + 1]  # later ones are not read
        self.gradients = sum(weights.numel() for weights in self.network.parameters()) <= _MOST_WEIGHTS
        settings = self.layers, LONGEST, TOKEN_POSITIONS, self.normalised
        self.digest = hashlib.sha256(f"{model.digest} {settings}".encode()).hexdigest()[:16]
        self.name, self.title = f"{given}@{self.digest}", f"{Path(given).name} ({config.model_type})"
        self.names = tuple(
            f"layer{layer}_{kind}_{unit:04d}" for layer in self.layers for kind in _KINDS for unit in range(config.hidden_size)
        )
        if named and named["digest"] != self.digest:
            raise ModelError(f"The model in {given} is not the one that this checkpoint learned from: give it back its weights.")

    def __call__(self, samples: np.ndarray) -> TokenFeatures:
        """float32 (n,) at 22,050 Hz → the voice."""
        sound, mel_db, span = read_voice(samples)
        with torch.inference_mode():
            tokens = self._tokens(self._levelled(self._cut(torch.from_numpy(sound[None]), span))).numpy()[0]
        lengths = token_lengths(span[1] - span[0], SCALE.frame_rate)
        return SampledVoice(samples, mel_db, mean_token(tokens, lengths), encoder=self, tokens=tokens, speech=span, sound=sound)

    def later(self, samples: np.ndarray, seconds: float) -> np.ndarray:
        """float32 (n,) at 22,050 Hz → tokens (k, d); such networks know only how far apart two moments are, not when they are."""
        return self(samples).tokens

    def copies(self, audio: TokenFeatures, mel_db: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Masked copies of a voice, each (80, frames) in dB → their tokens, float32 (b, k, d), a few copies at a time."""
        rest, changed = iter(mel_db), self._changer(audio)
        size = max(1, LONGEST // positions_of(audio.speech[1] - audio.speech[0]))
        while batch := list(islice(rest, size)):
            with torch.inference_mode():
                yield self._tokens(changed(torch.from_numpy(np.stack(batch)).float())).numpy()

    def differentiable(self, audio: TokenFeatures, mel_db: torch.Tensor) -> torch.Tensor:
        """Tensor (n, 80, frames) in dB → tokens (n, k, d) through which gradients flow back; one copy after the other, to save memory."""
        changed = self._changer(audio)

        def one(copy: torch.Tensor) -> torch.Tensor:
            return self._tokens(changed(copy))

        return torch.cat([checkpoint(one, copy, use_reentrant=False) for copy in mel_db.split(1)])

    def _changer(self, audio: TokenFeatures) -> Any:
        """A function: tensor (n, 80, frames) in dB → the speech with these bands, (n, samples), at the level of the recording."""
        assert isinstance(audio, SampledVoice)
        made, span = audio.resynthesis()
        own = self._cut(torch.from_numpy(audio.sound[None]), audio.speech)
        return lambda mel_db: self._levelled(self._cut(made(mel_db), span), own)

    def _cut(self, sound: torch.Tensor, span: tuple[int, int]) -> torch.Tensor:
        """Sounds (n, samples) → those of the frames in ``span``, from half a hop before the first, and what is read around them."""
        start = span[0] * HOP - HOP // 2 - self.around // 2
        length = positions_of(span[1] - span[0]) * _STEP + self.around
        stop = min(start + length, span[1] * HOP + HOP // 2)
        part = sound[:, max(0, start) : stop]
        before = max(0, -start)
        return F.pad(part, (before, length - before - part.shape[1]))

    def _levelled(self, speech: torch.Tensor, own: torch.Tensor | None = None) -> torch.Tensor:
        """Shifted and scaled to mean 0 and deviation 1, or as ``own`` would be, where the feature extractor does so."""
        if not self.normalised:
            return speech
        level = speech if own is None else own
        return (speech - level.mean(dim=1, keepdim=True)) / (level.var(dim=1, correction=0, keepdim=True) + 1e-7).sqrt()

    def _tokens(self, speech: torch.Tensor) -> torch.Tensor:
        """(n, samples) → (n, k, layers · 2 · units)."""
        positions = (speech.shape[1] - self.around) // _STEP
        found = []
        for window, kept in windows(positions, LONGEST):
            heard = speech[:, window.start * _STEP : window.stop * _STEP + self.around]
            states = self.network(heard, output_hidden_states=True).hidden_states
            found.append(torch.stack([states[layer][:, kept] for layer in self.layers], dim=1))
        parts = torch.cat(found, dim=2).split(TOKEN_POSITIONS, dim=2)
        pooled = [torch.stack([part.mean(dim=2), (part.var(dim=2, correction=0) + 1e-12).sqrt()], dim=2) for part in parts]
        return torch.stack(pooled, dim=1).flatten(2)


def beside(source: str, folder: Path) -> str:
    """What a checkpoint in ``folder`` names, found from there if it is a folder there and none here."""
    named = _NAMED.fullmatch(source)
    if named is None or Path(named["source"]).is_dir() or not (folder / named["source"]).is_dir():
        return source
    return f"{folder / named['source']}@{named['digest']}"


def middle(layers: int) -> tuple[int, ...]:
    """Which of so many layers are read: those at a third, half and two thirds of the way.

    >>> middle(12), middle(2)
    ((4, 6, 8), (1,))
    """
    return tuple(sorted({round(layers / 3), round(layers / 2), round(2 * layers / 3)}))


def _around(name: str, config: Any, network: torch.nn.Module) -> int:
    """Samples that one position reads beyond its own 20 ms.

    Raises:
        ModelError: it does not read samples, or gives more or fewer than 50 positions a second.
    """
    kernels: Sequence[int] = getattr(config, "conv_kernel", ()) or ()
    strides: Sequence[int] = getattr(config, "conv_stride", ()) or ()
    if getattr(network, "main_input_name", "") != "input_values" or not kernels or int(np.prod(strides)) != _STEP:
        raise ModelError(f"{name} is no speech model of the kind of wav2vec 2.0, HuBERT or WavLM, which read samples 50 times a second.")
    reach = 1 + sum((kernel - 1) * int(np.prod(strides[:k])) for k, kernel in enumerate(kernels))
    return max(0, reach - _STEP)
