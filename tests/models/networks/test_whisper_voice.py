"""Tokens of a voice: Whisper's blocks summarised by hand, what the level does, masked copies, gradients, long recordings."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from features.audio import RATE, to_mono
from features.log_mel import HOP, log_mel, mel_power, power_to_db
from features.log_mel import RATE as WHISPER_RATE
from features.media import read_sound
from features.patches import patch_grid
from features.tokens import TokenFeatures
from models.networks.whisper import CONTEXT, WhisperEncoder, load_whisper
from models.networks.whisper_voice import BLOCKS, LONGEST, WhisperVoice, pooled
from tests.conftest import SAMPLE, tone

RNG = np.random.default_rng
HEAR = WhisperVoice()


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Bursts, each as loud as it happens to be."""
    rng, count = RNG(seed), int(seconds * RATE)
    levels = rng.uniform(0.02, 0.3, int(4 * seconds) + 1).repeat(RATE // 4 + 1)[:count]
    return (levels * rng.standard_normal(count)).astype(np.float32)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """The sample's voice, 22,050 Hz."""
    sound = read_sound((SAMPLE / "sample.wav").read_bytes())
    return to_mono(sound.samples, sound.rate)


@pytest.fixture(scope="module")
def voice(speech) -> TokenFeatures:
    return HEAR(speech)


@pytest.fixture
def windows(monkeypatch) -> list[int]:
    """Positions of each pass through the encoder, times its copies."""
    passes, stages = [], WhisperEncoder.stages

    def spy(self, x, *rest):
        passes.append(x.shape[0] * -(-x.shape[2] // 2))
        return stages(self, x, *rest)

    monkeypatch.setattr(WhisperEncoder, "stages", spy)
    return passes


def by_hand(positions: np.ndarray) -> np.ndarray:
    """(3, positions, 384) → tokens, number by number."""
    rows = []
    for start in range(0, positions.shape[1], 25):
        row = []
        for block in positions[:, start : start + 25].astype(float):
            row += [block.mean(axis=0), np.sqrt(((block - block.mean(axis=0)) ** 2).mean(axis=0))]
        rows.append(np.concatenate(row))
    return np.array(rows)


def test_a_token_is_whispers_own_encoding_of_half_a_second(voice, speech):
    """The speech at a level at which its loudest cell has 10 dB, through ``log_mel``; no longer than a window."""
    sound = to_mono(speech[:, None], RATE, WHISPER_RATE)
    db = power_to_db(mel_power(sound))
    loud = np.flatnonzero(db.mean(axis=0) >= db.mean(axis=0).max() - 22)
    first, last = int(loud[0]), int(loud[-1]) + 1
    assert voice.speech == (first, last)
    assert voice.peak == pytest.approx(db[:, first:last].max())
    gain = 10 ** ((10.0 - voice.peak) / 20)
    heard = log_mel((gain * sound).astype(np.float32))[:, first:last]
    heard = np.maximum(heard, heard.max() - 2.0)
    assert last - first <= 2 * LONGEST
    expected = by_hand(load_whisper().encode(heard, (1, 2, 3)))
    assert voice.tokens.shape == expected.shape == (-(-(last - first) // 50), 2304)
    assert_allclose(voice.tokens, expected, atol=2e-3)
    assert np.ptp(expected, axis=0).max() > 0.5


def test_names_say_what_a_number_is(voice):
    assert len(voice.names) == len(set(voice.names)) == 2304
    stages = load_whisper().encode(log_mel(to_mono(noise(0.5)[:, None], RATE, WHISPER_RATE)), BLOCKS)
    token = pooled(stages)[0]
    for block, kind, unit in ((1, "mean", 0), (2, "deviation", 5), (3, "mean", 383)):
        part = stages[BLOCKS.index(block)][:25, unit]
        expected = part.mean() if kind == "mean" else part.std()
        assert token[HEAR.names.index(f"block{block}_{kind}_{unit:03d}")] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("decibels", [-10.0, -30.0, 6.0])
def test_how_loud_a_recording_is_changes_nothing(voice, speech, decibels):
    other = HEAR((10 ** (decibels / 20) * speech).astype(np.float32))
    assert other.speech == voice.speech
    assert other.peak == pytest.approx(voice.peak + decibels, abs=1e-3)
    assert_allclose(other.tokens, voice.tokens, atol=0.02 * np.ptp(voice.tokens))


def test_a_loud_noise_outside_the_speech_does_not_make_the_speech_quiet():
    """A pip is louder than the speech in its band, and no part of the speech."""
    sound = 1e-5 * RNG(0).standard_normal(2 * RATE)
    sound[RATE // 2 : RATE] += 0.05 * RNG(1).standard_normal(RATE // 2)
    alone = HEAR(sound.astype(np.float32))
    sound[37_485:39_690] += np.hanning(2205) ** 2 * tone(0.1, 3000)
    found = HEAR(sound.astype(np.float32))
    assert found.mel_db.max() > alone.peak + 10
    assert (found.speech, found.peak) == (alone.speech, alone.peak)
    assert_allclose(found.tokens, alone.tokens, atol=1e-5)


def test_a_copy_without_a_mask_is_the_recording(voice):
    (found,) = HEAR.copies(voice, [voice.mel_db])
    assert_allclose(found[0], voice.tokens, atol=1e-5)


def test_masked_copies_are_encoded_one_by_one_as_together(voice):
    patches = patch_grid(voice.mel_db, span=voice.span)
    kept = RNG(0).random((20, len(patches))) < 0.5
    masked = [patches.hidden(row) for row in kept]
    together = np.concatenate(list(HEAR.copies(voice, iter(masked))))
    alone = np.concatenate([next(HEAR.copies(voice, [copy])) for copy in masked])
    assert together.shape == (20, *voice.tokens.shape)
    assert_allclose(together, alone, atol=1e-4)
    assert np.abs(together - voice.tokens).max(axis=(1, 2)).min() > 0.1


def test_a_masked_copy_is_not_raised_to_the_level_of_the_recording(voice):
    """Its loudest moment is gone, all others are as loud as they were."""
    masked = voice.mel_db.copy()
    loudest = int(masked[:, slice(*voice.speech)].max(axis=0).argmax()) + voice.speech[0]
    masked[:, loudest - 20 : loudest + 20] = np.percentile(voice.mel_db, 10, axis=1)[:, None]
    (found,) = HEAR.copies(voice, [masked])
    heard = (np.maximum(masked[:, slice(*voice.speech)] - voice.peak, -80) + 10 + 40) / 40
    assert_allclose(found[0], by_hand(load_whisper().encode(heard.astype(np.float32), (1, 2, 3))), atol=2e-3)


def test_copies_are_asked_for_as_they_are_needed(voice):
    asked = []

    def masks():
        for k in range(1000):
            asked.append(k)
            yield voice.mel_db

    assert len(next(HEAR.copies(voice, masks()))) == len(asked) < 50


@pytest.mark.parametrize("seconds", [1.3, 9.0])
def test_what_is_differentiable_is_what_copies_are(seconds):
    """Also where the speech is read in more than one window."""
    voice = HEAR(noise(seconds))
    patches = patch_grid(voice.mel_db, (4, 4), voice.span)
    masked = np.stack([voice.mel_db, *(patches.hidden(RNG(k).random(16) < 0.6) for k in range(2))])
    copies = np.concatenate(list(HEAR.copies(voice, masked)))
    with torch.no_grad():
        found = HEAR.differentiable(voice, torch.from_numpy(masked)).numpy()
    assert found.shape == copies.shape == (3, -(-(voice.speech[1] - voice.speech[0]) // 50), 2304)
    assert_allclose(found, copies, atol=1e-3)


@pytest.mark.parametrize("seconds", [1.3, 9.0])
def test_gradients_are_differences(seconds):
    """Along random directions, 0.05 dB either way."""
    voice, rng = HEAR(noise(seconds)), RNG(0)
    weights = torch.from_numpy(rng.normal(size=voice.tokens.shape).astype(np.float32))
    mel_db = torch.from_numpy(voice.mel_db[None] - 1.0).requires_grad_(True)  # below the level at which the loudest cell is cut
    (HEAR.differentiable(voice, mel_db)[0] * weights).sum().backward()
    slope = mel_db.grad[0].numpy()
    assert not slope[:, : voice.speech[0]].any()
    assert not slope[:, voice.speech[1] :].any()
    for seed in range(3):
        direction = slope / np.abs(slope).max() + 0.2 * RNG(seed).standard_normal(slope.shape).astype(np.float32)
        with torch.no_grad():
            ends = [
                (HEAR.differentiable(voice, mel_db + sign * 0.05 * torch.from_numpy(direction))[0].double() * weights).sum()
                for sign in (1, -1)
            ]
        assert float(ends[0] - ends[1]) / 0.1 == pytest.approx(float((slope * direction).sum()), rel=0.03)


def test_gradients_are_finite_where_nothing_varies():
    voice = HEAR(noise(0.6))
    flat = torch.full((1, *voice.mel_db.shape), voice.peak - 100.0).requires_grad_(True)
    HEAR.differentiable(voice, flat).sum().backward()
    assert torch.isfinite(flat.grad).all()


def test_later_without_delay_is_the_voice_and_later_is_whispers_encoding_there(voice, speech):
    assert_allclose(HEAR.later(speech, 0.0), voice.tokens, atol=1e-4)
    heard = (np.maximum(voice.mel_db[:, slice(*voice.speech)] - voice.peak, -80) + 50) / 40
    with torch.inference_mode():
        stages = load_whisper().stages(torch.from_numpy(heard[None].astype(np.float32)), (1, 2, 3), 60)[0].numpy()
    later = HEAR.later(speech, 1.2)
    assert_allclose(later, by_hand(stages), atol=2e-3)
    assert np.abs(later - voice.tokens).max() > 0.5


def test_what_would_end_after_thirty_seconds_is_cut():
    assert HEAR.later(noise(29.9), 2.0).shape == (56, 2304)


def test_a_long_recording_is_read_in_windows_of_about_six_seconds(windows):
    voice = HEAR(noise(60.0))
    first, last = voice.speech
    assert last - first > 5900
    assert voice.tokens.shape == (-(-(last - first) // 50), 2304)
    assert max(windows) <= LONGEST
    assert sum(windows) <= 1.6 * (last - first) / 2
    windows.clear()
    masked = [voice.mel_db] * 3
    assert_allclose(np.concatenate(list(HEAR.copies(voice, masked))), np.repeat(voice.tokens[None], 3, axis=0), atol=1e-4)
    assert max(windows) <= LONGEST


def test_a_moment_of_a_long_recording_is_as_in_a_window_of_its_own(windows):
    """Joined windows are kept from the second of context on."""
    voice = HEAR(noise(20.0))
    first, last = voice.speech
    count = -(-(last - first) // 2)
    pieces = len(windows)
    assert pieces == -(-count // (LONGEST - 2 * CONTEXT))
    edges = [k * count // pieces for k in range(pieces + 1)]
    heard = (np.maximum(voice.mel_db[:, first:last] - voice.peak, -80) + 50).astype(np.float32) / 40
    parts = []
    for a, b in zip(edges, edges[1:], strict=False):
        start, end = max(0, a - 50), min(count, b + 50)
        parts.append(load_whisper().encode(heard[:, 2 * start : 2 * end], (1, 2, 3))[:, a - start : b - start])
    assert_allclose(voice.tokens, by_hand(np.concatenate(parts, axis=1)), atol=2e-3)


@pytest.mark.parametrize("samples", [np.zeros(22_050), np.full(22_050, 0.2), tone(0.1), tone(1.0), np.eye(1, 22_050, 9999)[0]])
def test_silence_dc_a_blip_a_note_and_a_click_have_tokens(samples):
    voice = HEAR(samples.astype(np.float32))
    assert len(voice.tokens) >= 1
    assert np.isfinite(voice.tokens).all()
    assert np.isfinite(voice.vector).all()
    assert len(voice.segments) == len(voice.tokens)
    assert (np.diff(voice.segments, axis=1) >= 0).all()


def test_the_digest_belongs_to_weights_and_settings(monkeypatch):
    own = HEAR.digest
    assert len(own) == 16
    assert own == WhisperVoice().digest
    for name, value in (("BLOCKS", (1, 2)), ("LONGEST", 400), ("PEAK_DB", 0.0)):
        with monkeypatch.context() as patch:
            patch.setattr(f"models.networks.whisper_voice.{name}", value)
            assert own != HEAR.digest


def test_a_frame_lasts_ten_milliseconds(voice):
    assert voice.scale.frame_rate == WHISPER_RATE / HOP == 100
    assert_array_equal(np.diff(voice.scale.starts(np.arange(4))).round(9), 0.01)
