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


class SoundOcclusion(Method):
    """See the module."""

    key, title, panel, modality = "sound_occlusion", "Occlusion", Panel.HEARD, Modality.AUDIO
    question = "Without which moment and frequency would the emotion be less probable?"
    how = "Every patch of the spectrogram is faded in turn, and the model judges the recording again: how much the logit falls."
    limits = "Parts that only matter together."
    paper = "Zeiler & Fergus 2014 (arXiv:1311.2901)"

    def comes_at_once(self, subject: Subject) -> bool:
        """Where nothing else of the sound is quicker: through a large voice encoder no gradients are followed."""
        audio = subject.features.audio
        return isinstance(audio, TokenFeatures) and not audio.encoder.gradients and self.applies(subject)

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        patches = patches_of(subject)
        masker = PatchMasker(subject, patches, words="Fading the sound, patch by patch…", say=say)
        return Attribution(self.key, leave_one_out(masker), parts_of(subject, patches))
