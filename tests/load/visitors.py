"""Many visitors at once, each with a recording of their own: ``python -m tests.load.visitors --visitors 20``.

They come together, upload a voice and then a face, wait for the result, ask for another emotion, take the numbers home and
leave. Everybody must get what a single visitor gets. Prints how long they waited, what they were told, and the server's memory.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from models.labels import LABELS
from tests.conftest import SAMPLE
from tests.load.server import serving
from tests.load.small_host import SmallHost, small_host
from tests.load.visitor import Visitor, numbers
from xai.analysis import analyse
from xai.explanation import Contrast
from xai.render.export import to_dict

_RESULT = "It names what is portrayed"  # below every prediction
_SAME = 1e-5  # of numbers that may differ in the last place between two processes


@dataclass
class Visit:
    """What one visitor lived through: seconds until the page and the result were there, and from another question to its answer."""

    page: float = 0.0
    result: float = 0.0
    explored: float = 0.0
    positions: list[int] = field(default_factory=list)
    problem: str = ""


def main(arguments: list[str] | None = None) -> int:
    """1 if anybody saw an error or another result than when alone."""
    p = argparse.ArgumentParser(prog="python -m tests.load.visitors", description=__doc__)
    p.add_argument("--visitors", type=int, default=20)
    p.add_argument("--memory", type=int, metavar="MB", help="of the server's host; more kills it (Linux, root)")
    p.add_argument("--json", type=Path, help="write the figures here too")
    options = p.parse_args(arguments)
    if options.memory:
        with small_host(options.memory) as host:
            figures = {**run(options.visitors, host=host), "host_mb": options.memory, "host_peak_mb": host.peak()}
    else:
        figures = run(options.visitors)
    print(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return 1 if figures["problems"] else 0


def run(count: int, explore: bool = True, host: SmallHost | None = None) -> dict[str, Any]:
    """Figures of ``count`` visitors at once, who ask for another emotion or are content with the first answer.

    Args:
        host: what the server runs on, if not on all of this machine.
    """
    clips = [clip(number) for number in range(count)]
    alone = [analyse(*pair) for pair in clips]
    visits = [Visit() for _ in range(count)]
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "log", host=host) as server:
        first = Visitor(server.port)  # the models are warm when the crowd comes
        first.wait(lambda: first.widget("button", "sample-pick-synthetic") is not None)
        first.press("sample-pick-synthetic")
        first.wait(lambda: _RESULT in first.texts())
        first.leave()
        before = server.memory("VmRSS")
        start = time.monotonic()
        jobs = [
            threading.Thread(target=_come, args=(visit, server.port, pair, analysis, explore))
            for visit, pair, analysis in zip(visits, clips, alone, strict=True)
        ]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
        took, peak, log = time.monotonic() - start, server.memory(), server.log.read_text(encoding="utf-8", errors="replace")
    problems = [visit.problem for visit in visits if visit.problem]
    problems += [line for line in log.splitlines() if "Error" in line or "Traceback" in line]
    seconds = {stage: [getattr(visit, stage) for visit in visits] for stage in ("page", "result", "explored")}
    return {
        "visitors": count,
        "seconds": took,
        **{f"{stage}_seconds": [min(s), statistics.median(s), max(s)] for stage, s in seconds.items()},
        "told_to_wait": sum(bool(visit.positions) for visit in visits),
        "furthest_position": max((max(visit.positions) for visit in visits if visit.positions), default=0),
        "one_visitor_mb": before,
        "peak_mb": peak,
        "problems": problems,
    }


def clip(number: int) -> tuple[bytes, bytes]:
    """The sample as a recording of nobody else: another part of the voice, and a film with a mark that only it has."""
    samples, rate = soundfile.read(SAMPLE / "sample.wav", dtype="float32")
    buffer = io.BytesIO()
    rng = np.random.default_rng(number)
    soundfile.write(buffer, samples[1000 * number :] + 1e-3 * rng.standard_normal(len(samples) - 1000 * number), rate, format="WAV")
    mark = rng.bytes(256)
    return buffer.getvalue(), (SAMPLE / "sample.mp4").read_bytes() + (len(mark) + 8).to_bytes(4, "big") + b"free" + mark


def _come(visit: Visit, port: int, pair: tuple[bytes, bytes], alone, explore: bool) -> None:
    start = time.monotonic()
    try:
        visitor = Visitor(port)
        visitor.wait(lambda: visitor.widget("file_uploader", "face") is not None)
        visit.page = time.monotonic() - start
        visitor.upload("voice", "voice.wav", pair[0])
        visitor.upload("face", "face.mp4", pair[1])
        visitor.wait(lambda: _RESULT in visitor.texts() and "voice.wav with face.mp4" in visitor.texts())
        visit.result = time.monotonic() - start
        visitor.wait(lambda: _export(visitor) != "")
        rival = int(np.argmin(alone.probabilities))
        if explore:
            visit.explored = _ask_for(LABELS[rival], visitor)
        visitor.wait(lambda: not visitor.running)  # the end of a run takes away what was made for a download before
        found, contrast = numbers(visitor.download("download-json")), Contrast(alone.predicted, rival if explore else None)
        found["second_opinion"] = None  # it comes when it is its turn; alone nobody was asked
        visitor.leave()
        visit.positions = [int(n) for text in visitor.seen for n in re.findall(r"Waiting: (\d+) ahead", text)]
        visit.problem = difference(numbers(json.dumps(to_dict(alone, contrast)).encode()), found)
    except Exception as error:
        visit.problem = f"{type(error).__name__}: {error}"


def _ask_for(label: str, visitor: Visitor) -> float:
    """Seconds until another comparison is explained."""
    old, asked = _export(visitor), time.monotonic()
    visitor.choose("rival", label)
    visitor.wait(lambda: f"cool] speaks for {label}" in visitor.texts() and _export(visitor) != old)
    return time.monotonic() - asked


def _export(visitor: Visitor) -> str:
    button = visitor.widget("download_button", "download-json")
    return button.deferred_file_id if button is not None else ""


def difference(expected: Any, found: Any, where: str = "result") -> str:
    """Where two results differ, or nothing."""
    if isinstance(expected, dict) and isinstance(found, dict):
        if expected.keys() != found.keys():
            return f"{where}: other keys"
        return next((d for key in expected if (d := difference(expected[key], found[key], f"{where}.{key}"))), "")
    if isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            return f"{where}: other length"
        return next((d for i, pair in enumerate(zip(expected, found, strict=True)) if (d := difference(*pair, f"{where}[{i}]"))), "")
    if isinstance(expected, float) and isinstance(found, int | float):
        return "" if abs(expected - found) <= _SAME * max(1.0, abs(expected)) else f"{where}: {found} instead of {expected}"
    return "" if expected == found else f"{where}: {found} instead of {expected}"


if __name__ == "__main__":
    sys.exit(main())
