"""What a file of a model does not say of itself: a JSON beside it, which names its inputs, its outputs and what they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from features import SPACE, Modality
from models.foreign.parsing import parsed, refuse
from models.labels import LABELS
from models.registry import Description

ABSENT = -8192.0
"""The logit of an emotion that has no output: its probability is 0. A power of two, so that its mean is exactly itself."""
_FAINTEST = 1e-12  # of probability: its logarithm is finite, and it vanishes beside what is left of a label that was dropped
_VOICE, _FACE = Modality.AUDIO, Modality.VIDEO
INPUTS: dict[str, tuple[tuple[Modality, ...], str]] = {
    "features": ((_VOICE, _FACE), "552 features"),
    "samples": ((_VOICE,), "the voice itself, 16,000 samples a second"),
    "faces": ((_FACE,), "pictures of the face, 224 × 224 pixels"),
}
"""By the name in a sidecar: what is read, and in words."""
OUTPUTS = ("logits", "probabilities")
KIND = "onnx"
_KEYS = {"kind", "title", "what", "input", "output", "labels", "missing", "mean", "std", "trained_on", "licence"}


@dataclass(frozen=True)
class Sidecar:
    """The description of a model.

    Attributes:
        title, what: for a reader.
        input: a key of :data:`INPUTS`; output: one of :data:`OUTPUTS`.
        labels: for each of its k outputs, in order, its own name and ours; None where it has no counterpart.
        mean, std: float64 (552,) by which features are standardised for it; None: it reads raw ones.
        missing: float64 (552,), raw features that stand for a modality that is missing; None: the usual ones.
        provenance: what is known of it: ``trained_on`` and ``licence``, where they are given.
    """

    title: str
    what: str
    input: str
    output: str
    labels: tuple[tuple[str, str | None], ...]
    mean: np.ndarray | None
    std: np.ndarray | None
    missing: np.ndarray | None
    provenance: Mapping[str, str]

    @property
    def description(self) -> Description:
        """As models of this project are described."""
        modalities, reads = INPUTS[self.input]
        return Description(
            self.title, self.what, "Brought along: what it learned and how often it is right was not measured here.", modalities, reads
        )

    @cached_property
    def columns(self) -> dict[int, list[int]]:
        """Position of each emotion that it can name → positions of the outputs that stand for it."""
        named = [None if own is None else LABELS.index(own) for _, own in self.labels]
        return {k: [column for column, emotion in enumerate(named) if emotion == k] for k in range(len(LABELS)) if k in named}

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be read beside every answer: emotions that it cannot name, and outputs that are left out."""
        silent = [label for k, label in enumerate(LABELS) if k not in self.columns]
        left_out = [name for name, own in self.labels if own is None]
        found = []
        if silent:
            found.append(f"This model cannot name {_listed(silent, 'or')}: it has no output for {'it' if len(silent) == 1 else 'them'}.")
        if left_out:
            found.append(f"What this model gives to {_listed(left_out, 'and')} is shared out among the emotions that are shown.")
        return tuple(found)

    def logits(self, outputs: np.ndarray) -> np.ndarray:
        """Its outputs (n, k) → logits (n, 8); probabilities of outputs that mean the same are added, those without counterpart dropped.

        The softmax of what is left shares out what is dropped. Emotions without an output have :data:`ABSENT`.
        """
        scores = np.log(np.maximum(outputs, _FAINTEST)) if self.output == "probabilities" else outputs
        found = np.full((len(outputs), len(LABELS)), ABSENT, scores.dtype)
        for emotion, columns in self.columns.items():
            found[:, emotion] = np.logaddexp.reduce(scores[:, columns], axis=1)
        return found


def read_sidecar(text: bytes, name: str) -> Sidecar:
    """A sidecar's bytes.

    Args:
        name: of the file, for the message.

    Raises:
        ModelError: it is no JSON, or something in it is missing or cannot be meant.

    >>> found = read_sidecar(b'{"input": "faces", "output": "logits", "labels": {"joy": "happy", "rage": "angry", "awe": null}}', "a.json")
    >>> found.logits(np.array([[1.0, 2.0, 9.0]]))[0, :5].tolist()
    [2.0, -8192.0, -8192.0, -8192.0, 1.0]
    """
    given = parsed(text, name)
    if unknown := sorted(given.keys() - _KEYS):
        refuse(name, f"{unknown[0]!r} is no key of it", f"use {', '.join(sorted(_KEYS))}")
    if (kind := given.get("kind", KIND)) != KIND:
        refuse(name, f'"kind" is {kind!r}, but an ONNX file of that name lies beside it', 'leave "kind" out, or rename one of both')
    mean, std, missing = (_numbers(given, key, name) for key in ("mean", "std", "missing"))
    if (mean is None) != (std is None) or (std is not None and not (std > 0).all()):
        refuse(name, '"mean" and "std" belong together, and no deviation may be 0', "give both, 552 numbers each, or neither")
    stem = name.removesuffix(".json")
    return Sidecar(
        _text(given, "title", name, stem),
        _text(given, "what", name, "An ONNX file."),
        _one_of(given, "input", tuple(INPUTS), name),
        _one_of(given, "output", OUTPUTS, name),
        _labels(given.get("labels"), name),
        mean,
        std,
        missing,
        {key: _text(given, key, name, "") for key in ("trained_on", "licence") if key in given},
    )


def _text(given: Mapping[str, Any], key: str, name: str, default: str) -> str:
    found = given.get(key, default)
    if not isinstance(found, str):
        refuse(name, f'"{key}" is no text', "put it in quotation marks")
    return " ".join(found.split())[:300]


def _one_of(given: Mapping[str, Any], key: str, allowed: tuple[str, ...], name: str) -> str:
    found = given.get(key)
    if found not in allowed:
        refuse(name, f'"{key}" is missing or not known', f"choose one of {', '.join(allowed)}")
    return found


def _numbers(given: Mapping[str, Any], key: str, name: str) -> np.ndarray | None:
    """float64 (552,) from a list, or from one number for all."""
    if key not in given:
        return None
    try:
        found = np.broadcast_to(np.asarray(given[key], float), len(SPACE)).copy()
    except (TypeError, ValueError):
        found = np.full(1, np.nan)
    if not np.isfinite(found).all():
        refuse(
            name, f'"{key}" is not a number or a list of {len(SPACE)}', "give the 40 numbers of the voice first, then the 512 of the face"
        )
    return found


def _labels(given: Any, name: str) -> tuple[tuple[str, str | None], ...]:
    if not isinstance(given, dict) or len(given) < 2:
        refuse(
            name,
            '"labels" does not say what two outputs or more stand for',
            'write {"anger": "angry", "contempt": null, …}, in their order',
        )
    for own in given.values():
        if own is not None and own not in LABELS:
            refuse(name, f"{own!r} is not among the emotions that are shown", f"choose of {', '.join(LABELS)}, or null")
    if len({own for own in given.values() if own is not None}) < 2:
        refuse(name, "its outputs stand for fewer than two emotions", "there is nothing to choose between: map two or more")
    return tuple(given.items())


def _listed(words: list[str], last: str) -> str:
    return f" {last} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
