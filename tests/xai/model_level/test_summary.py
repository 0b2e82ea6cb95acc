"""Summaries of many clips are the sums of single explanations."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from features import SPACE, Modality
from models.checkpoint import load_model
from models.reference import load_reference
from models.registry import MODELS
from xai.methods.shap import path_nodes
from xai.model_level.summary import load_summary, summarise


@pytest.fixture(scope="module")
def few():
    """Ten of the pairs that the repository has."""
    clips = load_reference("both")
    return clips.rows(np.arange(0, len(clips.label), 12))


@pytest.mark.parametrize("name", ["fused", "linear"])
def test_values_add_up_to_the_logits(few, name):
    model = load_model(name)
    summary = summarise(model, few)
    own, reference = (model.logits(model.inputs(vectors)) for vectors in (few.vectors(), model.reference[:24]))
    gain = own - reference.mean(axis=0)
    assert_allclose(summary.values.sum(axis=2), gain, atol=0.1 * np.abs(gain).max())


def test_named_features_are_those_of_the_single_explanation(few):
    model = load_model("fused")
    summary = summarise(model, few)
    inputs, reference = model.inputs(few.vectors()[:1]), model.inputs(model.reference[:24])
    whole = model.path_gradients(inputs, reference, path_nodes(4, 24))
    for k, name in enumerate(summary.names[:-1]):
        assert_allclose(summary.values[0, :, k], whole[:, SPACE.names.index(name)], rtol=1e-4, atol=1e-5)
        assert summary.raw[0, k] == pytest.approx(few.vectors()[0, SPACE.names.index(name)], rel=1e-4)
    named = [SPACE.names.index(name) for name in summary.names[:-1]]
    assert summary.names[-1] == f"{len(SPACE) - len(named)} other face features"
    assert_allclose(summary.values[0, :, -1], np.delete(whole, named, axis=1).sum(axis=1), rtol=1e-4, atol=1e-4)


def test_a_voice_model_has_no_face_in_its_summary():
    voice, face, both = (load_summary(name) for name in ("voice", "face", "fused"))
    assert voice.voices == len(voice.names) == 40
    assert face.voices == 0
    assert set(voice.modalities) == {Modality.AUDIO}
    assert set(face.modalities) == {Modality.VIDEO}
    assert set(both.modalities) == set(Modality)


def test_strongest_features_come_first():
    summary = load_summary("fused")
    means = np.abs(summary.values[:, 3]).mean(axis=0)
    assert summary.strongest(3, 5, Modality.AUDIO).tolist() == np.argsort(-means[:40])[:5].tolist()
    assert summary.strongest(3, 5, Modality.VIDEO).tolist() == (40 + np.argsort(-means[40:])[:5]).tolist()


@pytest.mark.parametrize(("modality", "columns"), [(Modality.AUDIO, slice(0, 40)), (Modality.VIDEO, slice(40, None))])
def test_the_effect_of_a_modality_is_that_of_all_its_features_together(modality, columns):
    summary = load_summary("fused")
    together = [abs(sum(clip[2, columns].tolist())) for clip in summary.values]
    assert summary.effect(2, modality) == pytest.approx(sum(together) / len(together), rel=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_shipped_summaries_belong_to_the_shipped_checkpoints(name):
    """One clip again: a checkpoint that was trained anew must not keep the old summary."""
    model = load_model(name)
    first = load_reference(model.spec.states[0], model.encoders.get(Modality.AUDIO)).rows(np.array([0]))
    torch.manual_seed(0)
    again, kept = summarise(model, first), load_summary(name)
    assert_allclose(again.values[0].sum(axis=1), kept.values[0].sum(axis=1), rtol=0.01, atol=2e-2)
    # The strongest features of one face need not be those of all.
    both = [name for name in again.names if name in kept.names and "other" not in name]
    columns = [again.names.index(n) for n in both], [kept.names.index(n) for n in both]
    assert len(both) >= (again.voices if again.voices == 40 else 1)
    assert_allclose(again.values[0][:, columns[0]], kept.values[0][:, columns[1]], rtol=0.01, atol=5e-3)
