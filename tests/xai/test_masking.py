"""What is taken away is taken away on the whole path: against librosa, against the backbone frame by frame, and one by one."""

from dataclasses import replace

import cv2
import librosa
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from features import N_AUDIO
from features.extract import join
from features.faces import CROP
from models.networks.sequence import sequences, token_batch
from xai.masking import blend, face_logits, frame_features, without_face_cells, without_features, without_patches
from xai.methods.lime import background, patch_grid

SIDE = CROP // 7


@pytest.fixture(params=["random_model", "token_model"])
def any_model(request):
    return request.getfixturevalue(request.param)


def faded(mel_db: np.ndarray, keep: np.ndarray, cells: np.ndarray) -> np.ndarray:
    quiet = np.sort(mel_db, axis=1)
    out = mel_db.astype(float)
    for shown, (a, b, low, high) in zip(keep, cells, strict=True):
        if not shown:
            place = 0.1 * (mel_db.shape[1] - 1)
            below, share = int(place), place % 1
            level = (1 - share) * quiet[low:high, below] + share * quiet[low:high, below + 1]
            out[low:high, a:b] = level[:, None]
    return out


def test_faded_patches_are_what_librosa_hears(random_features, random_model):
    mel = random_features.audio.mel_db
    cells = patch_grid(mel)
    kept = np.random.default_rng(0).random((5, len(cells))) < 0.5
    vectors = np.repeat(random_features.vector[None], len(kept), axis=0)
    for vector, keep in zip(vectors, kept, strict=True):
        vector[:N_AUDIO] = librosa.feature.mfcc(S=faded(mel, keep, cells), n_mfcc=40).mean(axis=1)
    found = without_patches(random_features, random_model, kept, cells)
    assert_allclose(found, random_model.logits(vectors), atol=1e-4)
    assert np.abs(found - random_model.predict(random_features)).max(axis=1).min() > 1e-2


def test_faded_patches_of_a_sequence_are_what_librosa_hears(random_features, token_model):
    """One recording at a time; what is silence is decided on the recording as it was."""
    mel = random_features.audio.mel_db
    cells = patch_grid(mel)
    kept = np.random.default_rng(0).random((4, len(cells))) < 0.5
    whole, faces, seconds = sequences(random_features)
    first = next(i for i in range(mel.shape[1]) if np.allclose(librosa.feature.mfcc(S=mel, n_mfcc=40)[:, i], whole[:, 0], atol=1e-3))
    expected = []
    for keep in kept:
        mfccs = librosa.feature.mfcc(S=faded(mel, keep, cells), n_mfcc=40)[:, first : first + whole.shape[1]]
        expected.append(token_model.logits(token_batch(mfccs, faces, seconds, token_model.mean, token_model.std))[0])
    found = without_patches(random_features, token_model, kept, cells)
    assert_allclose(found, expected, atol=1e-4)
    assert np.abs(found - token_model.predict(random_features)).max(axis=1).min() > 1e-2


def test_everything_faded_leaves_the_quiet_level_of_each_band(random_features, random_model):
    mel = random_features.audio.mel_db
    everything = np.array([[0, mel.shape[1], 0, 128]])
    vector = random_features.vector.copy()
    vector[:N_AUDIO] = librosa.feature.mfcc(S=np.repeat(background(mel)[:, None], mel.shape[1], axis=1), n_mfcc=40).mean(axis=1)
    found = without_patches(random_features, random_model, np.array([[False]]), everything)
    assert_allclose(found[0], random_model.logits(vector[None])[0], atol=1e-4)


def test_nothing_altered_is_the_models_own_answer(random_features, any_model, backbone):
    own = any_model.predict(random_features)
    cells = patch_grid(random_features.audio.mel_db)
    frames = np.array([0, 2])
    assert_allclose(without_patches(random_features, any_model, np.ones((2, len(cells)), bool), cells), [own, own], atol=1e-4)
    assert_allclose(without_features(random_features, any_model, np.ones((2, 552), bool)), [own, own], atol=1e-4)
    whole = np.ones((2, 2, 7, 7), bool)
    assert_allclose(without_face_cells(random_features, any_model, backbone.maps, whole, frames), [own, own], atol=1e-4)


