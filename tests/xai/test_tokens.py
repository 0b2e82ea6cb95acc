"""The explanations of a classifier of sequences: against differences, against recordings made anew, and planted causes."""

from copy import deepcopy
from dataclasses import replace

import librosa
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from features import N_AUDIO, Features
from features.audio import HOP, RATE, dct_matrix
from features.extract import join
from models.checkpoint import softmax
from models.networks.sequence import TOKEN_FRAMES, TokenBatch, sequences, token_batch
from tests.conftest import tone
from tests.xai.conftest import assert_marks_burst, burst, library_lime, make_audio
from xai.methods.gradcam import explain_cam
from xai.methods.lime import background, explain_lime, patch_grid
from xai.methods.modality_split import split_modalities
from xai.methods.shap import explain_shap
from xai.tokens import coalitions, expected_gradients, frame_gradients, hidden_logits, sample_count


@pytest.fixture
def quiet_ends() -> Features:
    """A second of noise between two silences."""
    rng = np.random.default_rng(5)
    samples = 1e-6 * rng.standard_normal(int(2.5 * RATE))
    samples[RATE // 2 : RATE * 3 // 2] += 0.1 * rng.standard_normal(RATE) * np.linspace(0.2, 1, RATE)
    audio = make_audio(samples)
    return Features(audio, None, join(audio.mfcc, None))


class Linear(torch.nn.Module):
    """A classifier that is linear in what it hears and sees, some seconds of it."""

    def __init__(self, row: np.ndarray, face: np.ndarray | None = None, start: int = 0, stop: int | None = None) -> None:
        super().__init__()
        self.part = slice(start, stop)
        self.register_buffer("row", torch.from_numpy(np.asarray(row)).float())
        self.register_buffer("face", torch.from_numpy(np.zeros((8, 512)) if face is None else face).float())

    def forward(self, batch: TokenBatch) -> torch.Tensor:
        heard = (torch.arange(batch.voice.shape[2])[None] < batch.heard[:, None])[:, self.part]
        voice = (batch.voice[:, :, self.part] * heard[:, None]).sum(2) / heard.sum(1, keepdim=True).clamp(min=1)
        return voice @ self.row.T + (batch.faces * batch.seen[..., None]).sum(1) @ self.face.T


def test_coalitions_are_recordings_without_one_or_the_other(random_features, voice, face, token_model):
    neither = token_model.logits(token_batch(None, None, None, token_model.mean, token_model.std))[0]
    expected = softmax(np.stack([neither, *(token_model.predict(f) for f in (voice, face, random_features))]))
    found = coalitions(random_features, token_model)
    assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found[1:] - found[0]).max(axis=1).min() > 1e-3
    split = split_modalities(random_features, token_model)
    for alone, row in zip((split.neither, split.audio_alone, split.video_alone, split.both), expected, strict=True):
        assert_allclose(alone, row, atol=1e-6)
    assert_allclose(split.audio + split.video, split.both - split.neither, atol=1e-12)


def test_an_absent_modality_adds_nothing(voice, token_model):
    split = split_modalities(voice, token_model)
    assert_allclose(split.video, 0, atol=1e-6)
    assert split.verdict("video") is None
    assert not split.disagree


def test_frame_gradients_are_differences(random_features, token_model):
    """In double precision, with steps small enough to cross no kink."""
    found = frame_gradients(random_features, token_model)
    assert found.shape == (8, 2, 512)  # the frame without a face has no token
    precise = deepcopy(token_model.classifier).double()
    precise.time.register_forward_pre_hook(lambda _, given: (given[0].double(),))
    batch = token_model.batch(random_features)
    rng = np.random.default_rng(0)
    for frame in (0, 1):
        for k in rng.choice(512, 6, replace=False):
            ends = []
            for step in (1e-5, -1e-5):
                faces = batch.faces.double().clone()
                faces[0, frame, k] += step / token_model.std[N_AUDIO + k]  # of the raw feature
                moved = TokenBatch(batch.voice.double(), batch.heard, faces, batch.seconds.double(), batch.seen)
                ends.append(precise(moved)[0].numpy() / token_model.temperature)
            assert_allclose(found[:, frame, k], (ends[0] - ends[1]) / 2e-5, rtol=2e-3, atol=1e-6)


def test_every_frame_has_its_own_gradient(random_features, token_model):
    found = frame_gradients(random_features, token_model)
    assert np.abs(found[:, 0] - found[:, 1]).max() > 0.01 * np.abs(found).max()


