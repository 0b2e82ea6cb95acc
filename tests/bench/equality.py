"""``python -m tests.bench.equality keep|compare``: does the code still say what it said, to the last digit that matters?

``keep`` runs ``python -m xai`` on the sample and on the seven pairs of RAVDESS with every model, and keeps all numbers and words of
``result.json``. ``compare`` runs the same again and lists what differs: numbers by more than 1e-6, and, counted apart, words. Seconds are
left out, and so are keys that are new.
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conftest import DATA, SAMPLE

KEPT = Path(__file__).parent / "kept"
TOLERANCE = 1e-6
_SPACING = 1e-8  # of float32 around 0.1: numbers that were rounded to six digits differ by this much more or less than 1e-6
_MODELS = ("fused", "voice", "face", "late-fusion", "linear", "av-tokens")
_SENTENCE = re.compile(r"^\.(checks\[\d+\]\.words|warnings|in_words|explanations\.\w+\.trust\.scores\[\d+\]\.(sentence|paper))")
_IGNORED = ("seconds",)  # of the wall clock; the length of a recording is one level below, under audio


def recordings() -> Iterator[tuple[str, Path, Path]]:
    """Name, WAV and MP4 of the sample and of each pair that is at hand."""
    yield "sample", SAMPLE / "sample.wav", SAMPLE / "sample.mp4"
    for video in sorted((DATA / "clips").glob("01-*.mp4")):
        yield video.stem[3:], video.with_name(f"03{video.stem[2:]}.wav"), video


def result_of(audio: Path, video: Path, model: str) -> dict[str, Any]:
    """``result.json`` of one recording by one model, made by the command line."""
    from xai.__main__ import main

    with tempfile.TemporaryDirectory() as folder:
        if main([str(audio), str(video), "--model", model, "--out", folder]):
            raise SystemExit(f"{audio.name}, {model}: the analysis failed")
        return json.loads((Path(folder) / "result.json").read_text(encoding="utf-8"))


def differences(before: Any, now: Any, where: str = "", tolerance: float = TOLERANCE) -> Iterator[str]:
    """A line for each place at which two JSON values differ; keys that are new are no difference."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key, value in before.items():
            if key in _IGNORED and not where.endswith("audio"):
                continue
            if key not in now:
                yield f"{where}.{key}: gone"
            else:
                yield from differences(value, now[key], f"{where}.{key}", tolerance)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for position, pair in enumerate(zip(before, now, strict=True)):
            yield from differences(*pair, f"{where}[{position}]", tolerance)
    elif _number(before) and _number(now):
        if abs(before - now) > tolerance + _SPACING:
            yield f"{where}: {before!r} → {now!r}"
    elif before != now:
        yield f"{where}: {before!r} → {now!r}"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def kept_path(recording: str, model: str) -> Path:
    return KEPT / f"{recording}.{model}.json.xz"


def main(arguments: list[str] | None = None) -> int:
    """0 if no number differs."""
    p = argparse.ArgumentParser(prog="python -m tests.bench.equality", description="Compare results with those of an earlier commit.")
    p.add_argument("action", choices=("keep", "compare"))
    p.add_argument("--model", choices=_MODELS, nargs="+", default=_MODELS)
    p.add_argument("--clip", nargs="+", metavar="NAME", help="names of recordings, as in the kept files (default: all)")
    p.add_argument("--most", type=int, default=12, help="differences listed of each")
    options = p.parse_args(arguments)
    failed = 0
    for name, audio, video in recordings():
        if options.clip and name not in options.clip:
            continue
        for model in options.model:
            result, path = result_of(audio, video, model), kept_path(name, model)
            if options.action == "keep":
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(lzma.compress(json.dumps(result).encode()))
                continue
            found = list(differences(json.loads(lzma.decompress(path.read_bytes())), result))
            words = [line for line in found if _SENTENCE.search(line)]
            numbers = [line for line in found if line not in words]
            failed += bool(numbers)
            print(f"{name}, {model}: {len(numbers)} numbers differ, {len(words)} sentences", flush=True)
            print("".join(f"  {line}\n" for line in (numbers + words)[: options.most]), end="")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
