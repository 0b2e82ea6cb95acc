"""Integrated gradients over the features: along one straight path, from the mean of the training set to this recording.

Sundararajan et al. 2017 (arXiv:1703.01365). Where SHAP's expected gradients compare with many training clips, this compares with
nothing in particular: every feature at its mean. The values add up to the difference of the two logits (completeness).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.labels import LABELS
from xai.explanation import Attribution, Contrast, Method, Panel, Say, Subject, silent
from xai.masking import weighed_parts
from xai.methods.shap import left_over
from xai.metrics.measures import LEFT_OVER
from xai.score import Score

# Layer normalisation makes the logits change fastest close to the mean: each stretch of the path is half as long as the next.
STRETCHES, NODES = 11, 16  # of the path; points in each, in the middle of equal steps


class IntegratedGradients(Method):
    """See the module. A missing modality gets zeros."""

    key, title, panel = "integrated_gradients", "Integrated gradients", Panel.WEIGHED
    needs_gradients = True
    question = "How much did each number, or each moment, that the model reads add, compared with an average recording?"
    how = "The gradient is averaged along the straight path from the mean of the training set to this clip, and multiplied by the distance."
    limits = "Other baselines: a feature at its training mean gets nothing, however much the model relies on it."
    paper = "Sundararajan et al. 2017 (arXiv:1703.01365)"

    def explain(self, subject: Subject, seed: int = 0, say: Say = silent) -> Attribution:
        model, inputs = subject.model, subject.inputs
        baseline = model.baseline(inputs)
        ends = np.r_[0.0, 0.5 ** np.arange(STRETCHES - 1, -1, -1)]
        parts = weighed_parts(subject)
        values = np.zeros((len(LABELS), len(parts.present)))
        for start, end in zip(ends, ends[1:], strict=False):
            say("Walking from the mean to this recording…")
            places = start + (end - start) * (np.arange(NODES)[:, None] + 0.5) / NODES
            values += (end - start) * model.path_gradients(inputs, baseline, places)
        base = model.logits(baseline)[0]
        extras = {"base": base, "residual": model.logits(inputs)[0] - base - values.sum(axis=1)}
        return Attribution(self.key, values, parts, {"nodes": STRETCHES * NODES}, extras, "an average recording")

    def checks(self, subject: Subject, attribution: Attribution, contrast: Contrast, say: Say = silent) -> Iterator[Score]:
        yield from super().checks(subject, attribution, contrast, say)
        yield Score(LEFT_OVER, left_over(attribution, contrast))
