"""What the numbers of the voice mean, in words."""

from __future__ import annotations

_FIRST = {
    0: "loudness",
    1: "dark or bright",
    2: "middle against edges",
    3: "vowel shape",
    4: "vowel shape",
    5: "vowel shape",
}


def voice_feature_label(index: int) -> str:
    """Name of MFCC ``index`` (0–39) for a chart: the field's name and, in brackets, what it describes.

    Coefficient k weighs the mel spectrum with k half waves of a cosine: 0 is the overall level, 1 low against high, low
    ones the broad shape (vowels, brightness), high ones fine ripple (pitch and voice quality).
    """
    return f"MFCC {index} ({voice_feature_words(index)})"


def voice_feature_words(index: int) -> str:
    """What MFCC ``index`` describes, in two or three words."""
    if index in _FIRST:
        return _FIRST[index]
    return "sound colour" if index < 13 else "fine texture"
