"""From observations to people and moments: names, ties and gaps are those that the evidence has."""

from dataclasses import replace

import numpy as np
import pytest

from models.checkpoint import load_model
from models.evaluation.familiarity import load_map
from xai.session.interpret import interpret, name_people
from xai.session.observations import HINDRANCES, Observations, Sights, load, save
from xai.session.session import UNKNOWN, Gap

RNG = np.random.default_rng(0)
SECONDS = 96


@pytest.fixture(scope="module")
def seen() -> Observations:
    """Two people, each with a voice and a face whose mouth moves with it; a third voice is not clear."""
    pieces = np.array([(start, start + 6.0) for start in range(0, SECONDS - 8, 8)])
    voices = np.arange(len(pieces)) % 2
    voices[-1] = -1
    times = np.repeat(np.arange(SECONDS) + 0.5, 2)
    track = np.tile([0, 1], SECONDS)
    speaks = np.array([next((v for (a, b), v in zip(pieces, voices, strict=True) if a <= t < b), -2) for t in times])
    mouth = np.exp(RNG.normal(0, 0.2, len(times))) * np.where(speaks == track, 3.0, 1.0)
    hindrance = np.zeros(len(times), int)
    hindrance[(times > 16) & (times < 22) & (track == 0)] = HINDRANCES.index(Gap.TURNED_AWAY)
    sights = Sights(times, track, np.zeros((len(times), 4), np.float32), hindrance, mouth.astype(np.float32), _faces(len(times)))
    known = load_map()
    tokens = np.tile(known.mean, (12 * len(pieces), 1)).astype(np.float16)
    tracks = np.array([np.r_[1.0, np.zeros(127)], np.r_[0.0, 1.0, np.zeros(126)]]).astype(np.float16)
    lengths = np.full(len(pieces), 12)
    codes = np.zeros((len(pieces), 256), np.float16)
    return Observations("a.mp4", "0" * 64, SECONDS, pieces, voices, codes, tokens, lengths, sights, tracks, np.array([40.0]), ("note",))


def _faces(count: int) -> np.ndarray:
    mean = load_model("whisper-tokens").standardise.mean[-512:]
    return np.tile(mean, (count, 1)).astype(np.float16)


@pytest.fixture(scope="module")
def session(seen):
    return interpret(seen, load_model("whisper-tokens"))


def test_a_voice_and_its_face_are_one_person(session):
    assert [(person.key, person.voice, person.face) for person in session.people] == [("A", True, True), ("B", True, True)]
    assert session.name == "a.mp4"
    assert session.cuts == (40.0,)
    assert session.notes == ("note",)


def test_every_stretch_of_speech_has_a_moment_with_all_that_was_there(session, seen):
    spoken = [moment for moment in session.moments if moment.speech]
    assert [(moment.start, moment.end) for moment in spoken] == [tuple(piece) for piece in seen.pieces.tolist()]
    for moment in spoken[:-1]:
        assert moment.voice is not None
        assert moment.voice.distance < 1
        assert moment.voice.probabilities.sum() == pytest.approx(1)
    assert spoken[0].both is not None
    assert spoken[0].best is spoken[0].both
    assert spoken[0].gaps == {}


def test_what_is_missing_says_why(session):
    spoken = [moment for moment in session.moments if moment.speech]
    turned = spoken[2]
    assert (turned.start, turned.person) == (16.0, "A")
    assert turned.face is None
    assert turned.both is None
    assert turned.gaps == {"face": Gap.TURNED_AWAY}
    unclear = spoken[-1]
    assert unclear.person == UNKNOWN
    assert unclear.voice is not None
    assert unclear.gaps == {"face": Gap.WHO_UNKNOWN}


def test_who_listens_has_a_moment_every_two_seconds(session):
    listening = [moment for moment in session.of("B") if not moment.speech and moment.start < 6]
    assert [(moment.start, moment.end) for moment in listening] == [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0)]
    assert all(moment.gaps == {"voice": Gap.NOBODY_SPEAKS} and moment.face is not None and moment.voice is None for moment in listening)
    assert not any(moment.speech is False and moment.start < 6 for moment in session.of("A"))


def test_a_strange_voice_is_a_gap(seen):
    strange = replace(seen, tokens=(seen.tokens * 6 + RNG.normal(0, 3, seen.tokens.shape)).astype(np.float16))
    found = [moment for moment in interpret(strange, load_model("whisper-tokens")).moments if moment.speech]
    assert all(moment.voice is None and moment.both is None and moment.gaps["voice"] is Gap.UNLIKE for moment in found)


def test_frames_are_those_that_were_seen(session, seen):
    frames = session.frames
    assert len(frames) == len(seen.sights)
    assert set(frames.person) == {"A", "B"}
    judged = np.array([not hindrance for hindrance in frames.hindrance])
    assert np.isfinite(frames.probabilities[judged]).all()
    assert np.isnan(frames.probabilities[~judged]).all()
    assert (~judged).sum() == 6


def test_faces_that_are_seen_once_are_nobody(seen):
    few = replace(seen, sights=replace(seen.sights, track=np.where(np.arange(len(seen.sights)) == 7, 2, seen.sights.track)))
    few = replace(few, tracks=np.concatenate([few.tracks, np.full((1, 128), 5, np.float16)]))
    who = name_people(few)
    assert who.of_sights[7] == UNKNOWN
    assert set(who.of_sights) == {"A", "B", UNKNOWN}


def test_what_was_observed_comes_back_from_its_file(seen, tmp_path):
    save(seen, tmp_path / "a.npz")
    again = load(tmp_path / "a.npz")
    assert (again.name, again.digest, again.seconds, again.notes) == (seen.name, seen.digest, seen.seconds, seen.notes)
    for name in ("pieces", "voices", "codes", "tokens", "lengths", "tracks", "cuts"):
        np.testing.assert_array_equal(getattr(again, name), getattr(seen, name))
    np.testing.assert_array_equal(again.sights.vectors, seen.sights.vectors)
    np.testing.assert_array_equal(again.tokens_of(3), seen.tokens[36:48].astype(np.float32))


def test_another_file_is_refused(tmp_path):
    from features import MediaError

    (tmp_path / "a.npz").write_bytes(b"nothing")
    with pytest.raises(MediaError, match="read the recording again"):
        load(tmp_path / "a.npz")
    with pytest.raises(MediaError, match="read the recording again"):
        load(tmp_path / "missing.npz")
