"""``python -m xai session FILE --out DIR``: a recorded session as a folder; ``python -m xai session DIR --at 61.5``: one moment of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from features import MediaError
from features.session.source import open_source
from models.threads import serving_threads
from xai.analysis import check
from xai.explanation import Contrast
from xai.foreground import foreground, with_stand_ins
from xai.render.export import write as write_evidence
from xai.session.evidence import moment_at, open_moment
from xai.session.interpret import interpret
from xai.session.observations import load, save
from xai.session.observe import observe
from xai.session.read import session_model
from xai.session.session import UNKNOWN, Session
from xai.session.store import read, write

OBSERVATIONS = "observations.npz"


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m xai session", description=(__doc__ or "").replace("``", ""))
    p.add_argument("session", type=Path, help="a film or a sound file of up to 90 minutes; or the folder of one that was read")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for what is found")
    p.add_argument("--speakers", type=int, choices=range(1, 9), metavar="N", help="how many people speak, if that is known")
    p.add_argument("--at", type=float, metavar="SECONDS", help="explain the moment that holds this instant")
    p.add_argument("--person", metavar="KEY", help="whose moment: A, B, …")
    p.add_argument("--film", type=Path, help="the recording, where it does not lie beside its folder")
    p.add_argument("--no-trust", action="store_true", help="leave out the trust scores of a moment, which take some seconds")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Read a session or open a moment of one; 0 if all went well, 2 with one line on stderr where something cannot be used."""
    options = parser().parse_args(arguments)
    serving_threads()
    try:
        if options.out.exists() and not options.out.is_dir():
            raise MediaError(f"{options.out} is not a folder")
        if options.session.is_dir():
            return _moment(options) if options.at is not None else _again(options)
        session = _read(options)
        if options.at is not None:
            _open(session, options.session, options)
    except (MediaError, FileNotFoundError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("cancelled", file=sys.stderr)
        return 130
    return 0


def _read(options: argparse.Namespace) -> Session:
    bar: tqdm | None = None

    def progress(words: str, share: float) -> None:
        nonlocal bar
        bar = bar if bar is not None else tqdm(total=100, bar_format="{desc} {percentage:3.0f} % {bar} {elapsed}, {remaining} left")
        bar.set_description_str(words, refresh=False)
        bar.update(round(100 * share) - bar.n)

    try:
        source, model = open_source(options.session), session_model()
        seen = observe(source, model, options.speakers, progress)
    finally:
        if bar is not None:
            bar.close()
    session = interpret(seen, model)
    write(session, options.out)
    save(seen, options.out / OBSERVATIONS)
    _say(session, options.out)
    return session


def _again(options: argparse.Namespace) -> int:
    """What was observed, interpreted and written again."""
    write(session := interpret(load(options.session / OBSERVATIONS), session_model()), options.out)
    _say(session, options.out)
    return 0


def _say(session: Session, folder: Path) -> None:
    speech = session.speech.get_timeline().duration()
    print(f"{session.name}: {session.seconds / 60:.1f} minutes, {len(session.people)} people, {speech / 60:.1f} minutes of speech")
    for person in session.people:
        heard = session.speech.label_duration(person.key)
        known = " and ".join(what for what in ("voice", "face") if getattr(person, what))
        print(f"{person.name}: known by {known}; speaks {heard:.0f} s")
    if not session.moments:
        print("nothing was judged: no speech is heard, and no face is seen long enough")
    if (unknown := session.speech.label_duration(UNKNOWN)) > 0:
        print(f"not known who speaks: {unknown:.0f} s")
    print(f"written: {folder / 'session.json'}")


def _moment(options: argparse.Namespace) -> int:
    session = read(options.session)
    film = options.film or options.session.resolve().parent / session.name
    if not film.is_file():
        raise MediaError(f"{session.name} does not lie beside {options.session.name}: say where it is with --film.")
    return _open(session, film, options)


def _open(session: Session, film: Path, options: argparse.Namespace) -> int:
    source = open_source(film)
    if source.digest() != session.digest:
        raise MediaError(f"{film.name} is not the recording that was read: its bytes differ.")
    moment = moment_at(session, options.at, options.person)
    analysis = open_moment(session, source, moment, session_model())
    contrast = Contrast(analysis.predicted)
    trust = {} if options.no_trust else check(analysis, contrast)
    analysis, trust = with_stand_ins(analysis, trust, contrast)
    write_evidence(analysis, options.out, contrast, None if options.no_trust else trust, shown=list(foreground(analysis, trust).values()))
    print(f"{moment.start:.1f} to {moment.end:.1f} s, {moment.person}: {analysis.label} {analysis.probabilities.max():.0%}")
    print(f"written: {options.out / 'result.json'}")
    return 0
