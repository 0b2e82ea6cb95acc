"""Each check fires on what it is about, says what to do, and keeps quiet on a good recording."""

from dataclasses import replace

import numpy as np
import pytest
from skimage.data import astronaut

from features import Features, Modality, extract
from features.audio import RATE, mfcc_features
from features.faces import Box
from models.checkpoint import load_model
from models.data.augmentation import speed
from models.model import EmotionModel
from tests.conftest import encode_video, tone, wav
from xai.quality.checks import QualityCheck, check_quality, should_be_asked
from xai.quality.typicality import typicality
from xai.score import Level


def found(features: Features, model: EmotionModel, name: str, modality: str) -> QualityCheck:
    return next(check for check in check_quality(features, model) if (check.name, check.modality) == (name, modality))


@pytest.fixture(scope="module")
def encoders(backbone):
    return {Modality.AUDIO: mfcc_features, Modality.VIDEO: backbone.maps}


@pytest.fixture(scope="module")
def recorded(clips, encoders) -> Features:
    return extract(*clips[4], encoders)


@pytest.fixture
def good(recorded) -> Features:
    """One that nothing was learned from: with a higher voice, and of each picture and its counterpart the mean."""
    higher = with_voice(recorded, speed(recorded.audio.samples, 1.1))
    return with_video(higher, maps=(recorded.video.maps + recorded.video.maps[::-1]) / 2)


def with_voice(features: Features, samples: np.ndarray) -> Features:
    return features.with_part(Modality.AUDIO, features.audio.with_samples(samples))


def with_video(features: Features, **changes) -> Features:
    return features.with_part(Modality.VIDEO, replace(features.video, **changes))


def test_a_good_recording_passes_everything(good, model):
    checks = check_quality(good, model)
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
        ("likeness", "red", "is a guess", lambda s: np.sin(np.arange(len(s)) * 0.1)),
    ],
)
def test_a_bad_voice(good, model, name, level, words, change):
    check = found(with_voice(good, change(good.audio.samples)), model, name, "voice")
    assert check.level == level
    assert words in check.words


