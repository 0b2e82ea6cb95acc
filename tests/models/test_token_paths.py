"""Models of tokens: derivatives, references, and paths that add up."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from features import Features, Modality
from models.token_model import TokenModel
from tests.recordings import as_tokens, random_maps, random_recording, recording, sequences_of
from tests.untrained import LinearInMoments, judged, untrained_token_model

RNG = np.random.default_rng
AUDIO, VIDEO = Modality.AUDIO, Modality.VIDEO


@pytest.fixture(scope="module")
def model() -> TokenModel:
    return untrained_token_model()


@pytest.fixture(scope="module")
def film() -> Features:
    """Two seconds of a voice, and three frames of which the second has no face."""
    return as_tokens(random_recording(random_maps))


@pytest.fixture(scope="module")
def linear(model) -> TokenModel:
    rng = RNG(0)
    return replace(model, classifier=LinearInMoments(0.05 * rng.normal(size=(8, 2304)), rng.normal(size=(8, 512))), temperature=2.0)


def places(nodes: int, paths: int) -> np.ndarray:
    """In the middle of equal steps."""
    return np.repeat((np.arange(nodes)[:, None] + 0.5) / nodes, paths, axis=1)


def test_frame_gradients_are_differences(model, film):
    """In double precision; the frame without a face has no row."""
    inputs = model.encode(film)
    found = model.frame_gradients(inputs)
    assert found.shape == (8, 2, 512)
    precise = deepcopy(model.classifier).double()
    precise.time.register_forward_pre_hook(lambda _, given: (given[0].double(),))
    batch, std = inputs.batch, model.standardise.std
    for frame in (0, 1):
        for k in RNG(0).choice(512, 6, replace=False):
            ends = []
            for step in (1e-5, -1e-5):
                faces = batch.faces.double().clone()
                faces[0, frame, k] += step / std[2304 + k]  # of the raw feature
                moved = replace(batch, voice=batch.voice.double(), faces=faces, seconds=batch.seconds.double())
                ends.append(precise(moved)[0].numpy() / model.temperature)
            assert_allclose(found[:, frame, k], (ends[0] - ends[1]) / 2e-5, rtol=2e-3, atol=1e-6)
    assert np.abs(found[:, 0] - found[:, 1]).max() > 0.01 * np.abs(found).max()


def test_faces_and_tokens_as_tensors_are_differentiable(film, model):
    inputs = model.encode(film)
    rows = torch.from_numpy(film.video.frame_vectors[None]).float().requires_grad_(True)
    (gradient,) = torch.autograd.grad(model.forward(inputs.with_faces(rows))[0, 5], rows)
    expected = model.frame_gradients(inputs)[5]
    assert_allclose(gradient[0].numpy(), expected, atol=1e-4 * np.abs(expected).max())
    tokens = torch.from_numpy(film.audio.tokens[None]).requires_grad_(True)
    (slope,) = torch.autograd.grad(model.forward(inputs.with_tokens(tokens))[0, 5], tokens)
    step = 1e-2 * slope / slope.abs().max()
    with torch.no_grad():
        ends = [float(model.forward(inputs.with_tokens(tokens + sign * step))[0, 5]) for sign in (1, -1)]
    assert ends[0] - ends[1] == pytest.approx(2 * float((slope * step).sum()), rel=0.05)


def test_the_references_are_as_long_as_the_recording(film, model):
    """Repeated from the start where they are shorter; without what is missing in the recording."""
    inputs = model.encode(film)
    count = inputs.batch.voice.shape[1]
    longer = model.encode(as_tokens(recording(film.audio.with_samples(np.tile(film.audio.samples, 2)))))
    assert longer.batch.voice.shape[1] > 4 == model.reference_voice.shape[1]
    for own in (inputs, longer):
        k, shown = own.batch.voice.shape[1], own.batch.faces.shape[1]
        expected = [
            judged(model, np.concatenate([voice] * 4)[:k], faces[:shown] if shown else None, np.array([0.0, 2.0])[:shown])
            for voice, faces in zip(model.reference_voice, model.reference_faces, strict=True)
        ]
        assert_allclose(model.logits(model.references(own)), expected, atol=1e-5)
    assert len(model.references(inputs, 4)) == 4
    assert model.references(model.encode(recording(film.audio))).batch.faces.shape == (8, 0, 512)
    alone = model.references(model.encode(recording(None, film.video)))
    assert alone.batch.voice.shape == (8, 0, 2304)
    assert not alone.batch.spoken.any()
    assert model.references(inputs).batch.voice.shape[1] == count


def test_long_recordings_are_compared_with_fewer_references(film, model, monkeypatch):
    inputs, nodes = model.encode(film), model.budget.path_nodes
    each = inputs.batch.voice[0].numel() + inputs.batch.faces[0].numel()
    for most, wanted in ((10**9, 8), (6 * nodes * each, 6), (1, 4)):
        monkeypatch.setattr("models.token_model._VALUES", most)
        assert len(model.references(inputs)) == wanted


def test_the_baseline_is_the_mean_at_every_moment(film, model):
    inputs, mean = model.encode(film), model.standardise.mean
    tokens, faces, seconds = sequences_of(film)
    expected = judged(model, np.tile(mean[:2304], (len(tokens), 1)), np.tile(mean[2304:], (len(faces), 1)), seconds)
    assert_allclose(model.logits(model.baseline(inputs))[0], expected, atol=1e-5)


@pytest.mark.parametrize("shown", [(AUDIO, VIDEO), (AUDIO,), (VIDEO,)])
def test_paths_add_up_moment_by_moment_and_feature_by_feature(shown, film, model):
    features = replace(film, parts={m: part for m, part in film.parts.items() if m in shown})
    inputs = model.encode(features)
    references = model.references(inputs)
    at = places(64, len(references))
    moments, columns = model.path_gradients(inputs, references, at), model.column_gradients(inputs, references, at)
    count = inputs.batch.voice.shape[1]
    assert moments.shape == (8, count + inputs.batch.faces.shape[1])
    assert columns.shape == (8, len(model.space)) == (8, 2816)
    gain = model.predict(features) - model.logits(references).mean(axis=0)
    assert_allclose(moments.sum(axis=1), gain, atol=0.02 * np.abs(gain).max())
    assert_allclose(moments[:, :count].sum(axis=1), model.space.part(columns, AUDIO).sum(axis=1), atol=1e-4)
    assert_allclose(moments[:, count:].sum(axis=1), model.space.part(columns, VIDEO).sum(axis=1), atol=1e-4)


def test_paths_do_not_depend_on_how_many_fit_into_memory(film, model, monkeypatch):
    inputs = model.encode(film)
    references = model.references(inputs)
    at = RNG(0).random((3, len(references)))
    own = model.path_gradients(inputs, references, at), model.column_gradients(inputs, references, at)
    each = inputs.batch.voice[0].numel() + inputs.batch.faces[0].numel()
    for copies in (1, 7):
        monkeypatch.setattr("models.token_model._VALUES", copies * each)
        again = model.path_gradients(inputs, references, at), model.column_gradients(inputs, references, at)
        for ours, theirs in zip(again, own, strict=True):
            assert_allclose(ours, theirs, atol=1e-5)


def test_path_gradients_of_a_linear_classifier(film, linear):
    """Weight times distance of each moment from the mean reference, wherever the gradient is taken."""
    inputs = linear.encode(film)
    references = linear.references(inputs)
    at = RNG(0).random((3, len(references)))
    steps = [(x[0] - r.mean(dim=0)).numpy() for x, r in zip(*((i.batch.voice, i.batch.faces) for i in (inputs, references)), strict=True)]
    voice, face = (
        part.numpy()[:, None] * step / 2 for part, step in zip((linear.classifier.voice, linear.classifier.face), steps, strict=True)
    )
    assert_allclose(linear.path_gradients(inputs, references, at), np.concatenate([voice.sum(axis=2), face.sum(axis=2)], axis=1), atol=1e-3)
    assert_allclose(
        linear.column_gradients(inputs, references, at), np.concatenate([voice.sum(axis=1), face.sum(axis=1)], axis=1), atol=1e-3
    )


def test_copies_that_fit_into_memory(film, model, monkeypatch):
    inputs = model.encode(film)
    each = inputs.batch.voice[0].numel() + inputs.batch.faces[0].numel()
    monkeypatch.setattr("models.token_model._VALUES", 7 * each + 1)
    assert [inputs.room(most) for most in (3, 7, 100)] == [3, 7, 7]
    monkeypatch.setattr("models.token_model._VALUES", 1)
    assert inputs.room(100) == 1
