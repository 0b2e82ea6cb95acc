"""The second screen: what the model saw, heard and weighed, for any class, by any method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from models.labels import LABELS
from pages.components.analyze.agreement import show_agreement
from pages.components.analyze.columns import show_columns
from pages.components.analyze.export import show_export
from pages.components.analyze.frames import frames_controls, show_frames
from pages.components.analyze.libraries import show_libraries
from pages.components.analyze.notes import show_method
from pages.components.analyze.patches import show_patches
from pages.components.analyze.trust import Slot, check, title_of
from pages.components.analyze.what_if import show_what_if
from pages.components.player.player import show_player
from pages.components.session.keys import Key
from pages.components.session.run import log_place, turn_with_words
from pages.components.session.state import Drawer, Recording, drawer_of

if TYPE_CHECKING:
    from xai.analysis import Analysis
    from xai.explanation import Attribution, Contrast, Method, Panel

_ANY = "anything else"


@st.fragment
def show_evidence(analysis: Analysis, recording: Recording) -> None:
    """Choosing a class redraws this part alone, from what was computed once for all classes; then it is checked."""
    from xai.explanation import Panel

    kept, contrast = drawer_of(analysis), _choose_contrast(analysis)
    words, player = st.empty(), st.container()
    _say(words, kept, contrast, _in_foreground(kept))
    st.caption("The badges below judge the explanations, not the answer: a wrong answer can be explained well.")
    slots: dict[str, Slot] = {}  # by the method in the foreground of each panel
    for panel in Panel:
        slots |= _show_panel(kept, panel, contrast)
    shown = list(slots)
    _say(words, kept, contrast, shown)
    with player:
        show_player(kept, recording, contrast, shown)
    show_agreement(kept, contrast)
    show_libraries(kept)
    show_what_if(kept)
    show_export(kept, contrast, shown)
    check(kept, contrast, slots)
    _say(words, kept, contrast, shown)


def _choose_contrast(analysis: Analysis) -> Contrast:
    from xai.explanation import Contrast

    st.subheader("Why")
    left, right = st.columns(2)
    # A new recording starts with its own prediction: the widgets are named after it.
    suffix = f"-{analysis.token}"
    target = left.selectbox("Why this emotion?", LABELS, index=analysis.predicted, key=Key.TARGET + suffix)
    others = [_ANY, *[label for label in LABELS if label != target]]
    against = right.selectbox("Rather than", others, key=Key.AGAINST + suffix)
    return Contrast(LABELS.index(target), None if against == _ANY else LABELS.index(against))


def _in_foreground(kept: Drawer) -> list[str]:
    """The method of each panel as far as it is there: while another is computed, its words stay."""
    from xai.explanation import Panel

    chosen = {panel: st.session_state.get(f"{Key.METHOD}-{panel}") for panel in Panel}
    found = [kept.analysis.attribution(panel, method) or kept.analysis.attribution(panel) for panel, method in chosen.items()]
    return [attribution.method for attribution in found if attribution is not None]


def _say(place: DeltaGenerator, kept: Drawer, contrast: Contrast, shown: Sequence[str]) -> None:
    from xai.render.text import in_words

    trust = kept.trust(contrast, shown)
    place.info("  \n".join(in_words(kept.analysis, contrast, trust, shown)), icon=":material/chat:")


def _show_panel(kept: Drawer, panel: Panel, contrast: Contrast) -> dict[str, Slot]:
    """Heading, badge, picture and notes of one panel; empty where nothing can be asked of this recording."""
    from xai.methods import METHODS, methods_of

    offered = methods_of(kept.analysis.subject, panel)
    if not offered:
        return {}
    head, controls, place = st.container(), st.container(), st.empty()
    chosen = next(iter(offered))
    if len(offered) > 1:
        left, right = controls.columns([2, 1], vertical_alignment="bottom")
        chosen, controls = _choose_method(panel, offered, right), left
    with place:
        method = _computed(kept, chosen) or next((key for key in offered if key in kept.analysis.attributions), None)
    if method is None:
        head.markdown(f"##### {title_of(panel)}")
        return {}
    with head:
        slot = Slot.place(title_of(panel), f"evidence-{panel}", (kept.analysis.token, contrast, method), METHODS[method].hint)
    _draw(kept.analysis, kept.analysis.attributions[method], contrast, slot, controls)
    return {method: slot}


def _choose_method(panel: Panel, offered: Mapping[str, Method], column: DeltaGenerator) -> str:
    """The first is there at once; others are computed when they are first asked for."""
    first = next(iter(offered.values()))
    questions = "\n".join(f"- **{method.title}**: {method.question}" for method in offered.values())
    return column.selectbox(
        "Method",
        list(offered),
        key=f"{Key.METHOD}-{panel}",
        format_func=lambda key: offered[key].title,
        help=f"{first.title} is there at once. The others run the networks again, up to a minute on a slow server.\n{questions}",
    )


def _computed(kept: Drawer, method: str) -> str | None:
    """The method, once its attribution is there; None after a problem, which is shown."""
    from xai.methods import METHODS

    if method not in kept.analysis.attributions:
        title = METHODS[method].title
        try:
            with turn_with_words() as say:
                say(f"Computing {title}…")
                kept.analysis = kept.analysis.with_attribution(method, say)
        except Exception as error:
            log_place(title, error)
            st.error(f"{title} could not be computed for this recording: choose another method.", icon=":material/error:")
            return None
    return method


def _draw(analysis: Analysis, attribution: Attribution, contrast: Contrast, slot: Slot, controls: DeltaGenerator) -> None:
    """By the kind of its parts; then what the method says of itself."""
    from xai.explanation import Columns, FrameCells, SoundPatches

    if isinstance(attribution.parts, FrameCells):
        with controls:
            look = frames_controls()
        show_frames(analysis, attribution, contrast, slot.area, look)
    elif isinstance(attribution.parts, SoundPatches):
        show_patches(analysis, attribution, contrast, slot.area)
    elif isinstance(attribution.parts, Columns):
        show_columns(analysis, attribution, contrast, slot.area)
    else:  # a kind that nobody has drawn yet is still named, checked and exported
        show_method(attribution)
