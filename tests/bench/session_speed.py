"""``python -m tests.bench.session_speed``: seconds and memory of reading a session of 1, 5, 15, 60 and 90 minutes, against the plain way.

A made session of 720p is repeated by copying its packets. Each reading has a process of its own. The plain way takes every 30th frame of
``cv2.VideoCapture`` through this project's face detector and face network, one by one, and the whole sound through ``librosa.load`` and
its MFCCs, all of it in memory; it is measured up to ``--plain`` minutes only, as it needs too long and too much beyond.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from tests.sessions.film import repeat
from tests.sessions.make import make_session

_MADE = 5.0  # minutes that are encoded
_STRIDE = 30

Figures = dict[str, float]


def main(arguments: list[str] | None = None) -> int:
    """Make the films, measure both ways in turn, and print medians."""
    p = argparse.ArgumentParser(prog="python -m tests.bench.session_speed", description=__doc__)
    p.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with ravdess_speech and clips")
    p.add_argument("--minutes", type=float, nargs="+", default=[1, 5, 15, 60, 90])
    p.add_argument("--plain", type=float, default=15, metavar="MINUTES", help="longest session that is read the plain way")
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--view", default="gallery")
    p.add_argument("--keep", type=Path, help="make the films in this folder, and take those that are there")
    p.add_argument("--json", type=Path, help="write the figures here too")
    options = p.parse_args(arguments)
    rows = []
    print(f"medians of {options.runs}; MB are of the process at its peak, with all that it imports")
    print(f"{'minutes':>8}{'seconds':>9}{'× real time':>13}{'MB':>7}{'plain: seconds':>16}{'× real time':>13}{'MB':>7}{'plain ÷ ours':>14}")
    with nullcontext(options.keep) if options.keep else tempfile.TemporaryDirectory() as folder:
        made = base(Path(folder), options)
        for minutes in sorted(options.minutes):
            film = Path(folder) / f"{options.view}-{minutes:g}.mp4"
            if not film.exists():
                repeat(made, minutes, film)
            rows.append(measure(film, minutes, options.runs, plain=minutes <= options.plain))
            print(line(rows[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


def base(folder: Path, options: argparse.Namespace) -> Path:
    """The session that is repeated."""
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"{options.view}-made.mp4"
    if not made.exists():
        make_session(made, seed=0, data=options.data, view=options.view, minutes=_MADE)
    return made


def measure(film: Path, minutes: float, runs: int, plain: bool) -> Figures:
    """Both ways in turn; the ratio is taken run by run, as machines are not always as fast."""
    ours, others = [], []
    for _ in range(runs):
        ours.append(apart(read, film))
        if plain:
            others.append(apart(read_plainly, film))
    found = {"minutes": minutes, "seconds": _median(ours, 0), "mb": _median(ours, 1)}
    if plain:
        found |= {"plain seconds": _median(others, 0), "plain mb": _median(others, 1)}
        found["ratio"] = statistics.median(other[0] / own[0] for own, other in zip(ours, others, strict=True))
    return found


def _median(pairs: list[tuple[float, float]], column: int) -> float:
    return statistics.median(pair[column] for pair in pairs)


def line(row: Figures) -> str:
    """A row of the table."""
    seconds = 60 * row["minutes"]
    text = f"{row['minutes']:8g}{row['seconds']:9.1f}{seconds / row['seconds']:13.1f}{row['mb']:7.0f}"
    if "ratio" not in row:
        return text + f"{'not measured':>16}"
    return text + f"{row['plain seconds']:16.1f}{seconds / row['plain seconds']:13.1f}{row['plain mb']:7.0f}{row['ratio']:14.1f}"


def apart(function: Callable[[Path], None], film: Path) -> tuple[float, float]:
    """Seconds without those of the start of the process, and MB at its peak."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_timed, (function, film))


def _timed(function: Callable[[Path], None], film: Path) -> tuple[float, float]:
    from models.threads import serving_threads

    serving_threads()
    start = time.perf_counter()
    function(film)
    return time.perf_counter() - start, peak_mb()


def peak_mb() -> float:
    """Most memory that this process held; ``ru_maxrss``, where there is nothing better, starts from that of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(row.split()[1]) for row in status.read_text().splitlines() if row.startswith("VmHWM")) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def read(film: Path) -> None:
    """As :mod:`xai.session` does."""
    from xai.session.read import read_session

    read_session(film)


def read_plainly(film: Path) -> None:
    """Every frame is decoded, every 30th looked at; the sound is held as a whole."""
    import cv2
    import librosa
    import soundfile

    from features.audio import N_MFCC, RATE
    from features.faces import crop_square, cut, detect_faces
    from models.networks.backbone import load_backbone

    backbone, capture, index = load_backbone(), cv2.VideoCapture(str(film)), 0
    maps = []
    while True:
        there, frame = capture.read()
        if not there:
            break
        if index % _STRIDE == 0:
            rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            maps += [backbone.maps(cut(rgb, crop_square(box))[None]) for box in detect_faces(rgb)]
        index += 1
    wav = film.with_suffix(".plain.wav")
    try:
        soundfile.write(wav, *_whole_sound(film))
        samples, rate = librosa.load(wav, sr=RATE, mono=True)
    finally:
        wav.unlink(missing_ok=True)
    librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=N_MFCC)


def _whole_sound(film: Path):
    """(n,) samples and their rate: librosa itself opens no MP4 without a command-line tool of ffmpeg."""
    import av
    import numpy as np

    with av.open(str(film)) as container:
        parts = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
        return np.concatenate(parts), container.streams.audio[0].rate


if __name__ == "__main__":
    sys.exit(main())
