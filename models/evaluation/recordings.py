"""Predictions recording by recording: under published names, as probabilities, as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scipy.special import softmax

from models.data.ravdess import file_name
from models.evaluation.predictions import Prediction
from models.labels import LABELS
from models.registry import BOTH, shown_in

_NUMBERS = {BOTH: 1, "face": 2, "voice": 3}  # of a state in the names of RAVDESS's files

Row = dict[str, Any]


def rows_in(found: Iterable[Prediction], state: str, temperatures: Mapping[str, float]) -> Iterator[Row]:
    """A row for each recording as it is: its published name, what it portrays, what it was called, and eight probabilities.

    Args:
        state: one of :data:`models.registry.STATES`.
        temperatures: by the number of the split.
    """
    shown = " and ".join(modality.noun for modality in shown_in(state))
    for p in found:
        if p.corruption is None and p.state == state:
            probabilities = softmax(p.logits.astype(float) / temperatures[str(p.split)], axis=1)
            for key, label, row in zip(p.keys, p.label, probabilities, strict=True):
                yield {
                    "recording": file_name(key, _NUMBERS[state], ""),
                    "shown": shown,
                    "split": p.split + 1,
                    "seed": p.seed,
                    "portrayed": LABELS[label],
                    "named": LABELS[int(row.argmax())],
                    **dict(zip(LABELS, row.round(4).tolist(), strict=True)),
                }


def as_csv(found: Iterable[Prediction], result: Mapping[str, Any]) -> str:
    """:func:`rows_in` all states of a result that :func:`models.registry.read_result` gave."""
    found = list(found)
    rows = [row for state, scores in result["states"].items() for row in rows_in(found, state, scores["temperatures"])]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def surest_mistakes_first(rows: Iterable[Row]) -> list[Row]:
    """What each recording portrays, what it was called, and how surely; of several trainings, by which (``seed``)."""
    rows = list(rows)
    trained = ["seed"] if len({row["seed"] for row in rows}) > 1 else []
    short = [{key: row[key] for key in ("recording", "portrayed", "named", *trained)} | {"sure": _sure(row)} for row in rows]
    ordered = sorted(short, key=lambda row: (row["portrayed"] == row["named"], -row["sure"]))
    return [row | {"sure": round(row["sure"], 2)} for row in ordered]


def _sure(row: Row) -> float:
    return max(row[label] for label in LABELS)
