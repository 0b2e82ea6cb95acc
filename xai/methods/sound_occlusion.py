"""Occlusion of the spectrogram: how much the logit falls when one patch is faded to the background.

Zeiler & Fergus 2014 (arXiv:1311.2901), on time and frequency. Where LIME fits a straight line to thousands of copies, this asks the
model once for each patch, with all others left as they are.
"""

from __future__ import annotations

from features import Modality
from features.tokens import TokenFeatures
from xai.explanation import Attribution, Method, Panel, Say, Subject, silent
from xai.masking import PatchMasker
from xai.methods.lime import parts_of, patches_of
from xai.methods.occlusion import leave_one_out

_SHORT = 8.0  # seconds of speech


class SoundOcclusion(Method):
    """See the module."""

    key, title, panel, modality, instead = "sound_occlusion", "Occlusion", Panel.HEARD, Modality.AUDIO, True
    question = "Without which moment and frequency would the emotion be less probable?"
    how = "Every patch of the spectrogram is faded in turn, and the model judges the recording again: how much the logit falls."
    limits = "Parts that only matter together."
    paper = "Zeiler & Fergus 2014 (arXiv:1311.2901)"

    def comes_at_once(self, subject: Subject) -> bool:
        """Where a model makes LIME slow: 81 copies of a short voice are soon judged. And where no gradients flow."""
        audio = subject.features.audio
        if subject.model.budget.at_once or audio is None:
            return False
        first, last = audio.span or (0, audio.mel_db.shape[1])
        short = (last - first) / audio.scale.frame_rate <= _SHORT
        gradients = subject.model.differentiable and (not isinstance(audio, TokenFeatures) or audio.encoder.gradients)
        return self.applies(subject) and (short or not gradients)

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        patches = patches_of(subject)
        masker = PatchMasker(subject, patches, words="Fading the sound, patch by patch…", say=say)
        return Attribution(self.key, leave_one_out(masker), parts_of(subject, patches))
