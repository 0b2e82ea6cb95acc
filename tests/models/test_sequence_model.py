"""Models of a sequence: how recordings become sequences, what is removed from them, and derivatives."""

from copy import deepcopy
from dataclasses import replace

import librosa
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from features import SPACE, Features, Modality, Standardiser
from features.audio import mfcc_features
from features.patches import patch_grid
from features.speech import speech_span
from features.video import VideoFeatures
from models.model import Span
from models.networks.sequence import TOKEN_FRAMES, TokenBatch
from models.sequence_model import SequenceModel, encoded
from tests.conftest import tone
from tests.models.conftest import random_model
from tests.recordings import quiet_ends, random_maps, random_recording, recording, sequences_of
from tests.untrained import LinearInTime, judged, untrained_sequence_model

RAW = Standardiser(np.zeros(len(SPACE)), np.ones(len(SPACE)), SPACE)  # leaves features as they are


@pytest.fixture(scope="module")
def raw_model() -> SequenceModel:
    return replace(random_model("av-tokens"), standardise=RAW)


@pytest.fixture(scope="module")
def answering_model() -> SequenceModel:
    """What it hears and sees moves its logits as in a trained one."""
    return untrained_sequence_model()


@pytest.fixture(scope="module")
def film() -> Features:
    """Two seconds of a voice, and three frames of which the second has no face."""
    return random_recording(random_maps)


def test_logits_are_scaled(sequence_model, speech):
    inputs = sequence_model.encode(speech)
    with torch.inference_mode():
        expected = sequence_model.classifier(inputs.batch)[0].double().numpy() / 1.7
    assert_allclose(sequence_model.predict(speech), expected, atol=1e-6)
    assert_allclose(sequence_model.logits(inputs)[0], expected, atol=1e-6)


def test_each_state_has_its_temperature(sequence_model, speech):
    """A voice alone; with neither voice nor face, that of both."""
    own = {Modality.AUDIO: 0.5, Modality.VIDEO: 4.0}
    for alone, drop, wanted in ((own, (), 0.5), (own, (Modality.AUDIO,), 1.7), (None, (), 1.7)):
        inputs = sequence_model.encode(speech, frozenset(drop))
        raw = replace(sequence_model, temperature=1.0).logits(inputs)
        assert_allclose(replace(sequence_model, alone=alone).logits(inputs), raw / wanted, atol=1e-5)


def test_a_recording_is_encoded_on_request_without_its_voice_or_face(sequence_model, speech):
    first, last = speech_span(speech.audio.frame_vectors)
    assert sequence_model.encode(speech).batch.heard.tolist() == [last - first]
    no_voice = sequence_model.encode(speech, frozenset({Modality.AUDIO}))
    assert no_voice.batch.heard.tolist() == [0]
    assert np.abs(sequence_model.logits(no_voice) - sequence_model.predict(speech)).max() > 1e-3
    no_face = sequence_model.encode(speech, frozenset({Modality.VIDEO}))  # there was none
    assert_allclose(sequence_model.logits(no_face)[0], sequence_model.predict(speech), atol=1e-6)


def test_a_sequence_is_standardised_and_repeats_its_end():
    rng = np.random.default_rng(9)
    mean, std = rng.normal(size=552), rng.uniform(0.5, 2, 552)
    mfccs, faces = rng.normal(size=(40, 50)), rng.normal(size=(3, 512))
    batch = encoded(mfccs, faces, np.array([0.0, 0.9, 2.1]), Standardiser(mean, std, SPACE))
    assert batch.voice.shape[2] % TOKEN_FRAMES == 0
    assert_allclose(batch.voice[0, :, :50], (mfccs - mean[:40, None]) / std[:40, None], rtol=1e-5, atol=1e-6)
    assert (batch.voice[0, :, 50:] == batch.voice[0, :, 49:50]).all()
    assert batch.heard.tolist() == [50]
    assert_allclose(batch.faces[0], (faces - mean[40:]) / std[40:], rtol=1e-5, atol=1e-6)
    assert_allclose(batch.seconds, [[0.0, 0.9, 2.1]])
    assert batch.seen.tolist() == [[True] * 3]
    assert len(batch) == 1


