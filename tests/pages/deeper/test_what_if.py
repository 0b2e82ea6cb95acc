"""What if and the smallest flip, by themselves; then, on the whole page, hear it and whether the model should be asked at all."""

import re
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from features import Modality
from features.audio import RATE
from models.checkpoint import load_model
from models.labels import LABELS
from pages.components.deeper.what_if import bars_table, sums_table
from pages.components.session.keys import Key
from tests.conftest import encode_video, wav
from tests.pages.paging import choose_sample, open_at, open_tab, texts, widget
from xai.analysis import analyse
from xai.counterfactuals.flip import Flip
from xai.counterfactuals.what_if import Points, WhatIf, judge, what_if


def script() -> None:
    import streamlit as st

    from pages.components.analyze.jobs import asked_jobs
    from pages.components.analyze.watch import watch
    from pages.components.deeper.what_if import show_what_if
    from pages.components.session.state import drawer_of

    kept = drawer_of(st.session_state["analysis"])
    drawn = kept.work.version
    show_what_if(kept, st.session_state.get("of"))
    kept.work.want(list(asked_jobs(kept)))
    watch(kept, drawn)


def visit(analysis, **state) -> AppTest:
    app = AppTest.from_function(script, default_timeout=60)
    app.session_state["analysis"] = analysis
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    return app


@pytest.fixture
def app(sample_analysis) -> AppTest:
    return visit(sample_analysis)


@pytest.fixture
def whole_page() -> AppTest:
    app = open_at("analyze")
    choose_sample(app)
    assert not app.exception
    return app


def set_to(app: AppTest, kind: str, key: str, value) -> str:
    widget(getattr(app, kind), key).set_value(value).run()
    assert not app.exception
    return texts(app)


def choose(app: AppTest, key: str, value: str) -> str:
    return set_to(app, "selectbox", key, value)


def tables(app: AppTest) -> list[str]:
    """The HTML tables, without their style."""
    return [element.proto.body.split("</style>")[1] for element in app.get("html")]


def column(table: str, place: int) -> list[int]:
    """The numbers of one column, one for each row of the body."""
    rows = [re.findall(r'<td class="number[^"]*">([^<]+)</td>', row) for row in table.split("<tbody>")[1].split("</tr>")[:-1]]
    return [int(row[place].replace("−", "-")) for row in rows]


def test_nothing_is_changed_at_first_but_the_rows_add_up(app, sample_analysis):
    assert "Choose a change" in texts(app)
    (sums,) = tables(app)
    *parts, total = column(sums, 0)
    assert sum(parts) == total == round(100 * sample_analysis.probabilities.max())


def test_a_change_shows_before_and_after_as_the_library_says(app, sample_analysis):
    shown = choose(app, Key.IF_FACE, "hidden")
    a = sample_analysis
    after = what_if(a.features, a.model, a.backbone.maps, WhatIf(face="hidden"))
    assert f"({after.max():.0%})" in shown
    bars, sums = tables(app)
    order = re.findall(r'<th scope="row">(\w+)</th>', bars)
    assert order == [LABELS[k] for k in np.argsort(-np.maximum(a.probabilities, after))]
    widths = [float(width) / 100 for width in re.findall(r"width:([\d.]+)%", bars)]
    assert np.abs(np.array(widths[::2]) - [a.probabilities[LABELS.index(name)] for name in order]).max() < 0.001
    assert np.abs(np.array(widths[1::2]) - [after[LABELS.index(name)] for name in order]).max() < 0.001
    for place in (0, 1):
        *parts, total = column(sums, place)
        assert sum(parts) == total
    assert column(sums, 1)[-1] == round(100 * after[a.predicted])
    assert not app.get("plotly_chart")


def test_sliders_of_what_is_left_are_answered_without_another_look(app, sample_analysis, monkeypatch):
    """One look at the covered face; every move of a slider after that judges what is kept."""
    a = sample_analysis
    change = WhatIf(face="mouth covered")
    expected = {
        share: what_if(a.features, a.model, a.backbone.maps, change, left={Modality.AUDIO: share / 100})[a.predicted] for share in (60, 0)
    }
    choose(app, Key.IF_FACE, "mouth covered")
    monkeypatch.setattr("xai.counterfactuals.what_if.changed_features", None)
    for share, after in expected.items():
        assert f"{after:.0%})" in set_to(app, "slider", Key.IF_VOICE_LEFT, share)


def test_a_slider_alone_is_a_change(app, sample_analysis):
    shown = set_to(app, "slider", Key.IF_FACE_LEFT, 0)
    after = judge(sample_analysis.features, sample_analysis.model, {Modality.VIDEO: 0.0}).everything
    assert f"**{LABELS[after.argmax()]}** ({after.max():.0%})" in shown
    assert column(tables(app)[1], 1)[-1] == round(100 * after[sample_analysis.predicted])
    assert "nothing is left to judge" in set_to(app, "slider", Key.IF_VOICE_LEFT, 0)


def test_the_rows_are_of_the_class_that_is_asked_for(sample_analysis):
    (sums,) = tables(visit(sample_analysis, of=LABELS.index("calm")))
    assert "How calm comes about" in sums
    assert column(sums, 0)[-1] == round(100 * sample_analysis.probabilities[LABELS.index("calm")])


def test_plain_words_unless_the_terms_of_the_field_are_wanted(sample_analysis):
    plain, field = (visit(sample_analysis, **state) for state in ({}, {Key.TECHNICAL: True}))
    for term in ("Shapley", "standardised", "logit"):
        assert term not in texts(plain) + "".join(tables(plain))
    assert "Shapley" in texts(field)


