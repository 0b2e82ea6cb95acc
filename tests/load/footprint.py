"""Memory and start, each measured in a fresh process: ``python -m tests.load.footprint [--json FILE]``.

How long until the page can be used, until the first prediction and the first full analysis; and how much memory (VmHWM) an
analysis takes beyond what importing torch and torchvision takes alone. Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import ROOT
from tests.load.server import serving
from tests.load.visitor import Visitor

_PEAK = """
import re
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
"""
_FLOOR = "import torch\nfrom torchvision.models import resnet18\n"
_FILES = """
from pathlib import Path
audio, video = (Path("pages/sample", name).read_bytes() for name in ("sample.wav", "sample.mp4"))
"""
_PREDICTION = """
from features import Modality, extract
from features.audio import mfcc_features
from models.networks.backbone import load_backbone
from models.checkpoint import load_model
load_model().predict(extract(audio, video, {Modality.AUDIO: mfcc_features, Modality.VIDEO: load_backbone().maps}))
"""
_ANALYSIS = "from xai.analysis import analyse\nanalyse(audio, video)\n"


def main(arguments: list[str] | None = None) -> int:
    p = argparse.ArgumentParser(prog="python -m tests.load.footprint", description=__doc__)
    p.add_argument("--json", type=Path, help="write the figures here too")
    options = p.parse_args(arguments)
    figures = measure()
    for name, value in figures.items():
        print(f"{name:<32} {value:8.2f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return 0


def measure() -> dict[str, float]:
    """Seconds and megabytes by name."""
    floor, imports = _fresh(_FLOOR)
    prediction, predicted = _fresh(_FILES + _PREDICTION)
    analysis, analysed = _fresh(_FILES + _ANALYSIS)
    health, page, served = _page()
    return {
        "torch_imported_seconds": floor,
        "first_prediction_seconds": prediction,
        "first_analysis_seconds": analysis,
        "server_answers_seconds": health,
        "page_usable_seconds": page,
        "torch_imported_mb": imports,
        "first_prediction_peak_mb": predicted,
        "first_analysis_peak_mb": analysed,
        "analysis_above_torch_mb": analysed - imports,
        "server_after_sample_peak_mb": served,
    }


def _fresh(code: str) -> tuple[float, float]:
    """Seconds from the start of a Python of its own until ``code`` has run there, and its peak in MB."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", f"{_PEAK}{code}\nprint(peak())"], cwd=ROOT, capture_output=True, text=True, check=True)
    return time.perf_counter() - start, float(done.stdout.split()[-1])


def _page() -> tuple[float, float, float]:
    """Seconds from the command until the server answers and until the page is drawn; peak in MB once the sample is explained."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "log") as server:
        health = time.perf_counter() - start
        visitor = Visitor(server.port)
        visitor.wait(lambda: visitor.widget("button", "sample-pick-synthetic") is not None and not visitor.running)
        page = time.perf_counter() - start
        visitor.press("sample-pick-synthetic")
        visitor.wait(lambda: visitor.widget("download_button", "download-json") is not None)
        peak = server.memory()
        visitor.leave()
    return health, page, peak


if __name__ == "__main__":
    sys.exit(main())
