"""Training on tokens: what is drawn, what is left out, and a planted emotion that must be learned."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from features import Modality
from models.data.clips import held_out_clips, predict
from models.data.copies import CLEAN, VOICE_VARIANTS
from models.evaluation.metrics import accuracy
from models.networks.tokens import Moments
from models.registry import MODELS
from models.token_model import TokenModel
from models.training.moments import MomentBatches, reference_moments, token_standardiser
from models.training.recipe import MomentRecipe
from models.training.samplers import make_training_set
from models.training.sequence_batches import FACES, Sequences
from models.training.sequences import MeanTeacherBatches
from tests.models.conftest import FRAMES

WIDTH = 2304
RECIPE = replace(MomentRecipe(), epochs=3, batch=32, epoch_size=480, reference=10)
# Nothing is augmented, mixed or left out: what is drawn can be found again.
PLAIN = replace(RECIPE, altered=0.0, voice_noise=0.0, face_noise=0.0, mixup=0.0, token_dropout=0.0)


def train(voices, faces, recipe: MomentRecipe) -> TokenModel:
    return MODELS["whisper-tokens"].train(voices, faces, recipe)


@pytest.fixture(scope="module")
def split(corpus):
    """Without actor 1, and actor 1."""
    voices, faces = corpus
    return (voices.where(voices.actor != 1), faces), (voices.where(voices.actor == 1), faces.where(faces.actor == 1))


@pytest.fixture(scope="module")
def trained(split):
    voices, faces = split[0]
    return train(voices, faces.where(faces.actor != 1), RECIPE)


@pytest.fixture(scope="module")
def data(corpus) -> Sequences:
    voices, faces = corpus
    training_set = make_training_set(voices, faces, RECIPE)
    return Sequences(voices, faces, training_set, token_standardiser(voices, training_set), np.full(len(faces.label), 1 / len(faces.label)))


def all_tokens(voices, copy: int = 0) -> np.ndarray:
    """Every token of every recording that is there."""
    files = [file[copy].astype(float) for file in voices.tokens.files]
    return np.concatenate([file[file[:, 0] == 1, 1:] for file in files])


@pytest.mark.parametrize(("state", "least"), [("both", 0.9), ("voice", 0.8), ("face", 0.9)])
def test_learns_what_was_planted_and_recognises_it_in_an_unseen_actor(split, trained, state, least):
    clips = held_out_clips(*split[1], state)
    assert len(clips.label) == 60
    assert accuracy(predict(trained, clips), clips.label) > least


def test_loss_falls_and_all_is_kept(trained):
    history = trained.info["history"]
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert history[-1]["loss"] < 0.99 * history[0]["loss"]
    assert trained.info["recipe"]["token_dropout"] == RECIPE.token_dropout
    assert "mask_frames" not in trained.info["recipe"]
    assert (trained.name, trained.architecture, trained.backbone) == ("whisper-tokens", "whisper-tokens", "ferplus")
    assert trained.encoders == {Modality.AUDIO: "whisper", Modality.VIDEO: "ferplus"}
    assert not any(p.requires_grad for p in trained.classifier.parameters())
    assert not trained.classifier.training
    assert len(trained.space) == WIDTH + 512


def test_same_seed_same_weights_other_seed_others(split):
    short = replace(RECIPE, epochs=1, epoch_size=64)
    trained, again, other = (train(*split[0], replace(short, seed=s)).classifier.state_dict() for s in (0, 0, 1))
    for name, value in trained.items():
        assert (value == again[name]).all(), name
        if value.dim() > 1:
            assert (value != other[name]).any(), name


def test_voices_without_tokens_are_refused(corpus):
    voices, faces = corpus
    with pytest.raises(ValueError, match="tokens"):
        train(replace(voices, tokens=None), faces, RECIPE)


def test_moments_are_those_of_single_tokens_of_clean_speech(corpus, data):
    """Numpy's on all of them at once; those of faces are of the vector."""
    voices, _ = corpus
    mean, std, tokens = data.standardise.mean, data.standardise.std, all_tokens(voices)
    assert_allclose(mean[:WIDTH], tokens.mean(axis=0), rtol=1e-6, atol=1e-9)
    assert_allclose(std[:WIDTH], tokens.std(axis=0) + 1e-2, rtol=1e-6)
    assert_array_equal(mean[WIDTH:], data.training_set.standardise.mean[40:])
    assert_array_equal(std[WIDTH:], data.training_set.standardise.std[40:])
    assert data.standardise.space.columns[Modality.AUDIO][0] == "block1_mean_000"


def test_reference_tokens_belong_to_the_reference_vectors(corpus, data):
    voices, faces = corpus
    vectors, heard, shown = reference_moments(data, RECIPE)
    assert (vectors.shape, heard.shape, shown.shape) == ((10, WIDTH + 512), (10, 4, WIDTH), (10, 4, 512))
    assert_allclose(shown[:, :FRAMES].mean(axis=1), vectors[:, WIDTH:], rtol=1e-4, atol=1e-5)
    assert_allclose(shown[:, FRAMES:], shown[:, : 4 - FRAMES])  # the first one again
    means = np.array([voices.tokens.of(row, 0).mean(axis=0) for row in range(len(voices.label))])
    rows = [int(np.abs(means - vector).max(axis=1).argmin()) for vector in vectors[:, :WIDTH]]
    for row, vector, tokens in zip(rows, vectors, heard, strict=True):
        own = voices.tokens.of(row, 0)
        assert_allclose(vector[:WIDTH], own.mean(axis=0), atol=1e-5)
        assert_array_equal(tokens, own[np.arange(4) % len(own)])
    pictures = np.array([frames[0].mean(axis=0) for frames in faces.frames])
    owners = [int(np.abs(pictures - vector).max(axis=1).argmin()) for vector in vectors[:, WIDTH:]]
    assert voices.label[rows].tolist() == faces.label[owners].tolist() == [k % 8 for k in range(10)]


