"""What is kept for one visitor: the recording, its recent analyses, and what was computed of them on request."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.session.keys import Key
from pages.components.session.work import Work, visitors_work

if TYPE_CHECKING:
    from xai.analysis import Analysis
    from xai.counterfactuals.flip import Flip
    from xai.explanation import Attribution, Contrast, Say
    from xai.model_level.all_models import Answer
    from xai.model_level.second_opinion import Opinion
    from xai.reference import Comparison
    from xai.render.playback import Playback
    from xai.score import Trust
    from xai.timeline import Timeline

_ANALYSES = 3
_TRUST = 48  # of an analysis


@dataclass(frozen=True)
class Recording:
    """What a visitor chose. ``name`` is for display only."""

    name: str
    audio: bytes | None
    video: bytes | None

    def digest(self) -> str:
        """SHA-256 of the content, in which an absent part differs from an empty one."""
        total = hashlib.sha256()
        for part in (self.audio, self.video):
            total.update(b"-" if part is None else b"+" + hashlib.sha256(part).digest())
        return total.hexdigest()


def recent_analyses() -> OrderedDict[tuple, Analysis]:
    """This visitor's analyses, oldest first: in the session, never shared, at most three.

    Kept by hand, as ``st.cache_resource`` cannot be asked what it holds: other pages look for an analysis that is there.
    """
    return st.session_state.setdefault(Key.ANALYSES, OrderedDict())


def remember(key: tuple, analysis: Analysis) -> None:
    """Keep an analysis and drop the oldest beyond the limit."""
    kept = recent_analyses()
    kept[key] = analysis
    kept.move_to_end(key)
    while len(kept) > _ANALYSES:
        kept.popitem(last=False)


@dataclass
class Drawer:
    """What was computed of one analysis for this visitor, beside the page or because it was asked for.

    Attributes:
        analysis: with every attribution that was computed.
        work: what is computed beside the page for this visitor; asked: what of it a button asked for of this analysis, by name.
        player: the file and the curves that are played, or why there are none.
        flips: the smallest changes that flip the prediction.
        comparisons: with the stock libraries, or why there are none.
        answers: what every model says of the recording.
        second: what another model says of it, or why there is no second opinion.
        other: an analysis by that model which was just made and is not among the recent ones yet.
    """

    analysis: Analysis
    work: Work
    asked: dict[str, Callable[[Say], None]] = field(default_factory=dict)
    player: tuple[Playback, Timeline] | str | None = None
    flips: list[Flip] | None = None
    comparisons: list[Comparison] | str | None = None
    answers: list[Answer] | None = None
    second: Opinion | str | None = None
    other: Analysis | None = None
    _trust: OrderedDict[tuple[str, Contrast], Trust] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def opinion(self) -> Opinion | None:
        """The second opinion, once it is there."""
        return None if isinstance(self.second, str) else self.second

    def trust(self, contrast: Contrast, methods: Sequence[str] | None = None) -> dict[str, Trust]:
        """What has been measured of a contrast, by method: of some, or of all."""
        wanted = self.analysis.attributions if methods is None else methods
        return {method: found for method in wanted if (found := self._trust.get((method, contrast))) is not None}

    def keep_trust(self, method: str, contrast: Contrast, trust: Trust) -> None:
        """And drop the oldest beyond the limit."""
        with self._lock:
            self._trust[method, contrast] = trust
            while len(self._trust) > _TRUST:
                self._trust.popitem(last=False)

    def keep(self, attribution: Attribution) -> None:
        """One more explanation of the same analysis."""
        with self._lock:
            attributions = {**self.analysis.attributions, attribution.method: attribution}
            self.analysis = replace(self.analysis, attributions=attributions)


def drawer_of(analysis: Analysis) -> Drawer:
    """This visitor's drawer for an analysis, empty at first."""
    return _drawer(analysis.token, analysis)


def drawers_of(recording: Recording, kept: Drawer) -> dict[str, Drawer]:
    """By model, what this visitor has of the same recording looked at in the same way."""
    digest, stride = recording.digest(), kept.analysis.settings.stride
    others = [a for key, a in recent_analyses().items() if key[0] == digest and a.settings.stride == stride]
    return {analysis.model.name: drawer_of(analysis) for analysis in others} | {kept.analysis.model.name: kept}


# A drawer, and not each thing in it, is what is cached: computing them says what is done, waits in the queue and can be interrupted,
# none of which a cached function may do.
@st.cache_resource(scope="session", max_entries=_ANALYSES, show_spinner=False)
def _drawer(token: str, _analysis: Analysis) -> Drawer:
    return Drawer(_analysis, visitors_work())


def escape(text: str, limit: int = 60) -> str:
    """A visitor's file name as plain text in Markdown: shortened, and nothing in it is markup."""
    short = text if len(text) <= limit else f"{text[: limit - 12]}…{text[-11:]}"
    return re.sub(r"([!-&*+/:-@\[-^`{-~])", r"\\\1", " ".join(short.split()))
