"""Evidence of single features or moments added up: by modality, by property of the voice; and where that contradicts the modality split."""

from __future__ import annotations

import numpy as np

from features import Modality
from features.names import VOICE_PROPERTIES, voice_feature_label
from xai.analysis import Analysis
from xai.explanation import Attribution, Columns, Contrast, Moments

_TELLING = 0.03  # of probability: a smaller contribution has no direction worth a word


def by_modality(attribution: Attribution, contrast: Contrast) -> dict[Modality, float]:
    """The sum over the columns, or the moments, of each modality."""
    values, parts = attribution.of(contrast), attribution.parts
    assert isinstance(parts, Columns | Moments)
    return {modality: float(parts.part(values, modality).sum()) for modality in Modality}


def by_part(attribution: Attribution, contrast: Contrast, technical: bool = True) -> list[tuple[str, float]]:
    """The same of MFCCs and face features with the voice divided into its properties; what adds nothing is left out.

    Args:
        technical: properties say which MFCCs they are.
    """
    assert isinstance(attribution.parts, Columns)
    voice = attribution.parts.part(attribution.of(contrast), Modality.AUDIO)
    sums = voice_properties(voice, technical)
    sums += [(m.noun, total) for m, total in by_modality(attribution, contrast).items() if m is not Modality.AUDIO]
    return [(label, total) for label, total in sums if total]


def voice_properties(values: np.ndarray, technical: bool = True) -> list[tuple[str, float]]:
    """Weights (40,) of the MFCCs, added up by the property of the voice that they describe."""
    names = [label if technical else label.split(" (")[0] for label, _ in VOICE_PROPERTIES]
    return [(name, float(np.sum(values[members]))) for name, (_, members) in zip(names, VOICE_PROPERTIES, strict=True)]


def strongest_mfccs(values: np.ndarray, top: int = 12) -> list[tuple[str, float]]:
    """Of weights (40,) the strongest single ones by name, and the sum of all others."""
    order = np.argsort(-np.abs(values))
    rows = [(voice_feature_label(int(k)), float(values[k])) for k in order[:top]]
    return [*rows, (f"{len(order) - top} other MFCCs", float(values[order[top:]].sum()))]


def contradicted(analysis: Analysis, attribution: Attribution, contrast: Contrast) -> list[Modality]:
    """Modalities whose sum points the other way than their contribution in the modality split.

    Both can be right: the sum compares with :attr:`Attribution.baseline`, the split with nothing at all. Only asked of single emotions.
    """
    split = analysis.modalities
    if contrast.against is not None or not split.several:
        return []
    totals = by_modality(attribution, contrast)
    shares = {m: float(split.contribution(m)[contrast.target]) for m in split.modalities}
    return [m for m, share in shares.items() if share * totals[m] < 0 and abs(share) > _TELLING]
