"""The figures of the page Models draw the numbers that they are given, each where it belongs."""

from copy import deepcopy

import numpy as np
import pytest
from scipy.stats import binomtest

from models.evaluation.leaderboard import leaderboard
from models.evaluation.protocols import PROTOCOLS
from models.labels import LABELS
from models.registry import MODELS, read_result
from pages.components.charts.analysis import loss_chart
from pages.components.charts.models import (
    actor_chart,
    beeswarm_chart,
    calibration_chart,
    confusion_chart,
    leaderboard_chart,
    map_chart,
    per_class_chart,
    two_models_chart,
)
from pages.components.models.words import STATE_WORDS
from xai.model_level.summary import Summary
from xai.render.colours import EMOTION_COLOURS


def test_charts_draw_the_numbers_of_the_result():
    scores = read_result("actor-5fold", "fused")["states"]["voice"]
    bars = per_class_chart(scores, "recall", "t").data[0]
    assert list(bars.x) == list(LABELS)
    assert np.allclose(bars.y, [100 * scores["per_class"][label]["recall"]["value"] for label in LABELS])
    assert bars.customdata[0] == f"{scores['confusion'][0][0]} of the 192 clips that portray angry are recognised"
    named = sum(row[2] for row in scores["confusion"])
    words = per_class_chart(scores, "precision", "t").data[0].customdata[2]
    assert words == f"{scores['confusion'][2][2]} of the {named} clips that are called disgust portray it"
    shares = np.array(confusion_chart(scores, "t").data[0].z)
    assert np.allclose(shares.sum(axis=1), 100)
    assert np.allclose(np.diag(shares), bars.y, atol=0.01)
    numbers = {
        (y, x): text for trace in confusion_chart(scores, "t").data[1:] for y, x, text in zip(trace.y, trace.x, trace.text, strict=True)
    }
    assert numbers == {(row, column): f"{shares[i, j]:.0f}" for i, row in enumerate(LABELS) for j, column in enumerate(LABELS)}
    curve = calibration_chart(scores, "t").data[1]
    for axis, key, scale in ((curve.x, "confidence", 100), (curve.y, "accuracy", 100), (curve.customdata, "clips", 1)):
        assert np.allclose(axis, [scale * row[key] for row in scores["calibration"]["curve"]])
    assert (np.argsort(curve.marker.size, kind="stable") == np.argsort(curve.customdata, kind="stable")).all()


def test_every_actor_is_a_dot_of_the_right_sex_and_height():
    scores = read_result("actor-5fold", "fused")["states"]["voice"]
    chart = actor_chart(scores, "t")
    assert [trace.name for trace in chart.data] == ["female", "male"]
    found = {}
    for trace in chart.data:
        for k, name in enumerate(trace.text):
            assert (int(name) % 2 == 1) == (trace.name == "male")
            assert chart.layout.xaxis.ticktext[trace.x[k]] == name
            found[name] = trace.y[k], trace.y[k] - trace.error_y.arrayminus[k], trace.y[k] + trace.error_y.array[k], trace.customdata[k]
    assert found.keys() == scores["per_actor"].keys()
    for name, (*bounds, words) in found.items():
        row = scores["per_actor"][name]
        assert bounds == pytest.approx([100 * row["accuracy"][key] for key in ("value", "low", "high")])
        assert words == f"60 clips, {100 * row['confidence']:.0f} % sure on average"


@pytest.mark.parametrize(("right", "of"), [(8, 8), (0, 8), (30, 30)])
def test_all_or_none_of_few_are_not_certain(right, of):
    scores = deepcopy(read_result("actor-5fold", "fused")["states"]["voice"])
    scores["confusion"][1] = [0, right, of - right, 0, 0, 0, 0, 0]
    scores["per_class"]["calm"]["recall"] = dict.fromkeys(("value", "low", "high"), right / of)
    bar = per_class_chart(scores, "recall", "t").data[0]
    found = binomtest(right, of).proportion_ci(method="wilson")
    assert bar.y[1] - bar.error_y.arrayminus[1] == pytest.approx(100 * found.low, abs=0.05)
    assert bar.y[1] + bar.error_y.array[1] == pytest.approx(100 * found.high, abs=0.05)


def test_numbers_stand_out_from_their_cells():
    """Contrast as WCAG 2 has it, on every shade, in both themes."""

    def light(colour: np.ndarray) -> float:
        linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    def rgb(code: str) -> np.ndarray:
        return np.ones(3) if code == "white" else np.array([int(code[k : k + 2], 16) for k in (1, 3, 5)]) / 255

    confusion = [[100 - k, k, *[0] * 6] for k in range(0, 96, 12)]
    heat, *numbers = confusion_chart({"confusion": confusion}, "t").data
    (_, pale), (_, full) = heat.colorscale
    for trace in numbers:
        for text in trace.text:
            cell = light(rgb(pale) + int(text) / 100 * (rgb(full) - rgb(pale)))
            bright, dark = sorted([cell, light(rgb(trace.textfont.color))], reverse=True)
            assert (bright + 0.05) / (dark + 0.05) > 3.8, text


