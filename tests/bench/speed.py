"""``python -m tests.bench.speed``: how long each stage takes here, warm, and how much memory the whole needs.

By default on the sample; ``--audio`` and ``--video`` take any other pair. ``--lengths 4 8 16 60 300`` repeats the pair to
clips of so many seconds, and shows that the cost grows with the length and no faster.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile

SAMPLE = Path(__file__).parents[2] / "pages" / "sample"


def main(arguments: list[str] | None = None) -> int:
    """Print median seconds by stage, for all eight classes, the stock way beside ours, and the floor."""
    p = argparse.ArgumentParser(prog="python -m tests.bench.speed", description=__doc__)
    p.add_argument("--audio", type=Path, default=SAMPLE / "sample.wav")
    p.add_argument("--video", type=Path, default=SAMPLE / "sample.mp4")
    p.add_argument("--runs", type=int, default=9)
    p.add_argument("--lengths", type=float, nargs="+", metavar="SECONDS", help="measure clips of these lengths instead")
    p.add_argument("--json", type=Path, help="write the figures here too")
    options = p.parse_args(arguments)
    audio, video = options.audio.read_bytes(), options.video.read_bytes()
    if options.lengths:
        figures = {"lengths": [measure_length(audio, video, seconds, min(options.runs, 3)) for seconds in sorted(options.lengths)]}
        _print_lengths(figures["lengths"])
    else:
        figures = _measure_and_print(audio, video, options)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return 0


def _measure_and_print(audio: bytes, video: bytes, options: argparse.Namespace) -> dict:
    figures = measure(audio, video, options.runs)
    print(f"median (minimum – maximum) of {options.runs} warm runs, all eight classes")
    for stage, (low, median, high) in figures["seconds"].items():
        print(f"{stage:<12} {median:7.3f} s   ({low:.3f} – {high:.3f})")
    low, median, high = figures["times_floor"]
    print(f"whole ÷ floor {median:6.1f}     ({low:.1f} – {high:.1f})")
    print(f"peak memory  {figures['peak_mb']:7.0f} MB, {figures['peak_mb'] - figures['imports_mb']:.0f} MB above the imports of torch")
    if importlib.util.find_spec("librosa"):
        figures |= compare(audio, video, options.runs)
        low, median, high = figures["speedup_range"][0], figures["speedup"], figures["speedup_range"][1]
        print(f"stock way    {figures['stock_seconds']:7.3f} s   {median:.1f} times as long ({low:.1f} – {high:.1f})")
    else:
        print("stock way    not measured: pip install -r requirements.txt")
    return figures


def measure(audio: bytes, video: bytes, runs: int) -> dict:
    """Minimum, median and maximum over ``runs`` warm analyses: seconds of each stage, whole ÷ floor; and resident memory in MB."""
    from torchvision.models import resnet18  # noqa: F401  (the floor of memory: torch and torchvision)

    imports = _peak_mb()
    analyse = _analyse()
    analyse(audio, video)
    laps: dict[str, list[float]] = {}
    for _ in range(runs):
        start = time.perf_counter()
        analysis = analyse(audio, video)
        laps.setdefault("whole", []).append(time.perf_counter() - start)
        laps.setdefault("floor", []).append(_seconds(lambda: _floor(audio, video)))
        for stage, seconds in analysis.seconds.items():
            laps.setdefault(stage, []).append(seconds)
    rows = {stage: (min(s), statistics.median(s), max(s)) for stage, s in laps.items()}
    over = sorted(whole / floor for whole, floor in zip(laps["whole"], laps["floor"], strict=True))
    times_floor = over[0], statistics.median(over), over[-1]
    return {"runs": runs, "seconds": rows, "times_floor": times_floor, "imports_mb": imports, "peak_mb": _peak_mb()}


def measure_length(audio: bytes, video: bytes, length: float, runs: int) -> dict[str, float]:
    """Seconds of an analysis (the fastest of ``runs``) of a pair that is repeated to ``length`` seconds, and the peak in MB so far."""
    analyse = _analyse()
    voice, film = repeat_sound(audio, length), repeat_video(video, length)
    analyse(audio, video)
    return {"length": length, "seconds": min(_seconds(lambda: analyse(voice, film)) for _ in range(runs)), "peak_mb": _peak_mb()}


def repeat_sound(audio: bytes, length: float) -> bytes:
    """A WAV of ``length`` seconds: the sound over and over."""
    samples, rate = soundfile.read(io.BytesIO(audio), dtype="int16", always_2d=True)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.resize(samples, (int(length * rate), samples.shape[1])), rate, format="WAV")
    return buffer.getvalue()


def repeat_video(video: bytes, length: float) -> bytes:
    """An MP4 of ``length`` seconds: the pictures over and over, copied without decoding them."""
    buffer = io.BytesIO()
    with av.open(io.BytesIO(video), "r") as source, av.open(buffer, "w", format="mp4") as out:
        track = source.streams.video[0]
        copy = out.add_stream_from_template(track)
        assert track.time_base is not None
        unit = float(track.time_base)
        packets = [(p.pts, p.dts or 0, p.duration or 0, p.is_keyframe, bytes(p)) for p in source.demux(track) if p.pts is not None]
        period = sum(duration for _, _, duration, _, _ in packets)
        for turn in range(int(np.ceil(length / (period * unit)))):
            for pts, dts, duration, key, content in packets:
                if (pts + turn * period - packets[0][0]) * unit < length - 1e-6:
                    packet = av.Packet(content)
                    packet.pts, packet.dts, packet.duration = pts + turn * period, dts + turn * period, duration
                    packet.time_base, packet.is_keyframe, packet.stream = track.time_base, key, copy
                    out.mux(packet)
    return buffer.getvalue()


def _print_lengths(rows: list[dict[str, float]]) -> None:
    print("length of the clip    analysis    per second of it    peak memory so far")
    for row in rows:
        per_second = 1000 * row["seconds"] / row["length"]
        print(f"{row['length']:14.0f} s {row['seconds']:9.2f} s {per_second:15.0f} ms {row['peak_mb']:15.0f} MB")


def compare(audio: bytes, video: bytes, runs: int) -> dict:
    """Ours and the stock way in turn; the ratio is taken pair by pair, since machines have moods."""
    analyse = _analyse()
    from models.checkpoint import load_model
    from models.networks.backbone import load_backbone
    from models.vector_model import VectorModel
    from tests.bench.stock import analyse_stock

    model, backbone = load_model(), load_backbone().unfolded()
    assert isinstance(model, VectorModel)  # the default: the stock way explains one vector
    analyse_stock(audio, video, model, backbone)
    pairs = [(_seconds(lambda: analyse(audio, video)), _seconds(lambda: analyse_stock(audio, video, model, backbone))) for _ in range(runs)]
    ratios = sorted(stock / ours for ours, stock in pairs)
    return {
        "stock_seconds": statistics.median(stock for _, stock in pairs),
        "speedup": statistics.median(ratios),
        "speedup_range": [ratios[0], ratios[-1]],
    }


def _analyse() -> Callable[..., Any]:
    """:func:`xai.analysis.analyse`, imported now, computing with as many threads as the app and the command line do."""
    from models.threads import serving_threads
    from xai.analysis import analyse

    serving_threads()
    return analyse


def _floor(audio: bytes, video: bytes) -> None:
    """What nothing can undercut: decoding both files and one pass of ResNet-18 for each sampled frame."""
    from features.media import read_frames, read_sound
    from models.networks.backbone import load_backbone

    read_sound(audio)
    count = sum(1 for _ in read_frames(video))
    load_backbone().maps(np.zeros((count, 224, 224, 3), np.uint8))


def _seconds(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    sys.exit(main())
