"""One analysis after the other: ``python -m tests.load.soak --analyses 500``. Prints the resident memory on the way."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

WARM = 20  # analyses after which nothing more should be taken
ALLOWED = 50.0  # megabytes more after the last


def main(arguments: list[str] | None = None) -> int:
    """1 if memory grew by more than ``ALLOWED`` megabytes."""
    p = argparse.ArgumentParser(prog="python -m tests.load.soak", description=__doc__)
    p.add_argument("--analyses", type=int, default=500)
    p.add_argument("--minutes", type=float, default=60.0, help="stop after this time")
    p.add_argument("--json", type=Path, help="write the figures here too")
    options = p.parse_args(arguments)
    figures = run(options.analyses, options.minutes)
    print(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return 1 if figures["grown_mb"] > ALLOWED else 0


def run(count: int, minutes: float = 60.0, warm: int = WARM) -> dict[str, Any]:
    """Analyse ``count`` different recordings, keep the last three as a session does, and export each."""
    from tests.load.visitors import clip
    from xai.analysis import analyse
    from xai.render.export import to_dict

    kept: list = []
    resident: dict[int, float] = {}
    start = time.monotonic()
    for number in range(count):
        kept = [*kept[-2:], analyse(*clip(number % 40))]
        json.dumps(to_dict(kept[-1]))
        done = number + 1
        if done in (1, warm, count) or done % 50 == 0:
            resident[done] = _resident()
        if time.monotonic() - start > 60 * minutes:
            resident[done] = _resident()
            break
    last = max(resident)
    return {
        "analyses": last,
        "seconds": time.monotonic() - start,
        "resident_mb": resident,
        "grown_mb": resident[last] - resident[min(warm, last)],
    }


def _resident() -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    sys.exit(main())
