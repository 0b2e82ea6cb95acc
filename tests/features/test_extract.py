"""One recording, 552 numbers: what is judged where a modality is missing, silent, not asked for or shows nothing."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from features import SPACE, Features, MediaError, Modality, extract
from features.audio import extract_audio, mfcc_features
from features.media import read_sound
from features.pairing import pair
from features.patches import patch_grid, segments
from tests.conftest import SAMPLE, encode_video, tone, wav
from tests.features.conftest import ENCODERS
from tests.films import film

WALL = [np.full((120, 160, 3), 90, np.uint8)] * 31
HISS = np.random.default_rng(0).normal(0, 0.1, 22_050)
VOICE, FILM = (SAMPLE / "sample.wav").read_bytes(), (SAMPLE / "sample.mp4").read_bytes()


def only(modality: Modality) -> dict:
    return {modality: ENCODERS[modality]}


@pytest.fixture(scope="module")
def both() -> Features:
    return extract(VOICE, FILM, ENCODERS)


@pytest.mark.parametrize("own_file", [True, False])
def test_a_wall_beside_a_voice_is_not_judged(own_file):
    """What is in the middle of a picture without a face is no evidence."""
    voice = wav(tone(1.0)) if own_file else None
    found = extract(voice, encode_video(WALL, sound=HISS), ENCODERS)
    assert found.video is None
    assert found.modalities == {Modality.AUDIO}
    assert np.isnan(SPACE.part(found.vector, Modality.VIDEO)).all()
    if voice:
        assert_array_equal(found.vector, extract(voice, None, ENCODERS).vector)
    (said,) = [warning for warning in found.warnings if "No face" in warning]
    assert "only the voice was judged" in said
    assert not any("judged together" in warning for warning in found.warnings)


def test_a_wall_alone_or_beside_silence_is_judged_by_its_middle():
    """That it is no face is said by :mod:`xai.quality`, once."""
    for silence in (None, wav(np.zeros(22_050))):
        found = extract(silence, encode_video(WALL), ENCODERS)
        assert found.video is not None
        assert found.video.fallback
        assert found.modalities == {Modality.VIDEO}
        assert np.isnan(SPACE.part(found.vector, Modality.AUDIO)).all()
        assert not any("face" in warning for warning in found.warnings)
        (said,) = found.warnings
        assert "only the picture was judged" in said


def test_a_face_beside_a_voice_is_judged_with_it(both):
    assert both.modalities == set(Modality)
    assert np.isfinite(both.vector).all()
    assert_array_equal(both.vector, np.concatenate([both.audio.vector, both.video.vector]))
    assert not any("face" in warning.lower() for warning in both.warnings)


@pytest.mark.parametrize("modality", Modality)
def test_a_modality_without_an_encoder_is_not_read(modality, both):
    """What is in its file does not matter, and nothing is said about it."""
    junk = {Modality.AUDIO: (b"no sound", FILM), Modality.VIDEO: (VOICE, b"no film")}
    (other,) = set(Modality) - {modality}
    found = extract(*junk[modality], only(other))
    assert found.modalities == {other}
    assert found.warnings == ()
    assert_array_equal(SPACE.part(found.vector, other), SPACE.part(both.vector, other))
    assert np.isnan(SPACE.part(found.vector, modality)).all()


def test_the_sound_track_of_a_film_is_left_alone_unless_it_is_to_be_heard():
    film = encode_video(WALL, sound=HISS)
    assert extract(None, film, only(Modality.VIDEO)).modalities == {Modality.VIDEO}
    assert extract(None, film, only(Modality.AUDIO)).modalities == {Modality.AUDIO}


@pytest.mark.parametrize(
    ("audio", "video", "encoders", "words"),
    [
        (None, None, ENCODERS, "Nothing to analyse"),
        (VOICE, FILM, {}, "Nothing to analyse"),
        (VOICE, None, only(Modality.VIDEO), "Nothing to analyse"),
        (None, encode_video(WALL), only(Modality.AUDIO), "Nothing to analyse"),
        (wav(np.zeros(22_050)), FILM, only(Modality.AUDIO), "The recording is silent"),
        (None, encode_video(WALL, sound=np.zeros(22_050)), only(Modality.AUDIO), "The recording is silent"),
    ],
    ids=["nothing given", "nothing read", "only a voice", "no sound track", "silence", "silent sound track"],
)
def test_nothing_to_judge_is_refused_in_a_sentence(audio, video, encoders, words):
    with pytest.raises(MediaError, match=rf"^{words}: .*\.$"):
        extract(audio, video, encoders)


def test_parts_are_exchanged_and_left_out_in_the_order_of_the_modalities(both):
    silent = both.with_part(Modality.AUDIO, None)
    assert silent.modalities == {Modality.VIDEO}
    assert np.isnan(SPACE.part(silent.vector, Modality.AUDIO)).all()
    assert_array_equal(SPACE.part(silent.vector, Modality.VIDEO), both.video.vector)
    other = replace(both.audio, vector=np.arange(40.0))
    again = silent.with_part(Modality.AUDIO, other)
    assert list(again.parts) == list(Modality)
    assert_array_equal(again.vector, np.concatenate([np.arange(40.0), both.video.vector]))
    assert both.audio is not other  # the recording itself is left alone
    assert (again.warnings, again.seconds) == (both.warnings, both.seconds)


def test_what_begins_is_said_and_how_long_each_stage_took_is_kept():
    said: list[str] = []
    found = extract(VOICE, FILM, ENCODERS, on_stage=said.append)
    assert said[0].startswith("Listening")
    assert any("looking for the face" in words.lower() for words in said)
    assert set(found.seconds) == {"audio", "video", "pairing"}
    assert all(seconds >= 0 for seconds in found.seconds.values())


def test_the_length_is_that_of_the_voice_or_of_the_last_look_whichever_is_later(both):
    last = float(both.video.times[-1])
    assert both.length == max(both.audio.seconds, last)
    assert both.with_part(Modality.AUDIO, None).length == last
    assert both.with_part(Modality.VIDEO, None).length == both.audio.seconds
    longer = replace(both.audio, samples=np.zeros(10 * 22_050, np.float32))
    assert both.with_part(Modality.AUDIO, longer).length == 10.0


def test_the_usual_encoders_give_the_usual_columns(both):
    assert both.space == SPACE
    assert both.with_part(Modality.VIDEO, None).space == SPACE


class TestOneClock:
    """Sound and picture of recordings whose tracks do not start together."""

    VOICE = np.random.default_rng(0).normal(0, 0.1, 16_000)
    BARE: ClassVar = {Modality.AUDIO: mfcc_features, Modality.VIDEO: lambda crops: np.zeros((len(crops), 512, 7, 7), np.float32)}

    def late(self, start: float = 1.5) -> bytes:
        return film([(self.VOICE, start)], 75)

    def test_a_late_sound_keeps_its_time_in_everything_that_lies_in_time(self):
        features = extract(None, self.late(), self.BARE)
        audio = features.audio
        assert audio.start == pytest.approx(1.5, abs=2e-3)
        assert features.length == pytest.approx(3.5, abs=2e-3)
        patches = patch_grid(audio.mel_db)
        where = segments(patches.cells, audio.seconds, audio.scale)
        assert_allclose(where[:, :2], segments(patches.cells, audio.seconds)[:, :2] + audio.start)
        assert audio.with_samples(audio.samples).start == audio.by(mfcc_features).start == audio.start

    def test_a_late_sound_is_no_reason_for_a_warning(self):
        room = np.concatenate([np.zeros(12_000), self.VOICE])
        assert extract(None, self.late(), self.BARE).warnings == (extract(None, self.late(0.0), self.BARE).warnings)
        noted = extract(wav(room, 8000), self.late(), self.BARE).warnings
        assert not any("together" in note or "later" in note or "earlier" in note for note in noted)
        noted = extract(wav(self.VOICE, 8000), self.late(), self.BARE).warnings
        assert any("belong together" in note for note in noted)

    def test_pairing_compares_the_clocks(self):
        room = extract_audio(read_sound(wav(np.concatenate([np.zeros(12_000), self.VOICE]), 8000))).samples
        assert pair(room, self.late()).lag == pytest.approx(0, abs=5e-3)
        assert pair(room, self.late(0.0)).lag == pytest.approx(1.5, abs=5e-3)
        assert pair(room, self.late(0.0), start=0.5).lag == pytest.approx(2.0, abs=5e-3)