def test_heat_is_the_gradient_spread_over_the_map(random_features, token_model):
    """Σ map = Σ_k ∂logit/∂feature_k · feature_k, frame by frame; each map is a sum of layer4's, weighted by the gradient ÷ 49."""
    cam = explain_cam(random_features, token_model)
    gradients = frame_gradients(random_features, token_model)
    video = random_features.video
    assert cam.maps.shape == (8, 3, 7, 7)
    assert not cam.maps[:, 1].any()
    for token, frame in enumerate((0, 2)):
        wanted = gradients[:, token] @ video.maps[frame].mean(axis=(1, 2))
        assert_allclose(cam.maps[:, frame].sum(axis=(1, 2)), wanted, rtol=1e-3, atol=1e-4)
        one = np.tensordot(gradients[3, token], video.maps[frame], 1) / 49
        assert_allclose(cam.maps[3, frame], one, atol=1e-4 * np.abs(one).max())
    assert np.abs(cam.heat(3)).max() == pytest.approx(1)
    assert explain_cam(Features(random_features.audio, None, join(random_features.audio.mfcc, None)), token_model) is None


def test_nothing_hidden_is_the_prediction(random_features, quiet_ends, token_model):
    for features in (random_features, quiet_ends):
        mel = features.audio.mel_db
        cells = patch_grid(mel)
        found = hidden_logits(features, token_model, np.ones((3, len(cells)), int), cells, background(mel))
        assert_allclose(found, np.repeat(token_model.predict(features)[None], 3, axis=0), atol=1e-5)


@pytest.mark.parametrize("which", ["random_features", "quiet_ends"])
def test_hidden_patches_are_recordings_made_anew(request, which, token_model):
    """Spectrogram altered by hand, librosa's MFCCs, cut where the recording as it is begins and ends."""
    features = request.getfixturevalue(which)
    mel = features.audio.mel_db
    cells, fill = patch_grid(mel), background(mel)
    masks = np.random.default_rng(0).integers(0, 2, (150, len(cells)))
    masks[1] = 0
    found = hidden_logits(features, token_model, masks, cells, fill)
    assert found.shape == (150, 8)
    _, faces, seconds = sequences(features)
    whole = librosa.feature.mfcc(S=mel.astype(float), n_mfcc=40)
    loud = np.flatnonzero(whole[0] >= whole[0].max() - 250)
    for row in (0, 1, 63, 64, 149):  # in the first batch and in later ones
        altered = mel.astype(float)
        for shown, (a, b, low, high) in zip(masks[row], cells, strict=True):
            if not shown:
                altered[low:high, a:b] = fill[low:high, None]
        mfccs = librosa.feature.mfcc(S=altered, n_mfcc=40)[:, loud[0] : loud[-1] + 1]
        batch = token_batch(mfccs, faces, seconds, token_model.mean, token_model.std)
        assert_allclose(found[row], token_model.logits(batch)[0], atol=1e-4)
    assert np.abs(found[1] - token_model.predict(features)).max() > 2e-2
    if which == "quiet_ends":
        assert loud[-1] + 1 - loud[0] < 0.6 * mel.shape[1]


def test_lime_is_fitted_to_the_hidden_logits(random_features, token_model):
    lime = explain_lime(random_features, token_model, samples=300, seed=5)
    mel = random_features.audio.mel_db
    masks = (np.random.default_rng(5).random((300, len(lime.cells))) < 0.8).astype(int)
    masks[0] = 1
    logits = hidden_logits(random_features, token_model, masks, lime.cells, background(mel))
    expected, r2 = library_lime(masks, logits, 3, 5)
    assert_allclose(lime.weights[3], expected, atol=1e-6)
    assert lime.r2[3] == pytest.approx(r2, abs=1e-6)
    assert lime.samples == 300


@pytest.mark.parametrize(("start", "band"), [(0.3, 20), (1.1, 60), (1.5, 100)])
def test_lime_finds_a_planted_burst(token_model, start, band):
    """Only one band counts, and only one moment is loud there."""
    row = np.zeros((8, 40))
    row[2] = dct_matrix()[:, band]
    model = replace(token_model, classifier=Linear(row), mean=np.zeros(552), std=np.ones(552), temperature=1.0)
    lime = explain_lime(burst(start, band), model, samples=400, seed=1)
    assert_marks_burst(lime, 2, start, band)
    assert_allclose(lime.weights[[0, 1, 3]], 0, atol=1e-9)


def test_lime_finds_the_second_that_is_listened_to(random_features, token_model):
    """A classifier of averages could not tell: only what is heard from 0.4 to 0.8 s counts."""
    first, last = round(0.4 * RATE / HOP), round(0.8 * RATE / HOP)
    row = np.zeros((8, 40))
    row[4, 0] = 1.0
    model = replace(token_model, classifier=Linear(row, None, first, last))
    lime = explain_lime(random_features, model, samples=1000)
    inside = np.array([a < last and b > first for a, b, _, _ in lime.cells])
    weights = np.abs(lime.weights[4])
    assert weights[inside].max() > 20 * weights[~inside].max()