def test_a_map_has_every_clip_where_it_was_placed_and_the_visitors_own_as_a_ring():
    rng = np.random.default_rng(1)
    points, labels = rng.normal(size=(40, 2)), rng.permutation(np.arange(40) % 8)
    names = [f"clip {k}" for k in range(40)]
    *traces, ring = map_chart(points, labels, names, np.array([3.0, -4.0]), "t").data
    found = {text: (x, y, trace.name) for trace in traces for x, y, text in zip(trace.x, trace.y, trace.text, strict=True)}
    assert found == {names[k]: (*points[k], LABELS[labels[k]]) for k in range(40)}
    assert [trace.marker.color for trace in traces] == [EMOTION_COLOURS[label] for label in LABELS]
    assert len({trace.marker.symbol for trace in traces}) == 8  # told apart without colours, too
    assert (ring.name, *ring.x, *ring.y, ring.marker.symbol) == ("your clip", 3.0, -4.0, "circle-open")
    assert [trace.name for trace in map_chart(points, labels, names, None, "t").data] == list(LABELS)


def test_a_swarm_shows_the_values_for_its_emotion_and_how_high_the_feature_was():
    rng = np.random.default_rng(2)
    values, raw = rng.normal(size=(30, 8, 4)), rng.normal(size=(30, 4))
    summary = Summary(values, raw, ["MFCC 0", "MFCC 1", "face 7", "face 9"], 2)
    chart = beeswarm_chart(summary, 5, np.array([3, 1]), "t")
    assert len(chart.data) == 2
    for trace, k in zip(chart.data, (1, 3), strict=True):  # the strongest on top
        assert np.allclose(trace.x, values[:, 5, k])
        assert np.allclose(trace.customdata, raw[:, k])
        assert (np.argsort(trace.marker.color) == np.argsort(raw[:, k])).all()
        assert trace.hovertemplate.startswith(summary.names[k])
    assert [np.round(np.mean(trace.y)) for trace in chart.data] == [0, 1]
    below, above = chart.layout.yaxis.ticktext
    assert "MFCC 1" in below
    assert above == "face 9"


def test_two_models_are_side_by_side_each_in_its_own_colour():
    first, second = np.linspace(0.0, 0.25, 8), np.linspace(0.25, 0.0, 8)
    bars = two_models_chart(first, second, ("one", "two")).data
    for bar, name, values in zip(bars, ("one", "two"), (first, second), strict=True):
        assert bar.name == name
        assert bar.hovertemplate.startswith(name)
        assert list(bar.x) == list(LABELS)
        assert np.allclose(bar.y, 100 * values)
    assert bars[0].marker.color != bars[1].marker.color


def test_a_loss_curve_is_the_history():
    history = [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.25}, {"epoch": 3, "loss": 1.0}]
    chart = loss_chart(history, "nats")
    assert list(chart.data[0].x) == [1, 2, 3]
    assert list(chart.data[0].y) == [2.0, 1.25, 1.0]
    assert "nats" in str(chart.layout.yaxis.title.text)


def test_a_dot_for_each_row_of_the_leaderboard_under_the_heading_of_its_state():
    board = leaderboard()
    chart = leaderboard_chart(board, "voice", STATE_WORDS)
    texts = [text.replace("<b>", "").replace("</b>", "") for text in chart.layout.yaxis.ticktext]
    headings = [k for k, text in enumerate(texts) if any(text.startswith(words) for words in STATE_WORDS.values())]
    assert len(headings) == len(STATE_WORDS)
    titles = {spec.title: name for name, spec in MODELS.items()}
    protocols = {protocol.title: key for key, protocol in PROTOCOLS.items()}
    found = {}
    for trace in chart.data:
        protocol = next(key for title, key in protocols.items() if trace.name.startswith(title))
        for x, y, low, high in zip(trace.x, trace.y, trace.error_x.arrayminus, trace.error_x.array, strict=True):
            row = round(y)
            heading = texts[max(k for k in headings if k < row)]
            state = next(key for key, words in STATE_WORDS.items() if heading.startswith(words))
            found[titles[texts[row]], protocol, state] = x, x - low, x + high
    assert len(found) == len(board)
    for row in board.itertuples():
        assert found[row.model, row.protocol, row.shown] == pytest.approx((100 * row.right, 100 * row.right_low, 100 * row.right_high))


def test_people_who_were_in_training_are_hollow_grey_and_said_to_be_so():
    for trace in leaderboard_chart(leaderboard(), "voice", STATE_WORDS).data:
        known = not next(p for p in PROTOCOLS.values() if trace.name.startswith(p.title)).speaker_independent
        assert trace.marker.symbol.endswith("-open") == known
        assert (trace.marker.color == "#888") == known
        assert ("people it knows" in trace.name) == known


def test_the_chosen_model_is_bold_in_each_group_and_what_is_filtered_out_leaves_no_row():
    board = leaderboard()
    texts = leaderboard_chart(board, "face", STATE_WORDS).layout.yaxis.ticktext
    assert [text for text in texts if text.startswith("<b>") and MODELS["face"].title in text] == [f"<b>{MODELS['face'].title}</b>"]
    few = leaderboard_chart(board[(board.shown == "face") & (board.protocol == "sentence")], "face", STATE_WORDS)
    assert len(few.data) == 1
    assert len(few.layout.yaxis.ticktext) == 1 + 6
