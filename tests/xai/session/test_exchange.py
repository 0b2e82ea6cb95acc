"""Files for other programs are read back by the libraries that these programs' users have, and compared with the session."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from pyannote.database.util import load_rttm
from pympi.Elan import Eaf
from pympi.Praat import TextGrid

from tests.xai.session.made import AWKWARD, on_any, session_of, sessions, surely
from xai.session.exchange import EXCLUDED, tier_name, tiers, write_eaf, write_rttm, write_srt, write_textgrid
from xai.session.session import UNKNOWN, Gap, Moment
from xai.session.talk import counted_speech

MOMENTS = (
    Moment(0.1234, 2, "A", True, surely("sad", 0.62), gaps={"face": Gap.TURNED_AWAY}),
    Moment(1.5, 4, "B", False, surely("happy"), surely("sad"), surely("calm", 0.97)),
    Moment(4, 6, UNKNOWN, True, gaps={"voice": Gap.WHO_UNKNOWN}),
    Moment(7, 8, "A", True, surely("angry"), surely("sad")),
    Moment(9, 10, "A", True, surely("angry")),
)
SPEECH = ((0.1234, 1, "A"), (0.5, 1, "B"), (1, 2, "A"), (4, 6, UNKNOWN), (8.5, 11, "A"))


def a_session(**more):
    return session_of(MOMENTS, SPEECH, excluded=[(9.5, 9.7)], seconds=12.0, **more)


def read_srt(path):
    """(start, end, text) with seconds."""
    found = []
    for number, block in enumerate(re.split(r"\n\n", path.read_text(encoding="utf-8").strip()), 1):
        first, times, *text = block.split("\n")
        assert first == str(number)
        start, end = (
            int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000 for h, m, s, ms in re.findall(r"(\d\d):(\d\d):(\d\d),(\d{3})", times)
        )
        found.append((start, end, "\n".join(text)))
    return found


def test_subtitles_say_who_what_and_how_surely(tmp_path):
    write_srt(a_session(), tmp_path / "s.srt")
    assert read_srt(tmp_path / "s.srt") == [
        (0.123, 2, "Anna speaks: the model recognises sad, about 6 in 10, by the voice (face: face turned away)"),
        (4, 6, "Somebody unknown speaks: no emotion is recognised (voice: not known who speaks)"),
        (7, 8, "Anna speaks: the model recognises angry, about 6 in 10, by the voice"),
    ]


def test_a_cue_late_in_a_session(tmp_path):
    write_srt(session_of([Moment(5025.0005, 5399.9996, "A", True)], seconds=5400.0, names=("a --> b",)), tmp_path / "s.srt")
    assert "01:23:45,000 --> 01:30:00,000\na --› b speaks" in (tmp_path / "s.srt").read_text(encoding="utf-8")


def test_rttm_is_the_speech_that_counts(tmp_path):
    write_rttm(a_session(names=("Anna  Lind", "B")), tmp_path / "s.rttm")
    (found,) = load_rttm(tmp_path / "s.rttm").values()
    assert [(label, round(s.start, 3), round(s.end, 3)) for s, _, label in found.itertracks(yield_label=True)] == [
        ("A_Anna_Lind", 0.123, 2), ("B", 0.5, 1), (UNKNOWN, 4, 6), ("A_Anna_Lind", 8.5, 9.5), ("A_Anna_Lind", 9.7, 11),
    ]  # fmt: skip


@given(sessions())
@on_any
def test_any_rttm_is_read_back_by_pyannote(tmp_path, session):
    write_rttm(session, tmp_path / "s.rttm")
    lines = (tmp_path / "s.rttm").read_text(encoding="utf-8").splitlines()
    speech = list(counted_speech(session).itertracks(yield_label=True))
    assert len(lines) == len(speech)
    if speech:
        (found,) = load_rttm(tmp_path / "s.rttm").values()
        read = sorted((round(s.start, 3), label.split("_")[0], s.end) for s, _, label in found.itertracks(yield_label=True))
        kept = sorted((float(f"{s.start:.3f}"), label, s.end) for s, _, label in speech if float(f"{s.duration:.3f}") > 0)
        assert [one[:2] for one in read] == [one[:2] for one in kept]
        np.testing.assert_allclose([one[2] for one in read], [one[2] for one in kept], atol=1.1e-3)


def test_tiers_hold_labels_and_reasons():
    found = tiers(a_session())
    assert found["A", "speech"] == [(123, 2000, "Anna"), (8500, 9500, "Anna"), (9700, 11000, "Anna")]
    assert found["A", "voice"] == [(123, 2000, "sad"), (7000, 8000, "angry")]
    assert found["A", "face"] == [(123, 2000, "(face turned away)"), (7000, 8000, "sad")]
    assert found["B", "both"] == [(1500, 4000, "calm")]
    assert found[UNKNOWN, "voice"] == [(4000, 6000, "(not known who speaks)")]
    assert found["", EXCLUDED] == [(9500, 9700, "excluded")]


def test_moments_of_several_unknown_people_share_a_tier():
    three = [Moment(*span, UNKNOWN, True, surely("sad")) for span in ((0, 4), (1, 2), (3, 6.0004))]
    assert tiers(session_of(three))[UNKNOWN, "voice"] == [(0, 4000, "sad"), (4000, 6000, "sad")]


@given(sessions())
@on_any
def test_elan_and_praat_read_back_what_was_written(tmp_path, session):
    write_eaf(session, tmp_path / "s.eaf")
    write_textgrid(session, tmp_path / "s.TextGrid")
    elan, praat = Eaf(str(tmp_path / "s.eaf")), TextGrid(str(tmp_path / "s.TextGrid"))
    expected = {tier_name(session, *key): intervals for key, intervals in tiers(session).items()}
    assert set(elan.get_tier_names()) == set(expected)
    assert [name for _, name in praat.get_tier_name_num()] == list(expected)
    for name, intervals in expected.items():
        assert sorted(elan.get_annotation_data_for_tier(name)) == intervals
        spans = praat.get_tier(name).get_all_intervals()
        assert [(round(1000 * start), round(1000 * end), words) for start, end, words in spans if words] == intervals
        assert spans[0][0] == 0
        assert all(one[1] == next_[0] for one, next_ in zip(spans, spans[1:], strict=False))  # Praat wants every instant once


@given(sessions())
@on_any
def test_tiers_are_the_moments_to_a_millisecond_where_nobody_is_unknown(session):
    for key, source in (("A", "voice"), ("B", "face")):
        own = [moment for moment in session.moments if moment.person == key]
        if any(one.end > next_.start for one, next_ in zip(own, own[1:], strict=False)):
            continue
        said = [m for m in own if (getattr(m, source) or source in m.gaps) and not any(m.segment & out for out in session.excluded)]
        found = tiers(session)[key, source]
        times = [(1000 * m.start, 1000 * m.end) for m in said]
        np.testing.assert_allclose([one[:2] for one in found], [span for span in times if round(span[1]) > round(span[0])], atol=1)


@pytest.mark.parametrize("name", AWKWARD)
def test_any_name_of_a_person_survives(tmp_path, name):
    session = a_session(names=(name, name))
    write_eaf(session, tmp_path / "s.eaf")
    write_textgrid(session, tmp_path / "s.TextGrid")
    line = " ".join(name.replace("\x00", " ").replace("\x07", " ").replace("\udc80", " ").split())
    expected = f"A {line}: voice" if line else "A: voice"
    assert expected in Eaf(str(tmp_path / "s.eaf")).get_tier_names()
    assert expected in [name for _, name in TextGrid(str(tmp_path / "s.TextGrid")).get_tier_name_num()]


def test_the_film_is_linked_by_its_name_alone(tmp_path):
    from dataclasses import replace

    write_eaf(replace(a_session(), name="/home/ann/C:\\films\\a & b.mp4"), tmp_path / "s.eaf")
    write_eaf(replace(a_session(), name="/home/ann/C:\\films\\a & b.mp4"), tmp_path / "s.eaf")
    (medium,) = ElementTree.parse(tmp_path / "s.eaf").iter("MEDIA_DESCRIPTOR")
    assert (medium.get("MEDIA_URL"), medium.get("RELATIVE_MEDIA_URL"), medium.get("MIME_TYPE")) == ("a & b.mp4", "./a & b.mp4", "video/mp4")
    assert "ann" not in (tmp_path / "s.eaf").read_text(encoding="utf-8").replace("annotation", "")
    assert [path.name for path in tmp_path.iterdir()] == ["s.eaf"]
    assert {tier.get("PARTICIPANT") for tier in ElementTree.parse(tmp_path / "s.eaf").iter("TIER")} == {"Anna", "Ben", UNKNOWN, None}
