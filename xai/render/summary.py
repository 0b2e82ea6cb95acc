"""``summary.txt``: a result for a reader without a computer at hand."""

from __future__ import annotations

from typing import Any

from xai.explanation import Panel
from xai.methods import METHODS
from xai.score import Level

FAILED = "failed_check"
"""Part of the name of each file that shows what did not pass its checks."""


def summary(result: dict[str, Any]) -> str:
    """The result in plain text.

    Args:
        result: as :func:`xai.render.export.to_dict` makes it.
    """
    probabilities = sorted(result["prediction"]["probabilities"].items(), key=lambda item: -item[1])
    checkpoint = result["checkpoint"]
    lines = [
        "EmoLens",
        "",
        *result["in_words"],
        "",
        *[f"  {label:<10} {p:6.1%}" for label, p in probabilities],
        "",
        *([result["second_opinion"]["sentence"], ""] if result["second_opinion"] else []),
        *[f"Note: {warning}" for warning in result["warnings"]],
        "",
        *_trust_lines(result),
        "",
        "The model recognises emotions that actors portray. It does not know what a person feels, and this is no diagnosis.",
        f"Checkpoint {checkpoint['name']} {checkpoint['sha256']}, seed {result['settings']['seed']}.",
        *_legend(result),
        "",
    ]
    return "\n".join(lines)


_PASSED = {Level.GREEN: "true to the model", Level.AMBER: "read with care", Level.RED: "did not pass its checks, do not rely on it"}
_KINDS = {Panel.SAW: "heat on the frames", Panel.HEARD: "patches of the spectrogram", Panel.WEIGHED: "weights"}


def _trust_lines(result: dict[str, Any]) -> list[str]:
    """What the checks say of each explanation, those in the foreground first."""
    found, about = _made(result), result["target"] + (f" rather than {result['against']}" if result["against"] else "")
    lines = []
    for key in sorted(found, key=lambda key: key not in result["shown"]):
        measured = found[key]["trust"]
        words = "not checked" if measured is None else _PASSED[measured["level"]]
        reasons = [s["sentence"] for s in measured["scores"] if s["level"] == Level.RED] if measured else []
        behind = "" if key in result["shown"] else " (not in the foreground)"
        lines.append(" ".join([f"{METHODS[key].title}{behind}, for {about}: {words}.", *reasons]))
    return lines


def _legend(result: dict[str, Any]) -> list[str]:
    """What the files are that go with this result."""
    lines = [f"{key}_*: {_KINDS[METHODS[key].panel]} ({METHODS[key].title})." for key in _made(result)]
    if lines:
        lines.append("Warm speaks for, cool against.")
    if any((made["trust"] or {}).get("level") == Level.RED for made in _made(result).values()):
        lines.append(f"*_{FAILED}*: it did not pass its checks.")
    if any(METHODS[key].panel is Panel.HEARD for key in result["shown"]):
        lines.append("heard_evidence_*, heard_rest_*: the sound inside the patches that speak most for the emotion, and everything else.")
    return lines


def _made(result: dict[str, Any]) -> dict[str, Any]:
    """The explanations that are there, by key of their method."""
    there = result["explanations"]
    return {key: there[key] for key in METHODS if there.get(key) and there.get(f"{key}_maps", True) is not None}
