"""The eight emotions, in the one order that the whole project uses, and RAVDESS's own numbering."""

from __future__ import annotations

LABELS = ("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")

# Third field of a RAVDESS file name (Livingstone & Russo 2018, doi 10.1371/journal.pone.0196391).
_RAVDESS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}


def label_index(label: str) -> int:
    """Position of ``label`` in :data:`LABELS`; ValueError if there is no such emotion."""
    return LABELS.index(label)


def ravdess_label(code: str) -> str:
    """'05' → 'angry'. KeyError for a code RAVDESS does not have."""
    return _RAVDESS[code]
