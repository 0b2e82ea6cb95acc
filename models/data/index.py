"""``python -m models.ravdess index DIR``: what a folder holds of RAVDESS's speech, what it lacks, and what is odd in it."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import soundfile

from models.data.ravdess import ACTORS, Take, find_files, find_takes, parse_name, performances
from models.labels import LABELS

_COUNTS = "voices", "videos", "strips", "pairs"
_KINDS = {"voices": "voice", "videos": "video", "strips": "strip"}
_SHOWN = 10  # lines of a list of files; all of them are in the JSON


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m models.ravdess index", description="Count what a folder holds of RAVDESS's speech.")
    p.add_argument(
        "dir", type=Path, metavar="DIR", help="folder with WAV, FLAC, MP4 or face strips (JPG), searched with all its subfolders"
    )
    p.add_argument("--json", type=Path, metavar="FILE", help="write the same there as JSON")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 2 with one line on stderr if there is nothing to count or ``--json`` cannot be written."""
    options = parser().parse_args(arguments)
    report = index(options.dir)
    if not report["voices"] + report["videos"] + report["strips"]:
        other = f" ({len(report['unparsed'])} files have other names)" if report["unparsed"] else ""
        print(f"{options.dir}: no RAVDESS speech (WAV, FLAC, MP4, JPG under its published names) found{other}", file=sys.stderr)
        return 2
    print("\n".join(table(report)))
    if options.json:
        try:
            options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            print(f"{options.json}: {error.strerror}", file=sys.stderr)
            return 2
    return 0


def index(folder: Path) -> dict:
    """Everything that is counted, ready for JSON; paths are relative to ``folder``.

    A performance is a :attr:`Take.key`. ``pairs`` are performances with a voice and an MP4, ``strip_pairs`` those with a
    voice and a face strip only. A take that is there in two forms (WAV and FLAC, MP4 and strip) counts once, as in
    training; ``other_copies`` are the files that :func:`find_takes` passes over for this reason.
    """
    files, takes = find_files(folder), find_takes(folder)
    named = [take for take in map(parse_name, files) if take is not None]
    channels = {take.path: _channels(take.path) for take in named if take.kind == "voice"}
    empty = {path for path in files if not path.stat().st_size}

    def relative(paths: Iterable[Path]) -> list[str]:
        return sorted(path.relative_to(folder).as_posix() for path in paths)

    present = sorted({take.actor for take in takes})
    return {
        **_counts(takes),
        "strip_pairs": len(_keys(takes, "voice") & _keys(takes, "strip") - _keys(takes, "video")),
        "actors": [_actor(actor, [take for take in takes if take.actor == actor]) for actor in present],
        "absent_actors": [actor for actor in ACTORS if actor not in present],
        "emotions": {label: _counts([take for take in takes if take.label == label]) for label in LABELS},
        "other_copies": len(named) - len(takes),
        "duplicates": sorted(relative(group) for group in duplicates(files)),
        "stereo": relative(path for path, count in channels.items() if count > 1),
        "unreadable": relative(empty | {path for path, count in channels.items() if not count}),
        "unparsed": relative(set(files) - {take.path for take in named}),
    }


def duplicates(files: list[Path]) -> list[list[Path]]:
    """Groups of byte-identical files of which not all have one name. Only files of equal size are read."""
    same_size, same_bytes = defaultdict(list), defaultdict(list)
    for path in files:
        same_size[path.stat().st_size].append(path)
    for size, paths in same_size.items():
        if size and len({path.name for path in paths}) > 1:
            for path in paths:
                with path.open("rb") as handle:
                    same_bytes[hashlib.file_digest(handle, "sha256").digest()].append(path)
    return [paths for paths in same_bytes.values() if len({path.name for path in paths}) > 1]


def table(report: dict) -> list[str]:
    """The report as lines of text."""
    rows = [
        [f"{row['actor']:02d}", row["sex"], *(row[name] for name in _COUNTS), row["missing_voices"], row["missing_videos"]]
        for row in report["actors"]
    ]
    lines = [
        f"{report['voices']} voices, {report['videos']} videos, {report['strips']} face strips",
        f"{report['pairs']} pairs of a voice with a video, {report['strip_pairs']} more with a face strip only",
        "",
        *_columns(["actor", "sex", *_COUNTS, "missing of 60", "missing of 120"], rows),
        "",
        *_columns(["emotion", *_COUNTS], [[label, *(row[name] for name in _COUNTS)] for label, row in report["emotions"].items()]),
    ]
    if report["absent_actors"]:
        lines += ["", f"nothing of actors {', '.join(f'{actor:02d}' for actor in report['absent_actors'])}"]
    if report["other_copies"]:
        lines += ["", f"{report['other_copies']} files are other copies or forms of these takes and are not counted"]
    lines += _list("identical under different names", [" = ".join(group) for group in report["duplicates"]])
    lines += _list("stereo", report["stereo"])
    lines += _list("empty or unreadable", report["unreadable"])
    lines += _list("names that are not RAVDESS speech", report["unparsed"])
    return lines


def _counts(takes: list[Take]) -> dict[str, int]:
    kinds = {name: sum(take.kind == kind for take in takes) for name, kind in _KINDS.items()}
    return kinds | {"pairs": len(_keys(takes, "voice") & _keys(takes, "video"))}


def _keys(takes: list[Take], kind: str) -> set[tuple]:
    return {take.key for take in takes if take.kind == kind}


def _actor(actor: int, takes: list[Take]) -> dict:
    """One row: an actor has 60 performances, each as a voice, a video with sound (01) and one without (02)."""
    published = set(performances(actor))
    videos = {(take.key, take.modality) for take in takes if take.kind == "video"}
    return {
        "actor": actor,
        "sex": takes[0].sex,
        **_counts(takes),
        "missing_voices": len(published - _keys(takes, "voice")),
        "missing_videos": len({(key, modality) for key in published for modality in (1, 2)} - videos),
    }


def _channels(path: Path) -> int:
    """Channels according to the header; 0 if it cannot be read."""
    try:
        return soundfile.info(path).channels
    except (soundfile.SoundFileError, OSError):
        return 0


def _columns(head: list[str], rows: list[list]) -> list[str]:
    """Words to the left, numbers to the right."""
    cells = [head, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = [any(isinstance(row[i], str) for row in rows) for i in range(len(head))]
    return [
        "  ".join(c.ljust(w) if to_left else c.rjust(w) for c, w, to_left in zip(row, widths, left, strict=True)).rstrip() for row in cells
    ]


def _list(title: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = [f"  … and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return ["", f"{title}: {len(names)}", *(f"  {name}" for name in names[:_SHOWN]), *more]
