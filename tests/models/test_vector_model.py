"""Models of one vector: what is missing or removed, temperatures, blocks and derivatives."""

from copy import deepcopy
from dataclasses import replace

import librosa
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import softmax

from features import SPACE, Features, Modality
from features.patches import patch_grid
from features.speech import sounding_span
from models.model import Span
from models.registry import MODELS
from models.vector_model import VectorModel
from tests.models.conftest import random_model, random_vectors
from tests.recordings import random_maps, random_recording, recording
from tests.untrained import judged, untrained_vector_model

OF_VECTORS = [name for name, spec in MODELS.items() if spec.model_class is VectorModel]


@pytest.fixture(scope="module")
def untrained() -> VectorModel:
    return untrained_vector_model()


@pytest.fixture(scope="module")
def film() -> Features:
    """Two seconds of a voice, and three frames of which the second has no face."""
    return random_recording(random_maps)


def test_nan_means_missing_and_missing_means_the_average(model):
    vector = model.standardise.mean.copy()
    vector[:40] = np.nan
    assert_allclose(model.logits(model.inputs(vector[None])), model.logits(model.inputs(model.standardise.mean[None])), atol=1e-5)


def test_probabilities_are_the_softmax_of_scaled_logits(model):
    vector = model.standardise.mean[None] + model.standardise.std
    with torch.inference_mode():
        expected = torch.softmax(model.classifier(torch.from_numpy(model.standardise(vector))) / model.temperature, dim=1).numpy()
    assert_allclose(softmax(model.logits(model.inputs(vector)), axis=1), expected, atol=1e-6)


def test_each_state_has_its_temperature(model):
    """Both, a voice alone, a face alone; with neither, that of both."""
    vectors = random_vectors(model)
    vectors[[1, 3], 40:] = np.nan
    vectors[[2, 3], :40] = np.nan
    inputs = model.inputs(vectors)
    raw = replace(model, temperature=1.0, alone=None).logits(inputs)
    scaled = replace(model, temperature=1.5, alone={Modality.AUDIO: 2.0, Modality.VIDEO: 3.0}).logits(inputs)
    assert_allclose(scaled, raw / [[1.5], [2.0], [3.0], [1.5]], atol=1e-5)


def test_more_clips_than_one_block_holds(model):
    vectors, rows = random_vectors(model, 1500), [0, 1023, 1024, 1499]
    assert_allclose(model.logits(model.inputs(vectors))[rows], model.logits(model.inputs(vectors[rows])), atol=1e-5)
    assert_allclose(model.embed(model.inputs(vectors))[rows], model.embed(model.inputs(vectors[rows])), atol=1e-5)


@pytest.mark.parametrize("name", OF_VECTORS)
def test_jacobian_is_the_derivative(name):
    model = replace(random_model(name), temperature=1.3)
    mean, std = model.standardise.mean, model.standardise.std
    vector = mean + 0.3 * std * np.random.default_rng(0).normal(size=552)
    jacobian = model.jacobian(model.inputs(vector[None]))
    precise = deepcopy(model.classifier).double()  # steps small enough to cross no kink
    for k in (0, 17, 40, 300, 551):
        z = torch.from_numpy((vector - mean) / std).repeat(2, 1)
        z[:, k] += torch.tensor([1e-6, -1e-6])
        up, down = precise(z).numpy() / 1.3
        assert_allclose(jacobian[:, k], (up - down) / (2e-6 * std[k]), rtol=1e-3, atol=1e-6)
    assert bool(jacobian[:, :40].any()) == model.judges(Modality.AUDIO)
    assert bool(jacobian[:, 40:].any()) == model.judges(Modality.VIDEO)
    vector[:40] = np.nan
    assert not model.jacobian(model.inputs(vector[None]))[:, :40].any()


def test_a_recording_is_predicted_like_its_vector(model, speech):
    inputs = model.inputs(speech.vector[None])
    assert_allclose(model.predict(speech), model.logits(inputs)[0], atol=0)
    assert_allclose(model.embed(model.encode(speech)), model.embed(inputs), atol=0)


@pytest.mark.parametrize("name", MODELS)
def test_what_a_model_reads(name):
    model = random_model(name)
    assert (model.judges(Modality.AUDIO), model.judges(Modality.VIDEO)) == (name != "face", name != "voice")


@pytest.mark.parametrize("exact", [False, True])
def test_hidden_patches_are_means_of_what_librosa_computes(film, untrained, exact):
    mel, patches = film.audio.mel_db, patch_grid(film.audio.mel_db)
    kept = np.random.default_rng(0).random((5, len(patches))) < 0.5
    kept[0] = True
    found = untrained.logits(untrained.encode(film).with_patches(kept, patches, exact))
    assert_allclose(found[0], untrained.predict(film), atol=1e-5)
    quiet = np.percentile(mel, 10, axis=1)
    for row, keep in zip(found, kept, strict=True):
        faded = mel.astype(float)
        for shown, (a, b, low, high) in zip(keep, patches.cells, strict=True):
            if not shown:
                faded[low:high, a:b] = quiet[low:high, None]
        assert_allclose(row, judged(untrained, librosa.feature.mfcc(S=faded, n_mfcc=40), film.video.frame_vectors), atol=1e-4)
    assert np.abs(found[1:] - found[0]).max(axis=1).min() > 1e-2