def softly(crop: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Our own blending of one picture: blurred pixels where ``keep`` is 0, by a mask that is itself blurred, pixel by pixel."""
    blurred = cv2.GaussianBlur(crop, (0, 0), CROP / 12).astype(float)
    fine = cv2.GaussianBlur(np.kron(keep, np.ones((4, 4))).astype(np.float32), (0, 0), 1.0)
    mask = cv2.resize(fine, (CROP, CROP)).astype(float)[..., None]
    return np.rint(mask * crop + (1 - mask) * blurred).astype(np.uint8)


def expected_rows(video, maps, keep: np.ndarray, frames) -> np.ndarray:
    """(m, 512), frame by frame."""
    rows = {frame: video.maps[frame].mean(axis=(1, 2), dtype=float) for frame in np.flatnonzero(video.used)}
    for frame, mask in zip(frames, keep, strict=True):
        rows[frame] = maps(softly(video.crops[frame], mask)[None])[0].mean(axis=(1, 2), dtype=float)
    return np.stack([rows[frame] for frame in sorted(rows)])


@pytest.mark.parametrize("frames", [[0, 2], [2]])
def test_blurred_cells_go_through_the_backbone(random_features, any_model, backbone, frames):
    """And a frame that was not chosen stays as it is."""
    video = random_features.video
    rng = np.random.default_rng(1)
    kept = rng.random((3, len(frames), 7, 7)) < 0.5
    kept[1] = False
    kept[2, :, :3] = True
    found = without_face_cells(random_features, any_model, backbone.maps, kept, np.array(frames))
    expected = []
    for keep in kept:
        rows = expected_rows(video, backbone.maps, keep, frames)
        if any_model.name == "random":
            expected.append(any_model.logits(join(random_features.audio.mfcc, rows.mean(axis=0))[None])[0])
        else:
            mfccs, _, seconds = sequences(random_features)
            expected.append(any_model.logits(token_batch(mfccs, rows, seconds, any_model.mean, any_model.std))[0])
    own = any_model.predict(random_features)
    effect = np.abs(expected - own).max(axis=1)
    assert effect.min() > 1e-3
    assert_allclose(found, expected, atol=0.05 * effect.min())


def test_only_what_is_altered_is_seen_again(random_features, random_model):
    """The backbone is asked for chosen frames of altered states, and for nothing else; there are words between its passes."""
    seen, said = [], []

    def maps(pictures: np.ndarray) -> np.ndarray:
        seen.append(len(pictures))
        return np.zeros((len(pictures), 512, 7, 7), np.float32)

    kept = np.ones((40, 1, 7, 7), bool)
    kept[::2, 0, 3, 3] = False
    found = without_face_cells(random_features, random_model, maps, kept, np.array([2]), lambda: said.append(sum(seen)))
    assert sum(seen) == 20
    assert len(said) >= 3
    assert_allclose(found[1::2], np.repeat(random_model.predict(random_features)[None], 20, axis=0), atol=1e-4)
    rows = frame_features(random_features.video)
    assert_allclose(found[0], face_logits(random_features, random_model, np.stack([rows[0], np.zeros(512)])[None])[0], atol=1e-4)


def test_blurred_cells_are_gone_in_their_middle_whole_far_away_and_soft_between(random_features):
    crop = random_features.video.crops[0]
    keep = np.ones((1, 7, 7), bool)
    keep[0, 1:4, 4:] = False
    (found,) = blend(crop[None], np.zeros_like(crop)[None], keep)
    middle = slice(2 * SIDE + 8, 3 * SIDE - 8), slice(5 * SIDE + 8, 6 * SIDE - 8)
    assert found[middle].mean() < 0.02 * crop[middle].mean()
    away = np.ones((CROP, CROP), bool)
    away[: 6 * SIDE + 8, 2 * SIDE - 8 :] = False
    assert_array_equal(found[away], crop[away])
    edge = slice(2 * SIDE, 3 * SIDE), slice(4 * SIDE - 2, 4 * SIDE + 2)
    assert 0.4 * crop[edge].mean() < found[edge].mean() < 0.6 * crop[edge].mean()
    assert blend(crop[None], np.zeros_like(crop)[None], np.ones((1, 7, 7), bool)).sum() == crop.sum(dtype=np.int64)
    assert not blend(crop[None], np.zeros_like(crop)[None], np.zeros((1, 7, 7), bool)).any()


def test_other_face_features_reach_the_model_as_they_are(random_features, any_model):
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 1, (3, 2, 512))
    mfccs, _, seconds = sequences(random_features)
    for found, row in zip(face_logits(random_features, any_model, rows), rows, strict=True):
        if any_model.name == "random":
            expected = any_model.logits(join(random_features.audio.mfcc, row.mean(axis=0))[None])
        else:
            expected = any_model.logits(token_batch(mfccs, row, seconds, any_model.mean, any_model.std))
        assert_allclose(found, expected[0], atol=1e-5)


def test_features_taken_away_are_at_their_mean_in_training(random_features, random_model):
    kept = np.random.default_rng(0).random((3, 552)) < 0.5
    vectors = np.repeat(random_features.vector[None], 3, axis=0)
    for vector, keep in zip(vectors, kept, strict=True):
        for k in np.flatnonzero(~keep):
            vector[k] = random_model.mean[k]
    assert_allclose(without_features(random_features, random_model, kept), random_model.logits(vectors), atol=1e-5)


def test_features_taken_away_from_a_sequence_are_at_their_mean_at_every_moment(random_features, token_model):
    kept = np.random.default_rng(0).random((40, 552)) < 0.5
    mfccs, faces, seconds = sequences(random_features)
    mean = token_model.mean
    expected = []
    for keep in kept:
        voice = np.where(keep[:40, None], mfccs, mean[:40, None])
        face = np.where(keep[40:], faces, mean[40:])
        expected.append(token_model.logits(token_batch(voice, face, seconds, mean, token_model.std))[0])
    assert_allclose(without_features(random_features, token_model, kept), expected, atol=1e-5)


@pytest.mark.parametrize("missing", ["voice", "face"])
def test_a_missing_modality_stays_missing(missing, request, any_model):
    features = request.getfixturevalue("face" if missing == "voice" else "voice")
    own = any_model.predict(features)
    gone = np.ones((1, 552), bool)
    gone[0, :N_AUDIO] = missing != "voice"
    gone[0, N_AUDIO:] = missing != "face"
    assert_allclose(without_features(features, any_model, gone)[0], own, atol=1e-5)
    assert np.abs(without_features(features, any_model, ~gone)[0] - own).max() > 1e-3


def test_a_long_voice_is_judged_in_small_blocks(random_features, token_model, monkeypatch):
    """A clip of minutes, seven dozen times at once, would not fit into a small server's memory."""
    sizes = []
    whole = type(token_model).logits

    def watched(self, batch):
        sizes.append(batch.voice.shape[0] * batch.voice.shape[2])
        return whole(self, batch)

    kept = np.random.default_rng(0).random((50, 552)) < 0.5
    rows = np.random.default_rng(1).uniform(0, 1, (50, 2, 512))
    expected = without_features(random_features, token_model, kept), face_logits(random_features, token_model, rows)
    monkeypatch.setattr(type(token_model), "logits", watched)
    monkeypatch.setattr("xai.masking.BLOCK_FRAMES", 400)
    found = without_features(random_features, token_model, kept), face_logits(random_features, token_model, rows)
    assert max(sizes) <= 400
    for ours, theirs in zip(found, expected, strict=True):
        assert_allclose(ours, theirs, atol=1e-5)


def test_the_recording_itself_is_left_alone(random_features, any_model, backbone):
    before = [random_features.vector.copy(), random_features.video.maps.copy(), random_features.video.crops.copy()]
    mel = random_features.audio.mel_db.copy()
    cells = patch_grid(mel)
    without_patches(random_features, any_model, np.zeros((1, len(cells)), bool), cells)
    without_face_cells(random_features, any_model, backbone.maps, np.zeros((1, 2, 7, 7), bool), np.array([0, 2]))
    without_features(random_features, any_model, np.zeros((1, 552), bool))
    after = [random_features.vector, random_features.video.maps, random_features.video.crops]
    for a, b in zip([*before, mel], [*after, random_features.audio.mel_db], strict=True):
        assert_array_equal(a, b)


def test_temperatures_of_one_modality_alone_apply_while_it_is_taken_apart(voice, random_model):
    model = replace(random_model, alone=(2.6, 0.7))
    kept = np.random.default_rng(0).random((2, 552)) < 0.5
    ratio = without_features(voice, random_model, kept) / without_features(voice, model, kept)
    assert_allclose(ratio, 2.6 / 1.3, rtol=1e-5)
