"""Every stage of a clip: the numbers and pictures are those of the path itself, and the code is where they say."""

import re
from dataclasses import replace
from importlib import import_module

import cv2
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from features import SPACE, Features, Modality
from models.checkpoint import load_model
from models.labels import LABELS
from models.registry import MODELS
from tests.film_backbones import QuickFilm
from tests.recordings import as_tokens, random_maps, random_recording, recording
from tests.untrained import untrained_token_model
from tests.xai.conftest import subject_of
from xai.analysis import analyse
from xai.explanation import Settings, Subject
from xai.render.pixels import coloured, diverging, strip
from xai.render.stages import as_the_backbone_sees_it, stages, strongest_maps, temperature_of

VOICE, FACE = ["Waveform", "Mel spectrogram", "MFCC"], ["Frame 1 of 4", "Face crop", "Feature maps", "Features of this face"]


def titles(found) -> list[str]:
    return [stage.title for stage in found]


def numbers(stage, column: int) -> np.ndarray:
    """A column of the table in the order of LABELS."""
    values = {row[0]: float(row[column]) for row in stage.rows}
    return np.array([values[label] for label in LABELS])


@pytest.fixture(scope="module", params=MODELS)
def analysis(request, sample):
    return analyse(*sample, model=load_model(request.param), settings=Settings(samples=200))


def test_each_stage_is_there_once_where_it_applies(analysis):
    found = stages(analysis.subject)
    voice = [*VOICE[:-1], "Tokens of the voice"] if analysis.model.spec.tokens else VOICE
    expected = (voice if analysis.model.judges(Modality.AUDIO) else []) + (FACE if analysis.model.judges(Modality.VIDEO) else [])
    assert titles(found)[:-3] == expected
    assert titles(found)[-2:] == ["Logits", "Probabilities"]
    assert [stage.part for stage in found if stage.part is None] == [None] * 3


def test_the_code_is_where_they_say(analysis):
    for stage in stages(analysis.subject):
        parts = stage.code.split(".")
        k = next(k for k in range(len(parts), 0, -1) if _is_module(".".join(parts[:k])))
        found = import_module(".".join(parts[:k]))
        for name in parts[k:]:
            found = getattr(found, name)
        assert found is not None


def _is_module(name: str) -> bool:
    try:
        import_module(name)
    except ModuleNotFoundError:
        return False
    return True


def test_logits_and_probabilities_are_those_of_the_network(analysis):
    """The network asked by itself, without the temperature."""
    *_, logits, probabilities = stages(analysis.subject)
    inputs = analysis.subject.inputs
    with torch.inference_mode():
        raw = analysis.model.classifier(inputs.batch if inputs.tensor is None else inputs.tensor)[0].numpy()
    assert_allclose(numbers(logits, 1), raw, atol=2e-3)
    assert_allclose(numbers(logits, 2), analysis.model.predict(analysis.features), atol=6e-4)
    assert_allclose(numbers(probabilities, 1), analysis.probabilities, atol=6e-5)
    assert probabilities.rows[0][0] == analysis.label


def test_a_modality_alone_has_its_own_temperature(sample_analysis):
    model, features = sample_analysis.model, sample_analysis.features
    for missing, there in zip(Modality, reversed(Modality), strict=True):
        subject = Subject(features.with_part(missing, None), model, sample_analysis.backbone)
        assert temperature_of(subject) == model.alone[there] * 1.4  # the voice is synthetic
        raw = model.classifier(subject.inputs.tensor)[0].numpy()
        assert_allclose(numbers(stages(subject)[-2], 1), raw, atol=2e-3)
    assert temperature_of(sample_analysis.subject) == model.temperature * 1.4


def test_shapes_and_units(sample_analysis):
    features = sample_analysis.features
    waveform, mel, mfcc, frame, *_, read, _, _ = stages(sample_analysis.subject)
    assert waveform.shape.startswith(f"{len(features.audio.samples):,} samples, 22,050 Hz")
    assert mel.shape == f"128 bands × {features.audio.mel_db.shape[1]} frames, dB"
    assert mfcc.shape.startswith(f"40 coefficients × {features.audio.mel_db.shape[1]} frames")
    means = [float(value) for value in re.findall(r"-?\d+\.\d", mfcc.how.split("over time:")[1].replace("−", "-"))]
    assert_allclose(means, features.audio.vector, atol=0.051)
    assert frame.shape.startswith("640 × 480 pixels")
    assert read.shape.startswith("552 numbers")


def test_pictures_are_small(sample_analysis):
    """What one look at all of them takes, as the page sends them."""
    total = 0
    for stage in stages(sample_analysis.subject):
        for picture in stage.pictures:
            kind = ".png" if picture.pixels.shape[2] == 4 else ".jpg"
            assert picture.pixels.dtype == np.uint8
            total += len(cv2.imencode(kind, picture.pixels)[1])
    assert total < 400_000


