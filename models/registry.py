"""The models that can be chosen: what each is in a sentence, and where its scores are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
LICENCE = "CC BY-NC-SA 4.0 (as RAVDESS, from which it learned): not for commercial use"
UNALTERED = ("face", "linear")  # usually learn from recordings as they are
PLAIN = "plain"  # marks results of training without altered copies


@dataclass(frozen=True)
class Description:
    """A model in words: a short title, what it is, and what to expect of it."""

    title: str
    what: str
    why: str


MODELS = {
    "fused": Description(
        "Fused",
        "One Transformer on voice and face: 552 numbers, the averages of 40 MFCCs and of 512 face features.",
        "The default: small, fast, and every one of its numbers can be explained.",
    ),
    "voice": Description(
        "Voice only",
        "The same Transformer on the 40 averages of the voice.",
        "Shows what the voice's averages can tell by themselves.",
    ),
    "face": Description(
        "Face only",
        "The same Transformer on the 512 averages of the face.",
        "Shows what the face can tell by itself.",
    ),
    "late-fusion": Description(
        "Late fusion",
        "The voice model and the face model, each weighted by how sure it is of itself.",
        "Voice and face never meet, so neither can correct the other: what fusing them should beat.",
    ),
    "linear": Description(
        "Linear",
        "Logistic regression on the same 552 numbers.",
        "The simplest thing that could work. A larger model is worth its complexity only where it beats this one.",
    ),
    "av-tokens": Description(
        "Second by second",
        "A Transformer on a sequence: one token for each second of the voice and one for each frame of the face.",
        "Hears when something is said, not only averages: the best of them on voices, the slowest to explain.",
    ),
}


def result_path(protocol: str, model: str, plain: bool = False, folder: Path = RESULTS) -> Path:
    """Where ``python -m models.evaluate`` keeps the scores of a model under a protocol."""
    return folder / f"{protocol}.{model}{'.' + PLAIN if plain else ''}.json"


def read_result(protocol: str, model: str, plain: bool = False) -> dict | None:
    """The scores in the repository, or None where they were not measured."""
    return _read(result_path(protocol, model, plain))


@cache
def _read(path: Path) -> dict | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
