"""One screen: what and how sure on the left, why on the right, everything deeper below; the verdict stays in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from models.labels import LABELS
from pages.components.analyze.evidence import lay_board, show_board, show_legend, show_sentence
from pages.components.analyze.jobs import jobs_of
from pages.components.analyze.samples import SAMPLES, show_portrayed
from pages.components.analyze.second import jump_to_both
from pages.components.analyze.verdict import show_verdict
from pages.components.analyze.view import choose_rival, chosen_emotion, view_of
from pages.components.analyze.watch import watch
from pages.components.deeper.tabs import show_deeper
from pages.components.models.side_by_side import jobs_of_both
from pages.components.session.keys import Key
from pages.components.session.queue import the_queue
from pages.components.session.state import Recording, drawer_of

if TYPE_CHECKING:
    from xai.analysis import Analysis


# Once for each result: in the browser this element is new only then.
_TO_THE_TOP = "<script>/* {} */ document.querySelector('[data-testid=stMain]')?.scrollTo(0, 0)</script>"


def show_result(analysis: Analysis, recording: Recording) -> None:
    """Draw what is there, then let the rest be computed beside the page."""
    kept = drawer_of(analysis)
    drawn = kept.work.version
    with the_queue().drawing():
        left, right = st.columns([3, 8], gap="medium")
        target = chosen_emotion(analysis)
        with left, st.container(key=Key.VERDICT):
            show_verdict(kept, target, recording)
            if sample := st.session_state.get(Key.SAMPLE_SHOWN):
                with st.popover("What was portrayed?", type="tertiary", icon=":material/theater_comedy:", key=Key.PORTRAYED):
                    show_portrayed(SAMPLES[sample], analysis.label)
        with right:
            with st.container(horizontal=True, vertical_alignment="center", key=Key.WHY):
                st.header(f"Why {LABELS[target]}", anchor=False, width="content")
                st.markdown("rather than", width="content")
                rival = choose_rival(target)
                place = st.container(key=Key.WORK, width="stretch")
            sentence, legend = st.container(key=Key.SENTENCE), st.container(key=Key.LEGEND)
            board = lay_board(kept)
            view = view_of(kept, target, rival, {panel: found.chosen for panel, found in board.items() if found.chosen})
            with sentence:
                show_sentence(kept, view)
            with legend:
                show_legend(view)
            show_board(kept, view, board)
            show_deeper(kept, view, recording)
    jump_to_both()
    st.html(_TO_THE_TOP.format(analysis.token), unsafe_allow_javascript=True)
    kept.work.want([*jobs_of(kept, view, recording), *jobs_of_both(kept, recording)])
    with place:
        watch(kept, drawn)