def test_what_is_missing_is_empty(sequence_model):
    network = sequence_model.classifier
    rng = np.random.default_rng(10)
    mfccs, faces = rng.normal(size=(40, 50)), rng.normal(size=(3, 512))
    voice, face = encoded(mfccs, None, None, RAW), encoded(None, faces, np.arange(3.0), RAW)
    neither = encoded(None, None, None, RAW)
    assert voice.faces.shape == (1, 0, 512)
    assert face.voice.shape == (1, 40, 0)
    assert face.heard.tolist() == neither.heard.tolist() == [0]
    both = encoded(mfccs, faces, np.arange(3.0), RAW)
    no_voice, no_face = replace(both, heard=torch.tensor([0])), replace(both, seen=torch.zeros(1, 3, dtype=torch.bool))
    torch.testing.assert_close(network(voice), network(no_face), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network(face), network(no_voice), rtol=1e-4, atol=1e-5)
    assert torch.isfinite(network(neither)).all()


def test_the_sequence_of_a_recording_is_what_librosa_computes(raw_model):
    samples = np.concatenate([np.zeros(11_025), tone(1.0, 500), np.zeros(22_050)]) + 1e-6
    batch = raw_model.encode(Features({Modality.AUDIO: mfcc_features(samples.astype(np.float32))})).batch
    assert batch.faces.shape[1] == batch.seconds.shape[1] == 0
    mfccs = batch.voice[0, :, : int(batch.heard[0])].numpy()
    theirs = librosa.feature.mfcc(y=samples.astype(np.float32), sr=22_050, n_mfcc=40)
    start = int(np.argmin([np.abs(theirs[:, k : k + mfccs.shape[1]] - mfccs).max() for k in range(theirs.shape[1] - mfccs.shape[1] + 1)]))
    assert_allclose(mfccs, theirs[:, start : start + mfccs.shape[1]], atol=2e-2)
    assert start * 512 / 22_050 == pytest.approx(0.5, abs=0.1)
    assert mfccs.shape[1] * 512 / 22_050 == pytest.approx(1.0, abs=0.2)


def test_frames_without_a_face_are_left_out(raw_model):
    rng = np.random.default_rng(11)
    maps, used = rng.random((3, 512, 7, 7)).astype(np.float32), np.array([True, False, True])
    film = VideoFeatures(
        np.array([0.0, 1.1, 2.2]), [], 1.0, [None] * 3, [None] * 3, np.zeros((3, 224, 224, 3), np.uint8), maps, used, False
    )
    batch = raw_model.encode(Features({Modality.VIDEO: film})).batch
    assert batch.heard.tolist() == [0]
    assert_allclose(batch.seconds, [[0.0, 2.2]], rtol=1e-6)
    assert_allclose(batch.faces[0], [maps[0].mean(axis=(1, 2)), maps[2].mean(axis=(1, 2))], rtol=1e-5)
    assert_allclose(batch.faces[0].mean(dim=0), film.vector, rtol=1e-5)


def test_the_silence_around_a_recording_is_cut_off_and_the_pause_within_is_not():
    mfccs = np.zeros((40, 10))
    mfccs[0] = [-900, -600, -310, -100, -590, -300, -100, -340, -400, -800]
    assert speech_span(mfccs) == (2, 8)  # 22 dB below the loudest: √128 · 22 = 249
    assert speech_span(np.zeros((40, 4))) == (0, 4)


def test_frame_gradients_are_differences(film, answering_model):
    """In double precision, with steps small enough to cross no kink; the frame without a face has no token."""
    inputs = answering_model.encode(film)
    found = answering_model.frame_gradients(inputs)
    assert found.shape == (8, 2, 512)
    precise = deepcopy(answering_model.classifier).double()
    precise.time.register_forward_pre_hook(lambda _, given: (given[0].double(),))
    batch, std = inputs.batch, answering_model.standardise.std
    rng = np.random.default_rng(0)
    for frame in (0, 1):
        for k in rng.choice(512, 6, replace=False):
            ends = []
            for step in (1e-5, -1e-5):
                faces = batch.faces.double().clone()
                faces[0, frame, k] += step / std[40 + k]  # of the raw feature
                moved = TokenBatch(batch.voice.double(), batch.heard, faces, batch.seconds.double(), batch.seen)
                ends.append(precise(moved)[0].numpy() / answering_model.temperature)
            assert_allclose(found[:, frame, k], (ends[0] - ends[1]) / 2e-5, rtol=2e-3, atol=1e-6)
    assert np.abs(found[:, 0] - found[:, 1]).max() > 0.01 * np.abs(found).max()


