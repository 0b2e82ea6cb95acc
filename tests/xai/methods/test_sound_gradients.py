"""Integrated gradients of the sound: complete, where a cause was planted, and the same however many cells pass at once."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from features import Features, Modality
from features.audio import mel_edges
from models.token_model import TokenModel
from tests.conftest import tone
from tests.recordings import as_tokens, make_audio, random_maps, random_recording, recording
from tests.untrained import untrained_sequence_model, untrained_token_model
from tests.xai.conftest import subject_of
from xai.explanation import Attribution, Contrast, Panel
from xai.methods import METHODS, methods_of
from xai.methods.lime import patches_of
from xai.methods.sound_gradients import SoundGradients

METHOD = SoundGradients()


@pytest.fixture(scope="module")
def model() -> TokenModel:
    return untrained_token_model()


@pytest.fixture(scope="module")
def voice() -> Features:
    """1.5 s of noise, now louder, now softer."""
    levels = np.repeat([0.02, 0.3, 0.05, 0.2, 0.01, 0.1], 5512)
    return as_tokens(recording(make_audio(levels * np.random.default_rng(0).standard_normal(len(levels)))))


@pytest.fixture(scope="module")
def found(voice, model) -> Attribution:
    return METHOD.explain(subject_of(voice, model))


class Loud(torch.nn.Module):
    """Hears the level of some cells of the spectrogram: class 3 is their mean, in tens of dB."""

    def forward(self, batch) -> torch.Tensor:
        level = (batch.voice * batch.spoken[..., None]).sum(dim=(1, 2))
        return torch.nn.functional.pad(level[:, None], (3, 4))


class Bands:
    """An encoder whose one token is the mean level of some bands in some frames."""

    name, title, names, gradients = "bands", "Bands", ("level",), True

    def __init__(self, scale, frames: slice, bands: slice) -> None:
        self.scale, self.cells = scale, (bands, frames)

    def copies(self, audio, mel_db):
        for copy in mel_db:
            yield np.array([[[copy[self.cells].mean()]]], np.float32)

    def differentiable(self, audio, mel_db):
        return mel_db[:, *self.cells].mean(dim=(1, 2))[:, None, None]


def test_what_is_spread_is_the_distance_of_the_logits(found, voice, model):
    """Logit of the recording − logit of every band's quiet level, up to a few per cent; written down as such."""
    audio = voice.audio
    quiet = np.minimum(np.percentile(audio.mel_db, 10, axis=1)[:, None], audio.mel_db).astype(np.float32)
    tokens = np.concatenate(list(audio.encoder.copies(audio, [quiet])))
    inputs = model.encode(voice)
    base = model.logits(inputs.with_tokens(torch.from_numpy(tokens)))[0]
    assert_allclose(found.extras["base"], base, atol=1e-4)
    gain = model.predict(voice) - base
    assert_allclose(found.extras["residual"], gain - found.values.sum(axis=1), atol=1e-4)
    assert np.abs(found.extras["residual"]).max() < 0.25 * np.abs(gain).max()
    assert found.settings == {"nodes": 12}


def test_more_nodes_leave_less_over(found, voice, model, monkeypatch):
    monkeypatch.setattr("xai.methods.sound_gradients.NODES", 48)
    more = METHOD.explain(subject_of(voice, model))
    gain = np.abs(model.predict(voice) - more.extras["base"]).max()
    assert np.abs(more.extras["residual"]).max() < 0.05 * gain
    assert np.corrcoef(more.values.ravel(), found.values.ravel())[0, 1] > 0.8


def test_blocks_of_any_size_give_the_same(found, voice, model, monkeypatch):
    monkeypatch.setattr("xai.methods.sound_gradients._CELLS", 5 * voice.audio.mel_db.size)
    said: list[str] = []
    again = METHOD.explain(subject_of(voice, model), 0, said.append)
    assert len(said) == 3  # of 5, 5 and 2 nodes
    assert_allclose(again.values, found.values, atol=1e-4 * np.abs(found.values).max())


