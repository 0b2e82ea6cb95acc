"""A model is less sure of what is unlike the voices that it knows: its logits are divided, nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from features import Features, Modality
from models.checkpoint import load_model
from models.evaluation.familiarity import softening
from models.evaluation.metrics import softmax
from models.labels import LABELS
from models.registry import MODELS
from xai.analysis import explain
from xai.explanation import Settings, Subject
from xai.quality.certainty import softened
from xai.quality.typicality import voice_ratio
from xai.render.text import cautions

NOISE = np.random.default_rng(0).normal(0, 0.1, 50_000).astype(np.float32)


@pytest.fixture(scope="module")
def noise(sample_analysis) -> Features:
    return Features({Modality.AUDIO: sample_analysis.features.audio.with_samples(NOISE)})


@pytest.mark.parametrize("name", [name for name, spec in MODELS.items() if "voice" in spec.states])
def test_noise_is_a_guess(noise, name):
    model = load_model(name)
    heard = {m: part.by(model.load_encoders()[m]) for m, part in noise.parts.items()}
    found = softened(model, Features(heard))
    assert found.softening == softening(voice_ratio(noise.audio)) > 10
    assert_allclose(found.predict(Features(heard)), model.predict(Features(heard)) / found.softening, atol=1e-5)
    assert softmax(found.predict(Features(heard))[None]).max() < 0.2


def test_what_is_like_the_training_stays_as_sure_as_it_is(clips):
    from features import extract

    model = load_model("fused")
    voice = extract(clips[0][0], None, model.load_encoders())
    assert voice_ratio(voice.audio) < 1
    assert softened(model, voice) is not model
    assert softened(model, voice).softening == 1


def test_a_face_vouches_for_the_verdict(sample_analysis):
    model = load_model("fused")
    both, voice = sample_analysis.features, sample_analysis.features.with_part(Modality.VIDEO, None)
    assert voice_ratio(both.audio) > 1.1  # it is synthetic
    assert softened(model, voice).softening == softening(voice_ratio(both.audio)) > 2
    assert softened(model, both).softening == 1.4
    nobody = both.with_part(Modality.VIDEO, replace(both.video, faces=[None] * len(both.video.faces)))
    assert softened(model, nobody).softening == softened(model, voice).softening
    assert softened(load_model("face"), both).softening == 1


def test_the_distance_is_the_same_by_whatever_the_voice_is_heard(sample_analysis):
    audio = sample_analysis.features.audio
    other = audio.by(load_model("whisper-tokens").load_encoders()[Modality.AUDIO])
    assert voice_ratio(other) == voice_ratio(audio)


def test_a_long_recording_is_heard_in_stretches(sample_analysis):
    audio = sample_analysis.features.audio
    once, long = audio.samples, np.tile(audio.samples, 20)
    assert abs(voice_ratio(audio.with_samples(long)) - voice_ratio(audio.with_samples(once))) < 0.2


def test_the_explanation_says_from_where_it_was_lowered(sample_analysis):
    voice = sample_analysis.features.with_part(Modality.VIDEO, None)
    model = load_model("fused")
    analysis = explain(Subject(voice, model, model.load_backbone(), Settings(samples=300)))
    before = softmax(model.predict(voice)[None])[0].max()
    assert analysis.lowered_from == pytest.approx(before, abs=1e-6)
    assert any(f"lowered from {before:.0%} to {analysis.probabilities.max():.0%}" in words for words in cautions(analysis))
    plain = replace(analysis, subject=replace(analysis.subject, model=model))
    assert plain.lowered_from is None
    assert len(LABELS) == len(analysis.probabilities)
