"""A voice as tokens: where they lie, what a part of it is, and their mean; with an encoder that has no weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from features import Modality, extract
from features.audio import to_mono
from features.log_mel import RATE, SCALE, mel_power, power_to_db
from features.patches import patch_grid, segments
from features.speech import speech_span_of_bands
from features.tokens import TokenFeatures, mean_token, token_lengths
from tests.conftest import tone, wav


class Levels:
    """A token is the mean of every band over its half second, above the loudest cell of the recording."""

    name, title, gradients = "levels", "Levels", False
    names = tuple(f"band{k}" for k in range(80))
    scale = SCALE

    def __call__(self, samples: np.ndarray) -> TokenFeatures:
        mel_db = power_to_db(mel_power(to_mono(samples[:, None], 22_050, RATE)))
        span = speech_span_of_bands(mel_db)
        peak = float(mel_db[:, slice(*span)].max())
        tokens = of_bands(mel_db[:, slice(*span)] - peak)
        mean = mean_token(tokens, token_lengths(span[1] - span[0], SCALE.frame_rate))
        return TokenFeatures(samples, mel_db, mean, encoder=self, tokens=tokens, speech=span, peak=peak)

    def copies(self, audio, mel_db):
        for copy in mel_db:
            yield of_bands(copy[:, slice(*audio.speech)] - audio.peak)[None]


def of_bands(mel_db: np.ndarray) -> np.ndarray:
    return np.array([mel_db[:, k : k + 50].mean(axis=1) for k in range(0, mel_db.shape[1], 50)], np.float32)


@pytest.fixture(scope="module")
def voice() -> TokenFeatures:
    """1.3 s of noise between 0.7 s and 0.6 s of silence."""
    rng = np.random.default_rng(0)
    samples = 1e-5 * rng.standard_normal(int(2.6 * 22_050))
    samples[15_435:44_100] += 0.1 * rng.standard_normal(28_665)
    return Levels()(samples.astype(np.float32))


@given(st.integers(1, 2000))
def test_every_frame_lies_in_one_token(frames):
    lengths = token_lengths(frames, 100.0)
    assert lengths.sum() == frames
    assert len(lengths) == -(-frames // 50)
    assert set(lengths[:-1]) <= {50}
    assert 0 < lengths[-1] <= 50


def test_the_mean_of_tokens_is_that_of_all_frames(voice):
    first, last = voice.speech
    assert (last - first) % 50 != 0  # so that their plain mean is another
    own = voice.mel_db[:, first:last].mean(axis=1) - voice.peak
    assert_allclose(voice.vector, own, atol=1e-3)
    assert np.abs(voice.tokens.mean(axis=0) - own).max() > 0.05


def test_tokens_lie_one_after_the_other_in_the_speech(voice):
    found = voice.segments
    assert_allclose(found[0, 0], 0.7, atol=0.02)
    assert_allclose(found[-1, 1], 2.0, atol=0.02)
    assert_array_equal(found[1:, 0], found[:-1, 1])
    assert_allclose(np.diff(found, axis=1)[:-1], 0.5)
    assert np.diff(found, axis=1)[-1] == pytest.approx(0.3, abs=0.04)


def test_segments_do_not_reach_beyond_the_recording():
    found = Levels()((0.1 * np.random.default_rng(0).standard_normal(22_050)).astype(np.float32))
    assert found.segments[0, 0] == 0.0
    assert found.segments[-1, 1] <= found.seconds == 1.0


def test_a_part_is_encoded_by_itself(voice):
    first, last = voice.speech
    part = voice.part(first + 20, first + 90)
    assert_allclose(part.tokens, of_bands(voice.mel_db[:, first + 20 : first + 90] - voice.peak), atol=1e-5)
    assert_allclose(part.vector, voice.mel_db[:, first + 20 : first + 90].mean(axis=1) - voice.peak, atol=1e-3)
    assert_allclose(part.segments, voice.segments[0, 0] + 0.2 + np.array([[0.0, 0.5], [0.5, 0.7]]))
    whole = voice.part(0, 10_000)
    assert whole.speech == voice.speech
    assert_allclose(whole.tokens, voice.tokens, atol=1e-5)
    assert_allclose(whole.vector, voice.vector, atol=1e-5)
    one = voice.part(last - 1, last + 50)
    assert one.speech == (last - 1, last)
    assert one.tokens.shape == (1, 80)


def test_where_there_is_no_speech_there_is_no_part(voice):
    first, last = voice.speech
    assert voice.part(0, first) is None
    assert voice.part(last, 10_000) is None
    assert voice.part(first + 5, first + 5) is None


def test_another_sound_goes_through_the_same_encoder(voice):
    own = replace(voice, source_rate=48_000, channels=2)
    other = own.with_samples(tone(1.0))
    assert isinstance(other, TokenFeatures)
    assert (other.encoder, other.source_rate, other.channels) == (voice.encoder, 48_000, 2)
    assert_array_equal(other.samples, tone(1.0).astype(np.float32))
    assert_allclose(other.tokens, voice.encoder(tone(1.0).astype(np.float32)).tokens)


def test_what_is_read_of_a_recording_is_its_speech_on_the_scale_of_the_encoder(voice):
    assert (voice.span, voice.scale, voice.names) == (voice.speech, SCALE, Levels.names)
    patches = patch_grid(voice.mel_db, span=voice.span)
    where = segments(patches.cells, voice.seconds, voice.scale)
    assert where[:, 0].min() == pytest.approx(voice.segments[0, 0])
    assert where[:, 1].max() == pytest.approx(voice.segments[-1, 1])
    assert where[:, 3].max() == RATE / 2
    assert patches.cells[:, 3].max() == 80


@pytest.mark.parametrize(("start", "hz"), [(0.3, 440.0), (1.1, 3000.0), (1.6, 7000.0)])
def test_a_tone_is_in_the_segment_of_the_patch_that_is_loudest(start, hz):
    samples = 0.02 * np.random.default_rng(0).standard_normal(2 * RATE)
    at = int(start * RATE)
    samples[at : at + RATE // 5] += tone(0.2, hz, RATE)
    mel_db = power_to_db(mel_power(samples.astype(np.float32)))
    patches = patch_grid(mel_db)
    power = [10 ** (mel_db[low:high, a:b] / 10) for a, b, low, high in patches.cells]
    t0, t1, hz0, hz1 = segments(patches.cells, 2.0, SCALE)[int(np.argmax([part.mean() for part in power]))]
    assert hz0 <= hz <= hz1
    assert t0 <= start + 0.2
    assert t1 >= start


def test_a_recording_has_the_columns_of_the_encoders_that_it_was_made_by():
    own = {Modality.AUDIO: Levels()}
    found = extract(wav(tone(1.0)), None, own)
    assert isinstance(found.audio, TokenFeatures)
    assert found.space.columns[Modality.AUDIO] == Levels.names
    assert found.space.size(Modality.VIDEO) == 512
    assert found.vector.shape == (592,)
    assert_allclose(found.vector[:80], found.audio.vector)
    assert np.isnan(found.vector[80:]).all()
    assert found.with_part(Modality.AUDIO, None).vector.shape == (552,)
    assert found.length == pytest.approx(1.0)
