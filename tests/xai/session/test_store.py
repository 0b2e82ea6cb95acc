"""A folder gives back the session that was written, and nothing half written or foreign is opened."""

import json
import re
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.media.limits import MediaError
from tests.xai.session.made import AWKWARD, no_frames, on_any, same, session_of, sessions, surely
from xai.session import store
from xai.session.session import Moment, Recognised, Session

NAMES = {
    "session.json", "segments.csv", "frames.csv", "turns.csv", "columns.csv", "speech.rttm",
    "session.srt", "session.eaf", "session.TextGrid",
}  # fmt: skip


def a_session(**more):
    return session_of([Moment(0, 2, "A", True, surely("sad"))], [(0, 2, "A"), (1, 3, "B")], **more)


@given(sessions())
@on_any
def test_what_is_read_is_what_was_written(tmp_path, session):
    store.write(session, tmp_path / "made")
    assert same(store.read(tmp_path / "made"), session)
    json.loads((tmp_path / "made" / "session.json").read_bytes(), parse_constant=pytest.fail)  # no NaN


def test_the_comparison_of_these_tests_sees_a_difference():
    one, other = a_session(), session_of([Moment(0, 2, "A", True, surely("sad", 0.650001))], [(0, 2, "A"), (1, 3, "B")])
    assert same(one, a_session())
    assert not same(one, other)
    assert not same(one, a_session(cuts=(1.0,)))
    assert not same(one, a_session(excluded=[(0, 1)]))


def test_all_files_are_there_and_none_knows_where_it_lies(tmp_path):
    written = store.write(a_session(), tmp_path / "deep" / "made")
    assert {path.name for path in written} == {path.name for path in (tmp_path / "deep" / "made").iterdir()} == NAMES
    for path in written:
        text = path.read_text(encoding="utf-8")
        assert str(tmp_path) not in text
        assert not re.search(r"file:/|[A-Z]:\\", text)


def test_numbers_of_numpy_and_awkward_texts_are_written(tmp_path):
    moment = Moment(np.float32(0.5), np.float64(2), "A", np.bool_(True), Recognised("fused", np.full(8, 0.125, np.float32), np.float32(2)))
    session = session_of([moment], settings={"n": np.int64(3), "x": np.float32(0.5)}, notes=AWKWARD, cuts=(np.float64(1.5),))
    store.write(session, tmp_path)
    found = store.read(tmp_path)
    assert found.settings == {"n": 3, "x": 0.5}
    assert (found.moments[0].start, found.moments[0].speech, found.moments[0].voice.distance) == (0.5, True, 2.0)
    assert found.notes == AWKWARD


def test_what_is_not_finite_is_null_and_nan_again(tmp_path):
    store.write(session_of([Moment(0, 1, "A", True, Recognised("fused", np.full(8, 0.125), float("inf")))]), tmp_path)
    assert np.isnan(store.read(tmp_path).moments[0].voice.distance)


def test_a_second_writing_takes_the_place_of_the_first_and_leaves_the_rest(tmp_path):
    store.write(a_session(), tmp_path)
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    store.write(session_of([]), tmp_path)
    assert store.read(tmp_path).moments == ()
    assert {path.name for path in tmp_path.iterdir()} == NAMES | {"notes.txt"}


def test_a_cancelled_writing_leaves_the_former_session(tmp_path, monkeypatch):
    store.write(a_session(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def cancel(session, path):
        path.write_text("half", encoding="utf-8")
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "EXCHANGE", {"speech.rttm": cancel})
    with pytest.raises(KeyboardInterrupt):
        store.write(session_of([]), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_is_no_session_is_refused_in_a_sentence(tmp_path):
    def refused(words, act=store.read):
        with pytest.raises(MediaError, match=words) as caught:
            act(tmp_path) if act is store.read else act(a_session(), tmp_path)
        assert str(caught.value).endswith(".")
        assert str(tmp_path) not in str(caught.value)

    refused("no session in")
    for text in ("", "{", "[]", '{"format": 1}', "[" * 100_000, "\udc80"):
        (tmp_path / "session.json").write_bytes(text.encode("utf-8", "surrogateescape"))
        refused("cannot be read|not written by EmoLens")
        refused("cannot be read|not written by EmoLens", store.write)  # another program's file is not overwritten
    (tmp_path / "session.json").write_text(json.dumps(store.to_dict(a_session()) | {"format": 2}), encoding="utf-8")
    refused("another version")
    (tmp_path / "session.json").write_text(json.dumps(store.to_dict(a_session())), encoding="utf-8")
    refused("damaged")  # without frames.csv


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"film")
    with pytest.raises(MediaError, match=r"cannot be written to film\.mp4"):
        store.write(a_session(), tmp_path / "film.mp4")
    assert (tmp_path / "film.mp4").read_bytes() == b"film"


@given(sessions(), st.data())
@on_any
def test_a_damaged_session_is_refused_or_read_but_never_raises_anything_else(tmp_path, session, data):
    store.write(session, tmp_path / "made")
    text = (tmp_path / "made" / "session.json").read_text(encoding="utf-8")
    found = json.loads(text)
    key = data.draw(st.sampled_from(sorted(found.keys() - {"kind"})))
    found[key] = data.draw(st.sampled_from((None, True, -2, 2, "", "x", [None], [{}], {}, [[1]], ["x"])))
    (tmp_path / "made" / "session.json").write_text(json.dumps(found), encoding="utf-8")
    with suppress(MediaError):
        assert isinstance(store.read(tmp_path / "made"), Session)
    (tmp_path / "made" / "session.json").write_text(text, encoding="utf-8")


def test_frames_that_do_not_belong_to_the_session_are_refused(tmp_path):
    store.write(session_of([], frames=no_frames()), tmp_path)
    lines = (tmp_path / "frames.csv").read_text(encoding="utf-8")
    (tmp_path / "frames.csv").write_text(lines + "1.0,A,Anna,0,1,1,1,1,,,,,,,,,,\n", encoding="utf-8")
    with pytest.raises(MediaError, match="damaged"):
        store.read(tmp_path)
