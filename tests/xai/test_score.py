"""A score means what its declaration says, in both directions, and nothing that failed looks as if it had passed."""

import json
import re
import string
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xai.metrics.measures import FAITHFULNESS, FIT, LEARNED_CLASSIFIER, LEFT_OVER, MEASURES, STEADY, TOP_FIVE
from xai.score import Level, Measure, Score, Trust

WORDS = {Level.GREEN: "fine", Level.AMBER: "careful {percent}", Level.RED: "no."}
UP = Measure("up", "Up?", 0.0, 1.0, True, 0.75, 0.5, WORDS, "", "index {value}")
DOWN = Measure("down", "Down?", 0.0, 1.0, False, 0.25, 0.5, WORDS, "")
NOT_FINITE = (float("nan"), float("inf"), float("-inf"))


def strict(value: dict) -> dict:
    """What a reader gets who takes nothing but JSON."""
    return json.loads(json.dumps(value, allow_nan=False))


@pytest.mark.parametrize(
    ("measure", "value", "level"),
    [
        (UP, 1.0, "green"),
        (UP, 0.75, "green"),
        (UP, 0.75 - 1e-6, "amber"),
        (UP, 0.5, "amber"),
        (UP, 0.5 - 1e-6, "red"),
        (UP, -1.0, "red"),
        (DOWN, -1.0, "green"),
        (DOWN, 0.25, "green"),
        (DOWN, 0.25 + 1e-6, "amber"),
        (DOWN, 0.5, "amber"),
        (DOWN, 0.5 + 1e-6, "red"),
        (DOWN, float("inf"), "red"),
    ],
)
def test_thresholds_belong_to_the_better_side(measure, value, level):
    assert Score(measure, value).level == level


@pytest.mark.parametrize("measure", [*MEASURES, UP, DOWN])
def test_not_a_number_is_red(measure):
    assert measure.level(float("nan")) is Level.RED
    assert Score(measure, float("nan"), chance=0.0).level is Level.RED


@pytest.mark.parametrize(("chance", "level"), [(0.9, "red"), (0.8, "red"), (float("nan"), "red"), (0.79, "green"), (None, "green")])
def test_no_better_than_chance_is_red_however_high(chance, level):
    score = Score(UP, 0.8, chance=chance)
    assert score.level == level
    assert score.sentence.startswith("no" if level == "red" else "fine")


@given(st.sampled_from(MEASURES), st.floats(-2, 2), st.floats(-2, 2))
def test_a_better_value_never_has_a_worse_level(measure, a, b):
    order = list(Level)
    better, worse = (max(a, b), min(a, b)) if measure.higher_is_better else (min(a, b), max(a, b))
    assert order.index(measure.level(better)) <= order.index(measure.level(worse))


@pytest.mark.parametrize(
    ("values", "level"), [((0.9, 0.9), "green"), ((0.9, 0.6), "amber"), ((0.6, 0.9), "amber"), ((0.9, 0.6, 0.1), "red"), ((), "red")]
)
def test_the_worst_score_wins(values, level):
    trust = Trust(tuple(Score(UP, value) for value in values))
    assert trust.level == level
    assert trust.reasons == tuple("no (index 0.10)." for value in values if value < 0.5)


def test_a_score_is_found_by_its_name():
    trust = Trust((Score(UP, 0.9), Score(DOWN, 0.1)))
    assert trust.of("down").value == 0.1
    with pytest.raises(KeyError):
        trust.of("sideways")


@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: m.name)
def test_every_declaration_is_complete(measure):
    assert measure.low < measure.high
    best, worst = (measure.high, measure.low) if measure.higher_is_better else (measure.low, measure.high)
    sign = 1 if measure.higher_is_better else -1
    assert sign * best > sign * measure.good > sign * measure.enough > sign * worst
    assert set(measure.words) == set(Level)
    assert measure.title.endswith("?")
    assert "arXiv:" in measure.paper
    for value in (measure.good, measure.enough, worst if np.isfinite(worst) else 5.0):
        score = Score(measure, value)
        names = {name for text in (measure.words[score.level], measure.figure) for _, name, _, _ in string.Formatter().parse(text) if name}
        assert names
        assert names <= {"value", "signed", "percent"}
        assert "{" not in score.sentence
        assert any(number in score.sentence for number in (f"{value:.2f}", f"{100 * value:.0f} %"))
    assert {measure.level(v) for v in (measure.good, measure.enough, worst)} == set(Level)


def test_names_and_sentences_tell_measures_and_levels_apart():
    assert len({measure.name for measure in MEASURES}) == len(MEASURES)
    sentences = [words for measure in MEASURES for words in measure.words.values()]
    assert len(set(sentences)) == len(sentences)


FIGURE = re.compile(r"[-+]?\d+(?:\.\d+)?(?: %)?")