@pytest.mark.parametrize(
    ("name", "level", "words", "changes"),
    [
        ("faces", "red", "seen from the front", lambda v: {"faces": [None] * len(v.faces)}),
        ("faces", "amber", "seen from the front", lambda v: {"faces": [None, *v.faces[1:]]}),
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
    some = with_video(good, faces=[None, *good.video.faces[1:]])
    for worth_it in (nobody, some):
        assert found(worth_it, model, "faces", "face").words.endswith("neither too small nor in the dark; or judge the voice alone.")
    whistle = with_voice(nobody, np.sin(np.arange(len(good.audio.samples)) * 0.1))
    mute = nobody.with_part(Modality.AUDIO, None)
    for hopeless in (whistle, mute):
        assert found(hopeless, model, "faces", "face").words.endswith("neither too small nor in the dark.")


def test_skin_does_not_decide_about_the_light(good, model):
    """A dark face before a lit wall is enough light."""
    pictures = [p.copy() for p in good.video.pictures]
    for picture in pictures:
        picture[: picture.shape[0] * 8 // 10] = (picture[: picture.shape[0] * 8 // 10] * 0.2).astype(np.uint8)
        picture[picture.shape[0] * 8 // 10 :] = 200
    assert found(with_video(good, pictures=pictures), model, "light", "face").level is Level.GREEN


def test_only_what_the_model_is_shown_is_checked(good):
    assert {check.modality for check in check_quality(good, load_model("voice"))} == {"voice"}
    assert {check.modality for check in check_quality(good, load_model("face"))} == {"face"}


def test_it_should_not_be_asked_only_where_everything_is_bad(good, model):
    whistle = with_voice(good, np.sin(np.arange(len(good.audio.samples)) * 0.1))
    assert should_be_asked(check_quality(whistle, model))  # there is the face
    nobody = with_video(whistle, faces=[None] * len(good.video.faces))
    assert not should_be_asked(check_quality(nobody, model))
    alone = whistle.with_part(Modality.VIDEO, None)
    assert not should_be_asked(check_quality(alone, model))
    assert should_be_asked(())


@pytest.mark.parametrize("modality", ["voice", "face"])
def test_a_recording_that_was_learned_from_proves_nothing(good, recorded, model, modality):
    check = found(recorded, model, "likeness", modality)
    assert check.level is Level.AMBER
    assert "learned from this very recording" in check.words
    assert "learned from" not in found(good, model, "likeness", modality).words


@pytest.mark.parametrize(
    ("percentile", "level", "words"),
    [
        (0.0, "amber", "Closer to clips that the model learned from than 100 of 100 clips of unseen people are"),
        (0.49, "amber", "Closer to clips that the model learned from than 100 of 100 clips of unseen people are"),
        (0.51, "green", "Closer to the 1,440 reference clips than 99 of 100 clips of unseen people are."),
        (60.0, "green", "Closer to the 1,440 reference clips than 40 of 100 clips of unseen people are."),
        (96.0, "amber", "Unlike the 1,440 reference clips"),
    ],
)
def test_closer_than_all_unseen_people_is_a_warning(good, model, monkeypatch, percentile, level, words):
    usual = typicality(good, model, Modality.AUDIO)
    monkeypatch.setattr(
        "xai.quality.checks.typicality",
        lambda *_: replace(usual, percentile=percentile, distance=usual.usual * (1.1 if percentile > 95 else 0.9)),
    )
    check = found(good, model, "likeness", "voice")
    assert (check.level, check.value) == (level, percentile)
    assert check.words.startswith(words)


def sentences(features: Features, model: EmotionModel) -> list[str]:
    return [check.words for check in check_quality(features, model) if check.level is not Level.GREEN]


def portraits(*places: tuple[int, ...]) -> bytes:
    """A film of a picture a second, with the same face at these positions from the left."""
    pictures = []
    for faces in places:
        picture = np.full((300, 900, 3), 128, np.uint8)
        for x in faces:
            picture[:, x : x + 300] = astronaut()[:300, 70:370]
        pictures += [picture] * 30
    return encode_video(pictures)


@pytest.mark.parametrize(
    ("sound", "level", "words"),
    [
        (np.clip(20 * tone(2.0, 200), -1, 1), "red", "Overdriven (clipped) in 89%"),
        (tone(0.5), "amber", "Only 0.5 s long: the model learned from clips of about 3 s; use a whole sentence."),
        (tone(0.3), "red", "Only 0.3 s long"),
    ],
    ids=["clipped", "half a second", "a third of a second"],
)
def test_what_is_wrong_with_a_voice_is_said_once_from_its_bytes_on(sound, level, words, model, encoders):
    """By the checks, and not among what was left out of the recording."""
    features = extract(wav(sound), None, encoders)
    (check,) = [check for check in check_quality(features, model) if words in check.words]
    assert check.level == level
    assert features.warnings == ()


def test_a_wall_is_judged_by_its_middle_and_said_to_be_no_face(model, encoders):
    wall = encode_video([np.full((120, 160, 3), 90, np.uint8)] * 31)
    for silence in (None, wav(np.zeros(RATE))):
        features = extract(silence, wall, encoders)
        (said,) = [words for words in sentences(features, model) if "No face" in words]
        assert (
            said == "No face was found, upright or turned, so the middle of the picture was used: the pictures are black or show nothing."
        )
        assert not any("face" in warning for warning in features.warnings)
        assert not should_be_asked(check_quality(features, model))


def test_pictures_without_a_face_are_counted_and_said_to_be_left_out(model, encoders):
    features = extract(None, portraits((300,), (), (300,), ()), encoders)
    assert features.video.used.tolist() == [True, False, True, False]
    check = found(features, model, "faces", "face")
    assert (check.value, check.level) == (0.5, Level.AMBER)
    assert check.words == "A face in 2 of 4 pictures, and the others were left out: they are black or show nothing."


def test_several_faces_are_said_to_be_several(model, encoders):
    crowd = extract(None, portraits((0, 600)), encoders)
    assert crowd.video.several_faces
    assert found(crowd, model, "several", "face").words == "More than one face: the largest was followed; cut the picture to one person."
    assert sum("More than one face" in words for words in sentences(crowd, model)) == 1
    assert found(extract(None, portraits((300,)), encoders), model, "several", "face").level is Level.GREEN


def test_digital_silence_is_no_quiet_room(good, model):
    """Neither level nor noise are of what no microphone heard."""
    samples = good.audio.samples + np.random.default_rng(0).normal(0, 0.02, len(good.audio.samples)).astype(np.float32)
    padded = np.concatenate([np.zeros(10 * RATE, np.float32), samples, np.zeros(10 * RATE, np.float32)])
    for name in ("level", "noise"):
        plain, silent = (found(with_voice(good, each), model, name, "voice") for each in (samples, padded))
        assert silent.value == pytest.approx(plain.value, abs=1.0)


@pytest.mark.parametrize(("make", "level"), [(lambda x: 4 * x, Level.GREEN), (lambda x: 4 * np.clip(3 * x, -1, 1), Level.RED)])
def test_only_what_is_flat_at_full_scale_is_clipped(make, level, good, model, encoders):
    voice = good.audio.samples / np.abs(good.audio.samples).max()
    loud = np.clip(voice * 8, -1, 1) if level is Level.RED else voice
    heard = extract(wav(make(loud), RATE, "FLOAT"), None, encoders)
    assert np.abs(heard.audio.samples).max() <= 1.0
    assert found(heard, model, "clipping", "voice").level is level


def test_an_offset_does_not_hide_what_is_clipped(good, model, encoders):
    voice = np.clip(good.audio.samples / np.abs(good.audio.samples).max() * 8 + 0.2, -1, 1)
    assert found(extract(wav(voice, RATE, "PCM_16"), None, encoders), model, "clipping", "voice").level is not Level.GREEN
