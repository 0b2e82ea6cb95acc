"""The settings of a training."""

from __future__ import annotations

from dataclasses import dataclass

from features.space import Modality


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result, besides the data.

    Attributes:
        seed: of everything random.
        epochs, batch, lr, weight_decay: AdamW with a one-cycle schedule; an epoch is ``epoch_size`` samples.
        dropout: of the network.
        voice_alone, face_alone: modality dropout: the share of samples without a face, and of those without a voice.
        smoothing: of labels (Szegedy et al. 2016, arXiv:1512.00567).
        label_weight: weight of the label beside the soft targets, for pairs of one label and for faces alone.
        voice_trust: probability that a voice's label has in the product of experts.
        face_trust: exponent of the face expert's probabilities in that product: below 1, as it is overconfident on unseen speakers.
        balance: of voices: 1, every emotion is drawn and weighed the same; 0, every recording (half as many are neutral).
        altered: chance of an augmented voice: another microphone, room or line.
        levelled: chance of a random gain of the voice, up to ``gain_db`` either way.
        cut: chance of a voice that is trimmed closer to its words, or into them (sequences are always trimmed to the words).
        recast: chance of a voice that is moved towards another actor's mean voice.
        overheard: share of the sequence teacher's probabilities in the target of a voice alone; the rest is the smoothed label.
        voice_noise, face_noise: deviation of Gaussian noise on standardised features.
        face_views: views of each filmed face, the first as it was filmed: augmented ones do not make averages of faces more stable.
        face_draws: random subsets of frames for each view of a filmed face.
        ferplus_share: share of FER+ photographs among the faces of an emotion that was filmed as well.
        matched: share of a batch in which voice and face have the same label; the others are drawn independently.
        teachers: networks of each modality that ``fused`` is distilled from (:mod:`models.training.distillation`); 0: from labels alone.
        taught: weight of the teachers beside the label, for a voice alone or a face alone.
        taught_voice_trust, taught_face_trust: exponents of the teachers' probabilities: on unseen speakers, teachers of voices are
            underconfident, teachers of faces overconfident.
        taught_alike: weight of the consistency between an augmented pair and the same pair clean.
        taught_altered, taught_levelled, taught_epochs: ``altered``, ``levelled`` and ``epochs`` of the student.
        reference: pairs kept as the baseline of SHAP.
    """

    epochs: int = 12
    batch: int = 64
    epoch_size: int = 2880
    lr: float = 1e-3
    weight_decay: float = 0.05
    seed: int = 0
    dropout: float = 0.1
    voice_alone: float = 0.5
    face_alone: float = 0.2
    smoothing: float = 0.1
    label_weight: float = 0.1
    voice_trust: float = 0.8
    face_trust: float = 0.5
    balance: float = 0.5
    altered: float = 0.3
    levelled: float = 0.3
    gain_db: float = 12.0
    cut: float = 0.5
    recast: float = 1.0
    overheard: float = 0.8
    voice_noise: float = 0.2
    face_noise: float = 0.3
    face_views: int = 1
    face_draws: int = 4
    ferplus_share: float = 0.6
    matched: float = 0.5
    teachers: int = 4
    taught: float = 0.9
    taught_voice_trust: float = 1.6
    taught_face_trust: float = 0.6
    taught_alike: float = 0.5
    taught_altered: float = 0.65
    taught_levelled: float = 1.0
    taught_epochs: int = 120
    reference: int = 64

    @property
    def modality_dropout(self) -> dict[Modality, float]:
        """The share of samples from which each modality is missing."""
        return {Modality.AUDIO: self.face_alone, Modality.VIDEO: self.voice_alone}


@dataclass(frozen=True)
class TokenRecipe(Recipe):
    """As :class:`Recipe`, with what sequences allow.

    Attributes:
        mixup: parameter of the Beta distribution, for samples without a face (Zhang et al. 2018, arXiv:1710.09412); 0 for none.
        mask_frames: longest stretch of a voice that is masked (SpecAugment, Park et al. 2019, arXiv:1904.08779).
        mean_teacher: weight of the mean teacher beside the other targets, for samples with a voice.
        momentum: of the mean teacher, from step to step; it is the network that is kept.
    """

    epochs: int = 40
    batch: int = 32
    epoch_size: int = 1440
    lr: float = 1e-3
    voice_alone: float = 0.65
    face_alone: float = 0.15
    altered: float = 0.8
    levelled: float = 1.0
    face_views: int = 11  # all: models.data.faces.FACE_VARIANTS, which is slow to import
    balance: float = 1.0
    mixup: float = 0.3
    mask_frames: int = 25
    mean_teacher: float = 0.5
    momentum: float = 0.99
    reference: int = 32


@dataclass(frozen=True)
class MomentRecipe(TokenRecipe):
    """As :class:`TokenRecipe`, for tokens of a pretrained encoder.

    Attributes:
        token_dropout: chance of each token of a voice to be left out.
    """

    epochs: int = 24
    dropout: float = 0.5
    voice_noise: float = 0.1
    token_dropout: float = 0.1
