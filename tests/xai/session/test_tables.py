"""Tables are read again, by pandas and by Python's csv, and compared with the session that they were made of."""

import csv

import numpy as np
import pandas
import pytest
from hypothesis import given

from models.labels import LABELS
from tests.xai.session.made import AWKWARD, on_any, session_of, sessions, surely
from xai.session.session import UNKNOWN, Gap, Moment
from xai.session.tables import FRAMES, SEGMENTS, TABLES, TURNS, write_columns, write_table


def rows_of(table, session, folder):
    write_table(table, session, folder / table.file)
    with (folder / table.file).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_says_what_the_moment_does(tmp_path):
    both = Moment(0.25, 2, "A", True, surely("sad"), surely("happy", 0.5), surely("calm", 0.9))
    neither = Moment(2, 4, UNKNOWN, False, gaps={"voice": Gap.NOBODY_SPEAKS, "face": Gap.TURNED_AWAY})
    write_table(SEGMENTS, session_of([both, neither], excluded=[(3, 3.5)]), tmp_path / "t.csv")
    found = pandas.read_csv(tmp_path / "t.csv")
    first, second = found.iloc[0], found.iloc[1]
    assert list(first[["start_s", "end_s", "person", "name", "speech", "counted"]]) == [0.25, 2.0, "A", "Anna", True, True]
    assert list(first[["modality", "model", "label", "confidence", "distance"]]) == ["both", "fused", "calm", 0.9, 0.5]
    for start, source in (("p", both.both), ("voice", both.voice), ("face", both.face), ("both", both.both)):
        np.testing.assert_allclose(first[[f"{start}_{label}" for label in LABELS]].astype(float), source.probabilities, atol=5e-7)
    assert list(second[["moment", "person", "counted"]]) == [1, UNKNOWN, False]
    assert list(second[["gap_voice", "gap_face"]]) == ["nobody speaks", "face turned away"]
    assert second[["modality", "label", "confidence", "p_happy", "voice_sad"]].isna().all()


@given(sessions())
@on_any
def test_a_row_for_each_item_and_every_cell_in_its_column(tmp_path, session):
    names = {person.key: person.name.encode("utf-8", "replace").decode() for person in session.people} | {UNKNOWN: UNKNOWN}
    segments, frames, turns = (rows_of(table, session, tmp_path) for table in (SEGMENTS, FRAMES, TURNS))
    assert len(segments) == len(session.moments)
    assert len(turns) == len(list(session.speech.itertracks()))
    for row, moment in zip(segments, session.moments, strict=True):
        assert None not in row
        assert row["name"] in (names[moment.person], "'" + names[moment.person])
        assert float(row["start_s"]) == pytest.approx(moment.start, abs=5.1e-4)
        assert row["label"] == (moment.best.label if moment.best else "")
    times = [float(row["time_s"]) for row in frames]
    np.testing.assert_array_equal(times, session.frames.time)
    np.testing.assert_array_equal(np.array([float(row["left"]) for row in frames], np.float32), session.frames.box[:, 0])


@pytest.mark.parametrize("name", AWKWARD)
def test_no_name_is_a_formula_or_breaks_a_row(tmp_path, name):
    (row,) = rows_of(TURNS, session_of(speech=[(0, 1, "A")], names=(name,)), tmp_path)
    assert not row["name"].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert row["name"] == ("'" if name.startswith(("=", "+", "-", "@")) else "") + name.replace("\udc80", "?")
    assert (row["person"], row["end_s"], row["counted"]) == ("A", "1.0", "true")


def test_a_negative_number_is_no_formula(tmp_path):
    (row,) = rows_of(TURNS, session_of(speech=[(-1, 1, "A")]), tmp_path)
    assert row["start_s"] == "-1.0"


def test_every_column_is_documented_once(tmp_path):
    write_columns(tmp_path / "columns.csv")
    documented = pandas.read_csv(tmp_path / "columns.csv", keep_default_na=False)
    for table in TABLES:
        write_table(table, session_of(), tmp_path / table.file)
        header = (tmp_path / table.file).read_text(encoding="utf-8").splitlines()[0].split(",")
        assert list(documented.column[documented.table == table.file]) == header
        assert len(set(header)) == len(header)
    assert (documented.meaning.str.len() > 0).all()
    assert (documented.unit[documented.column.str.endswith("_s")].str.startswith("seconds")).all()
