"""Summaries of many clips are the sums of single explanations."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from features import FEATURE_NAMES
from models.checkpoint import load_model
from models.reference import load_reference
from models.registry import MODELS
from xai.methods.shap import quadrature
from xai.model_level.summary import load_summary, state_of, summarise


@pytest.fixture(scope="module")
def few():
    """Ten of the pairs that the repository has."""
    from dataclasses import replace

    clips = load_reference("both")
    rows = np.arange(0, len(clips.label), 12)
    arrays = {name: getattr(clips, name)[rows] for name in ("mfcc", "sequence", "heard", "label", "actor")}
    return replace(clips, faces=[clips.faces[k] for k in rows], keys=[clips.keys[k] for k in rows], **arrays)


@pytest.mark.parametrize("name", ["fused", "linear"])
def test_values_add_up_to_the_logits(few, name):
    model = load_model(name)
    summary = summarise(model, few)
    vectors = few.vectors()
    reference = model.reference[:24]
    gain = model.logits(vectors) - model.logits(reference).mean(axis=0)
    assert_allclose(summary.values.sum(axis=2), gain, atol=0.1 * np.abs(gain).max())


def test_named_features_are_those_of_the_single_explanation(few):
    model = load_model("fused")
    summary = summarise(model, few)
    reference = model.standardise(model.reference[:24])
    whole = quadrature(model, model.standardise(few.vectors()[:1]), reference, 4)
    for k, name in enumerate(summary.names[:-1]):
        assert_allclose(summary.values[0, :, k], whole[:, FEATURE_NAMES.index(name)], rtol=1e-4, atol=1e-5)
        assert summary.raw[0, k] == pytest.approx(few.vectors()[0, FEATURE_NAMES.index(name)], rel=1e-4)


def test_a_voice_model_has_no_face_in_its_summary():
    summary = load_summary("voice")
    assert summary.voices == len(summary.names) == 40
    assert load_summary("face").voices == 0


def test_strongest_features_come_first():
    summary = load_summary("fused")
    means = np.abs(summary.values[:, 3]).mean(axis=0)
    found = summary.strongest(3, 5, voice=True)
    assert found.tolist() == np.argsort(-means[:40])[:5].tolist()
    assert (summary.strongest(3, 5, voice=False) >= 40).all()


@pytest.mark.parametrize("name", MODELS)
def test_shipped_summaries_belong_to_the_shipped_checkpoints(name):
    """One clip again: a checkpoint that was trained anew must not keep the old summary."""
    from dataclasses import replace

    model = load_model(name)
    clips = load_reference(state_of(model))
    first = replace(
        clips,
        **{key: None if getattr(clips, key) is None else getattr(clips, key)[:1] for key in ("mfcc", "sequence", "heard", "faces")},
        label=clips.label[:1],
        actor=clips.actor[:1],
        keys=clips.keys[:1],
    )
    torch.manual_seed(0)
    again, kept = summarise(model, first), load_summary(name)
    assert_allclose(again.values[0].sum(axis=1), kept.values[0].sum(axis=1), rtol=0.01, atol=2e-2)
    # The strongest features of one face need not be those of all.
    both = [name for name in again.names if name in kept.names and "other" not in name]
    columns = [again.names.index(n) for n in both], [kept.names.index(n) for n in both]
    assert len(both) >= again.voices
    assert_allclose(again.values[0][:, columns[0]], kept.values[0][:, columns[1]], rtol=0.01, atol=5e-3)