def test_long_recordings_are_altered_less_often():
    assert sample_count(172, 2000) == 2000
    assert sample_count(172, 50) == 50
    found = [sample_count(frames, 5000) for frames in (172, 400, 1000, 3000, 13_000)]
    assert found == sorted(found, reverse=True)
    assert found[-1] >= 300
    assert sample_count(0, 2000) == 2000
    assert all(sample_count(f, 5000) * f <= max(400_000, 300 * f) for f in (100, 1000, 13_000))


def test_expected_gradients_add_up(random_features, voice, face, token_model):
    """Logit − base is spread over voice and face without loss, up to a few per cent of what is spread."""
    for features in (random_features, voice, face):
        values, base, logits = expected_gradients(features, token_model, 24)
        assert values.shape == (8, 552)
        assert_allclose(logits, token_model.predict(features), atol=1e-5)
        left_over = logits - base - values.sum(axis=1)
        assert (np.abs(left_over) < 0.03 * np.abs(values).sum(axis=1)).all()
        assert np.abs(left_over).max() < 0.05 * np.abs(logits - base).max()


def test_a_missing_modality_gets_nothing(voice, face, token_model):
    deaf, blind = (expected_gradients(features, token_model, 2)[0] for features in (face, voice))
    assert not deaf[:, :N_AUDIO].any()
    assert deaf[:, N_AUDIO:].any(axis=1).all()
    assert not blind[:, N_AUDIO:].any()
    assert blind[:, :N_AUDIO].any(axis=1).all()


def test_base_is_the_mean_over_references_of_the_same_length(random_features, token_model):
    """Repeated from the start where they are shorter."""
    _, base, _ = expected_gradients(random_features, token_model, 2)
    x = token_model.batch(random_features)
    frames = x.voice.shape[2]
    assert frames > token_model.reference_voice.shape[2]
    logits = []
    for heard, shown in zip(token_model.reference_voice, token_model.reference_faces, strict=True):
        longer = np.concatenate([heard, heard, heard], axis=1)[:, :frames]
        alone = token_batch(longer, shown[:2], np.array([0.0, 2.0]), token_model.mean, token_model.std)
        voice = alone.voice[:, :, :frames]
        logits.append(token_model.logits(replace(alone, voice=voice, heard=x.heard))[0])
    assert_allclose(base, np.mean(logits, axis=0), atol=1e-5)


def test_a_linear_classifier_gives_the_closed_form(random_features, token_model):
    """Weight times distance from the mean reference, whatever the number of nodes."""
    rng = np.random.default_rng(0)
    row, weights = rng.normal(size=(8, 40)), rng.normal(size=(8, 512))
    model = replace(token_model, classifier=Linear(row, weights), temperature=2.0)
    values, base, logits = expected_gradients(random_features, model, 2)
    x = model.batch(random_features)
    heard = int(x.heard[0])
    turns = np.arange(x.voice.shape[2]) % 60
    voices = (model.reference_voice[:, :, turns] - model.mean[:40, None]) / model.std[:40, None]
    faces = (model.reference_faces[:, :2] - model.mean[40:]) / model.std[40:]
    voice = x.voice[0].numpy()[:, :heard].mean(axis=1) - voices[:, :, :heard].mean(axis=(0, 2))
    face = x.faces[0].numpy().sum(axis=0) - faces.sum(axis=1).mean(axis=0)
    assert_allclose(values, np.concatenate([row * voice, weights * face], axis=1) / 2, atol=1e-3)
    assert_allclose(values.sum(axis=1), logits - base, atol=1e-3)


def test_shap_is_expected_gradients_whatever_is_asked_for(random_features, token_model):
    explanation = explain_shap(random_features, token_model, estimator="shap", seed=4)
    again = explain_shap(random_features, token_model)
    assert explanation.estimator == again.estimator == "quadrature"
    assert_allclose(explanation.values, again.values, atol=0)
    assert_allclose(explanation.residual, explanation.logits - explanation.base - explanation.values.sum(axis=1))
    assert (np.abs(explanation.residual) < 0.1 * np.abs(explanation.values).sum(axis=1)).all()


@pytest.mark.parametrize("samples", [np.zeros(RATE), np.full(RATE, 0.2), tone(0.1), tone(3.0)])
def test_silence_dc_a_blip_and_a_note_are_explained(token_model, samples):
    audio = make_audio(samples)
    features = Features(audio, None, join(audio.mfcc, None))
    lime, shap = explain_lime(features, token_model, samples=300), explain_shap(features, token_model)
    assert np.isfinite(lime.weights).all()
    assert np.isfinite(lime.r2).all()
    assert np.isfinite(shap.values).all()
    assert np.isfinite(coalitions(features, token_model)).all()
    assert token_model.batch(features).voice.shape[2] % TOKEN_FRAMES == 0
