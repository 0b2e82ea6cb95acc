"""A model that was brought along is chosen, explained and described on every page; what cannot be used says why."""

import json

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from models.foreign.catalogue import FOLDER
from models.foreign.sidecar import read_sidecar
from models.registry import MODELS
from pages.components.models.bring_your_own import EXAMPLE
from pages.components.models.own import is_local
from pages.components.session.keys import Key
from pages.components.session.state import Recording
from tests.models.foreign.onnx_files import linear, linear_checkpoint, loudness, put, read, redness, sidecar
from tests.pages.paging import choose_sample, open_at, open_tab, texts, turn, widget
from xai.metrics.randomisation import NOT_SCRAMBLED

BRING = "Bring your own"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """With a model of each kind, and one that cannot be offered."""
    put(tmp_path, loudness(), sidecar("samples", title="My ear"), "ear")
    put(tmp_path, redness(), sidecar("faces", title="My eye"), "eye")
    put(tmp_path, *linear_checkpoint(), "linear")
    put(tmp_path, redness(), b"{}", "broken")
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


@pytest.fixture
def local(monkeypatch):
    monkeypatch.setenv("EMOLENS_LOCAL", "1")


def choose(app: AppTest, key: str, value) -> AppTest:
    app.session_state[key] = value
    return app.run()


def titles(app: AppTest) -> list[str]:
    """Of the menu of models, without the mark of the chosen one."""
    return [option.split("**")[1].removesuffix(" ✓") for option in widget(app.menu_button, Key.MODEL_MENU).options]


def chosen(app: AppTest) -> str:
    """Title of the chosen model."""
    return widget(app.menu_button, Key.MODEL_MENU).label.removeprefix("Model: ")


def test_the_list_has_what_lies_in_the_folder(folder):
    app = open_at("models")
    assert titles(app) == [*(spec.title for spec in MODELS.values()), "My ear", "My eye", "linear"]
    app = choose(app, Key.VIEW, BRING)
    (warning,) = app.warning
    assert "`broken.onnx` cannot be offered: broken.json:" in warning.value
    put(folder, redness(), sidecar("faces", title="Late"), "late")
    assert "Late" in titles(app.run())


def test_a_variable_that_names_no_folder_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path / "nowhere"))
    app = choose(open_at("models"), Key.VIEW, BRING)
    (warning,) = app.warning
    assert warning.value == f"The variable `{FOLDER}` names no folder that is there: give it the path of one."


def test_a_chosen_file_that_is_gone_gives_way_to_the_default(folder):
    app = choose(choose_sample(open_at("analyze")), Key.MODEL, "ear.onnx")
    (folder / "ear.onnx").unlink()
    app.run()
    assert not app.exception
    assert chosen(app) == MODELS["fused"].title


@pytest.mark.parametrize(
    ("name", "panels"),
    [("ear.onnx", ["What it heard"]), ("eye.onnx", ["What it saw"]), ("linear.onnx", ["What it saw", "What it heard", "What it weighed"])],
)
def test_every_tab_of_a_result_can_be_opened(folder, name, panels):
    app = choose(choose_sample(open_at("analyze")), Key.MODEL, name)
    app = choose(app, Key.TECHNICAL, True)
    assert [heading.value for heading in app.subheader] == panels
    assert not app.exception
    if name != "linear.onnx":
        assert "This model cannot name calm, disgust, fearful, neutral, sad or surprised" in texts(app)
    assert "How often this model is right was not measured." in texts(app)
    (row,) = [element for element in app.get("button_group") if element.key == Key.TAB]
    for title in row.options:
        app = open_tab(app, title)
        assert not app.exception, title
        assert not app.error, title


@pytest.mark.real_checks
def test_the_trust_says_what_was_left_out(folder, sample):
    app = open_at("analyze", {"model": "linear"})
    app = choose(app, Key.RECORDING, Recording("a voice", sample[0], None))
    assert NOT_SCRAMBLED in texts(open_tab(app, "Checks"))


