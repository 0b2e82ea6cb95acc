"""The sidecar of a speech classifier of Hugging Face: a JSON file that says which model it is and what its labels stand for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.labels import LABELS
from models.networks import ModelError
from models.registry import MODELS, ModelSpec

KIND = "huggingface"
_KEYS = {"kind", "model", "labels", "title", "what", "temperature"}
_WHAT = "A speech classifier that was brought along, and this project's model of the face."
_MOST_BYTES = 200_000


@dataclass(frozen=True)
class Sidecar:
    """The description of a classifier.

    Attributes:
        model: folder, or name on the hub.
        labels: each of its labels → ours; None where it has no counterpart.
        title, what: for a reader; temperature: by which its logits are divided.
    """

    model: str
    labels: Mapping[str, str | None]
    title: str
    what: str
    temperature: float

    @property
    def description(self) -> ModelSpec:
        """As models of this project are described."""
        why = "Brought along: what its voice learned and how often it is right was not measured here."
        return replace(
            MODELS["late-fusion"], title=self.title, what=self.what, why=why, reads="the voice itself and 512 features of the face"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be read beside every answer: emotions that its voice cannot name."""
        missing = [label for label in LABELS if label not in self.labels.values()]
        return (f"The voice of this model cannot name {', '.join(missing)}: only the face speaks for these.",) if missing else ()


def is_sidecar(path: Path) -> bool:
    """Whether a JSON file describes a classifier of Hugging Face."""
    try:
        return path.suffix == ".json" and _parsed(path).get("kind") == KIND
    except ModelError:
        return False


def read_sidecar(path: Path) -> Sidecar:
    """The description in a JSON file; a folder is found from where the file lies.

    Raises:
        ModelError: something in it is missing, or cannot be meant.
    """
    given = _parsed(path)
    if unknown := sorted(given.keys() - _KEYS):
        raise ModelError(f"{path.name}: {unknown[0]!r} is no key of it; use {', '.join(sorted(_KEYS))}.")
    labels, model, temperature = given.get("labels"), given.get("model"), given.get("temperature", 1.0)
    if given.get("kind") != KIND or not isinstance(model, str) or not model:
        raise ModelError(f'{path.name}: give "kind": "{KIND}" and "model", the folder of a classifier or its name on huggingface.co.')
    if not isinstance(labels, dict):
        raise ModelError(f'{path.name}: "labels" is missing; write {{"ang": "angry", "other": null, …}}.')
    if wrong := [own for own in labels.values() if own is not None and own not in LABELS]:
        raise ModelError(f"{path.name}: {wrong[0]!r} is not among the emotions that are shown; choose of {', '.join(LABELS)}, or null.")
    if len({own for own in labels.values() if own is not None}) < 2:
        raise ModelError(f"{path.name}: its labels stand for fewer than two emotions; map two or more.")
    if isinstance(temperature, bool) or not isinstance(temperature, int | float) or not 0 < temperature < 1000:
        raise ModelError(f'{path.name}: "temperature" is not a number above 0.')
    beside = path.parent / model
    title, what = (" ".join(str(given.get(key, usual)).split())[:300] for key, usual in (("title", path.stem), ("what", _WHAT)))
    return Sidecar(str(beside) if beside.is_dir() else model, labels, title, what, float(temperature))


def _parsed(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        given = json.loads(text) if len(text) <= _MOST_BYTES else None
    except (OSError, ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise ModelError(f"{path.name}: it is not there, or no JSON object.")
    return given
