"""The menu of models: what each reaches and costs stands beside it, and the choice is in the address by its title."""

import pytest
from streamlit.testing.v1 import AppTest

from models.evaluation.costs import cost_of
from models.registry import DEFAULT, MODELS, read_result
from pages.components.models import picker
from pages.components.session.keys import Key
from tests.pages.paging import choose_model, open_at, turn, widget

STATES = {"voice": "voice", "face": "face", "both": "both"}


def menu(app: AppTest):
    return widget(app.menu_button, Key.MODEL_MENU)


@pytest.mark.parametrize("name", MODELS)
def test_beside_each_model_stands_what_it_reaches_and_costs(name):
    option = next(option for option in menu(open_at("about")).options if option.startswith(f"**{MODELS[name].title}"))
    kept = (read_result("actor-5fold", name) or {"states": {}})["states"]
    for state in STATES:
        reached = f"{state} {100 * kept[state]['accuracy']['value']:.0f} %" if state in kept else f"{state} not measured"
        assert (reached in option) == (state in MODELS[name].states)
    cost = cost_of(name)
    if name == DEFAULT:
        assert option.endswith("the default")
    elif cost is None:
        assert option.endswith("time not measured")
    else:
        assert option.endswith(f"{cost.times:.1f} × the default's time, {cost.extra_mb} MB more")


def test_what_was_not_measured_is_said(monkeypatch):
    monkeypatch.setattr(picker, "accuracy_of", lambda name, state: None if state == "face" else 0.5)
    monkeypatch.setattr(picker, "cost_of", lambda name: None)
    assert picker.in_short("av-tokens") == "Unseen people: voice 50 %, face not measured, both 50 % · time not measured"
    monkeypatch.setattr(picker, "accuracy_of", lambda name, state: None)
    assert picker.in_short("av-tokens") == "not measured here"


def test_the_choice_is_marked_and_holds_for_all_pages_and_in_the_address():
    app = open_at("about")
    assert menu(app).label == f"Model: {MODELS[DEFAULT].title}"
    assert Key.MODEL not in app.query_params
    choose_model(app, "av-tokens")
    for page in ("models", "how_it_works", "about"):
        turn(app, page)
        assert not app.exception
        assert menu(app).label == f"Model: {MODELS['av-tokens'].title}"
        assert next(option for option in menu(app).options if "✓" in option).startswith(f"**{MODELS['av-tokens'].title} ✓**")
        assert app.query_params[Key.MODEL] == MODELS["av-tokens"].title
    choose_model(app, DEFAULT)
    assert Key.MODEL not in app.query_params


@pytest.mark.parametrize("name", MODELS)
def test_a_link_with_the_title_of_a_model_chooses_it(name):
    app = open_at("about", {Key.MODEL: MODELS[name].title})
    assert app.session_state[Key.MODEL] == name
    assert menu(app).label == f"Model: {MODELS[name].title}"


def test_a_link_with_anything_else_chooses_the_default():
    assert open_at("about", {Key.MODEL: "<b>z"}).session_state[Key.MODEL] == DEFAULT