@pytest.mark.parametrize("view", ["All models", "How good is it", "Map of clips", "What it weighs", "Card", BRING])
def test_every_view_of_the_page_models_can_be_opened(folder, view):
    app = choose(choose(open_at("models"), Key.MODEL, "ear.onnx"), Key.VIEW, view)
    assert not app.exception
    assert "**My ear.**" in texts(app)
    if view == "Card":
        assert "Learned from** nothing that is known." in texts(app)
        assert "not known: ask whoever made it" in texts(app)
    if view in ("How good is it", "Map of clips", "What it weighs"):
        assert "Not known of a model that was brought along" in texts(app)


def test_two_models_on_one_clip(folder, sample):
    app = open_at("models")
    app.session_state[Key.RECORDING] = Recording("clip", *sample)
    app = choose(choose(app, Key.MODEL, "ear.onnx"), Key.VIEW, "Two models, one clip")
    app = choose(app, Key.OTHER_MODEL, "eye.onnx")
    assert not app.exception
    assert "My ear judges the voice alone." in texts(app)
    assert "My eye judges the face alone." in texts(app)


def test_a_file_that_cannot_be_used_says_so_in_one_sentence(folder):
    put(folder, linear(np.ones((3, 40)), np.zeros(3)), sidecar("features"), "narrow")
    app = choose(choose_sample(open_at("analyze")), Key.MODEL, "narrow.onnx")
    assert not app.exception
    (error,) = app.error
    assert error.value == 'narrow.onnx reads (free, 40), but its sidecar says "features": export it to read (n, 552).'
    app = choose(turn(app, "models"), Key.VIEW, "Card")
    assert [element.value for element in app.error] == [error.value]


def test_the_example_can_be_read_as_it_is():
    said = read_sidecar(json.dumps(EXAMPLE).encode(), "mine.json")
    assert (said.input, len(said.labels)) == ("samples", 4)


@pytest.mark.parametrize(("address", "own"), [("127.0.0.1", True), ("localhost", True), ("0.0.0.0", False), (None, False)])
def test_only_a_server_that_nobody_else_reaches_is_local(monkeypatch, address, own):
    monkeypatch.delenv("EMOLENS_LOCAL", raising=False)
    monkeypatch.setattr(st, "get_option", {"server.address": address}.get)
    assert is_local() is own


def test_a_server_that_others_reach_takes_no_model(monkeypatch):
    monkeypatch.delenv("EMOLENS_LOCAL", raising=False)
    app = choose(open_at("models"), Key.VIEW, BRING)
    assert not app.get("file_uploader")
    assert "no model can be uploaded" in texts(app)


def give(app: AppTest, model, said: bytes) -> AppTest:
    files = [("given.onnx", model.SerializeToString(), "application/octet-stream"), ("given.json", said, "application/json")]
    widget(app.get("file_uploader"), Key.OWN_FILES).set_value(files).run()
    return widget(app.button, Key.TAKE_MODEL).click().run()


def test_an_upload_is_chosen_and_stays_in_its_session(local):
    app = give(choose(open_at("models"), Key.VIEW, BRING), loudness(), sidecar("samples", title="Given"))
    assert not app.exception
    assert chosen(app) == "Given"
    assert "**Given.**" in texts(app)
    app = choose_sample(turn(app, "analyze"))
    assert not app.exception
    assert [heading.value for heading in app.subheader] == ["What it heard"]
    assert "Given" not in titles(open_at("models"))


def test_an_upload_that_does_not_fit_is_refused(local):
    app = give(choose(open_at("models"), Key.VIEW, BRING), loudness(), sidecar("faces"))
    (error,) = app.error
    assert error.value.startswith('given.onnx reads (free, free), but its sidecar says "faces"')
    assert "mine" not in titles(app)
    assert chosen(app) == MODELS["fused"].title


def test_only_the_last_uploads_are_kept(local):
    app = choose(open_at("models"), Key.VIEW, BRING)
    app.session_state[Key.OWN_MODELS] = {f"m{k}.onnx": read(redness(), sidecar("faces", title=f"M{k}"), f"m{k}.onnx") for k in range(2)}
    app = give(app.run(), loudness(), sidecar("samples", title="Given"))
    assert [name for name in titles(app) if name in ("M0", "M1", "Given")] == ["M1", "Given"]