def test_the_shares_of_what_is_missing_are_the_same_in_every_batch(data):
    recipe = replace(RECIPE, batch=40, voice_alone=0.5, face_alone=0.25)
    draw = MomentBatches(data, recipe)
    for _ in range(3):
        clean, batch, target = draw.clean_and_augmented()
        assert isinstance(batch, Moments)
        assert clean.faces is batch.faces
        assert clean.spoken.any(dim=1).tolist() == batch.spoken.any(dim=1).tolist()
        no_voice, no_face = (~there for there in batch.present().values())
        assert (int(no_voice.sum()), int(no_face.sum()), int((no_voice & no_face).sum())) == (10, 20, 0)
        torch.testing.assert_close(target.sum(dim=1), torch.ones(40))
        assert batch.voice.shape[::2] == (40, WIDTH)
        assert batch.faces.shape == (40, FACES, 512)
        assert batch.voice.dtype == batch.faces.dtype == batch.seconds.dtype == torch.float32
        assert torch.isfinite(batch.voice).all()


def drawn(data: Sequences, recipe: MomentRecipe, times: int = 4):
    """Rows and (clean, augmented) voices, standardised, with whether each token is there."""
    draw, rows = MomentBatches(data, recipe), np.arange(0, 240, 8)
    for _ in range(times):
        yield rows, *draw._voices(rows)


def numbers(data: Sequences, x: np.ndarray) -> np.ndarray:
    """Which copy each voice is, from the number that :class:`tests.models.conftest.Copies` hid in its tokens."""
    mean, std = data.standardise.mean[WIDTH - 1], data.standardise.std[WIDTH - 1]
    return (x[:, 0, -1] * std + mean).round().astype(int)


def test_what_is_drawn_is_in_the_recordings(corpus, data):
    voices, _ = corpus
    mean, std = data.standardise.mean[:WIDTH], data.standardise.std[:WIDTH]
    for rows, (clean, there), (x, left) in drawn(data, PLAIN):
        assert_array_equal(clean, x)  # the same copy, without noise
        assert_array_equal(there, left)
        for row, copy, own, spoken in zip(rows, numbers(data, x), x, left, strict=True):
            tokens = voices.tokens.of(row, copy)
            assert spoken.sum() == len(tokens)
            assert_allclose(own[spoken], (tokens - mean) / std, rtol=1e-3, atol=1e-3)
    copies = np.concatenate([numbers(data, x) for _, _, (x, _) in drawn(data, PLAIN)])
    assert set(copies) == set(range(CLEAN.stop))


def test_augmented_voices_are_taught_by_their_clean_copy(data):
    for _, (clean, _), (x, _) in drawn(data, replace(PLAIN, altered=1.0)):
        assert not numbers(data, clean).any()
        copies = numbers(data, x)
        assert copies.min() >= CLEAN.stop
        assert copies.max() < VOICE_VARIANTS  # corruptions are for testing
    shares = [np.mean(numbers(data, x) >= CLEAN.stop) for _, _, (x, _) in drawn(data, replace(PLAIN, altered=0.3), 6)]
    assert np.mean(shares) == pytest.approx(0.3, abs=0.1)


def test_noise_has_the_deviation_that_is_asked_for_and_the_teacher_hears_none(data):
    (_, (clean, there), (x, _)), *_ = drawn(data, replace(PLAIN, voice_noise=0.2))
    change = (x - clean)[there]
    assert change.std() == pytest.approx(0.2, rel=0.01)
    assert x.dtype == np.float32


@pytest.mark.parametrize("chance", [0.1, 0.5, 0.97])
def test_tokens_are_left_out_by_chance_and_at_least_one_is_left(data, chance):
    gone, count = 0, 0
    for _, (_, there), (_, left) in drawn(data, replace(PLAIN, token_dropout=chance), 4):
        assert left.any(axis=1).all()
        assert not (left & ~there).any()
        some = left.sum(axis=1) < there.sum(axis=1)
        gone, count = gone + (there & ~left).sum(), count + there.sum()
        assert chance > 0.9 or some.mean() > 0.2
    if chance < 0.9:  # all of a voice are kept where none was left
        assert gone / count == pytest.approx(chance, abs=0.05)


def test_only_voices_alone_are_mixed_and_what_none_of_both_says_stays_absent(data):
    recipe = replace(PLAIN, batch=40, mixup=0.3, mean_teacher=0.0)
    taught = MeanTeacherBatches(MomentBatches(data, recipe), torch.nn.Identity(), recipe)
    plain, augmented, target = MomentBatches(data, recipe).clean_and_augmented()
    found, wanted = taught()
    alone = ~augmented.seen.any(dim=1)
    assert alone.sum() > 10
    assert_array_equal(found.voice[~alone], augmented.voice[~alone])
    assert_array_equal(wanted[~alone], target[~alone])
    assert (found.voice[alone] != plain.voice[alone]).any()
    assert (found.spoken & augmented.spoken).sum() == augmented.spoken.sum()
    assert_array_equal(found.seen, augmented.seen)
    torch.testing.assert_close(wanted.sum(dim=1), torch.ones(40))
