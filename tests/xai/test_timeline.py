"""Probabilities over time are the same path as for the whole, on a part of the recording."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax

from features import Features, Modality
from features.audio import HOP, N_MELS, RATE, AudioFeatures
from features.speech import speech_span
from models.checkpoint import load_model
from models.model import EmotionModel
from models.registry import MODELS
from tests.untrained import judged
from tests.xai.conftest import recording
from xai.counterfactuals.what_if import as_read_by
from xai.timeline import explain_timeline


def part(features: Features, *shown: Modality) -> Features:
    """Some modalities of a recording."""
    return replace(features, parts={modality: own for modality, own in features.parts.items() if modality in shown})


def as_read(features: Features, model: EmotionModel) -> Features:
    """The same with its voice by the encoder of a model."""
    audio = features.audio
    return features if audio is None else features.with_part(Modality.AUDIO, as_read_by(model, audio))


def frames_between(features: Features, start: float, end: float) -> np.ndarray:
    """Which frames of the spectrogram are centred in a window."""
    centres = np.arange(features.audio.mel_db.shape[1]) * HOP / RATE
    return (centres >= start) & (centres <= end)


def faces_of(features: Features) -> tuple[np.ndarray, np.ndarray]:
    video = features.video
    return video.maps[video.used].mean(axis=(2, 3), dtype=float), video.times[video.used]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shown", [tuple(Modality), (Modality.AUDIO,), (Modality.VIDEO,)])
def test_one_window_over_everything_is_the_whole(sample_analysis, name, shown):
    model = load_model(name)
    read = [modality for modality in shown if model.judges(modality)]
    if not read:
        pytest.skip("nothing this model judges")
    features = as_read(part(sample_analysis.features, *read), model)
    timeline = explain_timeline(features, model, window=100.0)
    assert len(timeline.times) == 1
    assert_allclose(timeline.probabilities[0], softmax(model.predict(features)), atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_every_moment_of_every_model(sample_analysis, name):
    model = load_model(name)
    timeline = explain_timeline(as_read(part(sample_analysis.features, *model.spec.modalities), model), model)
    assert timeline.probabilities.shape == (len(timeline.times), 8)
    assert_allclose(timeline.probabilities.sum(axis=1), 1.0)
    assert_allclose(np.diff(timeline.times), 0.25, atol=0.02)
    assert timeline.times[0] == timeline.window / 2 == 0.75
    assert np.ptp(timeline.probabilities, axis=0).max() > 1e-3


def test_a_window_is_what_lies_in_it(sample_analysis, model):
    features = sample_analysis.features
    timeline = explain_timeline(features, model)
    faces, times = faces_of(features)
    for middle, probabilities in zip(timeline.times, timeline.probabilities, strict=True):
        start, end = middle - 0.75, middle + 0.75
        voice = features.audio.frame_vectors[:, frames_between(features, start, end)]
        inside = (times >= start) & (times <= end)
        assert inside.any()
        assert_allclose(probabilities, softmax(judged(model, voice, faces[inside])), atol=1e-6)


def test_a_window_of_a_sequence_is_what_lies_in_it(sample_analysis):
    model, features = load_model("av-tokens"), sample_analysis.features
    timeline = explain_timeline(features, model)
    faces, times = faces_of(features)
    mfccs = features.audio.frame_vectors
    first, last = speech_span(mfccs)
    for middle, probabilities in zip(timeline.times, timeline.probabilities, strict=True):
        start, end = middle - 0.75, middle + 0.75
        heard = frames_between(features, start, end)
        heard[:first] = heard[last:] = False
        inside = (times >= start) & (times <= end)
        alone = judged(model, mfccs[:, heard], faces[inside], times[inside] - start)
        assert_allclose(probabilities, softmax(alone), atol=1e-5)


def test_between_two_looks_the_nearest_face_counts(random_features, random_model):
    """Frames at 0 s and 2 s, the one at 1 s has no face: short windows take the nearer one."""
    seen = part(random_features, Modality.VIDEO)
    faces, _ = faces_of(seen)
    timeline = explain_timeline(seen, random_model, window=0.2, step=0.1)
    alone = [softmax(judged(random_model, None, face[None])) for face in faces]
    assert_allclose(timeline.probabilities[timeline.times < 0.95], np.broadcast_to(alone[0], (9, 8)), atol=1e-6)
    assert_allclose(timeline.probabilities[timeline.times > 1.05], np.broadcast_to(alone[1], (9, 8)), atol=1e-6)


def test_silence_is_no_voice(random_features, any_model):
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * RATE)
    audio = random_features.audio.with_samples(np.concatenate([np.zeros(3 * RATE), noise]))
    timeline = explain_timeline(recording(audio), any_model)
    early, late = timeline.times < 2.9, timeline.times > 3.1
    assert np.isnan(timeline.probabilities[early]).all()
    assert not timeline.heard[early].any()
    assert not np.isnan(timeline.probabilities[late]).any()
    both = explain_timeline(random_features.with_part(Modality.AUDIO, audio), any_model)
    alone = explain_timeline(part(random_features, Modality.VIDEO), any_model, window=1.5)
    assert_allclose(both.probabilities[0], alone.probabilities[0], atol=1e-6)


@pytest.mark.parametrize("seconds", [0.2, 1.5, 30.0, 300.0])
def test_the_number_of_windows_is_bounded_and_nothing_lies_between_them(random_model, seconds):
    samples = np.zeros(int(seconds * RATE), np.float32)
    mel_db = np.random.default_rng(0).normal(-30, 5, (N_MELS, 1 + len(samples) // HOP)).astype(np.float32)
    timeline = explain_timeline(recording(AudioFeatures(samples, mel_db, np.zeros(40))), random_model)
    assert len(timeline.times) <= 120
    assert timeline.times[0] - timeline.window / 2 == pytest.approx(0.0)
    assert timeline.times[-1] + timeline.window / 2 == pytest.approx(seconds, abs=1e-3)
    assert (np.diff(timeline.times) <= timeline.window + 1e-9).all()
    assert not np.isnan(timeline.probabilities).any()


def test_a_voice_that_starts_late_counts_from_then_on(random_features, any_model):
    noise = np.random.default_rng(0).normal(0, 0.1, 3 * RATE)
    audio = replace(random_features.audio.with_samples(noise), start=2.0)
    timeline = explain_timeline(recording(audio), any_model)
    assert timeline.times[-1] + timeline.window / 2 == pytest.approx(5.0)
    early, late = timeline.times < 1.9, timeline.times > 2.1
    assert not timeline.heard[early].any()
    assert timeline.heard[late].all()
    plain = explain_timeline(recording(replace(audio, start=0.0)), any_model)
    assert_allclose(timeline.probabilities[-1], plain.probabilities[-1], atol=0.02)
