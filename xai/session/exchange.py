"""A session in the formats of other programs: RTTM, SRT, ELAN's EAF and Praat's TextGrid, without what is excluded.

Names are kept but for what a format cannot hold: control characters and line ends become spaces. pympi (Lubbers & Torreira,
https://github.com/dopefishh/pympi) is imported when it is first asked for.
"""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from models.labels import LABELS
from xai.session.numbers import Source, counted, keys_of, source_of
from xai.session.session import UNKNOWN, Moment, Session
from xai.session.talk import counted_speech

if TYPE_CHECKING:
    from pympi.Elan import Eaf
    from pympi.Praat import TextGrid

Interval = tuple[int, int, str]  # milliseconds and words

SPOKEN = "speech"
EXCLUDED = "excluded"
_SOURCES: tuple[Source, ...] = ("voice", "face", "both")
_BY: dict[Source | None, str] = {"voice": "by the voice", "face": "by the face", "both": "by voice and face"}
_READ_AS_MISSING = {"na", "nan", "-nan", "null", "none", "n_a", ""}  # by pandas, with which pyannote reads RTTM


def write_rttm(session: Session, path: Path) -> None:
    """Write who speaks when; a speaker is the key, with the name behind it where that is another: ``A_Anna``."""
    labels = {key: _speaker(session, key) for key in keys_of(session)}
    speech = counted_speech(session).rename_labels(labels)
    uri = _token(Path(file_name(session)).stem)
    speech.uri = f"{uri}_" if uri.casefold() in _READ_AS_MISSING else uri
    with path.open("w", encoding="utf-8", newline="\n") as file:
        speech.write_rttm(file)


def write_srt(session: Session, path: Path) -> None:
    """Write a subtitle for each stretch of speech: who speaks, which emotion is recognised and how surely, or why there is none."""
    spoken = (moment for _, moment in counted(session) if moment.speech)
    cues = sorted(((*_milliseconds(m.start, m.end), _cue(session, m)) for m in spoken), key=lambda cue: cue[:2])
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number, (start, end, words) in enumerate((cue for cue in cues if cue[1] > cue[0]), 1):
            file.write(f"{number}\n{_clock(start)} --> {_clock(end)}\n{words}\n\n")


def write_eaf(session: Session, path: Path) -> None:
    """Write ELAN's file: for each person the :func:`tiers`, linked to the film by its name alone, which must lie beside it."""
    path.unlink(missing_ok=True)  # pympi would keep the former file as .bak
    eaf(session).to_file(str(path))


def write_textgrid(session: Session, path: Path) -> None:
    """Write Praat's file, with the same tiers as ELAN's."""
    textgrid(session).to_file(str(path))


def eaf(session: Session) -> Eaf:
    """The session as pympi's ``Eaf``; times in whole milliseconds."""
    from pympi.Elan import Eaf

    made = Eaf(author="EmoLens")
    made.adocument["DATE"] = datetime.now(UTC).isoformat(timespec="seconds")
    made.remove_tier("default")
    film = _plain(file_name(session))
    made.add_linked_file(film, relpath=f"./{film}", mimetype=mimetypes.guess_type(film)[0] or "unknown")
    for (key, kind), intervals in tiers(session).items():
        tier = tier_name(session, key, kind)
        made.add_tier(tier, part=who(session, key) if key else None)
        for start, end, words in intervals:
            made.add_annotation(tier, start, end, words)
    return made


def textgrid(session: Session) -> TextGrid:
    """The session as pympi's ``TextGrid``; seconds with three decimals."""
    from pympi.Praat import TextGrid

    found = tiers(session)
    ends = [end for intervals in found.values() for _, end, _ in intervals]
    made = TextGrid(xmin=0.0, xmax=max([round(session.seconds * 1000), *ends]) / 1000)
    for (key, kind), intervals in found.items():
        # pympi doubles the quotation marks of texts, but not those of names.
        tier = made.add_tier(tier_name(session, key, kind).replace('"', '""'))
        for start, end, words in intervals:
            tier.add_interval(start / 1000, end / 1000, words, check=False)
    return made


