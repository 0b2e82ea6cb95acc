"""A made session holds what its truth says: who, when, what, how loud, through which line."""

import dataclasses

import av
import numpy as np
import pytest
import soundfile
import soxr
from scipy import signal

from models.data.ravdess import parse_name
from tests.sessions.make import ACTORS, make_session, truth_file
from tests.sessions.truth import load_truth


@pytest.fixture(scope="module")
def made(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "session.wav"
    truth = make_session(path, seed=3, data=data, speakers=3, turn=6.0, minutes=2.0, actors=ACTORS["tune"])
    samples, rate = soundfile.read(path)
    return path, truth, samples, rate


def levels(samples, rate, step=0.04):
    size = round(step * rate)
    blocks = samples[: len(samples) // size * size].reshape(-1, size)
    return 10 * np.log10((blocks**2).mean(axis=1) + 1e-12)


def spoken(truth, step=0.04):
    """By blocks of 40 ms, a whole number of samples: whether somebody speaks in all of it; and in some of it, or 40 ms from it."""
    starts = np.arange(int(truth.seconds / step)) * step
    spans = [(e.segment.start, e.segment.end) for e in truth.emotions]
    inside = np.any([(starts >= start) & (starts + step <= end) for start, end in spans], axis=0)
    return inside, np.any([(starts + step > start - 0.04) & (starts < end + 0.04) for start, end in spans], axis=0)


def test_speech_is_where_the_truth_says(made):
    _, truth, samples, rate = made
    assert rate == 22_050
    assert len(samples) / rate == pytest.approx(truth.seconds, abs=0.05)
    level = levels(samples, rate)
    inside, near = spoken(truth)
    count = min(len(level), len(inside))
    assert np.median(level[:count][~near[:count]]) == pytest.approx(-75, abs=0.5)
    assert level[:count][~near[:count]].max() < -70
    assert (level[:count][inside[:count]] > -70).mean() > 0.95  # the rest: the moment before a plosive


def test_a_recording_is_the_one_that_is_named(made, data):
    """The stretch of the session correlates with the file itself, at its own level."""
    _, truth, samples, rate = made
    for portrayed in truth.emotions[::7]:
        file = next((data / "ravdess_speech").rglob(portrayed.file))
        own, _ = soundfile.read(file)
        part = samples[round(portrayed.segment.start * rate) : round(portrayed.segment.end * rate)]
        fits = signal.correlate(own, part, "valid")
        match = own[fits.argmax() : fits.argmax() + len(part)]
        assert np.abs(match - part).max() < 0.002
        take = parse_name(file)
        assert (take.label, f"{take.actor:02d}") == (portrayed.label, portrayed.person)


def test_turns_are_as_asked_for(made):
    _, truth, _, _ = made
    turns = sorted(truth.speech.itertracks(yield_label=True), key=lambda turn: turn[0])
    lengths = np.array([segment.duration for segment, _, _ in turns])
    assert len(truth.speech.labels()) == 3
    assert set(map(int, truth.speech.labels())) <= set(ACTORS["tune"])
    assert lengths.mean() == pytest.approx(6.0, abs=0.6)
    assert lengths.min() > 4.0
    pauses = np.array([after[0].start - before[0].end for before, after in zip(turns, turns[1:], strict=False)])
    assert pauses.min() >= 0.2
    assert sorted({*np.round(pauses[pauses > 1.2], 6)}) == [10.0]
    assert all(before[2] != after[2] for before, after in zip(turns, turns[1:], strict=False))
    for segment, _, person in turns:
        labels = {e.label for e in truth.emotions if segment.start - 1e-6 <= e.segment.start < segment.end and e.person == person}
        assert len(labels) == 1


def test_one_seed_makes_one_session(made, data, tmp_path):
    path, truth, _, _ = made
    again = tmp_path / "again.wav"
    same = make_session(again, seed=3, data=data, speakers=3, turn=6.0, minutes=2.0, actors=ACTORS["tune"])
    other = make_session(tmp_path / "other.wav", seed=4, data=data, speakers=3, turn=6.0, minutes=2.0, actors=ACTORS["tune"])
    assert again.read_bytes() == path.read_bytes()
    assert same == truth
    assert other.speech != truth.speech


def test_truth_is_read_back(made):
    path, truth, _, _ = made
    kept = load_truth(truth_file(path))
    for field in dataclasses.fields(truth):
        assert getattr(kept, field.name) == getattr(truth, field.name), field.name


def test_short_turns_overlap_noise_and_a_telephone(data, tmp_path):
    path = tmp_path / "line.wav"
    truth = make_session(path, seed=1, data=data, turn=1.5, minutes=1.5, overlap=True, telephone=True, snr=10.0)
    samples, rate = soundfile.read(path)
    turns = truth.speech.get_timeline()
    assert rate == 8000
    assert np.mean([turn.duration for turn in turns]) == pytest.approx(1.5, abs=0.25)
    both = truth.speech.get_overlap()
    assert 0.02 < both.duration() / turns.duration() < 0.3
    assert max(segment.duration for segment in both) <= 1.2 + 1e-6
    hz, power = signal.welch(samples, rate, nperseg=1024)
    assert power[(hz > 20) & (hz < 150)].mean() < 1e-3 * power[(hz > 400) & (hz < 1000)].mean()
    level, (_, near) = levels(samples, rate), spoken(truth)
    assert np.ptp(level[~near[: len(level)]]) < 6  # nothing but noise


@pytest.mark.parametrize("ending", ["ogg", "flac"])
def test_other_formats_keep_the_time(data, tmp_path, ending):
    path, plain = tmp_path / f"a.{ending}", tmp_path / "a.wav"
    for file in (path, plain):
        make_session(file, seed=5, data=data, minutes=0.3)
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        parts = [frame.to_ndarray().astype(float).reshape(-1) for frame in container.decode(audio=0)]
    own, wanted = np.concatenate(parts), soxr.resample(soundfile.read(plain)[0], 22_050, rate)
    assert len(own) == pytest.approx(len(wanted), abs=rate / 100)
    lag = int(signal.correlate(own, wanted, method="fft").argmax()) - (len(wanted) - 1)
    assert abs(lag) <= 1


def test_what_does_not_go_together_is_refused(data, tmp_path):
    with pytest.raises(ValueError, match="overlap or leaves"):
        make_session(tmp_path / "a.mp4", seed=0, data=data, view="gallery", overlap=True, leaves=True)
    with pytest.raises(ValueError, match="gallery, speaker, screen"):
        make_session(tmp_path / "a.mp4", seed=0, data=data, view="mosaic")
