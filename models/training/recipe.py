"""The settings of a training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result, besides the data.

    Attributes:
        seed: of everything random.
        epochs, batch, lr, weight_decay: AdamW with a one-cycle schedule; an epoch is ``epoch_size`` samples.
        dropout: of the network.
        voice_alone, face_alone: share of samples that are only heard, and that are only seen.
        smoothing: of labels (Szegedy et al. 2016).
        label_weight: weight of the true label beside the experts' opinion, for pairs of one label and faces alone.
        voice_trust: what a voice's label is worth against a face: the probability that an expert of voices gives it.
        face_trust: exponent of the face expert's opinion in a pair: on strangers it is less right than it is sure.
        balance: of voices: 1, every emotion is drawn and weighed the same; 0, every recording (half as many are neutral).
        altered: chance of a voice from another microphone, room or line.
        levelled: chance of a voice that is louder or softer, by up to ``gain_db``.
        cut: chance of a voice that is cut closer to its words, or into them (sequences are always cut to the words).
        recast: chance of a voice that is moved towards another actor's.
        overheard: of what a voice alone should be called, the share that a listener to the whole recording says; the rest is its label.
        voice_noise, face_noise: deviation of noise on standardised features.
        face_views: copies of each filmed face that are used, the face as it is included: altered ones make averages of faces no steadier.
        face_draws: random subsets of frames for each view of a filmed face.
        ferplus_share: chance that a face is a FER+ photograph.
        matched: share of a batch in which voice and face show the same emotion; the others are drawn independently.
        teachers: networks of each modality from which ``fused`` learns (:mod:`models.training.distillation`); 0: from labels alone.
        taught: what the teachers' opinion of a voice alone, or of a face alone, counts for beside its label.
        taught_voice_trust, taught_face_trust: exponents of what they say of a voice and of a face: of strangers' voices they are less
            sure than right, of strangers' faces surer.
        taught_alike: what it counts for that the student says something else of an altered pair than of the same pair unaltered.
        taught_altered, taught_levelled, taught_epochs: ``altered``, ``levelled`` and ``epochs`` of their student.
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
