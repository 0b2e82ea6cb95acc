"""Integrated gradients of the spectrogram: along the straight path, in decibels, from every band's quiet level to the recording.

Sundararajan et al. 2017 (arXiv:1703.01365), with the background to which LIME and occlusion fade a patch as the baseline, so that the
three speak of the same question. What lies in a patch is added up. On Whisper's encoder it holds less often than these two (MODEL_CARD,
*Explanations of the pretrained ear*), so it is there on request.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from features import Modality
from features.tokens import TokenFeatures
from models.labels import LABELS
from xai.explanation import Attribution, Contrast, Method, Panel, Say, Subject, silent
from xai.methods.lime import parts_of, patches_of
from xai.methods.shap import left_over
from xai.metrics.measures import LEFT_OVER
from xai.score import Score

NODES = 12  # of the path, in the middle of equal steps
_LONGEST = 30.0  # seconds of speech: a pass forward and back needs memory for all of it
_CELLS = 400_000  # of the spectrogram that pass at once: bounds memory


class SoundGradients(Method):
    """See the module."""

    key, title, panel, modality = "sound_gradients", "Integrated gradients of the sound", Panel.HEARD, Modality.AUDIO
    needs_gradients = True
    question = "Which moments and frequencies spoke for it, as the network's own slopes have it?"
    how = (
        "The gradient through the voice encoder is averaged along the path from every band's quiet level to this recording, "
        "and multiplied by the distance, cell by cell; a patch is the sum of its cells."
    )
    limits = "Parts that only matter together; what is far from the path."
    paper = "Sundararajan et al. 2017 (arXiv:1703.01365)"
    hint = "Under Method, Occlusion asks the model itself: it may do better."
    stand_ins = ("sound_occlusion", "lime")

    def applies(self, subject: Subject) -> bool:
        audio = subject.features.audio
        if not isinstance(audio, TokenFeatures) or not super().applies(subject):
            return False
        return audio.encoder.gradients and _seconds(subject) <= _LONGEST

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        audio, patches = subject.features.audio, patches_of(subject)
        assert isinstance(audio, TokenFeatures)
        quiet = np.minimum(patches.background[:, None], audio.mel_db).astype(np.float32)
        step = torch.from_numpy(audio.mel_db - quiet)
        cells = torch.zeros(len(LABELS), *step.shape)
        for places in torch.from_numpy((np.arange(NODES, dtype=np.float32) + 0.5) / NODES).split(max(1, _CELLS // step.numel())):
            say("Following the gradient through the voice encoder…")
            cells += _gradients(subject, torch.from_numpy(quiet) + places[:, None, None] * step)
        values = (cells * step / NODES).double().numpy()
        found = np.stack([values[:, low:high, a:b].sum(axis=(1, 2)) for a, b, low, high in patches.cells.tolist()], axis=1)
        base = _logits(subject, torch.from_numpy(quiet[None]))[0]
        extras = {"base": base, "residual": subject.model.logits(subject.inputs)[0] - base - found.sum(axis=1)}
        return Attribution(self.key, found, parts_of(subject, patches), {"nodes": NODES}, extras)

    def checks(self, subject: Subject, attribution: Attribution, contrast: Contrast, say: Say = silent) -> Iterator[Score]:
        yield from super().checks(subject, attribution, contrast, say)
        yield Score(LEFT_OVER, left_over(attribution, contrast))


def _seconds(subject: Subject) -> float:
    """Of the speech."""
    audio = subject.features.audio
    assert isinstance(audio, TokenFeatures)
    return (audio.speech[1] - audio.speech[0]) / audio.scale.frame_rate


def _gradients(subject: Subject, mel_db: torch.Tensor) -> torch.Tensor:
    """(n, bands, frames) in dB → (8, bands, frames): the gradient of each logit, summed over the n."""
    audio = subject.features.audio
    assert isinstance(audio, TokenFeatures)
    copies = mel_db.requires_grad_(True)
    logits = subject.model.forward(subject.inputs.with_tokens(audio.encoder.differentiable(audio, copies))).sum(dim=0)
    return torch.stack([torch.autograd.grad(logits[c], copies, retain_graph=c < len(LABELS) - 1)[0].sum(dim=0) for c in range(len(LABELS))])


def _logits(subject: Subject, mel_db: torch.Tensor) -> np.ndarray:
    audio = subject.features.audio
    assert isinstance(audio, TokenFeatures)
    with torch.no_grad():
        return subject.model.forward(subject.inputs.with_tokens(audio.encoder.differentiable(audio, mel_db))).double().numpy()
