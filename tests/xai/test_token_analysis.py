"""Everything about a recording that is judged by its tokens: explained, checked, flipped, in words, in files and over time."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import spearmanr

from features import Features, Modality
from features.patches import segments
from models.evaluation.metrics import softmax
from models.labels import LABELS
from tests.recordings import as_tokens, random_maps, random_recording
from tests.untrained import judged, untrained_token_model, untrained_vector_model
from tests.xai.conftest import subject_of
from tests.xai.planted import ColourDetector
from xai.analysis import Analysis, check_one, explain
from xai.column_sums import by_modality
from xai.counterfactuals.flip import smallest_flips
from xai.counterfactuals.what_if import WhatIf, as_read_by, what_if
from xai.explanation import Attribution, Contrast, Moments, Panel
from xai.masking import FeatureMasker, masker_of, weighed_parts
from xai.methods import METHODS
from xai.methods.lime import patches_of
from xai.metrics.agreement import agreement_of
from xai.reference import compare_with_libraries
from xai.render.export import to_dict
from xai.render.figures import draw
from xai.render.stages import stages
from xai.render.text import in_words
from xai.timeline import explain_timeline

AUDIO, VIDEO = Modality.AUDIO, Modality.VIDEO


@pytest.fixture(scope="module")
def features() -> Features:
    """Two seconds of a voice, and three frames of which the second has no face."""
    return as_tokens(random_recording(random_maps))


@pytest.fixture(scope="module")
def analysis(features) -> Analysis:
    return explain(subject_of(features, untrained_token_model(), ColourDetector(), samples=60))


@pytest.fixture(scope="module")
def shap(analysis) -> Attribution:
    return analysis.attributions["shap"]


def test_each_panel_has_what_is_there_at_once(analysis):
    assert {key: a.parts.panel for key, a in analysis.attributions.items()} == {
        "shap": Panel.WEIGHED,
        "gradcam": Panel.SAW,
        "sound_occlusion": Panel.HEARD,
    }
    for panel, key in ((Panel.WEIGHED, "shap"), (Panel.SAW, "gradcam"), (Panel.HEARD, "sound_occlusion")):
        assert analysis.attribution(panel) is analysis.attributions[key]
    assert_allclose(analysis.probabilities, softmax(analysis.model.predict(analysis.features)))


def test_weights_are_those_of_moments_and_add_up(analysis, shap, features):
    count = len(features.audio.tokens)
    assert isinstance(shap.parts, Moments)
    assert shap.values.shape == (8, count + 2)
    assert shap.parts.present.tolist() == [True] * (count + 2)
    assert_array_equal(shap.parts.segments[AUDIO], features.audio.segments)
    gain = analysis.model.predict(features) - shap.extras["base"]
    assert_allclose(shap.extras["residual"], gain - shap.values.sum(axis=1), atol=1e-9)
    assert np.abs(shap.extras["residual"]).max() < 0.1 * np.abs(gain).max()
    contrast = Contrast(2, 6)
    sums = by_modality(shap, contrast)
    assert sums[AUDIO] == pytest.approx(shap.of(contrast)[:count].sum())
    assert sums[VIDEO] == pytest.approx(shap.of(contrast)[count:].sum())
    assert_array_equal(shap.shown(contrast), shap.values[2] - shap.values[6])


def test_moments_are_removed_one_by_one(analysis, shap, features):
    masker = masker_of(shap.parts, analysis.subject)
    assert isinstance(masker, FeatureMasker)
    assert len(masker) == shap.values.shape[1]
    assert_array_equal(masker.select(shap.of(Contrast(1))), shap.of(Contrast(1)))
    voice = features.with_part(VIDEO, None)
    kept = np.r_[np.ones(len(features.audio.tokens), bool), False, False][None]
    assert_allclose(masker(kept)[0], analysis.model.predict(voice), atol=1e-5)
    alone = weighed_parts(replace(analysis.subject, features=voice))
    assert isinstance(alone, Moments)
    assert len(alone.present) == len(features.audio.tokens)
    assert alone.part(np.arange(len(alone.present)), VIDEO).size == 0


@pytest.mark.parametrize("key", ["shap", "gradcam", "sound_occlusion"])
def test_what_is_there_at_once_is_checked(analysis, key, monkeypatch):
    monkeypatch.setattr("models.token_model._BUDGET", replace(analysis.model.budget, states=4000))
    subject = replace(analysis.subject)  # which remembers nothing
    trust = check_one(replace(analysis, subject=subject), key, Contrast(2), lambda _: None)
    assert trust.scores[0].measure.name == "faithfulness"
    assert trust.scores[0].details["deletion"][0] == pytest.approx(analysis.model.predict(analysis.features)[2], abs=1e-3)
    assert all(np.isfinite(score.value) for score in trust.scores)


def test_the_strongest_moment_is_read_out(analysis, shap, features):
    """Half a second of the voice, or a frame."""
    for best, words in ((1, "among the moments, the voice from"), (len(features.audio.tokens) + 1, "among the moments, the face at 2.0 s")):
        values = np.full(shap.values.shape, 0.01)
        values[:, best] = 5.0
        planted = replace(analysis, attributions={"shap": replace(shap, values=values)})
        said = " ".join(in_words(planted, Contrast(2)))
        assert words in said
        if best == 1:
            start, end = features.audio.segments[1]
            assert f"{words} {start:.1f} to {end:.1f} s" in said


def test_moments_are_exported_with_their_seconds(analysis, shap):
    written = json.loads(json.dumps(to_dict(analysis, Contrast(2))))
    own = written["explanations"]["shap"]
    assert_allclose(own["moments"]["audio"], shap.parts.segments[AUDIO])
    assert own["moments"]["video"] == [[0.0, 2.0], [2.0, 4.0]]
    for k, label in enumerate(LABELS):
        assert_allclose(own["values"][label], shap.values[k])
    assert len(written["features"]) == len(written["feature_names"]) == 2816
    assert written["feature_names"][0] == "block1_mean_000"
    assert_allclose(written["features"], analysis.features.vector)


def test_everything_is_drawn(analysis):
    for key, attribution in analysis.attributions.items():
        pictures = list(draw(analysis.features, attribution, Contrast(2), key))
        assert pictures
        assert all(data[:4] == b"\x89PNG" for _, data in pictures)


def test_every_stage_is_of_the_encoder_that_was_used(analysis, features):
    found = stages(analysis.subject)
    titles = [stage.title for stage in found]
    assert "MFCC" not in titles
    assert titles[:3] == ["Waveform", "Mel spectrogram", "Tokens of the voice"]
    mel, tokens = found[1], found[2]
    assert mel.shape.startswith(f"80 bands × {features.audio.mel_db.shape[1]} frames")
    assert "16,000 Hz" in mel.how
    assert tokens.shape == f"{len(features.audio.tokens)} tokens × 2,304 numbers"
    text = " ".join(f"{stage.title} {stage.shape} {stage.how}" for stage in found)
    assert "MFCC" not in text
    assert "552" not in text


def test_a_flip_says_where_on_the_scale_of_the_encoder(analysis, features, monkeypatch):
    """The patch that decides is planted."""
    patches = patches_of(analysis.subject)
    planted, own = 37, analysis.predicted
    other = (own + 1) % 8

    def judge(self, kept):
        logits = np.zeros((len(kept), 8))
        logits[:, own], logits[:, other] = kept[:, planted], 0.5
        return logits

    monkeypatch.setattr("xai.counterfactuals.flip.PatchMasker.__call__", judge)
    monkeypatch.setattr("xai.counterfactuals.flip._fewest_frames", lambda _: None)
    monkeypatch.setattr("xai.counterfactuals.flip._fewest_cells", lambda *_: None)
    (flip,) = smallest_flips(analysis)
    assert flip.removed == (planted,)
    t0, t1, _, _ = segments(patches.cells, features.audio.seconds, features.audio.scale)[planted]
    assert f"between {t0:.1f} s and {t1:.1f} s" in flip.words


def test_the_timeline_goes_by_the_clock_of_the_encoder(analysis, features):
    model = analysis.model
    found = explain_timeline(features, model, window=100.0)
    assert_allclose(found.probabilities[0], softmax(model.predict(features)), atol=1e-5)
    found = explain_timeline(features, model, window=1.0, step=0.5)
    video = features.video
    for middle, probabilities in zip(found.times, found.probabilities, strict=True):
        start, end = middle - 0.5, middle + 0.5
        centres = np.arange(features.audio.mel_db.shape[1]) / 100
        inside = np.flatnonzero((centres >= start - 1e-9) & (centres <= end + 1e-9))
        part = features.audio.part(inside[0], inside[-1] + 1)
        nearest = int(np.abs(video.times[video.used] - middle).argmin())
        shown = [k for k, t in enumerate(video.times[video.used]) if start <= t <= end] or [nearest]
        times = video.times[video.used][shown]
        alone = judged(model, part.tokens, video.frame_vectors[shown], np.clip(times - start, 0, 1))
        assert_allclose(probabilities, softmax(alone), atol=1e-4)


def test_a_voice_that_another_model_judged_can_be_put_in(analysis, features):
    usual = random_recording(random_maps).audio
    heard = as_read_by(analysis.model, usual)
    assert_allclose(heard.tokens, features.audio.tokens, atol=1e-5)
    assert as_read_by(analysis.model, features.audio) is features.audio
    assert_allclose(as_read_by(untrained_vector_model(), heard).vector, usual.vector)
    found = what_if(features, analysis.model, random_maps, WhatIf(voice="another clip's"), usual)
    assert_allclose(found, analysis.probabilities, atol=1e-5)
    muted = what_if(features, analysis.model, random_maps, WhatIf(voice="muted"))
    assert_allclose(muted, softmax(analysis.model.predict(features.with_part(AUDIO, None))), atol=1e-5)
    noisy = what_if(features, analysis.model, random_maps, WhatIf(voice="noisy", snr=0.0))
    assert np.abs(noisy - analysis.probabilities).max() > 1e-3


def test_libraries_are_asked_about_what_there_is(analysis, monkeypatch):
    """No MFCCs, and LIME only where it was asked for."""
    monkeypatch.setattr("xai.reference.library_maps", lambda *_: analysis.attributions["gradcam"].values)
    assert [c.what for c in compare_with_libraries(analysis)] == ["Grad-CAM of all frames"]
    monkeypatch.setattr("xai.reference._LIME_SAMPLES", 60)
    with_lime = analysis.with_attribution("lime")
    assert with_lime.attributions["lime"].settings["samples"] == 60
    found = {c.what: c for c in compare_with_libraries(with_lime)}
    assert len(found) == 3
    assert found["LIME's weights from the same perturbed copies"].same


def test_methods_of_one_kind_can_be_compared(analysis):
    (found,) = agreement_of(analysis.with_attribution("integrated_gradients"), Contrast(2))
    assert found.methods == ("SHAP", METHODS["integrated_gradients"].title)
    values = [own.of(Contrast(2)) for own in (analysis.attributions["shap"], METHODS["integrated_gradients"].explain(analysis.subject))]
    assert found.matrix[0, 1] == pytest.approx(spearmanr(*values).statistic)
