"""What every explanation must keep: its declaration, its shape, its contrast and its checks; and what a new one costs."""

import json
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from features import SPACE, Features, Modality
from features.patches import patch_grid
from models.labels import LABELS
from models.networks.backbone import load_backbone
from tests.untrained import untrained_sequence_model, untrained_vector_model
from tests.xai.conftest import recording, subject_of
from tests.xai.planted import ColourDetector, analysed
from xai.analysis import Analysis, check
from xai.explanation import Attribution, Columns, Contrast, FrameCells, Method, Panel, Parts, SoundPatches, Subject, silent
from xai.masking import FeatureMasker, PatchMasker, weighed_parts
from xai.methods import METHODS, methods_of
from xai.methods.layercam3 import LayerCam3
from xai.methods.lime import parts_of
from xai.methods.occlusion import leave_one_out
from xai.methods.pytorch_grad_cam import LibraryCam
from xai.metrics.measures import FIT
from xai.render.export import files, to_dict
from xai.score import Level, Score

RNG = np.random.default_rng
evidence = st.integers(0, 10**6).map(lambda seed: RNG(seed).normal(size=(8, 3, 4)))
classes = st.integers(0, 7)


@given(evidence, classes, classes)
def test_a_contrast_is_linear(values, target, against):
    other = RNG(0).normal(size=values.shape)
    contrast = Contrast(target, against)
    assert_allclose(contrast.of(values), Contrast(target).of(values) - Contrast(against).of(values), atol=0)
    assert_allclose(contrast.of(values), -Contrast(against, target).of(values), atol=0)
    assert_allclose(contrast.of(2 * values + other), 2 * contrast.of(values) + contrast.of(other), atol=1e-12)
    assert not Contrast(target, target).of(values).any()


def test_a_contrast_of_logits_is_that_of_their_columns():
    logits = RNG(0).normal(size=(5, 8))
    assert_array_equal(Contrast(3).of_logits(logits), logits[:, 3])
    assert_array_equal(Contrast(3, 6).of_logits(logits), logits[:, 3] - logits[:, 6])


def test_a_contrast_in_words():
    assert (Contrast(4).label, Contrast(4).rival, Contrast(4).words) == ("happy", None, "happy")
    assert (Contrast(4, 0).label, Contrast(4, 0).rival, Contrast(4, 0).words) == ("happy", "angry", "happy rather than angry")
    assert Contrast(4, 0) == Contrast(4, 0) != Contrast(4)
    assert len({Contrast(4, 0), Contrast(4, 0), Contrast(0, 4)}) == 2  # a key of caches


def test_of_cells_only_what_speaks_for_a_class_is_drawn_and_of_all_others_both_signs():
    rng = RNG(1)
    cells = Attribution("gradcam", rng.normal(size=(8, 2, 7, 7)), FrameCells())
    patches = Attribution("lime", rng.normal(size=(8, 6)), SoundPatches(np.zeros((6, 4), int), np.zeros((6, 4))))
    columns = Attribution("shap", rng.normal(size=(8, 552)), Columns(np.ones(552, bool)))
    assert_array_equal(cells.shown(Contrast(2)), cells.values[2].clip(min=0))
    assert_array_equal(cells.shown(Contrast(2, 5)), cells.values[2] - cells.values[5])
    for signed in (patches, columns):
        assert_array_equal(signed.shown(Contrast(2)), signed.values[2])
        assert_array_equal(signed.shown(Contrast(2, 5)), signed.values[2] - signed.values[5])
    for attribution in (cells, patches, columns):
        assert_array_equal(attribution.of(Contrast(2)), attribution.values[2])


@given(evidence, classes, st.one_of(st.none(), classes))
def test_heat_keeps_signs_and_ratios_on_one_scale(values, target, against):
    attribution = Attribution("lime", values, SoundPatches(np.zeros((0, 4), int), np.zeros((0, 4))))
    contrast = Contrast(target, against)
    shown, heat = attribution.shown(contrast), attribution.heat(contrast)
    if against == target:
        assert not heat.any()
        return
    assert np.abs(heat).max() == pytest.approx(1)
    assert_allclose(heat * np.abs(shown).max(), shown, atol=1e-12)


