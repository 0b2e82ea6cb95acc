"""Tokens of a corpus: those of the app, kept as files, of which only what is drawn is read."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from features import Modality
from features.tokens import TokenFeatures
from models.data.cache import seed_of
from models.data.copies import CLEAN, VOICE_VARIANTS, copies_of
from models.data.corruptions import CORRUPTIONS
from models.data.ravdess import Take
from models.data.tokens import MOST, VoiceTokens, _path
from models.networks.encoders import ENCODERS
from models.networks.whisper_voice import WhisperVoice
from tests.conftest import tone, wav

WIDTH = 3


class Ear:
    """One token for each half second: the level of the samples, how many they are, and by how much it comes later."""

    name, names, digest = "ear", ("level", "count", "later"), "0" * 16

    def __call__(self, samples: np.ndarray) -> TokenFeatures:
        tokens = self.later(samples, 0.0)
        return TokenFeatures(samples, np.zeros((80, 1)), tokens.mean(axis=0), encoder=self, tokens=tokens, speech=(0, 1), peak=0.0)

    def later(self, samples: np.ndarray, seconds: float) -> np.ndarray:
        parts = [samples[k : k + 11_025] for k in range(0, len(samples), 11_025)]
        return np.array([[part.std(), len(part) / 11_025, seconds] for part in parts], np.float32)


@pytest.fixture
def ear(monkeypatch) -> Ear:
    own = Ear()
    monkeypatch.setitem(ENCODERS[Modality.AUDIO], "ear", lambda: own)
    return own


def written(folder: Path, seconds: float) -> Take:
    path = folder / f"{seconds}.wav"
    path.write_bytes(wav(tone(seconds)))
    return Take(1, "03", 1, 1, 1, 3, "voice", path)


def loaded(takes: list[Take], cache: Path) -> VoiceTokens:
    return VoiceTokens([np.load(_path(one, cache, "ear"), mmap_mode="r") for one in takes], "ear")


def test_every_copy_is_kept_and_augmented_ones_come_later(tmp_path, ear):
    one = written(tmp_path, 1.7)
    tokens, data = loaded([one], tmp_path / "kept"), one.path.read_bytes()
    copies, rng = copies_of(data), np.random.default_rng(seed_of(data) + 1)
    assert tokens.files[0].shape == (VOICE_VARIANTS + len(CORRUPTIONS[Modality.AUDIO]), MOST, 1 + WIDTH)
    assert tokens.files[0].dtype == np.float16
    assert tokens.width == WIDTH
    for number, copy in enumerate(copies):
        later = rng.integers(101) / 50 if CLEAN.stop <= number < VOICE_VARIANTS else 0.0
        assert_allclose(tokens.of(0, number), ear.later(copy, later), rtol=1e-3, atol=1e-3)
    delays = [tokens.of(0, number)[0, 2] for number in range(CLEAN.stop, VOICE_VARIANTS)]
    assert 0 <= min(delays) < 0.5 < 1.5 < max(delays) <= 2.0


def test_of_a_long_recording_the_first_tokens_are_kept(tmp_path, ear):
    one = written(tmp_path, 6.2)
    tokens = loaded([one], tmp_path / "kept")
    assert tokens.of(0, 0).shape == (MOST, WIDTH) == (9, WIDTH)
    assert_allclose(tokens.of(0, 0), ear.later(copies_of(one.path.read_bytes())[0], 0.0)[:9], rtol=1e-3, atol=1e-3)


def test_what_is_drawn_is_as_long_as_its_longest(tmp_path, ear):
    tokens = loaded([written(tmp_path, 0.9), written(tmp_path, 2.3), written(tmp_path, 0.4)], tmp_path / "kept")
    rows, copies = np.array([0, 1, 2, 1]), np.array([0, 0, 0, 3])
    found, there = tokens.take(rows, copies)
    assert found.shape == (4, 5, WIDTH)
    assert found.dtype == np.float32
    assert there.sum(axis=1).tolist()[:3] == [2, 5, 1]
    for row, copy, own, spoken in zip(rows, copies, found, there, strict=True):
        assert_array_equal(own[spoken], tokens.of(row, copy))
        assert not own[~spoken].any()
    short, there = tokens.take(np.array([2, 0]), np.array([0, 0]))
    assert short.shape == (2, 2, WIDTH)
    assert there.tolist() == [[True, False], [True, True]]
    second = tokens.where(np.array([False, True, False]))
    assert_array_equal(second.of(0, 0), tokens.of(1, 0))
    assert (len(second.files), second.encoder) == (1, "ear")


def test_they_are_computed_once_for_each_content_and_encoder(tmp_path, ear, monkeypatch):
    one = written(tmp_path, 0.6)
    first = _path(one, tmp_path / "kept", "ear")
    with monkeypatch.context() as patch:
        patch.setattr(Ear, "later", None)
        assert _path(one, tmp_path / "kept", "ear") == first
    monkeypatch.setattr(Ear, "digest", "1" * 16)
    assert _path(one, tmp_path / "kept", "ear") != first
    assert len(list((tmp_path / "kept").iterdir())) == 2  # nothing half written is left
    assert _path(written(tmp_path, 0.7), tmp_path / "kept", "ear") != first


def test_the_corpus_of_these_tests_is_made_as_real_ones_are(corpus):
    voices, _ = corpus
    tokens = voices.tokens
    assert len(tokens.files) == len(voices.label)
    assert tokens.files[0].shape == (VOICE_VARIANTS + len(CORRUPTIONS[Modality.AUDIO]), MOST, 1 + len(WhisperVoice.names))
