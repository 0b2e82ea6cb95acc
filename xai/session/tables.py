"""A session as tidy tables: CSV in UTF-8 with decimal points, a row for each observation, every column documented with its unit.

Nothing is an empty cell. Words that a spreadsheet would take for a formula begin with an apostrophe (OWASP, *CSV injection*).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pyannote.core import Segment

from models.labels import LABELS
from xai.session.numbers import source_of, touches
from xai.session.session import UNKNOWN, Frames, Moment, Recognised, Session

Cell = str | float | int | bool | np.floating | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_SOURCES = ("voice", "face", "both")


@dataclass(frozen=True)
class Column:
    """A column: what it says of a row, in which unit, and how that is found in a session and the row's item."""

    name: str
    unit: str
    meaning: str
    of: Callable[[Session, Any], Cell]


@dataclass(frozen=True)
class Table:
    """A file, what its rows are, and the items that they are made of."""

    file: str
    row: str
    columns: tuple[Column, ...]
    items: Callable[[Session], Iterator[Any]]

    def rows(self, session: Session) -> Iterator[list[str]]:
        """One by one, as text, without the header."""
        for item in self.items(session):
            yield [_text(column.of(session, item)) for column in self.columns]


def write_table(table: Table, session: Session, path: Path) -> None:
    """Write a table with its header, row by row."""
    _write(path, [column.name for column in table.columns], table.rows(session))


def write_columns(path: Path) -> None:
    """Write what every column of every table means."""
    documented = ([t.file, t.row, c.name, c.unit, c.meaning] for t in TABLES for c in t.columns)
    _write(path, ["table", "row", "column", "unit", "meaning"], documented)


def _write(path: Path, header: list[str], rows: Iterator[list[str]]) -> None:
    # Half of a surrogate pair, which a file name may hold, is no character of UTF-8.
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")  # RFC 4180; before Python 3.13 only characters of it are quoted
        writer.writerow(header)
        writer.writerows(rows)


def _text(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float | np.floating) and np.isnan(cell)):
        return ""
    if isinstance(cell, str):
        return "'" + cell if cell.startswith(_FORMULA) else cell
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _seconds(value: float) -> float:
    return round(float(value), 3)


def _rounded(value: float) -> float:
    return round(float(value), 6)


def _name(session: Session, key: str) -> str:
    return next((person.name for person in session.people if person.key == key), key)


def _best(name: str, unit: str, meaning: str, of: Callable[[Recognised], Cell]) -> Column:
    return Column(name, unit, meaning, lambda _, item: None if item[1].best is None else of(item[1].best))


def _probability(source: str, k: int) -> Column:
    """Of one label by one source: column ``voice_angry``; of the best source ``p_angry``."""

    def of(_: Session, item: tuple[int, Moment]) -> Cell:
        found = getattr(item[1], source)
        return None if found is None else _rounded(found.probabilities[k])

    by = {"best": "what `modality` names", "both": "voice and face together"}.get(source, f"the {source}")
    meaning = f"calibrated, that {LABELS[k]} is portrayed, by {by}; empty: a gap"
    return Column(f"{'p' if source == 'best' else source}_{LABELS[k]}", "probability 0–1", meaning, of)


def _gap(source: str) -> Column:
    meaning = f"why there is no emotion of the {source}; empty where there is one"
    return Column(f"gap_{source}", "", meaning, lambda _, item: _reason(item[1], source))


def _reason(moment: Moment, source: str) -> str | None:
    reason = moment.gaps.get(source)
    return None if reason is None else str(reason)


def _stretch(of: Callable[[Any], Segment]) -> tuple[Column, ...]:
    return (
        Column("start_s", "seconds on the clock of the recording", "where it begins", lambda _, item: _seconds(of(item).start)),
        Column("end_s", "seconds on the clock of the recording", "where it ends", lambda _, item: _seconds(of(item).end)),
    )