def figures(text: str) -> list[float]:
    """All numbers that a reader finds in a sentence, as shares of one."""
    return [float(Decimal(found.removesuffix(" %")) / (100 if found.endswith("%") else 1)) for found in FIGURE.findall(text)]


@st.composite
def close_calls(draw):
    """Scores near and at the thresholds of all measures, and near chance."""
    measure = draw(st.sampled_from(MEASURES))
    at = draw(st.sampled_from((measure.good, measure.enough)) | st.floats(-1, 1))
    gaps = st.sampled_from((0.0, 1e-16, -1e-16)) | st.floats(-0.01, 0.01) | st.floats(-1e-6, 1e-6)
    value = round(at + draw(gaps), 20)  # forty digits behind the point are not enough for all floats
    near = gaps.map(lambda gap: round(value + gap, 20))
    return Score(measure, value, chance=draw(st.none() | near | st.just(value)))


@settings(max_examples=500)
@given(close_calls())
def test_the_level_of_what_is_printed_is_the_level_of_what_was_measured(score):
    """Whoever reads "80 %" and "green from 80 % on" must find green, and nothing that is called chance exceeds chance."""
    printed = [*figures(score.sentence), float(score.number)]
    assert len(printed) == 2
    for value in printed:
        chance = None if score.chance is None else float(score.beside(score.chance))
        assert replace(score, value=value, chance=chance).level is score.level


@given(close_calls())
def test_the_level_of_what_is_written_down_is_the_level_of_what_was_measured(score):
    written = strict(score.to_dict())
    assert replace(score, value=written["value"], chance=written["chance"]).level == written["level"] == score.level


@pytest.mark.parametrize(
    ("value", "chance", "number", "beside"),
    [
        (0.83, None, "0.83", ""),
        (0.7996, None, "0.7996", ""),
        (0.796, None, "0.796", ""),
        (0.804, None, "0.80", ""),
        (0.4996, None, "0.4996", ""),
        (0.8641, 0.8612, "0.864", "0.861"),
        (0.8612, 0.8641, "0.86", "0.86"),
        (0.83, 0.1, "0.83", "0.10"),
        (-0.001, None, "0.00", ""),
    ],
)
def test_digits_are_added_only_where_they_are_needed(value, chance, number, beside):
    score = Score(STEADY, value, chance=chance)
    assert score.number == number
    assert chance is None or score.beside(chance) == beside


@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: m.name)
@pytest.mark.parametrize("value", [0.01, 0.3, 0.6, 0.9])
def test_plain_words_are_those_of_the_field_without_its_figures(measure, value):
    score = Score(measure, value)
    plain = score.words(technical=False)
    assert score.sentence == score.words(technical=True)
    assert "correlation" not in plain
    assert plain.endswith(".")
    assert score.sentence.startswith(plain.removesuffix("."))
    assert (plain == score.sentence) == ("%" in plain)


def test_what_is_written_down_is_the_value_with_its_declaration():
    written = strict(Score(FIT, 0.123456, (0.1, 0.23456), details={"networks": 3}).to_dict())
    assert (written["value"], written["spread"], written["chance"]) == (0.1235, [0.1, 0.2346], None)
    assert (written["range"], written["green"], written["amber"]) == ([FIT.low, FIT.high], FIT.good, FIT.enough)
    assert written["level"] == "red"
    assert written["higher_is_better"] is True
    assert "12 %" in written["sentence"]
    assert written["paper"] == FIT.paper
    assert written["networks"] == 3


def test_a_range_without_end_is_none_in_json():
    assert strict(Score(LEFT_OVER, 0.01).to_dict())["range"] == [0.0, None]


@pytest.mark.parametrize("bad", NOT_FINITE)
def test_what_is_not_finite_is_none_in_json_and_never_green(bad):
    score = Score(FAITHFULNESS, bad, (bad, 0.1), 0.2, {"deletion": [1.0, bad], "networks": 3, "reversed": np.float64(bad)})
    written = strict(Trust((score, Score(LEARNED_CLASSIFIER, 0.9)), 1.23456).to_dict())
    first = written["scores"][0]
    assert (first["value"], first["spread"], first["chance"]) == (None, [None, 0.1], 0.2)
    assert (first["deletion"], first["networks"], first["reversed"]) == ([1.0, None], 3, None)
    assert written["level"] == "red"
    assert written["seconds"] == 1.235
    assert strict(replace(score, chance=bad).to_dict())["chance"] is None


def test_what_is_level_but_for_the_noise_of_floating_point_is_level():
    value = (0.1 + 0.7) * 10 / 10
    assert value < 0.8
    score = Score(TOP_FIVE, value)
    assert score.level is Level.GREEN
    assert "80 %" in score.sentence
