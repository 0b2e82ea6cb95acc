"""What the numbers of the voice mean, in words."""

from __future__ import annotations

# Coefficient k weighs the mel spectrum with k half waves of a cosine: the first describe its broad shape, the last ripple.
VOICE_PROPERTIES = (
    ("loudness (MFCC 0)", slice(0, 1)),
    ("dark or bright (MFCC 1)", slice(1, 2)),
    ("vowel shape (MFCC 2–5)", slice(2, 6)),
    ("sound colour (MFCC 6–12)", slice(6, 13)),
    ("fine texture (MFCC 13–39)", slice(13, 40)),
)


def voice_feature_label(index: int) -> str:
    """Name of MFCC ``index`` (0–39) for a chart: the field's name and, in brackets, the property it belongs to."""
    words = next(label for label, members in VOICE_PROPERTIES if index < members.stop).split(" (")[0]
    return f"MFCC {index} ({words})"