def _who(of: Callable[[Any], str]) -> tuple[Column, ...]:
    return (
        Column("person", "", f"key of a person; {UNKNOWN}: the evidence does not say who", lambda _, item: of(item)),
        Column("name", "", "of the person, as given by a reader", lambda session, item: _name(session, of(item))),
    )


def _is_counted(of: Callable[[Any], Segment]) -> Column:
    meaning = "false: in or partly in an excluded stretch, and no number of the session counts it"
    return Column("counted", "true or false", meaning, lambda session, item: not touches(of(item), session.excluded))


def _of_frame(name: str, unit: str, meaning: str, of: Callable[[Frames, int], Cell]) -> Column:
    return Column(name, unit, meaning, lambda session, row: of(session.frames, row))


def _side(side: int, name: str) -> Column:
    return _of_frame(name, "pixels of the film", "of the box around the face", lambda frames, row: frames.box[row, side])


def _alone(k: int) -> Column:
    meaning = f"that {LABELS[k]} is portrayed, by the face in this one picture; empty: not judged"
    return _of_frame(f"p_{LABELS[k]}", "probability 0–1", meaning, lambda frames, row: frames.probabilities[row, k])


SEGMENTS = Table(
    "segments.csv",
    "a moment: a speech turn or a part of one, or two seconds of a face",
    (
        Column("moment", "", "position in session.json, from 0", lambda _, item: item[0]),
        *_stretch(lambda item: item[1].segment),
        *_who(lambda item: item[1].person),
        Column("speech", "true or false", "whether this person speaks here", lambda _, item: bool(item[1].speech)),
        _is_counted(lambda item: item[1].segment),
        Column("modality", "", "what model to p_surprised are of: both, else voice, else face", lambda _, item: source_of(item[1])),
        _best("model", "", "that was asked", lambda found: found.model),
        _best("label", "", "the emotion that the model recognises: the most probable one", lambda found: found.label),
        _best("confidence", "probability 0–1", "of that emotion", lambda found: _rounded(found.probabilities.max())),
        _best(
            "distance",
            "1 = the farthest usual",
            "of the voice from those that the model knows; empty of a face alone",
            lambda found: _rounded(found.distance),
        ),
        _gap("voice"),
        _gap("face"),
        *(_probability(source, k) for source in ("best", *_SOURCES) for k in range(len(LABELS))),
    ),
    lambda session: enumerate(session.moments),
)

FRAMES = Table(
    "frames.csv",
    "a face in a picture that was looked at",
    (
        _of_frame("time_s", "seconds on the clock of the recording", "of the picture", lambda frames, row: float(frames.time[row])),
        Column("person", "", f"key of a person; {UNKNOWN}: the evidence does not say who", lambda session, row: session.frames.person[row]),
        Column("name", "", "of the person, as given by a reader", lambda session, row: _name(session, session.frames.person[row])),
        _of_frame(
            "track", "", "number of the stretch of pictures over which this face was followed", lambda frames, row: int(frames.track[row])
        ),
        *(_side(side, name) for side, name in enumerate(("left", "top", "width", "height"))),
        _of_frame("hindrance", "", "what keeps the face from being judged; empty: nothing", lambda frames, row: str(frames.hindrance[row])),
        _of_frame(
            "mouth", "1 = as the rest of the face", "how much the mouth moves; empty: not measured", lambda frames, row: frames.mouth[row]
        ),
        *(_alone(k) for k in range(len(LABELS))),
    ),
    lambda session: iter(range(len(session.frames))),
)

TURNS = Table(
    "turns.csv",
    "a stretch of speech of one person",
    (
        *_stretch(lambda item: item[0]),
        *_who(lambda item: item[1]),
        _is_counted(lambda item: item[0]),
    ),
    lambda session: ((segment, key) for segment, _, key in session.speech.itertracks(yield_label=True)),
)

TABLES = (SEGMENTS, FRAMES, TURNS)
COLUMNS_FILE = "columns.csv"