def test_without_a_face_its_controls_rest(sample):
    app = visit(analyse(sample[0], None, model=load_model("voice")))
    assert [s.disabled for s in app.slider if s.key == Key.IF_FACE_LEFT] == [True]
    (sums,) = tables(app)
    assert "the face" not in sums
    *parts, total = column(sums, 0)
    assert (len(parts), sum(parts)) == (2, total)


def test_tables_can_be_read_without_colour():
    before, after = np.eye(8)[0] * 0.9 + 0.0125, np.full(8, 0.125)
    after[:2] = 0.0001, 0.2499
    bars = bars_table(before, after)
    assert "□ as it is" in bars
    assert "■ changed" in bars
    assert "&lt;1 %" in bars
    assert bars.count('aria-hidden="true"') == 9  # the numbers say the same
    sums = sums_table("sad", [Points(10, {Modality.AUDIO: -6, Modality.VIDEO: 80}, 84)])
    assert "−6" in sums
    assert column(sums.split("</style>")[1], 0) == [10, -6, 80, 84]


def test_a_slider_appears_where_there_is_something_to_set(app):
    choose(app, Key.IF_VOICE, "noisy")
    set_to(app, "slider", Key.IF_NOISE, -10)
    loud = tables(app)[0]
    set_to(app, "slider", Key.IF_NOISE, 40)
    assert tables(app)[0] != loud
    choose(app, Key.IF_VOICE, "as it is")
    assert not [s for s in app.slider if s.key == Key.IF_NOISE]


def test_nothing_left_is_a_sentence(app):
    choose(app, Key.IF_VOICE, "muted")
    assert "nothing is left to judge" in choose(app, Key.IF_FACE, "hidden")


def test_the_voice_of_another_clip(sample_analysis):
    mine = replace(sample_analysis, token="another")
    app = visit(sample_analysis, **{Key.ANALYSES: {"mine": mine}})
    choose(app, Key.IF_VOICE, "another clip's")
    (options,) = [s.options for s in app.selectbox if s.key == Key.IF_OTHER]
    assert options == [f"1: your clip in which the model recognised {sample_analysis.label}", "the synthetic sample"]
    same = f"{sample_analysis.probabilities.max():.0%}"
    assert f"**{sample_analysis.label}** ({same} → {same})" in texts(app)


def test_the_smallest_change_is_looked_for_once_and_named(app, monkeypatch):
    asked = []

    def fake(analysis, say):
        asked.append(analysis)
        say("Looking…")
        return [Flip("frames", (0,), 4, "sad", True, "Without the picture at 0.0 s (1 of 4), it would say sad.")]

    monkeypatch.setattr("xai.counterfactuals.flip.smallest_flips", fake)
    widget(app.button, Key.FIND_FLIP).click().run()
    assert "it would say sad" in texts(app)
    choose(app, Key.IF_FACE, "eyes covered")
    assert "it would say sad" in texts(app)
    assert "40 patches of sound or 25 of 49 cells of the face, it still said" in texts(app)
    assert len(asked) == 1


def test_nothing_that_flips_is_said(app, monkeypatch):
    monkeypatch.setattr("xai.counterfactuals.flip.smallest_flips", lambda analysis, say: [])
    widget(app.button, Key.FIND_FLIP).click().run()
    assert "Nothing that was tried flips it" in texts(app)


def test_the_evidence_can_be_heard(whole_page):
    open_tab(whole_page, "Listen")
    shown = texts(whole_page)
    assert "The evidence alone" in shown
    assert "Everything but the evidence" in shown
    assert len(whole_page.get("audio")) == 3


def test_what_the_model_should_not_be_asked_is_said_before_any_probability():
    app = open_at("analyze")
    noise = 0.3 * np.random.default_rng(0).standard_normal(2 * RATE)
    frames = [np.full((120, 160, 3), 90, np.uint8)] * 10
    widget(app.file_uploader, Key.VOICE).upload("voice.wav", wav(np.clip(noise, -1, 1)), "audio/wav")
    widget(app.file_uploader, Key.FACE).upload("face.mp4", encode_video(frames), "video/mp4")
    app.run()
    assert not app.exception
    assert "should not be asked" in texts(app)
    assert not app.title
    assert "What it heard" not in texts(app)
    widget(app.toggle, Key.INSIST).set_value(True).run()
    assert "Not to be asked: the model knows nothing like this" in app.title[0].value
    assert "What it heard" in texts(app)
    assert "should not be asked" in texts(app)


def test_a_silent_voice_beside_no_face_is_named_and_not_advised():
    app = open_at("analyze")
    frames = [np.full((120, 160, 3), 90, np.uint8)] * 10
    widget(app.file_uploader, Key.VOICE).upload("voice.wav", wav(np.zeros(2 * RATE)), "audio/wav")
    widget(app.file_uploader, Key.FACE).upload("face.mp4", encode_video(frames), "video/mp4")
    app.run()
    (refusal,) = [error.value for error in app.error]
    assert "should not be asked" in refusal
    assert "The recording is silent" in refusal
    assert refusal.count("face was found") == 1
    assert "judge the voice alone" not in refusal
    widget(app.toggle, Key.INSIST).set_value(True).run()
    assert "From the picture only" in texts(app)


def test_every_check_is_one_click_away(whole_page):
    (popover,) = [block for block in whole_page.get("popover") if "checks passed" in block.proto.popover.label]
    inside = popover.markdown[-1].value
    assert inside.count("voice:") == 6
    assert inside.count("face:") == 6
