"""What an analysis with each model costs, as ``python -m tests.bench.costs`` measured it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

COSTS = Path(__file__).parents[1] / "costs.json"


@dataclass(frozen=True)
class Cost:
    """Of an analysis of a four-second film with all its evidence, without checks.

    Attributes:
        seconds: of one processor of the machine on which it was measured.
        times: as a multiple of the default's.
        extra_mb: memory that it needs beyond an analysis by the default.
    """

    seconds: float
    times: float
    extra_mb: int


def cost_of(name: str) -> Cost | None:
    """What is kept of a model; None where it was not measured.

    >>> cost_of("fused").times, cost_of("nobody")
    (1.0, None)
    """
    return _read(COSTS).get(name)


@cache
def _read(path: Path) -> dict[str, Cost]:
    kept = json.loads(path.read_text(encoding="utf-8"))["models"] if path.exists() else {}
    return {name: Cost(**figures) for name, figures in kept.items()}