def test_copies_with_other_faces_frames_or_features(film, untrained):
    """Each is the mean that it says, and the voice is that of the recording."""
    mfccs, faces = film.audio.frame_vectors, film.video.frame_vectors
    inputs, rng = untrained.encode(film), np.random.default_rng(1)
    rows = rng.uniform(0, 1, (3, 2, 512))
    found = untrained.logits(inputs.with_faces(rows))
    assert_allclose(found, [judged(untrained, mfccs, row) for row in rows], atol=1e-5)
    assert_allclose(untrained.logits(inputs.with_faces(torch.from_numpy(rows).float())), found, atol=1e-5)
    found = untrained.logits(inputs.with_frames(np.array([[True, True], [True, False], [False, True]])))
    assert_allclose(found, [judged(untrained, mfccs, faces[which]) for which in ([0, 1], [0], [1])], atol=1e-5)
    mean, kept = untrained.standardise.mean, rng.random((3, 552)) < 0.5
    found = untrained.logits(inputs.with_weighed(kept))
    vectors = np.where(kept, film.vector, mean)
    assert_allclose(found, untrained.logits(untrained.inputs(vectors)), atol=1e-5)
    assert_allclose(untrained.logits(inputs.repeat(3)), np.repeat(untrained.logits(inputs), 3, axis=0), atol=1e-6)


def test_each_frame_has_its_share_of_the_gradient(film, untrained):
    """The derivative by raw features of faces as a tensor; of the mean, so the same for all frames."""
    inputs = untrained.encode(film)
    rows = torch.from_numpy(film.video.frame_vectors[None]).float().requires_grad_(True)
    (gradient,) = torch.autograd.grad(untrained.forward(inputs.with_faces(rows))[0, 5], rows)
    found = untrained.frame_gradients(inputs)
    assert found.shape == (8, 2, 512)
    assert_allclose(gradient[0].numpy(), found[5], atol=1e-5 * np.abs(found).max())
    assert_allclose(found.sum(axis=1), untrained.jacobian(inputs)[:, 40:], rtol=1e-6)


def test_windows_are_means_of_what_lies_in_them(film, untrained):
    mfccs, faces, inputs = film.audio.frame_vectors, film.video.frame_vectors, untrained.encode(film)
    spans = [
        Span(None, np.array([1]), np.array([0.4])),
        Span(slice(10, 50), np.array([], int), np.array([])),
        Span(slice(40, 60), np.array([0, 1]), np.array([0.1, 1.3])),
    ]
    found = untrained.logits(inputs.windows(spans))
    expected = [judged(untrained, None, faces[[1]]), judged(untrained, mfccs[:, 10:50], None), judged(untrained, mfccs[:, 40:60], faces)]
    assert_allclose(found, expected, atol=1e-5)
    assert inputs.speech_span() == sounding_span(film.audio.mel_db)
    assert untrained.encode(recording(None, film.video)).speech_span() == (0, 0)


@pytest.mark.parametrize("missing", [None, *Modality])
def test_references_are_training_vectors_without_what_is_missing(film, untrained, missing):
    features = film if missing is None else film.with_part(missing, None)
    inputs, vectors = untrained.encode(features), untrained.reference.astype(float)
    if missing is not None:
        vectors[:, SPACE.slices[missing]] = np.nan
    found = untrained.references(inputs)
    assert_allclose(found.z, untrained.inputs(vectors).z, atol=1e-6)
    assert len(untrained.references(inputs, 5)) == 5
    assert not untrained.baseline(inputs).z.any()


def test_path_gradients_are_sums_of_gradients_at_the_places(film, untrained):
    """In blocks, and one by one by the Jacobian of each place."""
    inputs = untrained.encode(film)
    references = untrained.references(inputs, 3)
    places = np.random.default_rng(0).random((4, 3))
    expected, raw = np.zeros((8, 552)), untrained.standardise
    for k in range(3):
        step = (inputs.z - references.z[k]).numpy()[0]
        for place in places[:, k]:
            at = untrained.jacobian(replace(inputs, z=(references.z[k] + float(place) * torch.from_numpy(step))[None]))
            expected += at * raw.std * step / 12
    found = untrained.path_gradients(inputs, references, places)
    assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_inputs_of_many_clips_cannot_be_taken_apart(untrained):
    inputs = untrained.inputs(random_vectors(untrained))
    with pytest.raises(AssertionError, match="taken apart"):
        inputs.windows([Span(None, np.array([0]), np.array([0.0]))])


def test_a_vector_is_one_tensor(film, untrained):
    inputs = untrained.encode(film)
    assert inputs.tensor is inputs.z
    other = torch.randn(3, 552, generator=torch.Generator().manual_seed(0))
    assert inputs.with_tensor(other).z is other
    assert inputs.room(7) > 10**6
