"""Figures of one or two checkouts side by side, printed and kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.conftest import ROOT


def compare(measure: Callable[[Path], Mapping[str, float]], base: Path | None) -> dict[str, Mapping[str, float]]:
    """What ``measure`` finds in this checkout, after what it finds in the other one if there is one: by ``before`` and ``now``."""
    roots = {"before": base, "now": ROOT} if base else {"now": ROOT}
    return {name: measure(root) for name, root in roots.items()}


def report(figures: Mapping[str, Mapping[str, float]], title: str, file: Path | None) -> None:
    """Print a row for each figure; write them as JSON too if there is a file."""
    print(title)
    print(f"{'':<30}" + "".join(f"{name:>9}" for name in figures))
    for name in figures["now"]:
        print(f"{name:<30}" + "".join(f"{column[name]:9.2f}" for column in figures.values()))
    if file:
        file.write_text(json.dumps(figures, indent=1), encoding="utf-8")