def test_nothing_has_no_heat():
    assert not Attribution("gradcam", np.zeros((8, 2, 7, 7)), FrameCells()).heat(Contrast(0)).any()
    assert not Attribution("gradcam", -np.ones((8, 2, 7, 7)), FrameCells()).heat(Contrast(0)).any()
    assert Attribution("gradcam", np.zeros((8, 0, 7, 7)), FrameCells()).heat(Contrast(0)).shape == (0, 7, 7)


def test_patches_know_how_many_lie_on_top_of_each_other(random_features):
    for grid in ((10, 8), (3, 5)):
        cells = patch_grid(random_features.audio.mel_db, grid).cells
        assert SoundPatches(cells, np.zeros(cells.shape)).bands == grid[1]


def test_a_subject_knows_what_is_there_and_reads_it_once(random_features, voice, random_model, monkeypatch):
    encoded, usual = [], type(random_model).encode
    monkeypatch.setattr(type(random_model), "encode", lambda self, *rest: encoded.append(self) or usual(self, *rest))
    subject = subject_of(voice, random_model)
    assert subject.has(Modality.AUDIO)
    assert not subject.has(Modality.VIDEO)
    assert subject.inputs is subject.inputs
    assert len(encoded) == 1
    whole = replace(subject, features=random_features)
    assert np.abs(whole.inputs.z - subject.inputs.z).max() > 0  # another subject reads its own


# What every method must keep.


def parameters(*names: str):
    return pytest.mark.parametrize("key", names or list(METHODS))


@parameters()
def test_every_declaration_is_complete(key):
    method = METHODS[key]
    assert method.key == key
    assert key == key.lower()
    assert key.isidentifier()
    for text in (method.title, method.question, method.how, method.limits, method.paper):
        assert text.strip() == text != ""
    assert method.question.endswith("?")
    assert method.how.endswith(".")
    assert "arXiv:" in method.paper or "doi " in method.paper
    assert method.panel in Panel
    assert method.modality is None or method.modality in Modality


def test_keys_and_titles_tell_methods_apart_and_each_panel_has_one_at_once():
    assert [method.key for method in METHODS.values()] == list(METHODS)
    assert len({(method.panel, method.title) for method in METHODS.values()}) == len(METHODS)
    at_once = [method.panel for method in METHODS.values() if method.at_once]
    assert sorted(at_once) == sorted(Panel)


def test_methods_of_a_panel_begin_with_the_one_that_is_there_at_once(random_features, random_model):
    subject = subject_of(random_features, random_model)
    for panel in Panel:
        own = methods_of(subject, panel)
        assert [method.at_once for method in own.values()] == [True] + [False] * (len(own) - 1)
        assert {method.panel for method in own.values()} == {panel}
    assert set(methods_of(subject)) == set(METHODS) - {"layercam3", "sound_gradients"}  # which need the layers of ResNet-18, and tokens
    assert set(methods_of(subject_of(random_features, random_model, load_backbone()))) == set(METHODS) - {"sound_gradients"}


def shape_of(parts: Parts, subject: Subject) -> tuple[int, ...]:
    """That of all eight classes' evidence, as the parts say."""
    if isinstance(parts, FrameCells):
        return 8, len(subject.features.video.times), 7, 7
    return (8, len(parts.cells)) if isinstance(parts, SoundPatches) else (8, len(parts.present))


