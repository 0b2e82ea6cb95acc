"""``python -m tests.bench.heat --data RAVDESS``: does the heat on the face hold? Every method over the filmed clips, as a table.

RAVDESS is any folder with its files; a clip is a performance with a voice and a film (an MP4 or a strip of faces), and four of its
pictures are looked at, evenly spaced, as the app does with four seconds. Each method is asked about the class that the model recognises.
Badges are those of the app: Grad-CAM's of all its checks, that of the others of faithfulness, which is all that they declare.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from features import Features, Modality
from features.audio import extract_audio
from features.faces import CROP, Box
from features.media import read_sound
from features.video import VideoFeatures
from models.checkpoint import load_model
from models.data.faces import _strip_crops, _video_crops
from models.data.ravdess import Take, find_takes
from models.networks.backbone import load_backbone
from models.registry import DEFAULT, MODELS
from xai.analysis import Analysis, check_one, explain
from xai.explanation import Contrast, Panel, Settings, Subject
from xai.foreground import foreground
from xai.methods import METHODS, methods_of
from xai.methods.pytorch_grad_cam import LIBRARY_CAMS
from xai.score import Level, Trust

FRAMES = 4
FILM = 1  # modality in RAVDESS' names: sound and picture
SLOW = ("rise", *(method.key for method in LIBRARY_CAMS))
ON_SCREEN = "on screen"


@dataclass(frozen=True)
class Found:
    """One method on one clip: its trust, and the processor's seconds that its explanation took."""

    trust: Trust
    seconds: float


def pairs(folder: Path) -> list[tuple[Take, Take]]:
    """The voice and the film of every performance that has both."""
    takes = find_takes(folder)
    voices = {take.key: take for take in takes if take.kind == "voice"}
    return [(voices[take.key], take) for take in takes if take.kind != "voice" and take.modality == FILM and take.key in voices]


def evenly(count: int, most: int) -> np.ndarray:
    """int (k,): ``most`` positions among ``count``, from the first to the last, or all of them."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(int)


def features_of(voice: Take, film: Take) -> Features:
    """As the app has them of the two files, the pictures cut as for training."""
    data = film.path.read_bytes()
    crops = _strip_crops(data, film.actor) if film.kind == "strip" else _video_crops(data)
    crops = crops[evenly(len(crops), FRAMES)]
    box = Box(0, 0, CROP, CROP)
    boxes, seen = [box] * len(crops), np.ones(len(crops), bool)
    maps = load_backbone().maps(crops)
    video = VideoFeatures(np.arange(len(crops)) * 1.0, list(crops), 1.0, boxes, boxes, crops, maps, seen, False)  # type: ignore[arg-type]
    return Features({Modality.AUDIO: extract_audio(read_sound(voice.path.read_bytes())), Modality.VIDEO: video})


def measure(analysis: Analysis, methods: Sequence[str]) -> dict[str, Found]:
    """Every method on one clip, and under :data:`ON_SCREEN` the one that is shown."""
    contrast, found = Contrast(analysis.predicted), {}
    analysis = replace(analysis, attributions={})
    for key in methods:
        start = time.process_time()
        analysis = analysis.with_attribution(key)
        took = time.process_time() - start
        found[key] = Found(check_one(analysis, key, contrast), took)
    shown = foreground(analysis, {key: own.trust for key, own in found.items()}).get(Panel.SAW)
    return found | ({ON_SCREEN: found[shown]} if shown else {})


def table(found: Sequence[dict[str, Found]]) -> str:
    """Markdown: for each method its mean faithfulness, the share of badges, and its median seconds."""
    lines = ["| heat | clips | mean faithfulness | green | green or amber | CPU seconds |", "|---|---|---|---|---|---|"]
    titles = {key: method.title for key, method in METHODS.items() if method.panel is Panel.SAW} | {ON_SCREEN: f"**{ON_SCREEN}**"}
    for key, title in titles.items():
        own = [clip[key] for clip in found if key in clip]
        if own:
            lines.append(_row(title, own, key != ON_SCREEN))
    return "\n".join(lines)


def _row(title: str, own: Sequence[Found], timed: bool) -> str:
    values = np.mean([clip.trust.of("faithfulness").value for clip in own])
    levels = np.array([clip.trust.level for clip in own])
    green, red = np.mean(levels == Level.GREEN), np.mean(levels == Level.RED)
    seconds = f"{np.median([clip.seconds for clip in own]):.2f}" if timed else ""
    return f"| {title} | {len(own)} | {values:+.3f} | {green:.0%} | {1 - red:.0%} | {seconds} |"


def clips(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, Found]]]:
    """Name and results of clip after clip, in random order; those methods that take long on the first of them only."""
    model, found = load_model(options.model), pairs(options.data)
    for done, number in enumerate(np.random.default_rng(0).permutation(len(found))[: options.clips]):
        voice, film = found[number]
        subject = Subject(features_of(voice, film), model, load_backbone(model.backbone), Settings(samples=200))
        left_out = () if done < options.slow_clips else SLOW
        methods = [key for key in methods_of(subject, Panel.SAW) if key in options.methods and key not in left_out]
        yield film.path.stem, measure(explain(subject), methods)


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each clip and the table; 2 with one line on stderr if there is no clip."""
    every = [key for key, method in METHODS.items() if method.panel is Panel.SAW]
    p = argparse.ArgumentParser(prog="python -m tests.bench.heat", description="Does the heat on the face hold?")
    p.add_argument("--data", type=Path, required=True, metavar="RAVDESS", help="folder with voices and films, searched with all subfolders")
    p.add_argument("--clips", type=int, metavar="N", help="so many, drawn at random (default: all)")
    p.add_argument("--slow-clips", type=int, default=16, metavar="N", help="RISE and the library's on so many of these (default 16)")
    p.add_argument("--methods", nargs="+", choices=every, default=every, metavar="KEY", help=f"some of {', '.join(every)}")
    p.add_argument("--model", choices=MODELS, default=DEFAULT)
    p.add_argument("--out", type=Path, metavar="FILE.md", help="write the table there too, anew after every clip")
    options = p.parse_args(arguments)
    torch.set_num_threads(1)
    if not pairs(options.data):
        print(f"{options.data}: no performance with a voice and a film", file=sys.stderr)
        return 2
    found: list[dict[str, Found]] = []
    for name, own in clips(options):
        found.append(own)
        words = ", ".join(f"{key} {f.trust.of('faithfulness').value:+.2f} {f.trust.level}" for key, f in own.items())
        print(f"{len(found)} {name}: {words}", flush=True)
        if options.out:
            options.out.write_text(table(found) + "\n", encoding="utf-8")
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
