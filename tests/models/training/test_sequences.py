"""Training on sequences: what is drawn, what is wanted, and a planted emotion that must be learned."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import models.training.sequences
from features import Modality
from models.data.clips import held_out_clips, predict
from models.data.copies import CLEAN
from models.evaluation.metrics import accuracy
from models.networks.sequence import CLIP_SECONDS, TOKEN_FRAMES, TokenBatch
from models.registry import MODELS
from models.training.recipe import TokenRecipe
from models.training.samplers import make_training_set, reference_rows
from models.training.sequence_batches import FACES, LONGEST, Sequences, TokenBatches
from models.training.sequences import MeanTeacherBatches, frame_standardiser, reference_sequences
from tests.models.conftest import FRAMES

RECIPE = replace(TokenRecipe(), epochs=4, batch=32, epoch_size=640, reference=10)
# Nothing is augmented, mixed or masked: what is drawn can be found again.
PLAIN = replace(RECIPE, altered=0.0, levelled=0.0, voice_noise=0.0, face_noise=0.0, mixup=0.0, mask_frames=1)


def train(voices, faces, recipe: TokenRecipe):
    return MODELS["av-tokens"].train(voices, faces, recipe)


@pytest.fixture(scope="module")
def split(corpus):
    """Without actor 1, and actor 1."""
    voices, faces = corpus
    return (voices.where(voices.actor != 1), faces.where(faces.actor != 1)), (
        voices.where(voices.actor == 1),
        faces.where(faces.actor == 1),
    )


@pytest.fixture(scope="module")
def trained(split):
    return train(*split[0], RECIPE)


def sequences(corpus, recipe: TokenRecipe) -> Sequences:
    voices, faces = corpus
    training_set = make_training_set(voices, faces, recipe)
    standardise = frame_standardiser(voices, training_set)
    return Sequences(voices, faces, training_set, standardise, np.full(len(faces.label), 1 / len(faces.label)))


def standardised(data: Sequences, mfccs: np.ndarray) -> np.ndarray:
    """MFCCs (…, 40, frames), written out."""
    mean, std = data.standardise.mean, data.standardise.std
    return (mfccs.astype(np.float32) - mean[:40, None].astype(np.float32)) / std[:40, None].astype(np.float32)


@pytest.mark.parametrize(("state", "least"), [("both", 0.9), ("voice", 0.7), ("face", 0.9)])
def test_learns_what_was_planted_and_recognises_it_in_an_unseen_actor(split, trained, state, least):
    clips = held_out_clips(*split[1], state)
    assert len(clips.label) == 60
    assert accuracy(predict(trained, clips), clips.label) > least


def test_loss_falls_and_is_kept(trained):
    history = trained.info["history"]
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]
    assert trained.info["recipe"]["mixup"] == RECIPE.mixup
    assert (trained.name, trained.architecture, trained.backbone) == ("av-tokens", "av-tokens", "ferplus")
    assert not any(p.requires_grad for p in trained.classifier.parameters())
    assert not trained.classifier.training


def test_same_seed_same_weights_other_seed_others(corpus):
    short = replace(RECIPE, epochs=1, epoch_size=64)
    trained, again, other = (train(*corpus, replace(short, seed=s)).classifier.state_dict() for s in (0, 0, 1))
    for name, value in trained.items():
        assert (value == again[name]).all(), name
        if value.dim() > 1:
            assert (value != other[name]).any(), name


def test_moments_are_those_of_single_frames_that_are_heard(corpus):
    voices, faces = corpus
    training_set = make_training_set(voices, faces, RECIPE)
    standardise = frame_standardiser(voices, training_set)
    mean, std = standardise.mean, standardise.std
    heard = np.concatenate([voices.sequence[k, 0, :, : voices.heard[k, 0]].T.astype(float) for k in range(len(voices.label))])
    assert_allclose(mean[:40], heard.mean(axis=0), rtol=1e-5, atol=1e-6)
    assert_allclose(std[:40], heard.std(axis=0) + 1e-2, rtol=1e-5)
    assert_allclose(mean[40:], training_set.standardise.mean[40:])
    assert_allclose(std[40:], training_set.standardise.std[40:])
    z = standardise.part(heard.T.astype(np.float32), Modality.AUDIO, axis=0, dtype=np.float32)
    assert_allclose(z.mean(axis=1), 0, atol=1e-3)
    assert_allclose(z.std(axis=1), 1, atol=0.02)


def test_reference_sequences_belong_to_the_reference_vectors(corpus):
    voices, faces = corpus
    data = sequences(corpus, RECIPE)
    vectors, heard, shown = reference_sequences(data, RECIPE)
    assert (vectors.shape, heard.shape[:2], shown.shape) == ((10, 552), (10, 40), (10, 4, 512))
    assert_allclose(shown[:, :FRAMES].mean(axis=1), vectors[:, 40:], rtol=1e-4, atol=1e-5)
    assert_allclose(shown[:, FRAMES:], shown[:, : 4 - FRAMES])  # the first one again
    rows = [int(np.abs(voices.mfcc[:, 0] - v).max(axis=1).argmin()) for v in vectors[:, :40]]
    assert_allclose(voices.mfcc[rows, 0], vectors[:, :40])
    assert_allclose(voices.sequence[rows, 0].astype(np.float32), heard)
    pictures = np.array([f[0].mean(axis=0) for f in faces.frames])
    owners = [int(np.abs(pictures - v).max(axis=1).argmin()) for v in vectors[:, 40:]]
    assert voices.label[rows].tolist() == faces.label[owners].tolist() == [k % 8 for k in range(10)]
    i, _ = reference_rows(data.training_set.voices, data.training_set.faces, 10, np.random.default_rng(RECIPE.seed + 2))
    assert i.tolist() == rows


def test_the_shares_of_what_is_missing_are_the_same_in_every_batch(corpus):
    recipe = replace(RECIPE, batch=40, voice_alone=0.5, face_alone=0.25)
    draw = TokenBatches(sequences(corpus, recipe), recipe)
    for _ in range(3):
        clean, batch, target = draw.clean_and_augmented()
        assert (clean.heard > 0).tolist() == (batch.heard > 0).tolist()
        assert clean.faces is batch.faces
        no_voice, no_face = batch.heard == 0, ~batch.seen.any(dim=1)
        assert (int(no_voice.sum()), int(no_face.sum()), int((no_voice & no_face).sum())) == (10, 20, 0)
        torch.testing.assert_close(target.sum(dim=1), torch.ones(40))
        assert batch.voice.shape == (40, 40, LONGEST)
        assert batch.faces.shape == (40, FACES, 512)
        assert torch.isfinite(batch.voice).all()
        assert (target >= 0).all()


def test_what_is_drawn_is_in_the_recordings(corpus):
    """Clean copies, shifted by part of their length; frames of one view, in the order in which they were filmed."""
    voices, faces = corpus
    data = sequences(corpus, PLAIN)
    draw = TokenBatches(data, PLAIN)
    rows = np.arange(0, 240, 10)
    _, (x, count) = draw._voices(rows)
    for k, row in enumerate(rows):
        copies = standardised(data, voices.sequence[row, CLEAN])
        places = [
            (c, s) for c in range(CLEAN.stop) for s in range(LONGEST // 4) if np.abs(copies[c, :, s : s + 20] - x[k, :, :20]).max() < 1e-3
        ]
        assert len(places) == 1
        ((copy, shift),) = places
        heard = min(voices.heard[row, copy], LONGEST)
        assert shift < max(1, heard // 4)
        assert count[k] == heard - shift
        assert_allclose(x[k, :, : count[k]], copies[copy, :, shift:heard], atol=1e-4)
    shown = [0, 5, 100, *range(10, 30)]
    z, seconds, seen, means = draw._faces(np.array(shown))
    for k, row in enumerate(shown):
        views = (faces.frames[row] - data.standardise.mean[40:]) / data.standardise.std[40:]
        found = [np.argwhere(np.abs(views - frame).max(axis=2) < 1e-4)[0] for frame in z[k, seen[k]]]
        assert len({view for view, _ in found}) == 1
        order = [frame for _, frame in found]
        assert order == sorted(set(order))
        assert_allclose(means[k], faces.frames[row][found[0][0]][order].mean(axis=0), rtol=1e-5)
        start = seconds[k, : len(order)] - np.array(order) * CLIP_SECONDS / FRAMES
        assert_allclose(start, start[0], atol=1e-5)
        assert 0 <= start[0] <= CLIP_SECONDS / FRAMES
    assert not z[~seen].any()


def test_augmented_copies_come_where_they_are_asked_for(corpus):
    voices, _ = corpus
    recipe = replace(PLAIN, altered=1.0)
    data = sequences(corpus, recipe)
    _, (x, _) = TokenBatches(data, recipe)._voices(np.arange(20))
    for k in range(20):
        copies = standardised(data, voices.sequence[k])
        near = [min(np.abs(copy[:, s : s + 20] - x[k, :, :20]).max() for s in range(LONGEST // 4)) < 1e-3 for copy in copies]
        assert sum(near) == 1
        assert near.index(True) >= CLEAN.stop


def test_a_stretch_of_the_voice_is_masked(corpus):
    recipe = replace(PLAIN, mask_frames=20)
    (clean, _), (x, count) = TokenBatches(sequences(corpus, recipe), recipe)._voices(np.arange(200))
    assert not (clean == 0).all(axis=1).any()
    blank = np.array([(voice[:, :heard] == 0).all(axis=0).sum() for voice, heard in zip(x, count, strict=True)])
    assert blank.max() <= 19
    assert 3 < blank.mean() < 12
    _, (plain, _) = TokenBatches(sequences(corpus, PLAIN), PLAIN)._voices(np.arange(200))
    assert not (plain == 0).all(axis=1).any()


def random_batch(rng, n=60, alone_from=20):
    """Voices of noise; the last of them without a face."""
    voice = torch.from_numpy(rng.standard_normal((n, 40, TOKEN_FRAMES)).astype(np.float32))
    count = torch.from_numpy(rng.integers(20, 44, n))
    seen = torch.zeros(n, FACES, dtype=torch.bool)
    seen[:alone_from, 0] = True
    return TokenBatch(voice, count, torch.zeros(n, FACES, 512), torch.zeros(n, FACES), seen)


def test_mixup_mixes_voices_and_targets_alike(corpus):
    """Voices and targets have the same share: found from the one, it predicts the other."""
    recipe = replace(PLAIN, mixup=0.4, batch=60, smoothing=0.0)
    batches = MeanTeacherBatches(TokenBatches(sequences(corpus, recipe), recipe), torch.nn.Identity(), recipe)
    rng = np.random.default_rng(0)
    batch, labels = random_batch(rng), rng.integers(0, 8, 60)
    target = np.where(np.arange(60)[:, None] < 20, 1 / 8, np.eye(8)[labels])
    out, wanted = batches._mixed(batch, torch.from_numpy(target.astype(np.float32)))
    voice, count, mixed, heard = batch.voice.numpy(), batch.heard.numpy(), out.voice.numpy(), out.heard.numpy()
    assert (mixed[:20] == voice[:20]).all()
    assert (wanted[:20] == 1 / 8).all()
    flat, shares = voice.reshape(60, -1), []
    for k in range(20, 60):
        weights = np.linalg.lstsq(flat[20:].T, mixed[k].ravel(), rcond=None)[0]
        partners = 20 + np.flatnonzero(np.abs(weights) > 1e-4)
        assert len(partners) <= 2
        assert weights.sum() == pytest.approx(1, abs=1e-3)
        expected = np.zeros(8)
        np.add.at(expected, labels[20:], weights)
        assert_allclose(wanted[k], expected, atol=1e-3)
        assert heard[k] >= max(count[k], *count[partners])
        shares.append(weights.max())
    assert np.min(shares) < 0.9


def test_beside_an_augmented_voice_is_the_same_one_clean(corpus):
    """Augmented copies are beside the recording itself, clean ones beside themselves, whatever their gain."""
    voices, _ = corpus
    recipe = replace(PLAIN, altered=0.5, levelled=1.0, mask_frames=1)
    data = sequences(corpus, recipe)
    rows = np.arange(40)
    (clean, _), (augmented, _) = TokenBatches(data, recipe)._voices(rows)

    def copy_of(x, k, first):
        """Which copy that is, by what a gain does not change."""
        copies = standardised(data, voices.sequence[k])
        gaps = [min(np.abs(copy[first:, s : s + 20] - x[k, first:, :20]).max() for s in range(LONGEST // 4)) for copy in copies]
        assert min(gaps) < 1e-3
        return int(np.argmin(gaps))

    pairs = [(copy_of(clean, k, 0), copy_of(augmented, k, 1)) for k in rows]
    assert all(own == (0 if other >= CLEAN.stop else other) for own, other in pairs)
    assert 10 < sum(other >= CLEAN.stop for _, other in pairs) < 30


def test_half_of_the_target_of_a_voice_is_from_the_mean_teacher_on_the_clean_one(corpus):
    recipe = replace(PLAIN, altered=1.0, mixup=0.0, batch=40, voice_alone=0.5, face_alone=0.25)
    asked = []

    def teacher(batch):
        asked.append(batch)
        return torch.arange(8.0).repeat(len(batch.heard), 1)

    taught, plain = (MeanTeacherBatches(TokenBatches(sequences(corpus, recipe), recipe), teacher, recipe) for _ in range(2))
    taught.weight = 0.5
    (batch, target), (_, labels) = taught(), plain()
    clean, *_ = TokenBatches(sequences(corpus, recipe), recipe).clean_and_augmented()
    assert len(asked) == 1
    torch.testing.assert_close(asked[0].voice, clean.voice)
    assert (asked[0].voice != batch.voice).any()
    heard = batch.heard > 0
    torch.testing.assert_close(target[heard], (labels[heard] + torch.arange(8.0).softmax(dim=0)) / 2)
    torch.testing.assert_close(target[~heard], labels[~heard])


def test_what_is_kept_is_the_average_of_the_weights(corpus):
    """With a momentum of 0 that is where descent ends; with more it is elsewhere, in the moments of batch normalisation, too."""
    short = replace(RECIPE, epochs=1, epoch_size=32 * 4)
    last, kept = (train(*corpus, replace(short, momentum=m, mean_teacher=0.0)).classifier.state_dict() for m in (0.0, 0.9))
    assert {name for name in last if last[name].is_floating_point() and (last[name] != kept[name]).any()} >= {
        "voice.weight",
        "listen.0.1.running_mean",
    }


def test_the_mean_teacher_gains_weight_and_is_what_is_kept(corpus, monkeypatch):
    seen = {}

    def spy(network, draw, recipe, on_epoch, on_step):
        weights = [draw.weight]
        for done in (150, 300, 900):
            on_step(done)
            weights.append(draw.weight)
        seen.update(network=network, teacher=draw.teacher, weights=weights)
        return []

    monkeypatch.setattr(models.training.sequences, "fit", spy)
    kept = train(*corpus, replace(RECIPE, mean_teacher=0.6)).classifier
    assert seen["weights"] == [0.0, 0.3, 0.6, 0.6]
    assert kept is seen["teacher"]
    assert kept is not seen["network"]


def test_one_view_is_the_face_as_it_was_filmed(corpus):
    _, faces = corpus
    recipe = replace(PLAIN, face_views=1)
    data = sequences(corpus, recipe)
    z, _, seen, _ = TokenBatches(data, recipe)._faces(np.arange(40))
    for k in range(40):
        clean = (faces.frames[k][0] - data.standardise.mean[40:]) / data.standardise.std[40:]
        assert all(np.abs(clean - frame).max(axis=1).min() < 1e-4 for frame in z[k, seen[k]])


def test_a_photograph_is_one_frame(corpus):
    _, faces = corpus
    data = sequences(corpus, PLAIN)
    pictures = np.flatnonzero(faces.actor == 0)[:5]
    _, _, seen, means = TokenBatches(data, PLAIN)._faces(pictures)
    assert seen.sum(axis=1).tolist() == [1] * 5
    assert_allclose(means, [faces.frames[k][0, 0] for k in pictures], rtol=1e-6)
