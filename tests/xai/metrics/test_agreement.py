"""How far explanations agree: scipy's rank correlation, of the parts that all of them speak of."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import spearmanr

from models.model import EmotionModel
from tests.xai.planted import ColourDetector, analysed
from xai.analysis import Analysis
from xai.explanation import Attribution, Columns, Contrast, FrameCells, Panel, SoundPatches
from xai.masking import chosen_frames
from xai.methods import METHODS, Lime
from xai.metrics.agreement import agreement_of

RNG = np.random.default_rng
CELLS = np.array([[0, 10, 0, 64], [0, 10, 64, 128], [10, 20, 0, 64], [10, 20, 64, 128]])


@pytest.fixture
def analysis(random_features, random_model: EmotionModel) -> Analysis:
    return replace(analysed(random_features, random_model, ColourDetector()), attributions={})


def maps(analysis: Analysis, **values: np.ndarray) -> Analysis:
    return replace(analysis, attributions={key: Attribution(key, own, FrameCells()) for key, own in values.items()})


def test_each_pair_has_its_rank_correlation(analysis):
    found = {key: RNG(seed).normal(size=(8, 3, 7, 7)) for seed, key in enumerate(("gradcam", "occlusion", "layercam"))}
    for contrast in (Contrast(2), Contrast(2, 6)):
        (agreement,) = agreement_of(maps(analysis, **found), contrast)
        assert agreement.panel is Panel.SAW
        assert agreement.methods == ("Grad-CAM", "Occlusion", "LayerCAM")
        for i, a in enumerate(found.values()):
            for j, b in enumerate(found.values()):
                expected = spearmanr(contrast.of(a)[[0, 2]].ravel(), contrast.of(b)[[0, 2]].ravel()).statistic
                assert agreement.matrix[i, j] == pytest.approx(expected)
        assert_allclose(np.diag(agreement.matrix), 1)
        assert_allclose(agreement.matrix, agreement.matrix.T)


def test_frames_that_were_left_out_or_not_asked_about_do_not_count(analysis):
    """Zeros where there is no face would be agreement about nothing."""
    a = RNG(0).normal(size=(8, 3, 7, 7))
    b = -a
    a[:, 1] = b[:, 1] = 9
    (found,) = agreement_of(maps(analysis, gradcam=a, occlusion=b), Contrast(0))
    assert found.matrix[0, 1] == pytest.approx(-1)
    video = analysis.features.video
    long = replace(
        video,
        times=np.arange(50.0),
        used=np.ones(50, bool),
        **{name: [getattr(video, name)[0]] * 50 for name in ("pictures", "faces", "squares")},
        crops=np.repeat(video.crops[:1], 50, axis=0),
        maps=np.repeat(video.maps[:1], 50, axis=0),
    )
    subject = replace(analysis.subject, features=analysis.features.with_part("video", long))
    asked = chosen_frames(subject)
    a = RNG(1).normal(size=(8, 50, 7, 7))
    b = np.zeros_like(a)
    b[:, asked] = a[:, asked]
    (found,) = agreement_of(maps(replace(analysis, subject=subject), gradcam=a, occlusion=b), Contrast(0))
    assert found.matrix[0, 1] == pytest.approx(1)


def test_features_that_are_missing_do_not_count(analysis, monkeypatch):
    monkeypatch.setitem(METHODS, "other", METHODS["shap"])
    present = np.arange(552) < 40
    a = np.where(present, RNG(0).normal(size=(8, 552)), 0.0)
    b = np.where(present, a + RNG(1).normal(size=(8, 552)), 0.0)
    found = {key: Attribution(key, own, Columns(present)) for key, own in (("shap", a), ("other", b))}
    (agreement,) = agreement_of(replace(analysis, attributions=found), Contrast(3))
    assert agreement.panel is Panel.WEIGHED
    assert agreement.matrix[0, 1] == pytest.approx(spearmanr(a[3, :40], b[3, :40]).statistic)


def test_one_explanation_agrees_with_nobody(analysis):
    alone = {
        "gradcam": Attribution("gradcam", RNG(0).normal(size=(8, 3, 7, 7)), FrameCells()),
        "lime": Attribution("lime", RNG(1).normal(size=(8, 4)), SoundPatches(CELLS, CELLS.astype(float))),
    }
    assert agreement_of(replace(analysis, attributions=alone), Contrast(0)) == []
    assert agreement_of(analysis, Contrast(0)) == []


def ranks(*order: int) -> np.ndarray:
    return np.tile(np.array(order, float), (8, 1))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ((ranks(1, 2, 3, 4), ranks(1, 2, 3, 5)), "Both rank the parts alike (1.00)."),
        ((ranks(1, 2, 3, 4), ranks(1, 2, 4, 3)), "Both rank the parts alike (0.80)."),
        ((ranks(1, 2, 3, 4), ranks(2, 1, 4, 3)), "LIME and B agree only in part (0.60): go by the one whose checks pass."),
        ((ranks(1, 2, 3, 4), ranks(4, 3, 2, 1)), "LIME and B rank the parts differently (-1.00): go by the one whose checks pass."),
        ((ranks(1, 2, 3, 4), ranks(1, 2, 3, 4), ranks(1, 2, 4, 3)), "All rank the parts alike (at least 0.80)."),
        ((ranks(1, 2, 3, 4), ranks(4, 3, 1, 2), ranks(1, 2, 4, 3)), "B and C rank the parts differently (-1.00)"),
        ((ranks(1, 2, 3, 4), ranks(7, 7, 7, 7)), "LIME and B rank the parts differently (0.00)"),
    ],
)
def test_the_sentence_names_the_pair_that_differs_most(analysis, monkeypatch, values, sentence):
    keys = ["lime", "b", "c"][: len(values)]
    for key in keys[1:]:
        other = Lime()
        other.title = key.upper()
        monkeypatch.setitem(METHODS, key, other)
    parts = SoundPatches(CELLS, CELLS.astype(float))
    found = {key: Attribution(key, own, parts) for key, own in zip(keys, values, strict=True)}
    (agreement,) = agreement_of(replace(analysis, attributions=found), Contrast(0))
    assert agreement.panel is Panel.HEARD
    assert agreement.sentence.startswith(sentence)
