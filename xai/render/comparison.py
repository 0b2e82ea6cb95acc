"""Two analyses of one recording in sentences: where the models differ, and what that rests on."""

from __future__ import annotations

import numpy as np

from models.labels import LABELS
from xai.analysis import Analysis
from xai.explanation import Attribution, Contrast, SoundPatches
from xai.render.text import kilohertz, odds, strongest_patch, weighing

_CLOSE = 0.1  # of probability: a smaller difference is none worth a sentence


def differences(first: Analysis, second: Analysis, titles: tuple[str, str]) -> list[str]:
    """What each recognises, the emotion on which they differ most, and what carried each verdict."""
    pair = (first, second)
    lines = [_verdicts(pair, titles)]
    gap = first.probabilities - second.probabilities
    widest = int(np.abs(gap).argmax())
    if abs(gap[widest]) >= _CLOSE:
        more, less = (0, 1) if gap[widest] > 0 else (1, 0)
        lines.append(
            f"They differ most on {LABELS[widest]}: {titles[more]} gives it {odds(pair[more].probabilities[widest])}, "
            f"{titles[less]} {odds(pair[less].probabilities[widest])}."
        )
    return lines + [_reason(analysis, title) for analysis, title in zip(pair, titles, strict=True)]


def _verdicts(pair: tuple[Analysis, Analysis], titles: tuple[str, str]) -> str:
    first, second = pair
    if first.predicted == second.predicted:
        sure = f"{odds(first.probabilities.max())} and {odds(second.probabilities.max())}"
        return f"Both recognise {first.label} ({titles[0]} and {titles[1]}: {sure})."
    words = [f"{title} recognises {a.label} ({odds(a.probabilities.max())})" for a, title in zip(pair, titles, strict=True)]
    return f"{words[0]}, {words[1]}."


def _reason(analysis: Analysis, title: str) -> str:
    """Which modality carried a verdict."""
    split, target = analysis.modalities, analysis.predicted
    if not split.several:
        return f"{title} judges the {next(iter(split.present)).noun} alone."
    values = {m.noun: float(split.contribution(m)[target]) for m in reversed(split.modalities) if m in split.present}
    weights = weighing(values, Contrast(target))
    return f"For {title}, {weights[0].lower()}{weights[1:]}."


def strongest_sound(attribution: Attribution, contrast: Contrast) -> str:
    """The patch of sound that speaks most for a class, in words; its weights are to be checked like every explanation."""
    patch, parts = strongest_patch(attribution.shown(contrast)), attribution.parts
    if patch is None or not isinstance(parts, SoundPatches):
        return f"No part of the sound speaks for {contrast.words}."
    t0, t1, hz0, hz1 = parts.segments[patch]
    return f"Sound at {kilohertz(hz0, hz1)}, from {t0:.1f} s to {t1:.1f} s, speaks most for {contrast.words}."
