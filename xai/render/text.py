"""An analysis in three plain sentences, none of which says more than the numbers do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import TYPE_CHECKING

import numpy as np

from features import Modality
from models.labels import LABELS
from models.registry import shown_in
from xai.analysis import Analysis
from xai.explanation import Attribution, Contrast, FrameCells, Moments, Panel, Parts, SoundPatches
from xai.methods import METHODS
from xai.methods.lime import fit
from xai.metrics.measures import FIT
from xai.modality_split import about_equal, hundredths
from xai.score import Level, Score, Trust

if TYPE_CHECKING:
    from xai.model_level.second_opinion import Opinion

# A face cut with EmoLens' margin: eyes lie in the upper part of the square, the mouth in the lower.
_FACE_PARTS = (
    (3, "the upper face (brows and eyes)"),
    (5, "the middle of the face (nose and cheeks)"),
    (7, "the lower face (mouth and chin)"),
)


def in_words(
    analysis: Analysis,
    contrast: Contrast,
    trust: Mapping[str, Trust] | None = None,
    shown: Sequence[str] | None = None,
    technical: bool = False,
) -> list[str]:
    """What was recognised, where it comes from, and where the strongest evidence lies.

    Args:
        trust: by method, as far as it is measured: what did not pass is not read out as evidence, nor is what is not measured yet.
            None: nothing is said about trust.
        shown: the methods in the foreground; those that are there at once by default.
        technical: name the method behind each place, and say how well a surrogate fits; else only a method that is not there at once
            is named.

    >>> from xai.analysis import analyse
    >>> analysis = analyse(open("pages/sample/sample.wav", "rb").read(), None)
    >>> in_words(analysis, Contrast(analysis.predicted))[1]
    'Only the voice was judged.'
    """
    evidence = _evidence(analysis, contrast, trust, in_foreground(analysis, shown), technical)
    return [_verdict(analysis, contrast), _source(analysis, contrast), evidence]


def in_foreground(analysis: Analysis, shown: Sequence[str] | None = None) -> list[str]:
    """The methods that are shown and have an explanation here, in the order of the panels; by default those that are there at once."""
    keys = [key for key in analysis.attributions if METHODS[key].comes_at_once(analysis.subject)] if shown is None else shown
    there = [key for key in dict.fromkeys(keys) if key in analysis.attributions]
    return sorted(there, key=lambda key: _ORDER.index(analysis.attributions[key].parts.panel))


def cautions(analysis: Analysis, second: Opinion | None = None) -> list[str]:
    """What must be read beside the prediction, the most important first.

    That another model disagrees comes before that voice and face do. Of the 112 filmed clips of unseen actors, *Fused* and *Second by
    second* name different emotions for 13, and *Fused* is right about 31 % of these; voice and face differ for 79, and it is right
    about 66 %.
    """
    split = analysis.modalities
    said = {level: [f"{check.modality}: {check.words}" for check in analysis.checks if check.level is level] for level in Level}
    refused = "The model should not be asked this: it knows nothing like this recording."
    conflict = f"Voice and face disagree; the model {split.followed()}. Look at both before you rely on either."
    return [
        *([] if analysis.should_be_asked else [refused]),
        *said[Level.RED],
        *_lowered(analysis),
        *_disagreement(second),
        *([conflict] if split.disagree else []),
        *_said_to_nothing(analysis),
        *said[Level.AMBER],
        *analysis.warnings,
    ]


def _lowered(analysis: Analysis) -> list[str]:
    before, now = analysis.lowered_from, float(analysis.probabilities.max())
    if before is None or before - now < _LOWERED:
        return []
    return [f"Its certainty was lowered from {before:.0%} to {now:.0%}, as the voice is unlike those that it learned from."]


def _disagreement(second: Opinion | None) -> list[str]:
    if second is None or not second.disagrees:
        return []
    says = f"{second.title} recognises {second.label}, {odds(second.probability)}"
    return [f"Another model disagrees: {says}. Look at both before you rely on either."]


def in_one_line(second: Opinion, markdown: bool = False) -> str:
    """A second opinion: whose it is, how often that model is right, what it says, and how sure it is.

    Args:
        markdown: the title in italics and the emotion in bold.
    """
    title, label = (f"*{second.title}*", f"**{second.label}**") if markdown else (second.title, second.label)
    people = " and ".join(f"{m.noun}s" for m in shown_in(second.state))
    record = f"{'the' if second.rank == 1 else 'one of the'} most accurate on unseen {people} ({100 * second.accuracy:.0f} %)"
    says = f"recognises {label} {'too' if second.agrees else 'instead'}, {odds(second.probability)}"
    return f"Second opinion: {title}, {record}, {'is undecided' if second.undecided else says}."


def _said_to_nothing(analysis: Analysis) -> list[str]:
    """A warning if the verdict comes from the model itself more than from the recording."""
    nothing = analysis.modalities.none[analysis.predicted]
    if nothing < _ANYWAY or not analysis.modalities.several:
        return []
    return [
        f"With nothing to see or hear this model would say {analysis.label} too ({100 * nothing:.0f} of 100), so "
        "the shares of voice and face say little: go by what each says alone."
    ]


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


@_place.register
def _(parts: Moments, analysis: Analysis, attribution: Attribution, contrast: Contrast) -> str:
    values = attribution.shown(contrast)
    best = strongest_patch(values)
    if best is None:
        return ""
    modality = next(m for m in parts.segments if best in parts.part(np.arange(len(values)), m))
    (start, end), noun = np.concatenate(list(parts.segments.values()))[best], modality.noun
    return (
        f"among the moments, the {noun} at {start:.1f} s"
        if modality is Modality.VIDEO
        else f"among the moments, the {noun} from {start:.1f} to {end:.1f} s"
    )


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
    values = {m.noun: float(contrast.of(split.contribution(m))) for m in reversed(split.modalities) if m in split.present}
    single = {m.noun: split.verdict(m) for m in reversed(split.modalities) if m in split.present}
    return f"{weighing(values, contrast)} ({_alone(single)})."


def weighing(values: Mapping[str, float], contrast: Contrast) -> str:
    """Which of the modalities, by noun, weighs most, and what each speaks for; no number where they weigh about the same."""
    if not any(values.values()):
        return f"{' and '.join(values)} add nothing to {contrast.words}".capitalize()
    strong, *others = sorted(values, key=lambda noun: -abs(values[noun]))
    side = {noun: "for" if value > 0 else "against" for noun, value in values.items()}
    if not about_equal(values.values()):
        share = hundredths(values.values())[list(values).index(strong)]
        rest = "; ".join(f"the {noun} speaks {side[noun]} it" for noun in others)
        return f"The {strong} weighs most ({share} %) and speaks {side[strong]} {contrast.words}; {rest}"
    start = f"{' and '.join(values)} weigh about equally".capitalize()
    if len(set(side.values())) == 1:
        return f"{start} and speak {side[strong]} {contrast.words}"
    rest = ", ".join(f"the {noun} {side[noun]} it" for noun in others)
    return f"{start}: the {strong} speaks {side[strong]} {contrast.words}, {rest}"


def _alone(verdicts: Mapping[str, str | None]) -> str:
    """What each modality, by noun, would name alone."""
    first, *others = verdicts.items()
    if all(verdict == first[1] for _, verdict in others):
        return f"{'both' if len(others) == 1 else 'each'}, alone, say{'s' * (len(others) > 1)} {first[1]}"
    return f"alone, the {first[0]} would be {first[1]} and " + " and ".join(f"the {noun} {verdict}" for noun, verdict in others)


def _evidence(analysis: Analysis, contrast: Contrast, trust: Mapping[str, Trust] | None, shown: Sequence[str], technical: bool) -> str:
    places = {key: place for key in shown if (place := place_of(analysis, analysis.attributions[key], contrast))}
    failed = [key for key in places if trust and key in trust and trust[key].level is Level.RED]
    open_ = [key for key in places if trust is not None and key not in trust]
    found = [place + _by(analysis, key, contrast, technical) for key, place in places.items() if key not in (*failed, *open_)]
    doubt, waiting = (" and ".join(words[METHODS[key].panel] for key in keys) for words, keys in ((_MARKED, failed), (_PICTURED, open_)))
    said = [f"The strongest evidence for {contrast.words}: {'; '.join(found)}."] if found else []
    if doubt and (found or waiting):
        said.append(f"Do not rely on {doubt}: checks failed.")
    elif doubt:
        said.append(f"No place that could be relied on was found for {contrast.words}: the checks of {doubt} failed.")
    if waiting:
        said.append(f"The {waiting} {'are' if len(open_) > 1 or METHODS[open_[0]].panel is not Panel.SAW else 'is'} still being checked.")
    return " ".join(said) or f"No single place speaks for {contrast.words}."


def _by(analysis: Analysis, key: str, contrast: Contrast, technical: bool) -> str:
    """Whose evidence a place is, where that is not understood by itself."""
    attribution, method = analysis.attributions[key], METHODS[key]
    fitted = f", R² {Score(FIT, fit(attribution, contrast)).number}" if technical and "r2" in attribution.extras else ""
    return "" if method.comes_at_once(analysis.subject) and not technical else f" (by {method.title}{fitted})"


_LOWERED = 0.05  # of probability: less is no news
_ANYWAY = 0.5  # of probability with neither voice nor face
_ORDER = tuple(Panel)
_MARKED = {
    Panel.SAW: "what is marked in the picture",
    Panel.HEARD: "what is marked in the sound",
    Panel.WEIGHED: "what is marked among the numbers",
}
_PICTURED = {Panel.SAW: "heat", Panel.HEARD: "patches of sound", Panel.WEIGHED: "numbers"}
