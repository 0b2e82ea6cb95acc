"""Beside the prediction: what the model saw, heard and weighed, each with its badge, and a sentence that says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.analyze.jobs import check_key, compute_key
from pages.components.analyze.trust import show_badge, title_of, words_of
from pages.components.analyze.view import View
from pages.components.board.moments import Row, moments_html
from pages.components.board.spectrogram import spectrogram_html
from pages.components.board.strip import strip_html
from pages.components.board.weights import weights_html
from pages.components.session.keys import Key
from pages.components.session.wording import technical

if TYPE_CHECKING:
    from pages.components.session.state import Drawer
    from xai.analysis import Analysis
    from xai.explanation import Attribution, Contrast, Method, Panel
    from xai.score import Trust

_BEST = "best"
_FRAMES = 4  # on the first screen
_HEIGHT = 190  # pixels
_OPACITY = 0.6


def show_sentence(kept: Drawer, view: View) -> None:
    """Why, in words: of what is in the foreground, and only of what has passed its checks. The verdict itself stands beside it."""
    from xai.render.text import in_words

    shown = list(view.shown.values())
    verdict, *why = in_words(kept.analysis, view.contrast, kept.trust(view.contrast, shown), shown, technical())
    told = view.contrast.target == kept.analysis.predicted and view.contrast.against is None
    st.markdown(" ".join(why if told else [verdict, *why]))


@dataclass(frozen=True)
class Place:
    """Where a panel goes. ``head``: room in its heading; ``body``: below; ``chosen``: the method that the visitor asked for, if any."""

    head: DeltaGenerator
    body: DeltaGenerator
    chosen: str | None


def lay_board(kept: Drawer) -> dict[Panel, Place]:
    """Headings with their choices: the face on the left; sound above weights on the right. What is chosen decides what is drawn there."""
    from xai.explanation import Panel

    left, *others = [panel for panel in Panel if kept.analysis.attribution(panel) is not None]
    columns = st.columns([10, 12]) if others else [st.container()]
    return {panel: _lay_panel(kept, panel, columns[0 if panel is left else -1]) for panel in (left, *others)}


def _lay_panel(kept: Drawer, panel: Panel, column: DeltaGenerator) -> Place:
    with column:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"head-{panel}"):
            st.subheader(title_of(panel), anchor=False, width="content")
            head = st.container(horizontal=True, vertical_alignment="center", width="content", key=f"badge-{panel}")
            chosen = _choose_method(kept, panel)
        return Place(head, st.container(key=f"board-{panel}"), chosen)


def _choose_method(kept: Drawer, panel: Panel) -> str | None:
    """In plain words only where there is something to see."""
    from xai.explanation import Panel
    from xai.methods import methods_of

    offered = methods_of(kept.analysis.subject, panel)
    if len(offered) < 2 or not (technical() or panel is Panel.SAW):
        return None
    key = st.selectbox(
        "Method",
        [_BEST, *offered],
        key=f"{Key.METHOD}-{panel}",
        bind="query-params",
        format_func=lambda key: "Most reliable" if key == _BEST else offered[key].title,
        label_visibility="collapsed",
        width=150,
        help=_questions(offered),
    )
    return key if key in offered else None


def show_board(kept: Drawer, view: View, board: Mapping[Panel, Place]) -> None:
    """What is in the foreground of each panel, with its badge; while another method is computed, what was there stays."""
    from xai.foreground import awaited

    known = kept.trust(view.contrast)
    for panel, place in board.items():
        method = view.shown[panel]
        with place.head:
            trust = show_badge(kept, method, view.contrast, f"board-{panel}")
        with place.body:
            if place.chosen not in (None, method):
                _say_computed(kept, place.chosen)
            elif place.chosen is None and (stand_in := awaited(kept.analysis, method, known)):
                _say_awaited(kept, stand_in, view.contrast)
            draw_in_short(kept.analysis, kept.analysis.attributions[method], view.contrast, trust)
    _announce(kept, view)


def _say_computed(kept: Drawer, method: str) -> None:
    from xai.methods import METHODS

    failed = kept.work.failed(compute_key(kept, method))
    icon, words = ("error", "could not be computed: choose another") if failed else ("hourglass_top", "is being computed…")
    st.caption(f":material/{icon}: {METHODS[method].title} {words}")


def _say_awaited(kept: Drawer, stand_in: str, contrast: Contrast) -> None:
    from xai.methods import METHODS

    keys = compute_key(kept, stand_in), check_key(kept, stand_in, contrast)
    if not any(kept.work.failed(key) or kept.work.postponed(key) for key in keys):
        st.caption(
            f":material/hourglass_top: Its checks failed. {METHODS[stand_in].title}, which is slower and often truer, is on its way…"
        )


def _announce(kept: Drawer, view: View) -> None:
    """The badges to those who do not see them arrive: read out when this text changes."""
    found = kept.trust(view.contrast, list(view.shown.values()))
    words = ". ".join(f"{title_of(panel)}: {words_of(found[key])}" for panel, key in view.shown.items() if key in found)
    st.html(f'<div class="em-hidden" role="status" aria-live="polite">{words}</div>')


def show_legend(view: View) -> None:
    """By which method the heat is, and what warm and cool stand for, in the words of this contrast."""
    from xai.explanation import Panel
    from xai.methods import METHODS

    contrast, heat = view.contrast, view.shown.get(Panel.SAW)
    other = f"against {contrast.label}" if contrast.rival is None else f"for {contrast.rival}"
    by = f" · heat on the face by {METHODS[heat].title}" if heat else ""
    st.caption(f":red[■ warm] speaks for {contrast.label} · :blue[■ cool] speaks {other} · + and − mark the strongest{by}")


def _questions(offered: Mapping[str, Method]) -> str:
    asked = "\n".join(f"- **{method.title}**: {method.question}" for method in offered.values())
    return (
        f"*Most reliable* is the quickest that passes its checks. Others run the networks again, up to a minute on a slow server.\n{asked}"
    )


def draw_in_short(analysis: Analysis, attribution: Attribution, contrast: Contrast, trust: Trust | None) -> None:
    """By the kind of its parts: faint until it is checked, struck through if it fails."""
    from xai.explanation import Columns, FrameCells, Moments, SoundPatches

    struck, faint = trust is not None and trust.level == "red", trust is None
    draw = {FrameCells: _frames, SoundPatches: _patches, Columns: _columns, Moments: _moments}.get(type(attribution.parts))
    if draw is not None:
        st.html(draw(analysis, attribution, contrast, struck, faint))


def _frames(analysis: Analysis, attribution: Attribution, contrast: Contrast, struck: bool, faint: bool) -> str:
    """The four frames with the strongest evidence, in order of time."""
    from xai.render.overlay import overlay_frames, zoom_to_faces

    video, heat = analysis.features.video, attribution.heat(contrast)
    assert video is not None
    strength = np.abs(heat).max(axis=(1, 2)) + video.used
    chosen = np.sort(np.argsort(-strength, kind="stable")[:_FRAMES])
    pictures = zoom_to_faces(video, overlay_frames(video, heat, _OPACITY, boxes=False))
    captions = [f"{video.times[k]:.1f} s" + ("" if video.faces[k] else " · no face") for k in chosen]
    alts = [f"Frame at {caption} with heat for {contrast.words}" for caption in captions]
    return strip_html([pictures[k] for k in chosen], captions, alts, _HEIGHT, struck=struck, faint=faint)


def _patches(analysis: Analysis, attribution: Attribution, contrast: Contrast, struck: bool, faint: bool) -> str:
    audio = analysis.features.audio
    assert audio is not None
    words = f"Spectrogram with the patches that speak for {contrast.words} and against it"
    return spectrogram_html(audio, attribution.parts, attribution.heat(contrast), words, struck=struck, faint=faint)  # type: ignore[arg-type]


def _moments(analysis: Analysis, attribution: Attribution, contrast: Contrast, struck: bool, faint: bool) -> str:
    """Half seconds of the voice and frames of the face, on one clock."""
    parts, values = attribution.parts, attribution.of(contrast)
    rows = [Row(m.noun, segments, parts.part(values, m)) for m, segments in parts.segments.items() if len(segments)]  # type: ignore[attr-defined]
    return moments_html(rows, _end(analysis, rows), _compared(attribution), struck=struck, faint=faint)


def _compared(attribution: Attribution) -> str:
    return f"compared with {attribution.baseline}" + (" · logit" if technical() else "")


def _end(analysis: Analysis, rows: list[Row]) -> float:
    """Of the recording, or of its last moment where that is later: a frame lasts until the next one would come."""
    return max(analysis.features.length, *(float(row.segments.max()) for row in rows))


def _columns(analysis: Analysis, attribution: Attribution, contrast: Contrast, struck: bool, faint: bool) -> str:
    """Plain properties of the voice, and the face as a whole."""
    from xai.column_sums import by_part

    rows = [(part, float(total)) for part, total in by_part(attribution, contrast, technical())]
    return weights_html(rows, _compared(attribution))
