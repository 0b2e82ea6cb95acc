"""What the benchmark compares with does the same job: same logits, same heat."""

import numpy as np
from numpy.testing import assert_allclose

from tests.bench.stock import analyse_stock
from xai.explanation import Contrast
from xai.render.overlay import upsample


def test_the_stock_way_agrees_with_ours(sample, sample_analysis):
    a = sample_analysis
    stock = analyse_stock(*sample, a.model, a.backbone)
    assert_allclose(stock["logits"], a.model.predict(a.features), atol=0.05)
    ours, theirs = upsample(a.attributions["gradcam"].heat(Contrast(a.predicted))[0], 224), stock["gradcam"][a.predicted][0]
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.95
    assert stock["lime"].shape == (8,)
    assert np.corrcoef(stock["shap"].ravel(), a.attributions["shap"].values.ravel())[0, 1] > 0.8
