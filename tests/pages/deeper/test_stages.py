"""The stages on a page: pictures with words for who does not see them, and a frame to choose."""

import pytest
from streamlit.testing.v1 import AppTest

from models.checkpoint import load_model
from xai.analysis import Settings, analyse
from xai.render.stages import stages


def script() -> None:
    import streamlit as st

    from pages.components.deeper.stages import show_stages

    show_stages(st.session_state["analysis"])


def visit(analysis) -> AppTest:
    app = AppTest.from_function(script, default_timeout=60)
    app.session_state["analysis"] = analysis
    app.run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    return "\n".join(element.value for element in app.markdown)


def test_every_stage_is_shown_with_its_shape_and_its_code(sample_analysis):
    shown, found = texts(visit(sample_analysis)), stages(sample_analysis.subject)
    places = [shown.index(f"**{stage.title}**: {stage.shape}") for stage in found]
    assert places == sorted(places)
    assert all(f"`{stage.code}`" in shown for stage in found)
    assert "| emotion | probability |" in shown
    assert not visit(sample_analysis).get("plotly_chart")


def test_the_frame_is_chosen(sample_analysis):
    app = visit(sample_analysis)
    assert "Frame 1 of 4" in texts(app)
    (slider,) = app.slider
    slider.set_value(3).run()
    assert not app.exception
    assert "Frame 3 of 4" in texts(app)
    expected = next(stage for stage in stages(sample_analysis.subject, 2) if stage.title == "Feature maps")
    words = [image.caption for element in app.get("image") for image in element.proto.imgs]
    assert [picture.words for picture in expected.pictures] == [w for w in words if w.startswith("face_")]


@pytest.mark.parametrize("part", ["voice", "face"])
def test_one_modality_alone(sample, part):
    files = (sample[0], None) if part == "voice" else (None, sample[1])
    app = visit(analyse(*files, model=load_model(part), settings=Settings(samples=200)))
    assert ("Waveform" in texts(app), "Face crop" in texts(app)) == (part == "voice", part == "face")
    assert len(app.slider) == (part == "face")
