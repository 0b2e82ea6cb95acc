"""Each check fires on what it is about, says what to do, and keeps quiet on a good recording."""

from dataclasses import replace

import numpy as np
import pytest

from features import extract
from features.audio import RATE
from features.extract import join
from features.faces import Box
from models.checkpoint import load_model
from xai.counterfactuals.what_if import with_samples
from xai.quality.checks import check_clip, should_be_asked
from xai.score import Level


def found(features, model, name: str, modality: str):
    return next(check for check in check_clip(features, model) if (check.name, check.modality) == (name, modality))


@pytest.fixture
def good(clips, backbone):
    recorded = extract(*clips[2], backbone.maps)
    return with_voice(recorded, 0.7 * recorded.audio.samples)  # nobody has learned from it at this level


def with_voice(features, samples):
    audio = with_samples(features.audio, samples.astype(np.float32))
    return replace(features, audio=audio, vector=join(audio.mfcc, features.video.mean if features.video else None))


def with_video(features, **changes):
    return replace(features, video=replace(features.video, **changes))


def test_a_good_recording_passes_everything(good, model):
    checks = check_clip(good, model)
    assert {check.level for check in checks} == {Level.GREEN}
    assert {check.name for check in checks if check.modality == "voice"} == {"length", "clipping", "level", "noise", "likeness"}
    assert {check.name for check in checks if check.modality == "face"} == {"faces", "size", "several", "jump", "light", "likeness"}
    assert should_be_asked(checks)


@pytest.mark.parametrize(
    ("name", "level", "words", "change"),
    [
        ("length", "amber", "whole sentence", lambda s: s[RATE : int(1.8 * RATE)]),
        ("length", "red", "whole sentence", lambda s: s[RATE : int(1.3 * RATE)]),
        ("length", "amber", "cut out", lambda s: np.tile(s, 10)),
        ("clipping", "amber", "further from", lambda s: np.clip(s * 1.2 / np.quantile(np.abs(s), 0.98), -1, 1)),
        ("clipping", "red", "further from", lambda s: np.sign(s) * np.minimum(1, np.abs(s) * 1000)),
        ("level", "amber", "closer", lambda s: s * 0.01),
        ("noise", "amber", "quiet room", lambda s: s + np.random.default_rng(0).normal(0, s.std(), len(s))),
        ("noise", "red", "quiet room", lambda s: np.random.default_rng(0).normal(0, 0.05, len(s))),
        ("likeness", "red", "trust the answer less", lambda s: np.sin(np.arange(len(s)) * 0.1)),
    ],
)
def test_a_bad_voice(good, model, name, level, words, change):
    check = found(with_voice(good, change(good.audio.samples)), model, name, "voice")
    assert check.level == level
    assert words in check.words


@pytest.mark.parametrize(
    ("name", "level", "words", "changes"),
    [
        ("faces", "red", "frontal camera", lambda v: {"faces": [None] * len(v.faces)}),
        ("faces", "amber", "frontal camera", lambda v: {"faces": [None, *v.faces[1:]]}),
        ("size", "amber", "closer to the camera", lambda v: {"faces": [Box(0, 0, 50, 50)] * len(v.faces)}),
        ("size", "red", "closer to the camera", lambda v: {"faces": [Box(0, 0, 20, 20)] * len(v.faces)}),
        ("several", "amber", "one person", lambda v: {"several_faces": True}),
        ("jump", "amber", "cut the video", lambda v: {"faces": [Box(0, 0, 90, 90), Box(500, 0, 90, 90), *v.faces[2:]]}),
        ("light", "amber", "lamp", lambda v: {"pictures": [(p * 0.3).astype(np.uint8) for p in v.pictures]}),
        ("light", "red", "lamp", lambda v: {"pictures": [(p * 0.1).astype(np.uint8) for p in v.pictures]}),
    ],
)
def test_a_bad_face(good, model, name, level, words, changes):
    check = found(with_video(good, **changes(good.video)), model, name, "face")
    assert check.level == level
    assert words in check.words


def test_the_voice_alone_is_advised_only_where_it_is_worth_it(good, model):
    nobody = with_video(good, faces=[None] * len(good.video.faces))
    assert "or judge the voice alone." in found(nobody, model, "faces", "face").words
    whistle = with_voice(nobody, np.sin(np.arange(len(good.audio.samples)) * 0.1))
    mute = replace(nobody, audio=None, vector=join(None, good.video.mean))
    for hopeless in (whistle, mute):
        assert found(hopeless, model, "faces", "face").words.endswith("use a frontal camera.")


def test_skin_does_not_decide_about_the_light(good, model):
    """A dark face before a lit wall is enough light."""
    pictures = [p.copy() for p in good.video.pictures]
    for picture in pictures:
        picture[: picture.shape[0] * 8 // 10] = (picture[: picture.shape[0] * 8 // 10] * 0.2).astype(np.uint8)
        picture[picture.shape[0] * 8 // 10 :] = 200
    assert found(with_video(good, pictures=pictures), model, "light", "face").level is Level.GREEN


def test_only_what_the_model_is_shown_is_checked(good):
    assert {check.modality for check in check_clip(good, load_model("voice"))} == {"voice"}
    assert {check.modality for check in check_clip(good, load_model("face"))} == {"face"}


def test_it_should_not_be_asked_only_where_everything_is_bad(good, model):
    whistle = with_voice(good, np.sin(np.arange(len(good.audio.samples)) * 0.1))
    assert should_be_asked(check_clip(whistle, model))  # there is the face
    nobody = with_video(whistle, faces=[None] * len(good.video.faces))
    assert not should_be_asked(check_clip(nobody, model))
    alone = replace(whistle, video=None, vector=join(whistle.audio.mfcc, None))
    assert not should_be_asked(check_clip(alone, model))
    assert should_be_asked(())


def test_a_recording_that_was_learned_from_proves_nothing(good, clips, backbone, model):
    check = found(extract(*clips[2], backbone.maps), model, "likeness", "voice")
    assert check.level is Level.AMBER
    assert "learned from this very recording" in check.words
    assert "learned from" not in found(good, model, "likeness", "voice").words