@pytest.mark.parametrize("features", [random_recording(random_maps), quiet_ends()], ids=["film", "quiet ends"])
def test_hidden_patches_are_recordings_made_anew(features, answering_model):
    """Spectrogram faded by hand, librosa's MFCCs, cut where the recording as it is begins and ends."""
    mel, patches = features.audio.mel_db, patch_grid(features.audio.mel_db)
    kept = np.random.default_rng(0).random((60, len(patches))) < 0.5
    kept[0], kept[1] = True, False
    inputs = answering_model.encode(features)
    found = answering_model.logits(inputs.with_patches(kept, patches))
    assert_allclose(found[0], answering_model.predict(features), atol=1e-5)
    _, faces, seconds = sequences_of(features)
    whole = librosa.feature.mfcc(S=mel.astype(float), n_mfcc=40)
    loud = np.flatnonzero(whole[0] >= whole[0].max() - 250)
    assert inputs.speech_span() == (loud[0], loud[-1] + 1)
    quiet = np.percentile(mel, 10, axis=1)
    for row in (1, 2, 33, 59):
        faded = mel.astype(float)
        for shown, (a, b, low, high) in zip(kept[row], patches.cells, strict=True):
            if not shown:
                faded[low:high, a:b] = quiet[low:high, None]
        mfccs = librosa.feature.mfcc(S=faded, n_mfcc=40)[:, loud[0] : loud[-1] + 1]
        assert_allclose(found[row], judged(answering_model, mfccs, faces, seconds), atol=1e-4)
    assert np.abs(found[1] - found[0]).max() > 2e-2
    if features.video is None:
        assert loud[-1] + 1 - loud[0] < 0.6 * mel.shape[1]


def test_copies_with_other_faces_frames_or_features(film, answering_model):
    """Each is the sequence that it says, and the voice and the times are those of the recording."""
    mfccs, faces, seconds = sequences_of(film)
    inputs, rng = answering_model.encode(film), np.random.default_rng(1)
    rows = rng.uniform(0, 1, (3, 2, 512))
    found = answering_model.logits(inputs.with_faces(rows))
    assert_allclose(found, [judged(answering_model, mfccs, row, seconds) for row in rows], atol=1e-5)
    assert_allclose(answering_model.logits(inputs.with_faces(torch.from_numpy(rows).float())), found, atol=1e-5)
    kept = np.array([[True, True], [True, False], [False, True]])
    found = answering_model.logits(inputs.with_frames(kept))
    expected = [judged(answering_model, mfccs, faces[places], seconds) for places in ([0, 1], [0, 0], [1, 1])]
    assert_allclose(found, expected, atol=1e-5)
    mean, kept = answering_model.standardise.mean, rng.random((3, 552)) < 0.5
    found = answering_model.logits(inputs.with_weighed(kept))
    hidden = [(np.where(k[:40, None], mfccs, mean[:40, None]), np.where(k[40:], faces, mean[40:])) for k in kept]
    assert_allclose(found, [judged(answering_model, *parts, seconds) for parts in hidden], atol=1e-5)
    assert_allclose(answering_model.logits(inputs.repeat(3)), np.repeat(answering_model.logits(inputs), 3, axis=0), atol=1e-6)


def test_faces_as_a_tensor_are_differentiable(film, answering_model):
    """The derivative by raw features is that of :meth:`frame_gradients`."""
    inputs = answering_model.encode(film)
    rows = torch.from_numpy(film.video.frame_vectors[None]).float().requires_grad_(True)
    (gradient,) = torch.autograd.grad(answering_model.forward(inputs.with_faces(rows))[0, 5], rows)
    expected = answering_model.frame_gradients(inputs)[5]
    assert_allclose(gradient[0].numpy(), expected, atol=1e-4 * np.abs(expected).max())


def test_windows_are_cut_and_timed_from_their_own_beginning(film, answering_model):
    """A window with a face only, one with a voice only, and one that reaches beyond the voice."""
    film = film.with_part(Modality.AUDIO, quiet_ends().audio)
    first, last = answering_model.encode(film).speech_span()
    assert 10 < first < 40 < last < film.audio.mel_db.shape[1]
    mfccs, faces = film.audio.frame_vectors, film.video.frame_vectors
    spans = [
        Span(None, np.array([1]), np.array([0.4])),
        Span(slice(10, 50), np.array([], int), np.array([])),
        Span(slice(40, 10_000), np.array([0, 1]), np.array([0.1, 1.3])),
    ]
    found = answering_model.logits(answering_model.encode(film).windows(spans))
    expected = [
        judged(answering_model, None, faces[[1]], np.array([0.4])),
        judged(answering_model, mfccs[:, max(10, first) : 50], None),
        judged(answering_model, mfccs[:, 40:last], faces, np.array([0.1, 1.3])),
    ]
    assert_allclose(found, expected, atol=1e-5)


