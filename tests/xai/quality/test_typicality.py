"""Is a clip like what the model knows: distances by scikit-learn, percentiles between people, and clips that are unlike."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from features import SPACE, Features, Modality, extract
from features.audio import mfcc_features
from models.data.clips import Clips
from models.evaluation.familiarity import load_map
from models.model import EmotionModel
from models.networks.whisper_voice import WhisperVoice
from models.reference import load_reference
from tests.conftest import tone, wav
from xai.quality.typicality import Typicality, _is_known, typicality


def of_voice(features: Features, model: EmotionModel) -> Typicality | None:
    return typicality(features, model, Modality.AUDIO)


def of_face(features: Features, model: EmotionModel) -> Typicality | None:
    return typicality(features, model, Modality.VIDEO)


def test_percentiles_of_faces_are_between_people(sample_analysis):
    """Half of all clips, each compared with other people only, lie below the median."""
    reference, model = load_reference("face"), sample_analysis.model
    deviation = SPACE.part(model.reference, Modality.VIDEO).std(axis=0)
    z = SPACE.part(reference.vectors(), Modality.VIDEO) / deviation
    held_out = np.empty(len(z))
    for actor in np.unique(reference.actor):
        own = reference.actor == actor
        found, _ = NearestNeighbors(n_neighbors=5).fit(z[~own]).kneighbors(z[own])
        held_out[own] = found.mean(axis=1) / np.sqrt(512)
    found = of_face(sample_analysis.features, model)
    assert found.usual == pytest.approx(np.percentile(held_out, 95), rel=1e-4)
    vector = SPACE.part(sample_analysis.features.vector, Modality.VIDEO)
    own, _ = NearestNeighbors(n_neighbors=5).fit(z).kneighbors(vector[None] / deviation)
    assert found.distance == pytest.approx(own.mean() / np.sqrt(512), rel=1e-4)
    assert found.ratio == found.distance / found.usual
    assert found.percentile == pytest.approx(100 * (held_out < found.distance).mean(), abs=0.5)
    assert (found.clips, found.actors) == (len(z), len(np.unique(reference.actor)))


def test_percentiles_of_voices_are_those_of_the_map(sample_analysis):
    found, voices = of_voice(sample_analysis.features, sample_analysis.model), load_map()
    heard = WhisperVoice()(sample_analysis.features.audio.samples)
    assert found.ratio == pytest.approx(voices.ratio(heard.tokens), rel=1e-5)
    assert found.percentile == pytest.approx(100 * (voices.left_out < found.distance).mean())
    assert (found.clips, found.actors) == (1440, 24)


def test_training_clips_are_near_and_a_whistle_is_far(clips, model, backbone):
    encoders = {Modality.AUDIO: mfcc_features, Modality.VIDEO: backbone.maps}
    near = extract(*clips[0], encoders)
    assert of_voice(near, model).percentile < 50
    assert of_face(near, model).percentile < 50
    far = extract(wav(tone(3.0, 1500)), None, encoders)
    assert of_voice(far, model).percentile == 100
    assert of_face(far, model) is None


def test_noise_in_place_of_a_face_is_far(sample_analysis, backbone):
    features, model = sample_analysis.features, sample_analysis.model
    maps = backbone.maps(np.random.default_rng(0).integers(0, 255, (2, 224, 224, 3), np.uint8))
    noise = features.with_part(Modality.VIDEO, replace(features.video, maps=maps, used=np.ones(2, bool)))
    assert of_face(noise, model).percentile > 95
    assert of_face(features, model).percentile < 95


def test_distance_grows_with_noise(sample_analysis):
    features, model = sample_analysis.features, sample_analysis.model
    rng = np.random.default_rng(0)
    found = []
    for level in (0.3, 3.0):
        audio = features.audio.with_samples(level * rng.standard_normal(40_000))
        found.append(of_voice(Features({Modality.AUDIO: audio}), model).distance)
    assert found[1] > found[0] > 0


@pytest.mark.parametrize("number", range(7))
def test_a_training_film_is_known_from_its_film_as_from_its_recording(clips, model, backbone, number):
    """Its sound track was compressed, and what is kept of its face comes from other pictures, too."""
    encoders = {Modality.AUDIO: mfcc_features, Modality.VIDEO: backbone.maps}
    recording, film = clips[number]
    assert of_voice(extract(recording, None, encoders), model).known
    for stride in (30, 60):
        features = extract(None, film, encoders, stride=stride)
        assert of_voice(features, model).known
        assert of_face(features, model).known


def left_out(reference: Clips, row: int) -> Clips:
    return reference.rows(np.delete(np.arange(len(reference.label)), row))


@pytest.mark.parametrize("modality", Modality)
def test_none_of_the_others_is_taken_for_a_clip_that_is_left_out(sample_analysis, monkeypatch, modality):
    """Each reference clip is a clip of the same people that nothing was learned from, once it is left out."""
    reference, model = load_reference(modality.noun), sample_analysis.model
    rows = range(0, len(reference.label), 4)
    found = []
    for row in rows:
        features = with_clip(sample_analysis.features, reference, modality, row)
        monkeypatch.setattr("xai.quality.typicality.load_reference", lambda _, row=row: left_out(reference, row))
        found.append(_is_known(features, modality, deviations(model, modality)))
    assert not any(found)
    monkeypatch.setattr("xai.quality.typicality.load_reference", lambda _: reference)
    assert all(
        _is_known(with_clip(sample_analysis.features, reference, modality, row), modality, deviations(model, modality)) for row in rows
    )


def deviations(model: EmotionModel, modality: Modality) -> np.ndarray:
    return SPACE.part(model.reference, modality).std(axis=0)


def with_clip(features: Features, reference: Clips, modality: Modality, row: int) -> Features:
    """A recording whose features are those of a reference clip."""
    if modality is Modality.AUDIO:
        return Features({modality: replace(features.audio, vector=reference.mfcc[row].astype(float))})
    maps = np.broadcast_to(reference.faces[row][:, :, None, None], (*reference.faces[row].shape, 7, 7))
    return features.with_part(modality, replace(features.video, maps=maps, used=np.ones(len(maps), bool)))


def test_the_synthetic_sample_is_not_known(sample_analysis):
    assert not of_voice(sample_analysis.features, sample_analysis.model).known
    assert not of_face(sample_analysis.features, sample_analysis.model).known
