"""An analysis in three plain sentences, none of which says more than the numbers do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch

import numpy as np

from features import Modality
from models.labels import LABELS
from xai.analysis import Analysis
from xai.explanation import Attribution, Contrast, FrameCells, Panel, Parts, SoundPatches
from xai.methods import METHODS
from xai.methods.lime import fit
from xai.score import FIT, Level, Trust

# A face cut with EmoLens' margin: eyes lie in the upper part of the square, the mouth in the lower.
_FACE_PARTS = (
    (3, "the upper face (brows and eyes)"),
    (5, "the middle of the face (nose and cheeks)"),
    (7, "the lower face (mouth and chin)"),
)


def in_words(
    analysis: Analysis, contrast: Contrast, trust: Mapping[str, Trust] | None = None, shown: Sequence[str] | None = None
) -> list[str]:
    """What was recognised, where it comes from, and where the strongest evidence lies.

    Args:
        trust: by method, as far as it is measured: what did not pass is not read out as evidence, and what is not there yet is said
            to be in question. None: nothing is said about trust.
        shown: the methods in the foreground; those that are there at once by default.

    >>> from xai.analysis import analyse
    >>> analysis = analyse(open("pages/sample/sample.wav", "rb").read(), None)
    >>> in_words(analysis, Contrast(analysis.predicted))[1]
    'Only the voice was judged.'
    """
    sentences = [_verdict(analysis, contrast), _source(analysis, contrast), _evidence(analysis, contrast, trust, shown)]
    return [sentence for sentence in sentences if sentence]


def odds(probability: float) -> str:
    """A probability in words.

    >>> odds(0.62), odds(0.97)
    ('about 6 in 10', 'more than 9 in 10')
    """
    if probability >= 0.95:
        return "more than 9 in 10"
    if probability < 0.05:
        return "less than 1 in 10"
    return f"about {max(1, round(probability * 10))} in 10"


def judged_alone(analysis: Analysis) -> str:
    """What there was to judge, of one modality: ``voice``, ``face``, or ``picture`` where no face was found in it."""
    (only,), video = analysis.modalities.present, analysis.features.video
    return "picture" if only is Modality.VIDEO and video is not None and video.fallback else only.noun


def kilohertz(low: float, high: float) -> str:
    """A band, given in hertz, in words.

    >>> kilohertz(530, 1020)
    '0.5–1 kHz'
    """
    return f"{low / 1000:.1f}–{high / 1000:.1f} kHz".replace(".0", "")


def strongest_frame(heat: np.ndarray) -> tuple[int, str] | None:
    """Of (n, 7, 7) heat: the frame with the strongest evidence for the class, and the part of the face; None if there is none."""
    if heat.size == 0 or heat.max() <= 0:
        return None
    frame, row, _ = np.unravel_index(int(heat.argmax()), heat.shape)
    return int(frame), face_part(int(row))


def face_part(row: int) -> str:
    """Of the seven rows of cells over a face: what lies there, in words."""
    return next(words for last, words in _FACE_PARTS if row < last)


def strongest_patch(weights: np.ndarray) -> int | None:
    """Position of the patch that speaks most for the class; None if none does."""
    return int(weights.argmax()) if weights.size and weights.max() > 0 else None


def place_of(analysis: Analysis, attribution: Attribution, contrast: Contrast) -> str:
    """Where the strongest evidence of an attribution lies, in words; empty if nothing speaks for the class, or it has no place."""
    return _place(attribution.parts, analysis, attribution, contrast)


@singledispatch
def _place(parts: Parts, analysis: Analysis, attribution: Attribution, contrast: Contrast) -> str:
    return ""


@_place.register
def _(parts: FrameCells, analysis: Analysis, attribution: Attribution, contrast: Contrast) -> str:
    video, best = analysis.features.video, strongest_frame(attribution.heat(contrast))
    if best is None or video is None:
        return ""
    place = "its middle, where no face was found," if video.fallback else best[1]
    return f"within the picture, {place} at {video.times[best[0]]:.1f} s"


@_place.register
def _(parts: SoundPatches, analysis: Analysis, attribution: Attribution, contrast: Contrast) -> str:
    patch = strongest_patch(attribution.shown(contrast))
    if patch is None:
        return ""
    t0, t1, hz0, hz1 = parts.segments[patch]
    sure = "" if _reliable(attribution, contrast) else ", a weak explanation"
    return f"within the sound, {kilohertz(hz0, hz1)} between {t0:.1f} s and {t1:.1f} s{sure}"


def _reliable(attribution: Attribution, contrast: Contrast) -> bool:
    """Whether a surrogate explains at least half of what the model does; True for what is no surrogate."""
    return "r2" not in attribution.extras or FIT.level(fit(attribution, contrast)) is not Level.RED


def _verdict(analysis: Analysis, contrast: Contrast) -> str:
    probability, target = analysis.probabilities, contrast.target
    if target == analysis.predicted and contrast.against is None:
        second = int(np.argsort(-probability)[1])
        return (
            f"The model recognises {LABELS[target]} ({odds(probability[target])}); "
            f"next comes {LABELS[second]} ({odds(probability[second])})."
        )
    start = f"The model gives {LABELS[target]} {odds(probability[target])}"
    if contrast.against is not None:
        return f"{start} and {contrast.rival} {odds(probability[contrast.against])}."
    return f"{start}; what it recognises is {analysis.label} ({odds(probability[analysis.predicted])})."


def _source(analysis: Analysis, contrast: Contrast) -> str:
    split = analysis.modalities
    if not split.several:
        return f"Only the {judged_alone(analysis)} was judged."
    values = {m: float(contrast.of(split.contribution(m))) for m in reversed(split.modalities) if m in split.present}
    strong, *others = sorted(values, key=lambda m: -abs(values[m]))
    share = abs(values[strong]) / max(sum(map(abs, values.values())), 1e-12)
    verb = {True: "for", False: "against"}
    rest = "; ".join(f"the {m.noun} speaks {verb[values[m] > 0]} it" for m in others)
    alone = " and ".join(f"the {m.noun} {'would be ' * (k == 0)}{split.verdict(m)}" for k, m in enumerate(values))
    return f"The {strong.noun} weighs most ({share:.0%}) and speaks {verb[values[strong] > 0]} {contrast.words}; {rest} (alone, {alone})."


def _evidence(analysis: Analysis, contrast: Contrast, trust: Mapping[str, Trust] | None, shown: Sequence[str] | None) -> str:
    keys = [key for key in analysis.attributions if METHODS[key].at_once] if shown is None else shown
    own = sorted((analysis.attributions[key] for key in keys if key in analysis.attributions), key=lambda a: _ORDER.index(a.parts.panel))
    places = {a.method: place for a in own if (place := place_of(analysis, a, contrast))}
    failed = [key for key in places if trust and key in trust and trust[key].level is Level.RED]
    unsure = {key: " (not checked yet)" if trust is not None and key not in trust else "" for key in places}
    found = [place + unsure[key] for key, place in places.items() if key not in failed]
    doubt = " and ".join(_MARKED[METHODS[key].panel] for key in failed)
    warning = f" Do not rely on {doubt}: checks failed." if doubt else ""
    if found:
        return f"The strongest evidence for {contrast.words}: {'; '.join(found)}.{warning}"
    if doubt:
        return f"No place that could be relied on was found for {contrast.words}: the checks of {doubt} failed."
    return f"No single place speaks for {contrast.words}."


_ORDER = tuple(Panel)
_MARKED = {
    Panel.SAW: "what is marked in the picture",
    Panel.HEARD: "what is marked in the sound",
    Panel.WEIGHED: "what is marked among the numbers",
}