def test_the_references_are_as_long_as_the_recording(film, answering_model):
    """Repeated from the start where they are shorter; without what is missing in the recording."""
    inputs = answering_model.encode(film)
    x, model = inputs.batch, answering_model
    frames = x.voice.shape[2]
    assert frames > model.reference_voice.shape[2]
    found = model.logits(model.references(inputs))
    expected = []
    for heard, shown in zip(model.reference_voice, model.reference_faces, strict=True):
        longer = np.concatenate([heard, heard, heard], axis=1)[:, :frames]
        alone = encoded(longer, shown[:2], np.array([0.0, 2.0]), model.standardise)
        cut = replace(alone, voice=alone.voice[:, :, :frames], heard=x.heard)
        expected.append(model.logits(replace(inputs, batch=cut))[0])
    assert_allclose(found, expected, atol=1e-5)
    assert len(model.references(inputs, 4)) == 4
    voice = model.references(model.encode(recording(film.audio)))
    assert voice.batch.faces.shape[1] == 0
    face = model.references(model.encode(recording(None, film.video)))
    assert face.batch.voice.shape[2] == 0
    assert not face.batch.heard.any()


def test_long_recordings_are_compared_with_fewer_references(film, answering_model, monkeypatch):
    inputs = answering_model.encode(film)
    frames = inputs.batch.voice.shape[2]
    for most, wanted in ((10**6, 8), (6 * frames, 6), (1, 4)):
        monkeypatch.setattr("models.sequence_model._PATH_FRAMES", most)
        assert len(answering_model.references(inputs)) == wanted


def test_path_gradients_of_a_linear_classifier(film, answering_model):
    """Weight times distance, summed over time, wherever the gradient is taken."""
    rng = np.random.default_rng(0)
    row, weights = rng.normal(size=(8, 40)), rng.normal(size=(8, 512))
    model = replace(answering_model, classifier=LinearInTime(row, weights), temperature=2.0)
    inputs = model.encode(film)
    references = model.references(inputs)
    found = model.path_gradients(inputs, references, rng.random((3, len(references))))
    x, heard = inputs.batch, int(inputs.batch.heard[0])
    voice = (x.voice[0] - references.batch.voice)[:, :, :heard].mean(dim=2).mean(dim=0).numpy()
    face = (x.faces[0] - references.batch.faces).sum(dim=1).mean(dim=0).numpy()
    assert_allclose(found, np.concatenate([row * voice, weights * face], axis=1) / 2, atol=1e-3)
    assert_allclose(found.sum(axis=1), model.predict(film) - model.logits(references).mean(axis=0), atol=1e-3)


def test_the_baseline_is_the_mean_at_every_moment(film, answering_model):
    inputs, mean = answering_model.encode(film), answering_model.standardise.mean
    mfccs, faces, seconds = sequences_of(film)
    expected = judged(answering_model, np.tile(mean[:40, None], mfccs.shape[1]), np.tile(mean[40:], (len(faces), 1)), seconds)
    assert_allclose(answering_model.logits(answering_model.baseline(inputs))[0], expected, atol=1e-5)


def test_a_sequence_is_not_one_tensor(film, answering_model):
    inputs = answering_model.encode(film)
    assert inputs.tensor is None
    with pytest.raises(TypeError):
        inputs.with_tensor(torch.zeros(1, 552))


def test_copies_that_fit_into_memory(film, answering_model, monkeypatch):
    inputs = answering_model.encode(film)
    frames = inputs.batch.voice.shape[2]
    monkeypatch.setattr("models.sequence_model._BLOCK_FRAMES", 7 * frames + 1)
    assert [inputs.room(most) for most in (3, 7, 100)] == [3, 7, 7]
    monkeypatch.setattr("models.sequence_model._BLOCK_FRAMES", 1)
    assert inputs.room(100) == 1


@pytest.mark.parametrize("samples", [np.zeros(22_050), np.full(22_050, 0.2), tone(0.1), tone(3.0)])
def test_silence_dc_a_blip_and_a_note_are_judged(answering_model, samples):
    features = recording(mfcc_features(samples.astype(np.float32)))
    inputs = answering_model.encode(features)
    assert inputs.batch.voice.shape[2] % TOKEN_FRAMES == 0
    assert np.isfinite(answering_model.logits(inputs)).all()
    neither = answering_model.logits(answering_model.encode(features, frozenset(Modality)))
    assert_allclose(neither[0], judged(answering_model, None, None), atol=1e-6)
