"""Which face belongs to which voice: the mouth that moves more while a voice is heard than otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SURE = 3.0  # standard errors by which a mouth must move more (Welch 1947)
_CLEAR = 1.5  # standard errors by which it must be ahead of the next face, and of the next voice
_FEWEST = 4  # pictures on either side
_NOTHING = -np.inf


@dataclass(frozen=True)
class Ties:
    """What belongs together.

    Attributes:
        face_of: by voice, the number of its face; a voice that is not there has none.
        evidence: float64 (voices, faces), standard errors by which each face's mouth moves more while each voice speaks; −inf where too
            little was seen.
    """

    face_of: dict[int, int]
    evidence: np.ndarray


def tie(times: np.ndarray, faces: np.ndarray, mouths: np.ndarray, pieces: np.ndarray, voices: np.ndarray) -> Ties:
    """Tie voices to faces.

    Args:
        times, faces, mouths: (n,), when a face was seen, whose it is (−1: nobody's), and how much its mouth moved (NaN: not measured).
        pieces: (p, 2), stretches of speech in seconds; voices: (p,), who speaks in each, −1 where it is not clear.
    """
    speaking = speaker_at(times, pieces, voices)
    seen = np.isfinite(mouths) & (faces >= 0)
    count, people = int(voices.max(initial=-1)) + 1, int(faces.max(initial=-1)) + 1
    moves = np.log1p(np.maximum(mouths, 0))
    silent = moves[seen & (speaking == _SILENCE)]
    evidence = np.full((count, people), _NOTHING)
    for voice in range(count):
        for face in range(people):
            own = seen & (faces == face)
            during, otherwise = moves[own & (speaking == voice)], moves[own & (speaking != voice) & (speaking != _DOUBTFUL)]
            if len(otherwise) < _FEWEST:
                otherwise = silent  # of a film that shows only who speaks: mouths of anybody in silence
            evidence[voice, face] = _standard_errors(during, otherwise)
    return Ties(_chosen(evidence), evidence)


_SILENCE, _DOUBTFUL = -2, -1


def speaker_at(times: np.ndarray, pieces: np.ndarray, voices: np.ndarray) -> np.ndarray:
    """int (n,): which voice is heard at each time; −2 in silence, −1 where it is not clear who speaks."""
    found = np.full(len(times), _SILENCE)
    for (start, end), voice in zip(pieces, voices, strict=True):
        found[(times >= start) & (times < end)] = voice if voice >= 0 else _DOUBTFUL
    return found


def _standard_errors(during: np.ndarray, otherwise: np.ndarray) -> float:
    """Welch's t of two samples; −inf where there are too few."""
    if len(during) < _FEWEST or len(otherwise) < _FEWEST:
        return _NOTHING
    spread = during.var(ddof=1) / len(during) + otherwise.var(ddof=1) / len(otherwise)
    return float((during.mean() - otherwise.mean()) / np.sqrt(spread + 1e-6))


def _chosen(evidence: np.ndarray) -> dict[int, int]:
    """The assignment of most evidence (Kuhn 1955), without those that are not clear."""
    from scipy.optimize import linear_sum_assignment

    usable = np.where(np.isfinite(evidence), evidence, -1e3)
    chosen = {}
    for voice, face in zip(*linear_sum_assignment(-usable), strict=True):
        others = np.r_[np.delete(usable[voice], face), np.delete(usable[:, face], voice)]
        if usable[voice, face] >= SURE and usable[voice, face] >= others.max(initial=-1e3) + _CLEAR:
            chosen[int(voice)] = int(face)
    return chosen
