"""The sidecar of a speech classifier of Hugging Face: a JSON file that says which model it is and what its labels stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.foreign.parsing import MOST_BYTES, parsed, refuse
from models.labels import LABELS
from models.networks import ModelError
from models.registry import MODELS, ModelSpec

KIND = "huggingface"
_KEYS = {"kind", "model", "labels", "title", "what", "temperature"}
_WHAT = "A speech classifier that was brought along, and this project's model of the face."
_MARKS = {"kind", "labels", "input", "output"}  # one of these tells a description of a model from any other JSON file


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


def is_meant(path: Path) -> bool:
    """Whether a JSON file with no model beside it is meant to describe one: it has a key of a description, or cannot be read."""
    try:
        return bool(_read(path).keys() & _MARKS)
    except ModelError:
        return path.is_file() and path.stat().st_size <= MOST_BYTES


def read_sidecar(path: Path) -> Sidecar:
    """The description in a JSON file; a folder is found from where the file lies.

    Raises:
        ModelError: something in it is missing, or cannot be meant.
    """
    given, name = _read(path), path.name
    _check_kind(given, name)
    if unknown := sorted(given.keys() - _KEYS):
        refuse(name, f"{unknown[0]!r} is no key of it", f"use {', '.join(sorted(_KEYS))}")
    labels, model, temperature = given.get("labels"), given["model"], given.get("temperature", 1.0)
    if not isinstance(labels, dict):
        what = "is missing" if labels is None else "does not say which emotion each of its labels stands for"
        refuse(name, f'"labels" {what}', 'write {"ang": "angry", "other": null, …}, its own names first')
    if wrong := [own for own in labels.values() if own is not None and own not in LABELS]:
        refuse(name, f"{wrong[0]!r} is not among the emotions that are shown", f"choose of {', '.join(LABELS)}, or null")
    if len({own for own in labels.values() if own is not None}) < 2:
        refuse(name, "its labels stand for fewer than two emotions", "map two or more")
    if isinstance(temperature, bool) or not isinstance(temperature, int | float) or not 0 < temperature < 1000:
        refuse(
            name, f'"temperature" is {temperature!r}, not a number above 0', "give one such as 2.0, by which logits are divided, or none"
        )
    title, what = (" ".join(str(given.get(key, usual)).split())[:300] for key, usual in (("title", path.stem), ("what", _WHAT)))
    return Sidecar(_located(model, path), labels, title, what, float(temperature))


def _check_kind(given: Mapping[str, Any], name: str) -> None:
    """That it describes a classifier of Hugging Face, and names one."""
    kind, model = given.get("kind"), given.get("model")
    if kind != KIND and given.keys() & {"input", "output"}:
        refuse(name, f"it describes an ONNX file, but {name.removesuffix('.json')}.onnx is not beside it", "put it there")
    if kind != KIND:
        refuse(name, '"kind" is missing' if kind is None else f'"kind" is {kind!r}, which is not known', f'write "kind": "{KIND}"')
    if not isinstance(model, str) or not model:
        refuse(name, '"model" is missing', "give the folder of a classifier, or its name on huggingface.co")


def _located(model: str, path: Path) -> str:
    """A folder beside the file or in the working folder, or a name on the hub, which has a slash."""
    beside = path.parent / model
    if beside.is_dir():
        return str(beside)
    if "/" not in model and not Path(model).is_dir():
        refuse(path.name, f'"model": "{model}" is no folder beside it', "put the folder of the classifier there, or give its path")
    return model


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path.name} cannot be read ({error.strerror}): is it there?") from None
    return parsed(text, path.name)
