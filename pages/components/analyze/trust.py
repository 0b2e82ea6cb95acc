"""Beside every explanation how far it can be trusted: checked once the explanation is on screen, kept for this visitor."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.charts.analysis import curves_chart
from pages.components.charts.draw import draw
from pages.components.session.keys import Key
from pages.components.session.queue import the_queue
from pages.components.session.run import log_place
from pages.components.session.state import Drawer

if TYPE_CHECKING:
    from xai.explanation import Contrast
    from xai.score import Score, Trust

_PATIENCE = 10.0  # seconds
_Colour = Literal["green", "orange", "red"]
_BADGES: dict[str, tuple[str, str, _Colour]] = {
    "green": ("True to the model", ":material/verified:", "green"),
    "amber": ("Read with care", ":material/warning:", "orange"),
    "red": ("Do not rely on it", ":material/block:", "red"),
}
# A line through what did not pass: it stays to be seen, and cannot be taken for evidence.
_STRUCK = """<style>.st-key-{key} {{ position: relative; }} .st-key-{key} img, .st-key-{key} .js-plotly-plot {{ opacity: 0.45; }}
.st-key-{key}::after {{ content: ""; position: absolute; inset: 0; pointer-events: none; background: linear-gradient(to top right,
transparent calc(50% - 2px), rgba(211, 47, 47, 0.8) calc(50% - 2px) calc(50% + 2px), transparent calc(50% + 2px)); }}</style>"""


def title_of(panel: str) -> str:
    """What a panel shows: ``saw`` → ``What it saw``."""
    return f"What it {panel}"


@dataclass(frozen=True)
class Slot:
    """Where the heading of an explanation and its badge go.

    Attributes:
        area: key of the container that shows it.
        hint: what to try if it fails its checks.
    """

    title: str
    heading: DeltaGenerator
    badge: DeltaGenerator
    area: str
    hint: str = ""

    @classmethod
    def place(cls, title: str, area: str, shown: tuple, hint: str = "") -> Slot:
        """Put a heading on the page, and keep room for a badge below it.

        Args:
            shown: what tells this picture from all others, so that a line through another one is not drawn through it.
        """
        heading = st.empty()
        heading.markdown(f"##### {title}")
        digest = hashlib.sha256(repr(shown).encode()).hexdigest()[:8]
        return cls(title, heading, st.empty(), f"{area}-{digest}", hint)

    def fill(self, trust: Trust) -> None:
        """Badge, one sentence, and everything else one click away; a line through what failed."""
        if trust.level == "red":
            self.heading.markdown(f"##### ~~{self.title}~~")
        with self.badge.container():
            _show(trust, self.area, self.hint)


def check(kept: Drawer, contrast: Contrast, slots: Mapping[str, Slot]) -> None:
    """Measure what has not been measured yet of the explanations on screen, and fill their slots, by method, one by one."""
    from xai.methods import METHODS

    known = kept.trust(contrast, list(slots))
    for method, trust in known.items():
        slots[method].fill(trust)
    left = [method for method in METHODS if method in slots and method not in known]  # in the order of METHODS: the quickest first
    while left:
        slot = slots[left[0]]
        try:
            found = _measure(kept, left[0], contrast, slot.badge)
        except TimeoutError:
            _offer_later([slots[method] for method in left])
            break
        if found is None:
            slot.badge.warning("This could not be checked: do not rely on it without other evidence.", icon=":material/warning:")
        else:
            slot.fill(found)
        left.pop(0)


def _offer_later(slots: list[Slot]) -> None:
    """A page that waits for its checks does not answer: where the server is busy they are left for when they are asked for."""
    for slot in slots:
        with slot.badge.container(horizontal=True, vertical_alignment="center"):
            st.markdown(":material/hourglass_disabled: Not checked yet: the server is busy with other visitors.")
            st.button("Check it now", key=f"{Key.CHECK_NOW}-{slot.area}", type="tertiary")


def _measure(kept: Drawer, method: str, contrast: Contrast, place: DeltaGenerator) -> Trust | None:
    """The trust, which is kept; None if something went wrong on our side."""
    from xai.analysis import check_one

    def say(words: str) -> None:
        place.caption(f":material/hourglass_top: {words}")

    with the_queue().turn(lambda ahead: say(f"Waiting to check it: {ahead} ahead of you…"), urgent=False, patience=_PATIENCE):
        try:
            trust = check_one(kept.analysis, method, contrast, say)
        except Exception as error:
            log_place(f"check of {method}", error)
            return None
    kept.keep_trust(method, contrast, trust)
    return trust


def _show(trust: Trust, area: str, hint: str) -> None:
    words, icon, colour = _BADGES[trust.level]
    worst = next(score for score in trust.scores if score.level == trust.level)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(words, icon=icon, color=colour)
        st.markdown(" ".join([*trust.reasons, hint]) if trust.level == "red" else worst.sentence)
        with st.popover("All checks", icon=":material/rule:"):
            _details(trust, area)
    if trust.level == "red":
        st.html(_STRUCK.format(key=area))


def _details(trust: Trust, area: str) -> None:
    for score in trust.scores:
        _, icon, colour = _BADGES[score.level]
        st.markdown(f":{colour}[{icon}] **{score.measure.title}** {score.sentence}")
        if "deletion" in score.details:
            st.caption("The wider red lies above its dots and blue below, the more what is marked matters.")
            draw(curves_chart(score), f"chart-{area}", "Deletion and insertion curves")
        st.caption(_declaration(score))


def _declaration(score: Score) -> str:
    measure = score.measure
    side = "at least" if measure.higher_is_better else "at most"
    spread = f", from {score.spread[0]:.2f} to {score.spread[1]:.2f}" if score.spread else ""
    if score.chance is not None:
        spread = f"; random orders reach ±{score.chance:.2f} by chance, and what does not exceed that is red"
    similar = score.details.get("structural_similarity")
    extra = f" Structural similarity {similar:.2f}." if similar is not None else ""
    return (
        f"{score.value:.3f}{spread}. Green: {side} {measure.good:g}; amber: {side} {measure.enough:g}; "
        f"possible: {measure.low:g} to {measure.high:g}.{extra} {measure.paper}"
    )


def measures_table() -> str:
    """All declared scores as a table in Markdown."""
    from xai.score import MEASURES

    rows = ["| check | best | green | red | from |", "|---|---|---|---|---|"]
    for measure in MEASURES:
        best, side, other = (measure.high, "from", "below") if measure.higher_is_better else (max(measure.low, 0.0), "up to", "above")
        numbers = f"{best:g} | {side} {measure.good:g} | {other} {measure.enough:g}"
        rows.append(f"| **{measure.title}** ({measure.name.replace('_', ' ')}) | {numbers} | {measure.paper} |")
    return "\n".join(rows)
