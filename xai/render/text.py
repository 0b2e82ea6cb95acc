"""An analysis in three plain sentences, none of which says more than the numbers do."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.labels import LABELS
from xai.analysis import Analysis
from xai.score import Level, Trust

# A face cut with EmoLens' margin: eyes lie in the upper part of the square, the mouth in the lower.
_FACE_PARTS = (
    (3, "the upper face (brows and eyes)"),
    (5, "the middle of the face (nose and cheeks)"),
    (7, "the lower face (mouth and chin)"),
)


def in_words(analysis: Analysis, target: int, against: int | None = None, trust: Mapping[str, Trust] | None = None) -> list[str]:
    """What was recognised, where it comes from, and where the strongest evidence lies.

    Args:
        trust: of ``gradcam`` and ``lime``, as far as it is measured: what did not pass is not read out as evidence, and what is not
            there yet is said to be in question. None: nothing is said about trust.
    """
    failed = [name for name in ("gradcam", "lime") if trust and name in trust and trust[name].level is Level.RED]
    pending = [name for name in ("gradcam", "lime") if trust is not None and name not in trust]
    evidence = _evidence(analysis, target, against, failed, pending)
    sentences = [_verdict(analysis, target, against), _source(analysis, target, against), evidence]
    return [sentence for sentence in sentences if sentence]


def odds(probability: float) -> str:
    """0.62 → 'about 6 in 10'."""
    if probability >= 0.95:
        return "more than 9 in 10"
    if probability < 0.05:
        return "less than 1 in 10"
    return f"about {max(1, round(probability * 10))} in 10"


def judged_alone(analysis: Analysis) -> str:
    """What there was to judge, of one modality: ``voice``, ``face``, or ``picture`` where no face was found in it."""
    if analysis.modalities.has_audio:
        return "voice"
    video = analysis.features.video
    return "picture" if video is not None and video.fallback else "face"


def kilohertz(low: float, high: float) -> str:
    """(530, 1020) → '0.5–1 kHz'."""
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


def _verdict(analysis: Analysis, target: int, against: int | None) -> str:
    probability = analysis.probabilities
    if target == analysis.predicted and against is None:
        second = int(np.argsort(-probability)[1])
        return (
            f"The model recognises {LABELS[target]} ({odds(probability[target])}); "
            f"next comes {LABELS[second]} ({odds(probability[second])})."
        )
    start = f"The model gives {LABELS[target]} {odds(probability[target])}"
    if against is not None:
        return f"{start} and {LABELS[against]} {odds(probability[against])}."
    return f"{start}; what it recognises is {analysis.label} ({odds(probability[analysis.predicted])})."


def _source(analysis: Analysis, target: int, against: int | None) -> str:
    split = analysis.modalities
    if not (split.has_audio and split.has_video):
        return f"Only the {judged_alone(analysis)} was judged."
    face, voice = (v[target] - (v[against] if against is not None else 0.0) for v in (split.video, split.audio))
    what = LABELS[target] if against is None else f"{LABELS[target]} rather than {LABELS[against]}"
    strong, weak = ("face", "voice") if abs(face) >= abs(voice) else ("voice", "face")
    value, other = (face, voice) if strong == "face" else (voice, face)
    share = abs(value) / max(abs(face) + abs(voice), 1e-12)
    verb = {True: "for", False: "against"}
    alone = f"alone, the face would be {split.verdict('video')} and the voice {split.verdict('audio')}"
    return f"The {strong} weighs most ({share:.0%}) and speaks {verb[value > 0]} {what}; the {weak} speaks {verb[other > 0]} it ({alone})."


def _evidence(analysis: Analysis, target: int, against: int | None, failed: list[str], pending: list[str]) -> str:
    what = LABELS[target] if against is None else f"{LABELS[target]} rather than {LABELS[against]}"
    places = {"gradcam": _seen_place(analysis, target, against), "lime": _heard_place(analysis, target, against)}
    unsure = " (not checked yet)"
    found = [place + (unsure if name in pending else "") for name, place in places.items() if place and name not in failed]
    doubt = " and ".join(_MARKED[name] for name in failed if places[name])
    warning = f" Do not rely on {doubt}: checks failed." if doubt else ""
    if found:
        return f"The strongest evidence for {what}: {'; '.join(found)}.{warning}"
    if doubt:
        return f"No place that could be relied on was found for {what}: the checks of {doubt} failed."
    return f"No single place speaks for {what}."


_MARKED = {"gradcam": "what is marked in the picture", "lime": "what is marked in the sound"}


def _seen_place(analysis: Analysis, target: int, against: int | None) -> str:
    video = analysis.features.video
    best = strongest_frame(analysis.cam.heat(target, against)) if analysis.cam is not None and video is not None else None
    if best is None or video is None:
        return ""
    place = "its middle, where no face was found," if video.fallback else best[1]
    return f"within the picture, {place} at {video.times[best[0]]:.1f} s"


def _heard_place(analysis: Analysis, target: int, against: int | None) -> str:
    lime = analysis.lime
    patch = strongest_patch(lime.signed(target, against)) if lime is not None else None
    if patch is None or lime is None:
        return ""
    t0, t1, hz0, hz1 = lime.segments[patch]
    sure = "" if lime.reliable(target, against) else ", a weak explanation"
    return f"within the sound, {kilohertz(hz0, hz1)} between {t0:.1f} s and {t1:.1f} s{sure}"