def test_the_backbone_sees_grey(sample_analysis):
    crop = sample_analysis.features.video.crops[0]
    seen = as_the_backbone_sees_it(sample_analysis.subject, crop)
    assert (seen == seen[..., :1]).all()
    assert_allclose(seen[..., 0].astype(float), cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(float), atol=1.01)


def test_the_strongest_maps_have_the_largest_features(sample_analysis):
    video = sample_analysis.features.video
    chosen = strongest_maps(video, 2)
    row = video.frame_vectors[2]
    assert row[chosen].min() >= np.delete(row, chosen).max()
    assert (np.diff(row[chosen]) <= 0).all()
    pictures = next(stage for stage in stages(sample_analysis.subject, 2) if stage.title == "Feature maps").pictures
    for k, picture in zip(chosen, pictures, strict=True):
        assert picture.words == f"face_{k:03d}: mean {row[k]:.2f}"


def test_a_frame_without_a_face_has_no_stages_of_a_face(random_features, random_model, backbone):
    subject = subject_of(random_features, random_model, backbone)
    assert "Face crop" in titles(stages(subject, 0))
    left_out = stages(subject, 1)
    assert "Frame 2 of 3" in titles(left_out)
    assert "Face crop" not in titles(left_out)
    assert "left out of the mean" in next(stage.how for stage in left_out if stage.title.startswith("Frame"))


def test_what_is_missing_is_said(random_features, random_model, backbone):
    subject = subject_of(recording(random_features.audio), random_model, backbone)
    read = stages(subject)[-3]
    assert titles(stages(subject))[:-3] == VOICE
    assert "The face is missing: zeros." in read.how
    assert [picture.words.split(":")[0] for picture in read.pictures] == ["voice"]


def test_a_sequence_is_named_as_one(sample):
    model = load_model("av-tokens")
    subject = analyse(*sample, model=model, settings=Settings(samples=200)).subject
    read = stages(subject)[-3]
    first, last = subject.inputs.speech_span()
    assert read.title.endswith("a sequence")
    assert f"MFCC frames {first} to {last}" in read.shape
    assert subject.inputs.batch.heard[0] == last - first
    assert model.spec.reads in read.how


def test_a_strip_has_one_cell_for_each_number():
    z = np.linspace(-3, 3, SPACE.size(Modality.AUDIO))
    picture = strip(z, diverging)
    assert picture.shape == (12, 480, 3)
    assert (picture[6, ::12] == diverging(z[None], len(z), 1)[0]).all()
    assert strip(np.zeros(512), diverging).shape == (96, 768, 3)
    purple, orange = picture[6, 0].astype(int), picture[6, -1].astype(int)
    assert purple[2] > purple[0]
    assert orange[0] > orange[2]


def test_brighter_is_more():
    ramp = coloured(np.arange(256.0)[None], width=256, height=1)[0].astype(float)
    assert ramp[-1].sum() > ramp[0].sum() + 200
    assert (coloured(np.zeros((4, 4))) == coloured(np.ones((4, 4)))).all()  # nothing to divide by


def test_a_network_that_reads_a_film_is_called_by_its_name(sample_analysis):
    subject = replace(sample_analysis.subject, backbone=QuickFilm())
    said = {stage.title: stage for stage in stages(subject)}
    assert said["Face crop"].shape == "3 × 112 × 112 numbers, in a film of 30 such pictures"
    assert said["Feature maps"].how.startswith("R3D-18 up to the end of layer4 (Tran et al. 2018)")
    assert "Its maps lie in time" in said["Feature maps"].how
    assert said["Feature maps"].code == "tests.film_backbones.QuickFilm.forward"
    seen = {stage.title: stage for stage in stages(sample_analysis.subject)}
    assert seen["Face crop"].shape == "3 × 224 × 224 numbers"
    assert seen["Feature maps"].how.startswith("ResNet-18 up to the end of layer4 (He et al. 2016)")


def test_a_voice_that_is_one_token_is_not_said_to_have_steps():
    whole = as_tokens(random_recording(random_maps)).audio
    model = untrained_token_model()
    for audio, words in ((whole, "in steps of 0.5 s."), (replace(whole, tokens=whole.tokens[:1]), "in one piece.")):
        (stage,) = [s for s in stages(Subject(Features({Modality.AUDIO: audio}), model, None)) if s.title == "Tokens of the voice"]
        assert stage.how.endswith(words)
        assert ("first half second on top" in stage.pictures[0].words) == (len(audio.tokens) > 1)
