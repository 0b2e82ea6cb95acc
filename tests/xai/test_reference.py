"""The same clip through the libraries: ours is theirs, and a fault of ours would be told."""

from dataclasses import replace

import librosa
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import spearmanr

import xai.reference
from features import Modality
from tests.xai.conftest import library_lime, subject_of
from xai.analysis import Analysis, explain
from xai.masking import PatchMasker
from xai.methods.lime import patches_of
from xai.reference import Comparison, compare_with_libraries, lime_weights, table

FAULT = 1.01
EXACT = ("MFCC means", "LIME's weights from the same perturbed copies", "Grad-CAM of all frames")
LIBRARIES = {"MFCC means": "librosa", "Grad-CAM of all frames": "grad-cam", "SHAP values": "shap"}


class Asked:
    """Remembers what the libraries answered, so that a fault can be planted without asking them again."""

    def __init__(self, monkeypatch) -> None:
        self.answers: dict[tuple, np.ndarray] = {}
        for name in ("lime_weights", "library_values", "library_maps"):
            monkeypatch.setattr(xai.reference, name, self._remembering(name, getattr(xai.reference, name)))

    def _remembering(self, name: str, usual):
        def ask(*arguments):
            key = (name, len(arguments[0]) if isinstance(arguments[0], np.ndarray) else 0)
            if key not in self.answers:
                self.answers[key] = usual(*arguments)
            return self.answers[key]

        return ask


@pytest.fixture
def asked(monkeypatch) -> Asked:
    return Asked(monkeypatch)


@pytest.fixture(params=["random_model", "token_model"])
def analysis(request, random_features, backbone) -> Analysis:
    return explain(subject_of(random_features, request.getfixturevalue(request.param), backbone, samples=300))


def faulty(analysis: Analysis, what: str) -> Analysis:
    """The analysis with one of our own numbers 1 % too large."""
    if what == "MFCC means":
        audio = analysis.features.audio
        wrong = analysis.features.with_part(Modality.AUDIO, replace(audio, vector=FAULT * audio.vector))
        return replace(analysis, subject=replace(analysis.subject, features=wrong))
    key = {"LIME": "lime", "SHAP": "shap", "Grad": "gradcam"}[what[:4]]
    own = analysis.attributions[key]
    return replace(analysis, attributions={**analysis.attributions, key: replace(own, values=FAULT * own.values)})


def test_ours_is_what_the_libraries_compute_and_a_fault_is_told(analysis, asked):
    said: list[str] = []
    found = {c.what: c for c in compare_with_libraries(analysis, said.append)}
    drawn = next(what for what in found if "lime_image" in what)
    sequence = analysis.model.name == "random-tokens"
    assert set(found) == {*EXACT, drawn} | ({"SHAP values"} if not sequence else set())  # shap wants one tensor
    assert len(said) >= len(found)
    for what in EXACT:
        assert found[what].same
        assert found[what].correlation > 0.9999
        assert "They differ" not in found[what].meaning
    for what, c in found.items():
        assert c.library.split()[0] == LIBRARIES.get(what, "lime")
        assert c.library.split()[1][0].isdigit()
        assert c.seconds >= 0
        assert c.scale > 0
    # Where the library makes another choice, how much it matters is reported, and no fault is named.
    for what in set(found) - set(EXACT):
        assert not found[what].same
        assert 0.5 < found[what].correlation < 0.9999
        assert "They differ" not in found[what].meaning
    for wrong in EXACT:
        again = {c.what: c for c in compare_with_libraries(faulty(analysis, wrong))}
        assert not again[wrong].same
        assert "by more than rounding (1.0%)" in again[wrong].meaning
        assert again[wrong].largest == pytest.approx(0.01 * found[wrong].scale, rel=0.1)
        for what in set(EXACT) - {wrong}:
            assert again[what].same


def test_the_numbers_are_those_of_the_libraries(random_features, random_model, backbone, asked):
    """Largest difference, scale and correlation, worked out by hand."""
    analysis = explain(subject_of(random_features, random_model, backbone, samples=300))
    found = compare_with_libraries(analysis)
    mfcc = next(c for c in found if c.what == "MFCC means")
    audio = random_features.audio
    theirs = librosa.feature.mfcc(y=audio.samples, sr=22_050, n_mfcc=40).mean(axis=1)
    assert mfcc.largest == pytest.approx(np.abs(theirs - audio.vector).max(), rel=1e-6)
    assert mfcc.scale == pytest.approx(np.abs(audio.vector).max())
    lime = next(c for c in found if "same perturbed" in c.what)
    own = analysis.attributions["lime"].values
    weights = asked.answers["lime_weights", 300]
    assert lime.largest == pytest.approx(np.abs(own - weights).max())
    shap = next(c for c in found if c.what == "SHAP values")
    values, theirs = analysis.attributions["shap"].values, asked.answers["library_values", 0]
    assert shap.largest == pytest.approx(np.abs(values - theirs).max())
    assert shap.correlation == pytest.approx(spearmanr(values.ravel(), theirs.ravel()).statistic)


def test_limes_weights_are_those_of_lime_called_by_hand(random_features, random_model):
    subject = subject_of(random_features, random_model)
    masks = (np.random.default_rng(0).random((150, len(patches_of(subject)))) < 0.5).astype(int)
    masks[0] = 1
    logits = PatchMasker(subject, patches_of(subject))(masks.astype(bool))
    found = lime_weights(masks, logits)
    for target in (0, 5):
        assert_allclose(found[target], library_lime(masks, logits, target, 0)[0], atol=1e-9)


@pytest.mark.parametrize("missing", list(Modality))
def test_only_what_is_there_is_compared(random_features, random_model, backbone, missing, monkeypatch):
    monkeypatch.setattr(xai.reference, "library_maps", lambda subject, *_: np.zeros((8, 3, 7, 7)))
    monkeypatch.setattr(xai.reference, "lime_weights", lambda masks, logits: np.zeros((8, masks.shape[1])))
    subject = subject_of(random_features.with_part(missing, None), random_model, backbone, samples=100)
    found = [c.what for c in compare_with_libraries(explain(subject))]
    assert ("Grad-CAM of all frames" in found) == (missing is Modality.AUDIO)
    assert ("MFCC means" in found) == (missing is Modality.VIDEO)
    assert "SHAP values" in found


def test_what_is_equal_but_for_rounding():
    equal = Comparison("x", "lib 1", "logit", 0.0009, 1.0, 1.0, "", 0.1)
    assert equal.same
    assert not replace(equal, largest=0.0011).same
    assert not replace(equal, scale=0.5).same
    assert not replace(equal, largest=float("nan")).same


def test_the_table_holds_every_number():
    rows = [
        Comparison("This", "lib 1.2", "logit", 0.012, 3.456, 0.98765, "It is so.", 1.26),
        Comparison("That", "b 2", "MFCC", 0, 1, 1, "", 0),
    ]
    first, second = table(rows).splitlines()
    assert first == "This: lib 1.2, 1.3 s; largest difference 0.012 of 3.46 (logit), rank correlation 0.9877. It is so."
    assert second.startswith("That: b 2")
