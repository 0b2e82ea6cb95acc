"""What the bars give to a browser, without one."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from models.labels import LABELS
from pages.components.board.bars import bars_data
from xai.render.colours import EMOTION_COLOURS

PROBABILITIES = np.array([0.02, 0.31, 0.004, 0.05, 0.55, 0.01, 0.05, 0.006])


def test_rows_from_the_largest_down():
    data = bars_data(PROBABILITIES, chosen=1, predicted=4)
    assert [row["name"] for row in data["rows"]] == ["happy", "calm", "fearful", "sad", "angry", "neutral", "surprised", "disgust"]
    assert [row["text"] for row in data["rows"]][:2] == ["55 %", "31 %"]
    assert data["rows"][-1]["text"] == "<1 %"
    assert [row["width"] for row in data["rows"]] == pytest.approx(sorted(100 * PROBABILITIES, reverse=True))
    assert all(row["colour"] == EMOTION_COLOURS[row["name"]] for row in data["rows"])
    assert (data["chosen"], data["predicted"]) == ("calm", "happy")


def test_nothing_is_chosen_before_a_click():
    def script() -> None:
        import numpy as np
        import streamlit as st

        from pages.components.board.bars import emotion_bars

        st.write(str(emotion_bars(np.full(8, 1 / 8), 0, 3, "bars")))

    app = AppTest.from_function(script, default_timeout=30).run()
    assert not app.exception
    assert app.markdown[0].value == "None"
    (component,) = app.get("bidi_component")
    assert json.loads(component.proto.json)["predicted"] == LABELS[3]
