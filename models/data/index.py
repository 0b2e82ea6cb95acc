"""``python -m models.ravdess index DIR``: what a folder holds of RAVDESS's speech, what it lacks, and what is odd in it."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import soundfile

from models.data.ravdess import ACTORS, Take, find_files, find_takes, parse_name, performances
from models.labels import LABELS, ravdess_label

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

    return {
        **_counts(takes),
        "other_copies": len(named) - len(takes),
        "duplicates": sorted(relative(group) for group in duplicates(files)),
        "stereo": relative(path for path, count in channels.items() if count > 1),
        "unreadable": relative(empty | {path for path, count in channels.items() if not count}),
        "unparsed": relative(set(files) - {take.path for take in named}),
    }


def _counts(takes: list[Take]) -> dict:
    """What is there, in all, by actor and by emotion, and what an actor lacks: of 60 performances a voice and two videos each."""
    import pandas as pd  # half a second

    fields = ["actor", "emotion", "intensity", "statement", "repetition", "kind"]
    files = pd.DataFrame(takes, columns=fields).groupby(fields).size().unstack(fill_value=0)
    files = files.reindex(columns=["voice", "video", "strip"], fill_value=0).add_suffix("s")
    there, sex = files > 0, {take.actor: take.sex for take in takes}
    files["pairs"] = there.voices & there.videos
    published = files.index.isin([key for actor in sex for key in performances(actor)])
    actors, emotions = files.groupby("actor").sum(), files.groupby("emotion").sum().rename(ravdess_label)
    actors.insert(0, "sex", actors.index.map(sex))
    actors["missing_voices"] = 60 - (there.voices & published).groupby("actor").sum()
    actors["missing_videos"] = 120 - (files.videos * published).groupby("actor").sum()
    return {
        **files.sum().to_dict(),
        "strip_pairs": int((there.voices & there.strips & ~there.videos).sum()),
        "actors": actors.reset_index().to_dict("records"),
        "absent_actors": [actor for actor in ACTORS if actor not in sex],
        "emotions": emotions.reindex(LABELS, fill_value=0).to_dict("index"),
    }


def duplicates(files: list[Path]) -> list[list[Path]]:
    """Groups of byte-identical files of which not all have one name. Only files of equal size are read."""
    import pandas as pd

    same = pd.DataFrame({"path": files, "name": [path.name for path in files], "size": [path.stat().st_size for path in files]})
    same = same[(same["size"] > 0) & (same.groupby("size")["name"].transform("nunique") > 1)]
    return [list(group["path"]) for _, group in same.groupby(same["path"].map(_sha256)) if group["name"].nunique() > 1]


def table(report: dict) -> list[str]:
    """The report as lines of text."""
    actors = [row | {"actor": f"{row['actor']:02d}"} for row in report["actors"]]
    lines = [
        f"{report['voices']} voices, {report['videos']} videos, {report['strips']} face strips",
        f"{report['pairs']} pairs of a voice with a video, {report['strip_pairs']} more with a face strip only",
        "",
        *_columns(actors, missing_voices="missing of 60", missing_videos="missing of 120"),
        "",
        *_columns([{"emotion": label, **row} for label, row in report["emotions"].items()]),
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


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _channels(path: Path) -> int:
    """Channels according to the header; 0 if it cannot be read."""
    try:
        return soundfile.info(path).channels
    except (soundfile.SoundFileError, OSError):
        return 0


def _columns(rows: list[dict], **titles: str) -> list[str]:
    """Words to the left, numbers to the right."""
    columns = [[titles.get(name, name), *(str(row[name]) for row in rows)] for name in rows[0]]
    sides = ["<" if isinstance(value, str) else ">" for value in rows[0].values()]
    padded = [[f"{text:{side}{max(map(len, column))}}" for text in column] for side, column in zip(sides, columns, strict=True)]
    return ["  ".join(row).rstrip() for row in zip(*padded, strict=True)]


def _list(title: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = [f"  … and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return ["", f"{title}: {len(names)}", *(f"  {name}" for name in names[:_SHOWN]), *more]
