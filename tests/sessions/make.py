"""``python -m tests.sessions.make OUT --view gallery``: a session of known structure, with ``OUT.truth.json`` beside it.

Voices: RAVDESS, several recordings of one emotion a turn, trimmed, at the level at which they were recorded, over the noise of a silent
room. Faces: the filmed clips of actors 01 and 05; who speaks is seen in time with the voice, who listens as before the first word. Other
voices have no face, and a photograph never speaks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pyannote.core import Segment

from tests.sessions.film import whole_units, write_film, write_sound
from tests.sessions.people import Actor, Nobody, Person, Portrait, film_of
from tests.sessions.script import Absence, Turn, leaving, write_script
from tests.sessions.sound import sound
from tests.sessions.truth import Portrayed, Shown, Truth, annotation
from tests.sessions.views import Shots, View
from tests.sessions.voices import Voice, voice_of

ACTORS = {"tune": tuple(range(1, 13)), "score": tuple(range(13, 25))}
FILMED = 1, 5
VIEWS = "gallery", "speaker", "screen"
_NOTED = 5  # times a second that faces are noted


def make_session(
    path: Path,
    *,
    seed: int,
    data: Path,
    speakers: int = 2,
    turn: float = 6.0,
    view: str | None = None,
    minutes: float = 2.0,
    overlap: bool = False,
    telephone: bool = False,
    snr: float | None = None,
    actors: Sequence[int] | None = None,
    leaves: bool = False,
    listener: bool = False,
    late: bool = True,
    fps: int = 25,
    preset: str = "veryfast",
) -> Truth:
    """Make a session, write it to ``path``, and ``path`` + ``.truth.json`` with what is known of it.

    Args:
        path: ``.mp4`` or ``.mkv`` with a view; else ``.wav``, ``.flac`` or ``.ogg`` too.
        data: folder with ``ravdess_speech`` and ``clips``.
        speakers: in a film the first two are the filmed actors 01 and 05, and only they have a face.
        turn: seconds of a turn, give or take a fifth.
        view: ``gallery``, ``speaker`` or ``screen``; None: sound alone.
        overlap: a third of the turns begin before the one before has ended; of a session in which nobody leaves.
        telephone: 300 to 3,400 Hz, 8 kHz.
        snr: dB from speech to noise; None: a silent room.
        actors: numbers of those whose voices may be taken; a seed chooses among them.
        leaves: the last person with a face is away for 20 seconds.
        listener: a photograph of somebody who never speaks is in the gallery.
        late: some cuts of the speaker view come late, or the one who listens stays in the picture.

    Raises:
        ValueError: these do not go together.
    """
    if overlap and leaves:
        raise ValueError("choose overlap or leaves")
    if view is not None and view not in VIEWS:
        raise ValueError(f"view is one of {', '.join(VIEWS)}")
    rng = np.random.default_rng(seed)
    voices = _voices(data, speakers, view, actors, rng)
    seconds = whole_units(minutes * 60)
    faces = [voice.person for voice in voices[: len(FILMED)]] if view else []
    absence = leaving(faces[-1], seconds) if leaves and faces else None
    turns = write_script(voices, seconds, turn, overlap, absence, rng)
    blocks = sound(turns, seconds, snr, telephone, seed)
    shots = Shots(turns, late, fps, rng)
    seen: View | None = None
    if view:
        seen = View(view, _people(voices, turns, data, listener and view == "gallery"), Nobody(), shots, absence)
        write_film(path, seconds, fps, seen.picture, blocks, telephone, preset)
    else:
        write_sound(path, blocks, telephone)
    chosen = {"seed": seed, "speakers": speakers, "turn": turn, "view": view, "overlap": overlap, "telephone": telephone, "snr": snr}
    truth = _truth(seconds, {**chosen, "leaves": leaves, "listener": listener, "fps": fps}, turns, seen, absence, fps)
    truth.save(truth_file(path))
    return truth


def truth_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.truth.json")


def _voices(data: Path, speakers: int, view: str | None, actors: Sequence[int] | None, rng: np.random.Generator) -> list[Voice]:
    filmed = FILMED[:speakers] if view else ()
    others = [actor for actor in actors or range(1, 25) if actor not in filmed]
    chosen = rng.choice(others, speakers - len(filmed), replace=False)
    return [voice_of(data, actor, filmed=True) for actor in filmed] + [voice_of(data, int(actor), filmed=False) for actor in chosen]


def _people(voices: list[Voice], turns: list[Turn], data: Path, listener: bool) -> dict[str, Person]:
    people: dict[str, Person] = {}
    for number, voice in enumerate(voices):
        pieces = [piece for turn in turns if turn.person == voice.person for piece in turn.pieces]
        clips = [film_of(file) for files in voice.files.values() for file in files]
        people[voice.person] = Actor(voice.person, pieces, clips) if number < len(FILMED) else Nobody()
    return people | ({Portrait.name: Portrait()} if listener else {})


def _truth(seconds: float, settings: dict, turns: list[Turn], view: View | None, absence: Absence | None, fps: int) -> Truth:
    if absence:
        settings |= {"away": [absence.person, absence.start, absence.end]}
    spoken = [(piece.at, piece.until, turn.person, piece.label, piece.file.name) for turn in turns for piece in turn.pieces]
    faces = list(_faces(view, seconds, fps)) if view else []
    seen = {face.person for face in faces}
    return Truth(
        seconds,
        settings,
        annotation([(turn.start, turn.end, turn.person) for turn in turns]),
        tuple(Portrayed(Segment(start, end), *rest) for start, end, *rest in sorted(spoken)),
        tuple(faces),
        view.cuts if view else (),
        view.jumps if view else (),
        {person: person if person in seen else None for person in sorted({turn.person for turn in turns})},
    )


def _faces(view: View, seconds: float, fps: int):
    for number in range(0, round(seconds * fps), fps // _NOTED):
        for tile in view.tiles(number / fps):
            box = tile.box(number / fps)
            if box is not None:
                yield Shown(number / fps, tile.person.name, box)


def main(arguments: list[str] | None = None) -> int:
    """Make one session."""
    p = argparse.ArgumentParser(prog="python -m tests.sessions.make", description=__doc__)
    p.add_argument("out", type=Path)
    p.add_argument("--data", type=Path, default=Path("../shared/data"))
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--speakers", type=int, default=2)
    p.add_argument("--turn", type=float, default=6.0)
    p.add_argument("--minutes", type=float, default=2.0)
    p.add_argument("--view", choices=VIEWS)
    p.add_argument("--snr", type=float)
    p.add_argument("--actors", choices=ACTORS)
    for name in ("overlap", "telephone", "leaves", "listener"):
        p.add_argument(f"--{name}", action="store_true")
    options = vars(p.parse_args(arguments))
    options["actors"] = ACTORS.get(options["actors"])
    truth = make_session(options.pop("out"), **options)
    print(f"{truth.seconds:.0f} s, {len(truth.emotions)} recordings, {len(truth.cuts)} cuts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
