"""A session as a plain folder: ``session.json``, from which it is opened again without the film, tables and files for other programs."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pyannote.core import Annotation, Segment, Timeline

from features.media.limits import MediaError
from models.labels import LABELS
from xai.session.exchange import write_eaf, write_rttm, write_srt, write_textgrid
from xai.session.session import Frames, Gap, Moment, Person, Recognised, Session
from xai.session.tables import COLUMNS_FILE, FRAMES, TABLES, write_columns, write_table

FORMAT = 1
KIND = "EmoLens session"
SESSION_FILE = "session.json"
EXCHANGE: Mapping[str, Callable[[Session, Path], None]] = {
    "speech.rttm": write_rttm,
    "session.srt": write_srt,
    "session.eaf": write_eaf,
    "session.TextGrid": write_textgrid,
}
_SOURCES = ("voice", "face", "both")


def write(session: Session, folder: Path) -> list[Path]:
    """Write a session with all tables and files for other programs, and return their paths; what else lies in the folder stays.

    All are written under other names and renamed when the last is complete, ``session.json`` after the rest. Raises MediaError: the
    folder cannot be written to, or holds a ``session.json`` of another program.
    """
    folder = Path(folder)
    if (folder / SESSION_FILE).exists():
        _loaded(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".unfinished-", dir=folder) as unfinished:
            names = _write_all(session, Path(unfinished))
            for name in names:
                os.replace(Path(unfinished, name), folder / name)
    except OSError as error:
        raise MediaError(f"The session cannot be written to {folder.name} ({error.strerror}): choose another folder.") from error
    return [folder / name for name in names]


def read(folder: Path) -> Session:
    """Open a session that was written. It is equal to that one; what was not finite is NaN.

    Raises MediaError: the folder holds no session, or one that is broken or of a newer format.
    """
    folder = Path(folder)
    found = _loaded(folder)
    if found["format"] != FORMAT:
        raise MediaError(f"The session in {folder.name} was written by another version of EmoLens: open it with that one.")
    try:
        return _session(found, _read_frames(folder / FRAMES.file, found["frames"]["rows"]))
    except (OSError, LookupError, TypeError, ValueError, AttributeError, OverflowError, csv.Error) as error:
        raise MediaError(f"The session in {folder.name} is damaged: read the recording again.") from error


def to_dict(session: Session) -> dict[str, Any]:
    """Everything but the frames, in plain numbers, strings, lists and dictionaries; what is not finite is None."""
    return {
        "kind": KIND,
        "format": FORMAT,
        **{key: _plain(getattr(session, key)) for key in ("name", "digest", "seconds")},
        "people": [asdict(person) for person in session.people],
        "speech": _tracks(session.speech),
        "seen": _tracks(session.seen),
        "moments": [_moment(moment) for moment in session.moments],
        "frames": {"file": FRAMES.file, "rows": len(session.frames)},
        "cuts": _plain(session.cuts),
        "excluded": [[float(stretch.start), float(stretch.end)] for stretch in session.excluded],
        **{key: _plain(getattr(session, key)) for key in ("models", "settings", "notes")},
    }


def _write_all(session: Session, folder: Path) -> list[str]:
    for table in TABLES:
        write_table(table, session, folder / table.file)
    write_columns(folder / COLUMNS_FILE)
    for name, write_one in EXCHANGE.items():
        write_one(session, folder / name)
    text = json.dumps(to_dict(session), indent=1, ensure_ascii=False, allow_nan=False)
    # Half of a surrogate pair, which a file name may hold, becomes \udc80, which is how JSON writes it.
    (folder / SESSION_FILE).write_bytes(text.encode("utf-8", "backslashreplace"))
    return [*(table.file for table in TABLES), COLUMNS_FILE, *EXCHANGE, SESSION_FILE]


def _loaded(folder: Path) -> dict[str, Any]:
    """What ``session.json`` holds; MediaError unless it is EmoLens'."""
    path = folder / SESSION_FILE
    if not path.is_file():
        raise MediaError(f"There is no session in {folder.name}: choose a folder with a {SESSION_FILE}.")
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise MediaError(f"The {SESSION_FILE} in {folder.name} cannot be read: read the recording again, into another folder.") from error
    if not isinstance(found, dict) or found.get("kind") != KIND or "format" not in found:
        raise MediaError(f"The {SESSION_FILE} in {folder.name} was not written by EmoLens: choose another folder.")
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _tracks(annotation: Annotation) -> list[dict[str, Any]]:
    return [
        {"start": float(segment.start), "end": float(segment.end), "person": label, "track": _plain(track)}
        for segment, track, label in annotation.itertracks(yield_label=True)
    ]


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "start": float(moment.start),
        "end": float(moment.end),
        "person": moment.person,
        "speech": bool(moment.speech),
        **{source: _recognised(getattr(moment, source)) for source in _SOURCES},
        "gaps": {source: str(reason) for source, reason in moment.gaps.items()},
    }


def _recognised(found: Recognised | None) -> dict[str, Any] | None:
    if found is None:
        return None
    probabilities = dict(zip(LABELS, _plain(found.probabilities), strict=True))
    return {"model": found.model, "label": found.label, "probabilities": probabilities, "distance": _plain(found.distance)}


def _session(found: Mapping[str, Any], frames: Frames) -> Session:
    return Session(
        _text(found["name"]),
        _text(found["digest"]),
        float(found["seconds"]),
        tuple(Person(**person) for person in found["people"]),
        _annotation(found["speech"]),
        _annotation(found["seen"]),
        tuple(_read_moment(moment) for moment in found["moments"]),
        frames,
        tuple(float(cut) for cut in found["cuts"]),
        Timeline(Segment(float(start), float(end)) for start, end in found["excluded"]),
        dict(found["models"]),
        {key: float("nan") if value is None else value for key, value in found["settings"].items()},
        tuple(_text(note) for note in found["notes"]),
    )


def _annotation(tracks: Sequence[Mapping[str, Any]]) -> Annotation:
    made = Annotation()
    for one in tracks:
        made[Segment(float(one["start"]), float(one["end"])), one["track"]] = _text(one["person"])
    return made


def _read_moment(found: Mapping[str, Any]) -> Moment:
    return Moment(
        float(found["start"]),
        float(found["end"]),
        _text(found["person"]),
        bool(found["speech"]),
        **{source: _read_recognised(found[source]) for source in _SOURCES},
        gaps={source: Gap(reason) for source, reason in found["gaps"].items()},
    )


def _read_recognised(found: Mapping[str, Any] | None) -> Recognised | None:
    if found is None:
        return None
    probabilities = np.array([_number(found["probabilities"][label]) for label in LABELS])
    return Recognised(_text(found["model"]), probabilities, _number(found["distance"]))


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _read_frames(path: Path, count: int) -> Frames:
    """Exactly what was written, as :mod:`xai.session.tables` writes the fewest digits that give the same number again."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if len(rows) != count:
        raise ValueError(f"{len(rows)} frames, not {count}")

    def numbers(*names: str) -> np.ndarray:
        return np.array([[float(row[name] or "nan") for name in names] for row in rows]).reshape(-1, len(names))

    return Frames(
        numbers("time_s")[:, 0],
        tuple(_text(row["person"]) for row in rows),
        np.array([int(row["track"]) for row in rows], int),
        numbers("left", "top", "width", "height").astype(np.float32),
        tuple(_text(row["hindrance"]) for row in rows),
        numbers("mouth")[:, 0].astype(np.float32),
        numbers(*(f"p_{label}" for label in LABELS)).astype(np.float32),
    )