@pytest.mark.parametrize("missing", [None, *Modality])
@parameters()
def test_every_method_explains_what_it_applies_to(key, missing, random_features, random_model, backbone):
    """Vectors and sequences; what runs the library, which is slow, explains sequences in tests of its own."""
    method = METHODS[key]
    features = random_features if missing is None else random_features.with_part(missing, None)
    slow = isinstance(method, LibraryCam)
    real = slow or isinstance(method, LayerCam3)  # both look inside the network
    for model in (random_model,) if slow else (random_model, untrained_sequence_model()):
        subject = subject_of(features, model, backbone if real else ColourDetector(), samples=100)
        there = method.modality is None or method.modality is not missing
        assert method.applies(subject) == (there and key != "sound_gradients")  # which needs tokens
        if not method.applies(subject):
            continue
        found = method.explain(subject, 3)
        assert found.method == key
        assert found.parts.panel is method.panel
        assert found.values.shape == shape_of(found.parts, subject)
        assert np.isfinite(found.values).all()
        assert found.values.any(axis=tuple(range(1, found.values.ndim))).all()
        if isinstance(found.parts, FrameCells):
            assert not found.values[:, ~features.video.used].any()
        if isinstance(found.parts, Columns):
            assert_array_equal(found.parts.present, weighed_parts(subject).present)
            assert not found.values[:, ~found.parts.present].any()
        for numbers in found.extras.values():
            assert numbers.shape == (8,)
            assert np.isfinite(numbers).all()
        json.dumps(dict(found.settings))


@pytest.mark.parametrize("model", [untrained_vector_model(), untrained_sequence_model()], ids=["vector", "sequence"])
@parameters()
def test_the_first_check_of_every_method_is_whether_it_matters(key, model, random_features):
    """Of any evidence, asked about on its own parts."""
    method, subject = METHODS[key], subject_of(random_features, model, ColourDetector())
    patches = patch_grid(random_features.audio.mel_db, (3, 4))
    parts = {
        Panel.SAW: FrameCells(),
        Panel.HEARD: parts_of(subject, patches),
        Panel.WEIGHED: Columns(weighed_parts(subject).present),
    }[method.panel]
    attribution = Attribution(key, RNG(0).normal(size=shape_of(parts, subject)), parts, {"seed": 0})
    score = next(method.checks(subject, attribution, Contrast(2, 6)))
    assert score.measure.name == "faithfulness"
    own = Contrast(2, 6).of(model.predict(random_features))
    assert score.details["deletion"][0] == pytest.approx(own, abs=1e-3)
    assert score.details["insertion"][-1] == pytest.approx(own, abs=1e-3)


# What a new one costs: a class and a line.


class LoudestPatches(Method):
    key, title, panel, modality = "loudest", "Loudest", Panel.HEARD, Modality.AUDIO
    question, how, limits, paper = "Where is it loud?", "It is measured.", "Everything else.", "arXiv:0000.00000"

    def explain(self, subject, seed=0, say=silent):
        patches = patch_grid(subject.features.audio.mel_db, (4, 4))
        say("Leaving out…")
        return Attribution(self.key, leave_one_out(PatchMasker(subject, patches)), parts_of(subject, patches), {"seed": seed})


class WeightsLeftOut(Method):
    key, title, panel = "left_out", "Left out", Panel.WEIGHED
    question, how, limits, paper = "What does each do?", "It is left out.", "Pairs.", "arXiv:0000.00001"
    scores: ClassVar = (0.9,)

    def explain(self, subject, seed=0, say=silent):
        masker = FeatureMasker(subject)
        values = np.zeros((8, len(SPACE)))
        values[:, masker.present] = leave_one_out(masker)
        return Attribution(self.key, values, Columns(masker.present), extras={"spread": values.std(axis=1)})

    def checks(self, subject, attribution, contrast, say=silent):
        yield from super().checks(subject, attribution, contrast, say)
        yield Score(FIT, self.scores[0])


class Redness(Method):
    key, title, panel, modality = "redness", "Redness", Panel.SAW, Modality.VIDEO
    question, how, limits, paper = "Where is it red?", "It is looked up.", "Everything else.", "arXiv:0000.00002"

    def explain(self, subject, seed=0, say=silent):
        maps = subject.features.video.maps[None, :, 0]
        return Attribution(self.key, maps * (1 + np.arange(8))[:, None, None, None], FrameCells())


