"""Beside every explanation how far it can be trusted: measured beside the page, kept for this visitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import streamlit as st

from pages.components.analyze.jobs import check_key
from pages.components.charts.draw import draw
from pages.components.session.keys import Key
from pages.components.session.wording import technical

if TYPE_CHECKING:
    from pages.components.session.state import Drawer
    from xai.explanation import Contrast
    from xai.score import Score, Trust

_Colour = Literal["green", "orange", "red"]
_BADGES: dict[str, tuple[str, str, _Colour]] = {
    "green": ("True to the model", ":material/verified:", "green"),
    "amber": ("Read with care", ":material/warning:", "orange"),
    "red": ("Do not rely on it", ":material/block:", "red"),
}


def title_of(panel: str) -> str:
    """What a panel shows: ``saw`` → ``What it saw``."""
    return f"What it {panel}"


def words_of(trust: Trust) -> str:
    """Its level in words."""
    return _BADGES[trust.level][0]


def badge_of(trust: Trust) -> str:
    """Its level in words and colour, as Markdown."""
    words, icon, colour = _BADGES[trust.level]
    return f":{colour}-badge[{icon} {words}]"


def show_badge(kept: Drawer, method: str, contrast: Contrast, area: str) -> Trust | None:
    """The badge of an explanation, and everything that was measured one click away; the trust, once it is known.

    All that can be shown here is one line high, so that nothing moves when it arrives.

    Args:
        area: a name of this place on the page.
    """
    trust, key = kept.trust(contrast, [method]).get(method), check_key(kept, method, contrast)
    if trust is not None:
        with st.popover(badge_of(trust), type="tertiary", key=f"{Key.BADGE}-{area}"):
            show_trust(trust, method, area)
    elif kept.work.postponed(key):
        st.button(
            "Not checked: the server is busy. Check it now",
            key=f"{Key.CHECK_NOW}-{area}",
            on_click=kept.work.again,
            args=(key,),
            type="tertiary",
            icon=":material/hourglass_disabled:",
        )
    elif kept.work.failed(key):
        st.badge("Could not be checked: do not rely on it alone", icon=":material/warning:", color="orange")
    else:
        st.badge("Being checked…", icon=":material/hourglass_top:", color="gray")
    return trust


def show_trust(trust: Trust, method: str, area: str) -> None:
    """Every score in words; in technical words also its number, its thresholds and where it comes from."""
    from xai.methods import METHODS

    for score in trust.scores:
        _, icon, colour = _BADGES[score.level]
        st.markdown(f":{colour}[{icon}] **{score.measure.title}** {score.words(technical())}")
        if technical():
            _details(score, area)
    for sentence in trust.left_out:
        st.markdown(f":gray[:material/remove_moderator:] {sentence}")
    if trust.level == "red" and METHODS[method].hint:
        st.markdown(METHODS[method].hint)


def _details(score: Score, area: str) -> None:
    if "deletion" in score.details:
        from pages.components.charts.analysis import curves_chart

        st.caption("The wider red lies above its dots and blue below, the more what is marked matters.")
        draw(curves_chart(score), f"chart-curves-{area}", "Deletion and insertion curves")
    st.caption(_declaration(score))


def _declaration(score: Score) -> str:
    measure = score.measure
    side = "at least" if measure.higher_is_better else "at most"
    spread = f", from {score.beside(score.spread[0])} to {score.beside(score.spread[1])}" if score.spread else ""
    if score.chance is not None:
        spread = f"; random orders reach ±{score.beside(score.chance)} by chance, and what does not exceed that is red"
    similar = score.details.get("structural_similarity")
    extra = f" Structural similarity {similar:.2f}." if similar is not None else ""
    return (
        f"{score.number}{spread}. Green: {side} {measure.good:g}; amber: {side} {measure.enough:g}; "
        f"possible: {measure.low:g} to {measure.high:g}.{extra} {measure.paper}"
    )


def measures_table() -> str:
    """All declared scores as a table in Markdown."""
    from xai.metrics.measures import MEASURES

    rows = ["| check | best | green | red | from |", "|---|---|---|---|---|"]
    for measure in MEASURES:
        best, side, other = (measure.high, "from", "below") if measure.higher_is_better else (max(measure.low, 0.0), "up to", "above")
        numbers = f"{best:g} | {side} {measure.good:g} | {other} {measure.enough:g}"
        rows.append(f"| **{measure.title}** ({measure.name.replace('_', ' ')}) | {numbers} | {measure.paper} |")
    return "\n".join(rows)
