"""How much of a probability comes from each modality: their exact Shapley values.

Shapley 1953 (doi 10.1515/9781400881970-018). Every set of modalities is played, so nothing is estimated. An absent modality is zeros
after standardising, a state that the model knows from training (modality dropout).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import factorial

import numpy as np

from features import Modality
from models.evaluation.metrics import softmax
from models.labels import LABELS
from xai.explanation import Subject
from xai.masking import Masker, ModalityMasker

_EQUAL = 0.1  # of the sum: shares that differ by no more are about equal


@dataclass(frozen=True)
class ModalitySplit:
    """Probabilities of every coalition of modalities, and the Shapley values made from them.

    Attributes:
        coalitions: (8,) probabilities by the set of modalities that is shown.
        present: those that are there in the recording.
    """

    coalitions: Mapping[frozenset[Modality], np.ndarray]
    present: frozenset[Modality]

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """All players, there or not."""
        return tuple(m for m in Modality if frozenset({m}) in self.coalitions)

    @property
    def none(self) -> np.ndarray:
        """(8,) probabilities with no modality at all."""
        return self.coalitions[frozenset()]

    @property
    def everything(self) -> np.ndarray:
        """(8,) probabilities with all of them: the prediction."""
        return self.coalitions[frozenset(self.modalities)]

    def alone(self, modality: Modality) -> np.ndarray:
        """(8,) probabilities with that modality only."""
        return self.coalitions[frozenset({modality})]

    def contribution(self, modality: Modality) -> np.ndarray:
        """(8,) Shapley values of a modality; over all modalities they add up to ``everything`` − ``none``."""
        return shapley_values(self.coalitions)[modality]

    @property
    def several(self) -> bool:
        """Whether there is more than one modality to be weighed."""
        return len(self.present) > 1

    @property
    def disagree(self) -> bool:
        """The modalities, each alone, name different emotions."""
        return len({self.verdict(modality) for modality in self.present}) > 1

    @property
    def state(self) -> str:
        """``both`` where several are there, else the noun of the only one: a key of results."""
        return "both" if self.several else next(iter(self.present)).noun

    def verdict(self, modality: Modality) -> str | None:
        """What it alone would name; None where it is missing."""
        return LABELS[int(self.alone(modality).argmax())] if modality in self.present else None

    def followed(self) -> str:
        """What the prediction on all made of the single verdicts, in words."""
        label = LABELS[int(self.everything.argmax())]
        for modality in reversed(self.modalities):
            if self.verdict(modality) == label:
                return f"followed the {modality.noun}"
        return f"followed neither: together they look like {label} to it"

    def shares(self, target: int) -> dict[Modality, float]:
        """Size of each contribution as a share of all sizes; they sum to 1 (or are all 0)."""
        sizes = np.abs([self.contribution(m)[target] for m in self.modalities])
        total = sizes.sum()
        return dict(zip(self.modalities, (sizes / total if total > 0 else sizes).tolist(), strict=True))

    def headline(self, target: int) -> str:
        """Where the probability of ``target`` comes from, in a few words; with shares only where nothing speaks against it."""
        signed = {m.noun: float(self.contribution(m)[target]) for m in reversed(self.modalities) if m in self.present}
        if len(signed) == 1:
            return f"From the {next(iter(signed))} only"
        if not any(signed.values()):
            return f"Neither {' nor '.join(signed)} changes it"
        if max(signed.values()) <= 0:
            return f"{' and '.join(signed)} speak against it".capitalize()
        if min(signed.values()) < 0:
            first, *others = [f"the {noun} {{}}{'for' if value >= 0 else 'against'} it" for noun, value in signed.items()]
            return ", ".join([first.format("speaks "), *(other.format("") for other in others)]).capitalize()
        if about_equal(signed.values()):
            return f"About equally from {' and '.join(signed)}"
        shares = hundredths(signed.values())
        return ", ".join(f"from the {noun} {share} %" for noun, share in zip(signed, shares, strict=True)).capitalize()


def about_equal(values: Iterable[float]) -> bool:
    """Whether the sizes, as shares of their sum, differ by at most a tenth: of two, each between 45 and 55 of 100."""
    sizes = np.abs(list(values))
    return bool(np.ptp(sizes) <= _EQUAL * sizes.sum())


def hundredths(values: Iterable[float]) -> list[int]:
    """The sizes, not all 0, as whole hundredths of their sum that add up to 100: those with the largest remainders are rounded up.

    >>> hundredths([2.0, -1.0])
    [67, 33]
    """
    sizes = np.abs(list(values))
    exact = 100 * sizes / sizes.sum()
    whole = np.floor(exact).astype(int)
    whole[np.argsort(whole - exact, kind="stable")[: 100 - whole.sum()]] += 1
    return whole.tolist()


def split_modalities(subject: Subject) -> ModalitySplit:
    """Probabilities of the recording with every set of modalities."""
    masker = ModalityMasker(subject)
    return ModalitySplit(play(masker, masker.modalities), subject.features.modalities)


def play(masker: Masker, players: tuple) -> dict[frozenset, np.ndarray]:
    """(8,) probabilities for every set of ``players``, in the order of the masker's parts."""
    sets = np.array([[bool(number >> k & 1) for k in range(len(players))] for number in range(2 ** len(players))])
    probabilities = softmax(masker(sets))
    return {frozenset(p for p, there in zip(players, row, strict=True) if there): p for row, p in zip(sets, probabilities, strict=True)}


def shapley_values(coalitions: Mapping[frozenset, np.ndarray]) -> dict:
    """For each player the mean over all orders of arrival of what it adds, from the values of all 2^n sets.

    >>> found = shapley_values({frozenset(): 0.0, frozenset("a"): 1.0, frozenset("b"): 2.0, frozenset("ab"): 5.0})
    >>> float(found["a"]), float(found["b"])
    (2.0, 3.0)
    """
    players = max(coalitions, key=len)
    n = len(players)
    values: dict = {}
    for player in players:
        rest = [s for s in coalitions if player not in s]
        weights = [factorial(len(s)) * factorial(n - len(s) - 1) / factorial(n) for s in rest]
        values[player] = sum(w * (coalitions[s | {player}] - coalitions[s]) for w, s in zip(weights, rest, strict=True))
    return values