@pytest.fixture(params=[LoudestPatches, WeightsLeftOut, Redness], ids=lambda kind: kind.key)
def new(request, monkeypatch) -> Method:
    method = request.param()
    monkeypatch.setitem(METHODS, method.key, method)
    return method


def bare(features: Features, model, backbone) -> Analysis:
    """An analysis without any explanation, so that what is written is that of the new one."""
    return replace(analysed(features, model, backbone), attributions={})


@pytest.fixture
def other_than(random_features) -> dict[Panel, Features]:
    """For each panel a recording of which it can say nothing."""
    return {Panel.SAW: recording(random_features.audio), Panel.HEARD: recording(None, random_features.video)}


def test_a_new_method_needs_no_other_change(new, random_features, random_model, other_than):
    """Asked for, checked, written down and drawn like those that were there before."""
    before = bare(random_features, random_model, ColourDetector())
    assert new.key in methods_of(before.subject, new.panel)
    analysis = before.with_attribution(new.key)
    found = analysis.attributions[new.key]
    assert analysis.attribution(new.panel, new.key) is found
    trust = check(analysis, Contrast(2))
    assert list(trust) == [new.key]
    names = [score.measure.name for score in trust[new.key].scores]
    assert names == ["faithfulness", "fit"] if isinstance(new, WeightsLeftOut) else names == ["faithfulness"]

    written = to_dict(analysis, Contrast(2), trust)["explanations"]
    assert new.key not in to_dict(before, Contrast(2), {})["explanations"]
    assert written[new.key]["trust"] == trust[new.key].to_dict()
    numbers = {
        Panel.SAW: lambda: written[f"{new.key}_maps"],
        Panel.HEARD: lambda: written[new.key]["weights"],
        Panel.WEIGHED: lambda: written[new.key]["values"],
    }[new.panel]()
    for k, label in enumerate(LABELS):
        assert_allclose(numbers[label], found.values[k], atol=1e-6)
    if new.panel is Panel.WEIGHED:
        assert written[new.key]["spread"] == pytest.approx(dict(zip(LABELS, found.extras["spread"], strict=True)))

    made = dict(files(analysis, Contrast(2), trust))
    pictures = {name for name in made if name.endswith(".png")}
    frames = [f"_{frame:03d}" for frame in range(3)] if new.panel is Panel.SAW else [""]
    struck = "_failed_check" if trust[new.key].level is Level.RED else ""
    assert pictures == {f"{new.key}_{label}{struck if label == 'disgust' else ''}{frame}.png" for label in LABELS for frame in frames}
    result = json.loads(made["result.json"])
    assert result["explanations"][new.key]["trust"]["level"] == trust[new.key].level
    if new.panel is Panel.SAW:
        assert result["explanations"][new.key]["calm"] == [f"{new.key}_calm{frame}.png" for frame in frames]
    if new.panel in other_than:
        silent_one = bare(other_than[new.panel], random_model, ColourDetector())
        assert new.key not in methods_of(silent_one.subject)
        with pytest.raises(KeyError):
            silent_one.with_attribution(new.key)


def test_what_a_new_method_says_is_read_out_where_it_is_in_the_foreground(random_features, random_model, monkeypatch):
    monkeypatch.setitem(METHODS, "loudest", LoudestPatches())
    analysis = bare(random_features, random_model, ColourDetector()).with_attribution("loudest")
    found = analysis.attributions["loudest"]
    t0, t1, *_ = found.parts.segments[found.values[2].argmax()]
    assert f"between {t0:.1f} s and {t1:.1f} s" in " ".join(to_dict(analysis, Contrast(2), None, ["loudest"])["in_words"])
    assert "between" not in " ".join(to_dict(analysis, Contrast(2))["in_words"])  # only what is there at once


def test_a_method_without_an_explanation_is_none():
    with pytest.raises(TypeError, match="abstract"):
        type("Nothing", (Method,), {})()
