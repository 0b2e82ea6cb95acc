"""Performances to be tested on: each once, with its own voice and face, as they are or corrupted."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from features import SPACE, Modality, Standardiser
from models.data.clips import embed, held_out_clips, predict
from models.data.corruptions import CORRUPTIONS, WORDS_ONLY
from models.data.dataset import Faces
from models.networks.sequence import CLIP_SECONDS
from models.sequence_model import SequenceInputs, SequenceModel, encoded
from tests.models.conftest import FRAMES, random_model


@pytest.fixture(scope="module")
def sequence_model() -> SequenceModel:
    """Behind a deviation of MFCC 0 as wide as in real voices."""
    rng = np.random.default_rng(0)
    mean, std = rng.normal(size=552), np.r_[100.0, rng.uniform(0.5, 2, 551)]
    return replace(random_model("av-tokens"), standardise=Standardiser(mean, std, SPACE))


def test_a_pair_is_of_one_performance(corpus):
    voices, faces = corpus
    clips = held_out_clips(voices, faces, "both")
    assert len(clips.label) == 120
    assert clips.keys == sorted(clips.keys)
    for k in range(0, 120, 7):
        i = next(i for i, t in enumerate(voices.takes) if t.key == clips.keys[k])
        j = next(j for j, t in enumerate(faces.takes) if t is not None and t.key == clips.keys[k])
        expected = np.concatenate([voices.mfcc[i, 0], faces.frames[j][0].mean(axis=0)])
        assert_allclose(clips.vectors()[k], expected, rtol=1e-5)
        assert (clips.sequence[k] == voices.sequence[i, 0]).all()
        assert (clips.heard[k], clips.label[k], clips.actor[k]) == (voices.heard[i, 0], voices.label[i], voices.actor[i])
        assert clips.label[k] == faces.label[j]


def test_what_is_left_out_is_nan(corpus):
    voices, faces = corpus
    voice, face = (held_out_clips(voices, faces, state) for state in ("voice", "face"))
    assert (len(voice.label), len(face.label)) == (240, 120)
    assert np.isnan(voice.vectors()[:, 40:]).all()
    assert np.isfinite(voice.vectors()[:, :40]).all()
    assert np.isnan(face.vectors()[:, :40]).all()
    assert np.isfinite(face.vectors()[:, 40:]).all()
    assert set(face.actor) == {1, 5}
    empty = held_out_clips(voices, faces.where(np.zeros(len(faces.label), bool)), "both")
    assert empty.vectors().shape == (0, 552)


def test_photographs_are_no_performance(corpus):
    voices, faces = corpus
    pictures = faces.where(faces.actor == 0)
    assert len(pictures.label) > 0
    for state in ("both", "face"):
        assert len(held_out_clips(voices, pictures, state).label) == 0


def test_a_performance_that_was_filmed_twice_is_one_clip(corpus):
    voices, faces = corpus
    filmed = faces.where(faces.actor > 0)
    again = [replace(take, modality=2) for take in filmed.takes]
    twice = Faces(
        [*filmed.frames, *[f + 1 for f in filmed.frames]],
        filmed.corrupted * 2,
        *(np.tile(column, 2) for column in (filmed.label, filmed.actor, filmed.statement)),
        [*filmed.takes, *again],
    )
    once, both = (held_out_clips(voices, f, "both") for f in (filmed, twice))
    assert both.keys == once.keys
    assert [len(f) for f in both.faces] == [2 * FRAMES] * 120
    assert_allclose(both.vectors()[:, 40:], once.vectors()[:, 40:] + 0.5, rtol=1e-4)
    for row in (0, 119):  # the second film starts when the first did, not after it
        assert_allclose(both.times(row), np.tile(once.times(row), 2))
        assert both.times(row).max() < CLIP_SECONDS


@pytest.mark.parametrize("corruption", CORRUPTIONS[Modality.AUDIO])
def test_a_corrupted_voice_has_the_same_face(corpus, corruption):
    voices, faces = corpus
    plain, corrupted = held_out_clips(voices, faces, "both"), held_out_clips(voices, faces, "both", corruption)
    c = list(CORRUPTIONS[Modality.AUDIO]).index(corruption)
    i = next(i for i, t in enumerate(voices.takes) if t.key == plain.keys[3])
    assert_allclose(corrupted.vectors()[:, 40:], plain.vectors()[:, 40:])
    assert_allclose(corrupted.mfcc[3], voices.corrupted[i, c])
    assert (corrupted.sequence[3] == voices.corrupted_sequence[i, c]).all()
    assert corrupted.heard[3] == voices.corrupted_heard[i, c]
    assert corrupted.keys == plain.keys


def test_of_a_voice_that_is_cut_to_the_words_only_what_is_around_them_is_gone(corpus):
    voices, faces = corpus
    around = replace(voices, mfcc=voices.mfcc + 7)
    plain, cut = held_out_clips(around, faces, "both"), held_out_clips(around, faces, "both", WORDS_ONLY)
    assert_allclose(cut.mfcc, plain.mfcc - 7, atol=0.2)  # MFCC 0 is in the hundreds, and of 16 bits in a sequence
    assert_allclose(cut.mfcc[:, 1:], plain.mfcc[:, 1:] - 7, atol=2e-3)
    assert (cut.sequence == plain.sequence).all()
    assert cut.keys == plain.keys
    assert held_out_clips(voices.where(voices.actor > 99), faces, "voice", WORDS_ONLY).vectors().shape == (0, 552)


@pytest.mark.parametrize("corruption", CORRUPTIONS[Modality.VIDEO])
def test_a_corrupted_face_has_the_same_voice(corpus, corruption):
    voices, faces = corpus
    plain, corrupted = held_out_clips(voices, faces, "both"), held_out_clips(voices, faces, "both", corruption)
    c = list(CORRUPTIONS[Modality.VIDEO]).index(corruption)
    j = next(j for j, t in enumerate(faces.takes) if t is not None and t.key == plain.keys[3])
    assert_allclose(corrupted.mfcc, plain.mfcc)
    assert_allclose(corrupted.faces[3], faces.corrupted[j][c])
    assert corrupted.keys == plain.keys


def test_many_clips_at_once_are_as_each_alone(corpus):
    clips = held_out_clips(*corpus, "both")
    model = random_model("fused")
    for k in (0, 50, 119):
        assert_allclose(predict(model, clips)[k], model.logits(model.inputs(clips.vectors()[k : k + 1]))[0], atol=1e-5)
    assert_allclose(embed(model, clips)[50], model.embed(model.inputs(clips.vectors()[50:51]))[0], atol=1e-5)


@pytest.mark.parametrize("state", ["both", "voice", "face"])
def test_many_sequences_at_once_are_as_each_alone(corpus, sequence_model, state):
    """Through the same door as a visitor's clip, more of them than one batch holds, with faces of different lengths."""
    voices, faces = corpus
    uneven = [frames[:, : 1 + k % FRAMES] for k, frames in enumerate(faces.frames)]
    clips = held_out_clips(voices, replace(faces, frames=uneven), state)
    together = predict(sequence_model, clips)
    assert together.shape == (len(clips.label), 8)
    for k in (0, 1, 2, 77, len(clips.label) - 1):
        mfccs = clips.sequence[k][:, : clips.heard[k]].astype(float) if clips.sequence is not None else None
        face = clips.faces[k] if clips.faces is not None else None
        times = np.arange(len(face)) * CLIP_SECONDS / len(face) if face is not None else None
        one = SequenceInputs(encoded(mfccs, face, times, sequence_model.standardise), sequence_model.standardise)
        assert_allclose(together[k], sequence_model.logits(one)[0], atol=5e-3)
        assert_allclose(embed(sequence_model, clips)[k], sequence_model.embed(one)[0], atol=2e-2)


def test_sequences_are_standardised_and_faces_spread_over_the_clip(corpus, sequence_model):
    clips = held_out_clips(*corpus, "both")
    batch = sequence_model.encode_rows(clips, np.array([2, 9])).batch
    mean, std = sequence_model.standardise.mean, sequence_model.standardise.std
    assert_allclose(batch.voice[1], (clips.sequence[9] - mean[:40, None]) / std[:40, None], rtol=1e-4, atol=1e-4)
    assert_allclose(batch.faces[0], (clips.faces[2] - mean[40:]) / std[40:], rtol=1e-4, atol=1e-4)
    assert_allclose(batch.seconds[0], np.arange(FRAMES) * CLIP_SECONDS / FRAMES, rtol=1e-5)
    assert batch.heard.tolist() == clips.heard[[2, 9]].tolist()