def test_a_planted_band_and_time_gets_everything(voice, model):
    """A model that hears the level of the cells of one patch: exactly what it rose above the quiet level."""
    audio, patches = voice.audio, patches_of(subject_of(voice, model))
    a, b, low, high = patches.cells[43]
    ear = Bands(audio.scale, slice(a, b), slice(low, high))
    token = audio.mel_db[low:high, a:b].mean()
    heard = replace(audio, encoder=ear, tokens=np.array([[token]], np.float32))
    space = replace(model.space, columns={**model.space.columns, Modality.AUDIO: ear.names})
    scale = replace(model.standardise, mean=np.zeros(513), std=np.ones(513), space=space)
    hears = replace(model, classifier=Loud(), standardise=scale, temperature=1.0)
    subject = subject_of(recording(heard), hears)
    found = METHOD.explain(subject)
    quiet = np.minimum(np.percentile(audio.mel_db, 10, axis=1)[low:high, None], audio.mel_db[low:high, a:b])
    expected = np.zeros((8, len(patches)))
    expected[3, 43] = token - quiet.mean()
    assert_allclose(found.values, expected, atol=1e-3)
    assert_allclose(found.extras["residual"], 0, atol=1e-3)
    t0, t1, hz0, hz1 = found.parts.segments[43]
    assert (t0, t1) == pytest.approx(tuple(audio.scale.starts(np.array([a, b]))))
    assert (hz0, hz1) == pytest.approx(tuple(mel_edges(16_000, 80)[[low, high]]))


def test_it_is_there_on_request_where_tokens_are_heard_and_nowhere_else(voice, model):
    subject = subject_of(voice, model)
    assert METHOD.applies(subject)
    assert not METHOD.comes_at_once(subject)
    assert not METHODS["lime"].comes_at_once(subject)
    assert next(iter(methods_of(subject, Panel.HEARD))) == "sound_occlusion"
    assert [key for key, method in METHODS.items() if method.comes_at_once(subject)] == ["shap", "sound_occlusion"]
    longer = subject_of(recording(replace(voice.audio, speech=(0, 1200))), model)
    assert METHOD.applies(longer)
    assert not any(method.comes_at_once(longer) for method in METHODS.values() if method.panel is Panel.HEARD)
    mfccs = random_recording(random_maps)
    usual = subject_of(mfccs, untrained_sequence_model())
    assert not METHOD.applies(usual)
    assert "sound_gradients" not in methods_of(usual)
    assert METHODS["lime"].comes_at_once(usual)
    assert not METHOD.applies(subject_of(mfccs.with_part(Modality.AUDIO, None), model))
    no_slopes = replace(voice.audio, encoder=type("Ear", (), {"gradients": False, "scale": voice.audio.scale})())
    assert not METHOD.applies(subject_of(recording(no_slopes), model))
    long = replace(voice.audio, speech=(0, 3001))
    assert not METHOD.applies(subject_of(recording(long), model))


@pytest.mark.parametrize("samples", [np.zeros(22_050), tone(0.15)])
def test_silence_and_a_blip_are_explained(model, samples):
    found = METHOD.explain(subject_of(as_tokens(recording(make_audio(samples))), model))
    assert np.isfinite(found.values).all()
    assert np.isfinite(found.extras["residual"]).all()


def test_it_is_checked_by_removal_and_by_what_is_left_over(found, voice, model):
    subject = subject_of(voice, model)
    faithful, left = METHOD.checks(subject, found, Contrast(2, 6))
    assert faithful.measure.name == "faithfulness"
    assert faithful.details["deletion"][0] == pytest.approx(Contrast(2, 6).of(model.predict(voice)), abs=1e-3)
    residual, gain = (Contrast(2, 6).of(v) for v in (found.extras["residual"], model.predict(voice) - found.extras["base"]))
    assert left.value == pytest.approx(abs(residual) / abs(gain), rel=1e-3)
