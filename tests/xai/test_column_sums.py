"""Sums over columns add up to the whole, and contradict the modality split where their signs do."""

from dataclasses import replace

import numpy as np
import pytest

from features import SPACE, Modality
from xai.column_sums import by_modality, by_part, contradicted
from xai.explanation import Contrast
from xai.modality_split import ModalitySplit

AUDIO, VIDEO = Modality.AUDIO, Modality.VIDEO
PLAYERS = frozenset({AUDIO, VIDEO})


@pytest.mark.parametrize("contrast", [Contrast(2), Contrast(2, 6)])
def test_sums_of_modalities_and_of_parts_add_up_to_all(sample_analysis, contrast):
    shap = sample_analysis.attributions["shap"]
    sums, parts = by_modality(shap, contrast), dict(by_part(shap, contrast))
    assert sum(sums.values()) == pytest.approx(shap.of(contrast).sum())
    assert sum(parts.values()) == pytest.approx(shap.of(contrast).sum())
    assert sums[AUDIO] == pytest.approx(shap.of(contrast)[:40].sum())
    assert parts["face"] == sums[VIDEO]
    assert parts["loudness (MFCC 0)"] == pytest.approx(shap.of(contrast)[0])
    assert len(parts) == 6


def test_what_adds_nothing_is_left_out(sample_analysis):
    values = np.zeros((8, len(SPACE)))
    values[3, 1] = 0.5
    shap = replace(sample_analysis.attributions["shap"], values=values)
    assert by_part(shap, Contrast(3)) == [("dark or bright (MFCC 1)", 0.5)]


def analysis_with(sample_analysis, voice: float, face: float, present=PLAYERS):
    """Whose voice and face add these to the probability of the first emotion."""
    p = dict.fromkeys([frozenset(), frozenset({AUDIO}), frozenset({VIDEO}), PLAYERS])
    p = {s: np.eye(8)[0] * (0.2 + voice * (AUDIO in s) + face * (VIDEO in s)) for s in p}
    return replace(sample_analysis, modalities=ModalitySplit(p, present))


@pytest.mark.parametrize(
    ("voice", "face", "expected"),
    [(0.2, 0.3, []), (-0.1, 0.3, [AUDIO]), (0.2, -0.1, [VIDEO]), (-0.1, -0.05, [AUDIO, VIDEO]), (-0.02, 0.3, [])],
)
def test_opposite_signs_contradict_unless_the_contribution_is_tiny(sample_analysis, voice, face, expected):
    values = np.zeros((8, len(SPACE)))
    values[0] = 0.01  # both speak for it
    shap = replace(sample_analysis.attributions["shap"], values=values)
    assert contradicted(analysis_with(sample_analysis, voice, face), shap, Contrast(0)) == expected
    assert contradicted(analysis_with(sample_analysis, voice, face), shap, Contrast(0, 1)) == []
    assert contradicted(analysis_with(sample_analysis, voice, face, frozenset({AUDIO})), shap, Contrast(0)) == []