def tiers(session: Session) -> dict[tuple[str, str], list[Interval]]:
    """By key of a person and what of them (``speech``, ``voice``, ``face``, ``both``): intervals in order, none over another.

    An emotion is its label alone; where there is none the reason is given in parentheses. Under the key ``""`` is what is excluded.
    """
    speech = counted_speech(session)
    found: dict[tuple[str, str], list[Interval]] = {}
    for key in keys_of(session):
        spoken = ((segment.start, segment.end, who(session, key)) for segment in speech.label_timeline(key))
        found[key, SPOKEN] = _apart(spoken)
        for source in _SOURCES:
            found[key, source] = _apart((m.start, m.end, _said(m, source)) for _, m in counted(session, key) if _said(m, source))
    found["", EXCLUDED] = _apart((stretch.start, stretch.end, EXCLUDED) for stretch in session.excluded.support())
    return found


def tier_name(session: Session, key: str, kind: str) -> str:
    """Of a tier: ``A Anna: voice``; no two people have the same, as they have different keys."""
    if not key:
        return kind
    name = who(session, key)
    return f"{key}: {kind}" if name == key else f"{key} {name}: {kind}"


def who(session: Session, key: str) -> str:
    """The name of a person in one line, without what XML cannot hold; the key where nothing is left."""
    name = next((person.name for person in session.people if person.key == key), key)
    return _plain(name) or key


def file_name(session: Session) -> str:
    """The name of the film without any folder."""
    return re.split(r"[/\\]", session.name)[-1]


def _said(moment: Moment, source: Source) -> str:
    found, reason = getattr(moment, source), moment.gaps.get(source)
    return found.label if found is not None else f"({reason})" if reason is not None else ""


def _cue(session: Session, moment: Moment) -> str:
    from xai.render.text import odds  # with all that draws explanations: heavy

    name = "Somebody unknown" if moment.person == UNKNOWN else who(session, moment.person)
    best = moment.best
    if best is not None:
        certainty = odds(float(best.probabilities[LABELS.index(best.label)]))
        said = f"the model recognises {best.label}, {certainty}, {_BY[source_of(moment)]}"
    else:
        said = "no emotion is recognised"
    reasons = [f"{source}: {reason}" for source in _SOURCES if (reason := moment.gaps.get(source)) is not None]
    words = f"{name} speaks: {said}" + (f" ({', '.join(reasons)})" if reasons else "")
    return words.replace("<", "‹").replace(">", "›")  # players take these for tags, and --> for a time


def _apart(intervals: Iterable[tuple[float, float, str]]) -> list[Interval]:
    """In whole milliseconds; what overlaps its predecessor, as moments of several unknown people may, begins at the end of that."""
    found: list[Interval] = []
    for start, end, words in _rounded(intervals):
        start = max(start, found[-1][1] if found else 0)
        if end > start:
            found.append((start, end, words))
    return found


def _rounded(intervals: Iterable[tuple[float, float, str]]) -> Iterator[Interval]:
    for start, end, words in sorted(intervals):
        yield (*_milliseconds(start, end), words)


def _milliseconds(start: float, end: float) -> tuple[int, int]:
    return max(0, round(float(start) * 1000)), max(0, round(float(end) * 1000))


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d},{rest:03d}"


def _speaker(session: Session, key: str) -> str:
    name = who(session, key)
    return _token(key) if name == key else f"{_token(key)}_{_token(name)}"


def _token(text: str) -> str:
    """Letters of any language, digits, points and dashes; anything else, spaces above all, becomes an underscore."""
    return re.sub(r"[^\w.-]+", "_", text)


def _plain(text: str) -> str:
    """One line of characters that XML holds: no control characters, no halves of surrogate pairs."""
    return " ".join("".join(" " if unicodedata.category(c) in ("Cc", "Cs") or c in "\ufffe\uffff" else c for c in text).split())
