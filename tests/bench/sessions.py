"""``python -m tests.bench.sessions``: what is read of sessions whose truth is known, as they were made (:mod:`tests.sessions`).

Voices are those of actors 13 to 24, or with ``--actors tune`` of 1 to 12: nothing that is scored was tuned on. Of faces there are films of
actors 01 and 05 alone, so that the same two are seen and heard in every film. The diarisation error rate leaves out 0.25 s to either side
of each boundary and counts overlaps. ``… single`` is what the same model recognises in the same recordings one by one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from features import Modality, extract
from models.checkpoint import load_model
from models.labels import LABELS
from tests.bench.session_scores import Scores, judged, score
from tests.sessions.make import ACTORS, make_session
from tests.sessions.people import film_of
from tests.sessions.truth import Truth
from xai.session.session import Session

CASES: dict[str, dict] = {
    "two-short": {"speakers": 2, "turn": 1.5},
    "two-long": {"speakers": 2, "turn": 6.0},
    "three-short": {"speakers": 3, "turn": 1.5},
    "three-long": {"speakers": 3, "turn": 6.0},
    "telephone": {"speakers": 2, "turn": 6.0, "telephone": True},
    "noise": {"speakers": 2, "turn": 6.0, "snr": 10.0},
    "overlap": {"speakers": 2, "turn": 6.0, "overlap": True},
    "gallery": {"view": "gallery"},
    "gallery-short": {"view": "gallery", "turn": 1.5},
    "gallery-listener": {"view": "gallery", "speakers": 3, "listener": True},
    "gallery-leaves": {"view": "gallery", "leaves": True},
    "speaker": {"view": "speaker"},
    "screen": {"view": "screen"},
}
TABLES = {
    "Who speaks": ("DER", "missed", "false alarm", "confusion", "unknown", "unknown rightly", "boundary precision", "boundary recall"),
    "Whose face": (
        *("track purity", "person purity", "person coverage", "faces found", "false faces"),
        *("voice to face", "voice to face wrong", "face unknown", "cut precision", "cut recall"),
    ),
    "Which emotion": ("moments judged", *(f"{name}{end}" for name in ("voice", "face", "both", "best") for end in ("", " single"))),
}


def main(arguments: list[str] | None = None) -> int:
    """Make, read, score and print."""
    p = argparse.ArgumentParser(prog="python -m tests.bench.sessions", description=__doc__)
    p.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with ravdess_speech and clips")
    p.add_argument("--cases", choices=CASES, nargs="+", default=list(CASES), metavar="NAME", help=", ".join(CASES))
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--minutes", type=float, default=3.0)
    p.add_argument("--actors", choices=ACTORS, default="score")
    p.add_argument("--given", action="store_true", help="say how many people speak, instead of having it found")
    p.add_argument("--no-single", action="store_true", help="do not ask the models about single recordings")
    p.add_argument("--keep", type=Path, help="make the sessions in this folder, and keep them")
    p.add_argument("--json", type=Path, help="write the figures of every session here too")
    options = p.parse_args(arguments)
    rows: dict[str, list[Scores]] = {}
    singles = None if options.no_single else Singles(options.data)
    with nullcontext(options.keep) if options.keep else tempfile.TemporaryDirectory() as folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name in options.cases:
            rows[name] = [one(name, seed, Path(folder), options, singles) for seed in range(options.seeds)]
    for title, columns in TABLES.items():
        if any(np.isfinite(found.get(column, np.nan)) for scores in rows.values() for found in scores for column in columns):
            print(table(title, columns, rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


def one(name: str, seed: int, folder: Path, options: argparse.Namespace, singles: Singles | None) -> Scores:
    """Make a session of a case, read it and score it."""
    from xai.session.read import read_session

    case = CASES[name]
    path = folder / f"{name}-{seed}{'.mp4' if case.get('view') else '.wav'}"
    chosen = {"minutes": options.minutes, "actors": ACTORS[options.actors]}
    truth = make_session(path, seed=seed, data=options.data, **{**chosen, **case})
    start = time.perf_counter()
    session = read_session(path, speakers=len(truth.ties) if options.given else None)
    seconds = time.perf_counter() - start
    found = score(session, truth, singles(session, truth) if singles else None)
    if not options.keep:
        path.unlink()
    people = len({label for label in session.speech.labels() if label != "unknown"})
    print(f"{path.name}: {people} of {len(truth.ties)} voices, DER {found['DER']:.1%}, {seconds:.0f} s", flush=True)
    return {**found, "voices": people, "seconds": seconds}


class Singles:
    """What the models of a session make of each recording on its own; each is asked once."""

    def __init__(self, data: Path) -> None:
        self._files = {file.name: file for folder in ("ravdess_speech", "clips") for file in (data / folder).rglob("03-*")}
        self._known: dict[tuple[str, str, str], str] = {}

    def __call__(self, session: Session, truth: Truth) -> dict[str, dict[str, str]]:
        names = {j.file for j in judged(session, truth)[0]}
        found: dict[str, dict[str, str]] = {"voice": {}, "face": {}, "both": {}, "best": {}}
        for name in sorted(names):
            filmed = film_of(self._files[name]).exists()
            for modality in ("voice", "face", "both") if filmed else ("voice",):
                if modality in session.models:
                    found[modality][name] = self._label(session.models[modality], name, modality)
            best = next((found[modality][name] for modality in ("both", "voice", "face") if name in found[modality]), None)
            if best is not None:
                found["best"][name] = best
        return found

    def _label(self, model: str, name: str, modality: str) -> str:
        key = model, name, modality
        if key not in self._known:
            file = self._files[name]
            self._known[key] = single(model, file if modality != "face" else None, film_of(file) if modality != "voice" else None)
        return self._known[key]


def single(name: str, voice: Path | None, film: Path | None) -> str:
    """The label of one recording by one model, by its voice, its face or both."""
    model = load_model(name)
    sound = voice.read_bytes() if voice else None
    picture = film.read_bytes() if film else None
    features = extract(sound, picture, model.load_encoders())
    if voice is None:
        features = features.with_part(Modality.AUDIO, None)
    return LABELS[int(model.predict(features).argmax())]


def table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[Scores]]) -> str:
    """Means over seeds in percent, a line for each case; a column that no case has is left out, as is a case without any."""
    means = {
        name: {column: mean(found.get(column, float("nan")) for found in scores) for column in columns} for name, scores in rows.items()
    }
    there = [column for column in columns if any(np.isfinite(line[column]) for line in means.values())]
    lines = [f"| {title} | " + " | ".join(there) + " |", "|---|" + "---:|" * len(there)]
    for name, line in means.items():
        if any(np.isfinite(line[column]) for column in there):
            lines.append(f"| {name} | " + " | ".join(f"{100 * line[c]:.1f}" if np.isfinite(line[c]) else "" for c in there) + " |")
    return "\n".join(lines) + "\n"


def mean(values: Iterable[float]) -> float:
    """Of those that are numbers; NaN where none is."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")


if __name__ == "__main__":
    sys.exit(main())
