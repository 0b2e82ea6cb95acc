"""Is a clip like what the model knows: distances by scikit-learn, percentiles between people, and clips that are unlike."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.neighbors import NearestNeighbors

from features import extract
from features.extract import join
from models.reference import load_reference
from tests.conftest import tone, wav
from xai.counterfactuals.what_if import with_samples
from xai.quality.typicality import face_likeness, knn_distance, voice_likeness


def test_distance_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    clips, points = rng.normal(size=(50, 40)), rng.normal(size=(7, 40))
    found, _ = NearestNeighbors(n_neighbors=5).fit(clips).kneighbors(points)
    assert_allclose(knn_distance(points, clips), found.mean(axis=1) / np.sqrt(40))


def test_percentiles_are_of_strangers(sample_analysis):
    """Half of all clips, each compared with other people only, lie below the median."""
    reference, model = load_reference("voice"), sample_analysis.model
    deviation = model.reference[:, :40].std(axis=0)
    z = reference.mfcc / deviation
    held_out = np.empty(len(z))
    for actor in np.unique(reference.actor):
        own = reference.actor == actor
        found, _ = NearestNeighbors(n_neighbors=5).fit(z[~own]).kneighbors(z[own])
        held_out[own] = found.mean(axis=1) / np.sqrt(40)
    found = voice_likeness(sample_analysis.features, model)
    assert found.usual == pytest.approx(np.percentile(held_out, 95), rel=1e-4)
    own, _ = NearestNeighbors(n_neighbors=5).fit(z).kneighbors(sample_analysis.features.vector[None, :40] / deviation)
    assert found.distance == pytest.approx(own.mean() / np.sqrt(40), rel=1e-4)
    assert found.percentile == pytest.approx(100 * (held_out < found.distance).mean(), abs=0.5)
    assert (found.clips, found.actors) == (332, 24)


def test_training_clips_are_near_and_a_whistle_is_far(clips, model, backbone):
    near = extract(*clips[0], backbone.maps)
    assert voice_likeness(near, model).percentile < 50
    assert face_likeness(near, model).percentile < 50
    far = extract(wav(tone(3.0, 1500)), None, backbone.maps)
    assert voice_likeness(far, model).percentile == 100
    assert face_likeness(far, model) is None


def test_noise_in_place_of_a_face_is_far(sample_analysis, backbone):
    features, model = sample_analysis.features, sample_analysis.model
    maps = backbone.maps(np.random.default_rng(0).integers(0, 255, (2, 224, 224, 3), np.uint8))
    noise = replace(features, vector=join(features.audio.mfcc, maps.mean(axis=(0, 2, 3))))
    assert face_likeness(noise, model).percentile > 95
    assert face_likeness(features, model).percentile < 95


def test_distance_grows_with_noise(sample_analysis):
    features, model = sample_analysis.features, sample_analysis.model
    rng = np.random.default_rng(0)
    found = []
    for level in (0.3, 3.0):
        audio = with_samples(features.audio, (level * rng.standard_normal(40_000)).astype(np.float32))
        found.append(voice_likeness(replace(features, audio=audio, vector=join(audio.mfcc, None)), model).distance)
    assert found[1] > found[0] > 0
