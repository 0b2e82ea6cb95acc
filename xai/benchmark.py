"""``python -m xai.benchmark``: how long each stage takes here, warm, and how much memory the whole needs.

By default on the sample; ``--audio`` and ``--video`` take any other pair.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "pages" / "sample"


def main(arguments: list[str] | None = None) -> int:
    """Print median seconds by stage, for all eight classes."""
    p = argparse.ArgumentParser(prog="python -m xai.benchmark", description=__doc__)
    p.add_argument("--audio", type=Path, default=SAMPLE / "sample.wav")
    p.add_argument("--video", type=Path, default=SAMPLE / "sample.mp4")
    p.add_argument("--runs", type=int, default=9)
    p.add_argument("--json", type=Path, help="write the figures here too")
    options = p.parse_args(arguments)
    figures = measure(options.audio.read_bytes(), options.video.read_bytes(), options.runs)
    for stage, (low, median, high) in figures["seconds"].items():
        print(f"{stage:<12} {median:7.3f} s   ({low:.3f} – {high:.3f})")
    print(f"peak memory  {figures['peak_mb']:7.0f} MB, {figures['peak_mb'] - figures['imports_mb']:.0f} MB above the imports")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return 0


def measure(audio: bytes, video: bytes, runs: int) -> dict:
    """Minimum, median and maximum seconds of each stage over ``runs`` warm analyses, and resident memory in MB."""
    from torchvision.models import resnet18  # noqa: F401  (the floor of memory: torch and torchvision)

    imports = _peak_mb()
    from xai.analysis import analyse

    analyse(audio, video)
    laps: dict[str, list[float]] = {}
    for _ in range(runs):
        start = time.perf_counter()
        analysis = analyse(audio, video)
        laps.setdefault("whole", []).append(time.perf_counter() - start)
        for stage, seconds in analysis.seconds.items():
            laps.setdefault(stage, []).append(seconds)
    rows = {stage: (min(s), statistics.median(s), max(s)) for stage, s in laps.items()}
    return {"runs": runs, "seconds": rows, "imports_mb": imports, "peak_mb": _peak_mb()}


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    sys.exit(main())
