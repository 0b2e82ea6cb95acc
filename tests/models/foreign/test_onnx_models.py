"""All three kinds answer as the file itself does, on a whole recording and on parts of it."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import scipy.signal
import soxr
from numpy.testing import assert_allclose
from onnx import TensorProto

from features import SPACE, Modality
from features.audio import RATE, mel_spectrogram_db
from features.patches import patch_grid
from models.checkpoint import load_model
from models.evaluation.metrics import softmax
from models.foreign.fading import HOP, WINDOW, Fader
from models.foreign.sidecar import ABSENT
from models.labels import LABELS
from models.reference import load_reference
from tests.models.foreign.onnx_files import linear, linear_checkpoint, loudness, of_faces, read, redness, sidecar
from tests.recordings import make_audio, make_video, random_maps, random_recording, recording
from xai.timeline import explain_timeline

ANGRY, HAPPY = LABELS.index("angry"), LABELS.index("happy")
EIGHT = {label: label for label in LABELS}


@pytest.fixture(scope="module")
def features():
    return random_recording(random_maps)


def asked(model, values) -> np.ndarray:
    """onnxruntime itself."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"x": values.astype(np.float32)})[0]


def test_the_exported_checkpoint_says_what_the_checkpoint_says(features):
    own, brought = replace(load_model("linear"), alone=None), read(*linear_checkpoint())
    for recording_ in (features, features.with_part(Modality.VIDEO, None), features.with_part(Modality.AUDIO, None)):
        assert_allclose(brought.predict(recording_), own.predict(recording_), atol=2e-4)
    for drop in (frozenset({Modality.AUDIO}), frozenset(Modality)):
        assert_allclose(brought.logits(brought.encode(features, drop)), own.logits(own.encode(features, drop)), atol=2e-4)


def test_features_are_raw_or_standardised_as_the_sidecar_says(features):
    rng = np.random.default_rng(1)
    weights, bias = rng.normal(size=(8, 552)) / 100, rng.normal(size=8)
    mean, std, model = rng.normal(size=552), rng.uniform(0.5, 2, 552), linear(weights, bias)
    raw = read(model, sidecar("features", EIGHT))
    assert_allclose(raw.predict(features), asked(model, features.vector[None])[0], rtol=1e-4)
    z = read(model, sidecar("features", EIGHT, mean=mean.tolist(), std=std.tolist()))
    assert_allclose(z.predict(features), asked(model, (features.vector[None] - mean) / std)[0], rtol=1e-3, atol=1e-4)
    voice = features.with_part(Modality.VIDEO, None)
    standardised = np.nan_to_num((voice.vector[None] - mean) / std)
    assert_allclose(z.predict(voice), asked(model, standardised)[0], rtol=1e-3, atol=1e-4)


def test_a_missing_modality_is_what_the_sidecar_says_or_what_is_usual(features):
    rng = np.random.default_rng(1)
    model = linear(rng.normal(size=(8, 552)) / 100, np.zeros(8))
    voice = features.with_part(Modality.VIDEO, None)
    filled = voice.vector.copy()
    SPACE.part(filled, Modality.VIDEO)[:] = 0.25
    assert_allclose(read(model, sidecar("features", EIGHT, missing=0.25)).predict(voice), asked(model, filled[None])[0], rtol=1e-4)
    SPACE.part(filled, Modality.VIDEO)[:] = SPACE.part(load_reference("face").vectors(), Modality.VIDEO).mean(axis=0)
    assert_allclose(read(model, sidecar("features", EIGHT)).predict(voice), asked(model, filled[None])[0], rtol=1e-4)


@pytest.mark.parametrize("kind", ["raw", "probabilities"])
def test_probabilities_are_those_of_the_file(features, kind):
    rng = np.random.default_rng(1)
    model = linear(rng.normal(size=(8, 552)) / 500, rng.normal(size=8), softmax=kind == "probabilities")
    said = sidecar("features", EIGHT, missing=0.0, **({"output": kind} if kind == "probabilities" else {}))
    found, own = softmax(read(model, said).predict(features)), asked(model, features.vector[None])[0]
    assert_allclose(found, own if kind == "probabilities" else softmax(own), atol=1e-5)


def test_a_sound_is_heard_at_16_khz(features):
    model = loudness()
    brought = read(model, sidecar("samples"))
    wave = soxr.resample(features.audio.samples, RATE, 16_000, quality="HQ")
    own = asked(model, wave[None])[0]
    assert_allclose(brought.predict(features)[[ANGRY, HAPPY]], own[:2], atol=1e-4)
    assert (np.delete(brought.predict(features), [ANGRY, HAPPY]) == ABSENT).all()


@pytest.mark.parametrize("kind", ["samples", "faces"])
def test_without_what_it_reads_all_its_emotions_are_equally_probable(features, kind):
    brought = read(loudness() if kind == "samples" else redness(), sidecar(kind))
    nothing = softmax(brought.logits(brought.encode(features, frozenset(Modality))))[0]
    assert nothing[[ANGRY, HAPPY]] == pytest.approx(0.5)


def tone_with_gap(hz: float = 3000.0) -> np.ndarray:
    """Two seconds: low noise, and in the second one a tone."""
    time = np.arange(2 * RATE) / RATE
    quiet = 0.02 * np.random.default_rng(0).standard_normal(2 * RATE)
    return (quiet + 0.2 * np.sin(2 * np.pi * hz * time) * (time > 1)).astype(np.float32)


def test_windows_hold_their_own_part_of_the_sound():
    features = recording(make_audio(tone_with_gap()))
    found = explain_timeline(features, read(loudness(), sidecar("samples")), window=0.5, step=0.25)
    angry = found.probabilities[:, ANGRY]
    assert (angry[found.times < 0.7] < 0.45).all()
    assert (angry[found.times > 1.3] > angry[found.times < 0.7].max()).all()


def test_a_sound_without_a_patch_is_the_sound_with_that_patch_quiet():
    audio = make_audio(tone_with_gap())
    patches = patch_grid(audio.mel_db, (4, 4), (0, audio.mel_db.shape[1]))
    wave = audio.samples
    fade = Fader(wave, RATE, audio, patches)
    every = np.ones(len(patches), bool)
    assert_allclose(fade(every), wave, atol=1e-5)
    loudest = int(np.argmax([audio.mel_db[low:high, a:b].mean() for a, b, low, high in patches.cells]))
    kept = every.copy()
    kept[loudest] = False
    a, b, low, high = patches.cells[loudest]
    inside = slice(low + 3, high - 3), slice(a + 4, b - 4)
    faded, wanted = mel_spectrogram_db(fade(kept)), patches.hidden(kept)
    assert np.abs(faded[inside] - wanted[inside]).mean() < 4  # dB; it was tens of dB louder
    assert (audio.mel_db[inside] - faded[inside]).max() > 20
    elsewhere = np.ones(audio.mel_db.shape, bool)
    elsewhere[max(0, low - 3) : high + 3, max(0, a - 4) : b + 4] = False
    assert np.abs(faded - audio.mel_db)[elsewhere].mean() < 0.5


def test_a_mask_on_the_spectrum_is_that_of_scipy():
    audio = make_audio(tone_with_gap())
    patches = patch_grid(audio.mel_db, (3, 3), (0, audio.mel_db.shape[1]))
    fade, kept = Fader(audio.samples, RATE, audio, patches), np.arange(len(patches)) % 2 == 0
    transform = scipy.signal.ShortTimeFFT(scipy.signal.windows.hann(WINDOW, sym=False), HOP, RATE)
    spectrum = transform.stft(audio.samples)
    seconds = (np.arange(spectrum.shape[1]) + transform.p_min) * HOP / RATE
    frames = np.clip(np.round(seconds * audio.scale.frame_rate).astype(int), 0, audio.mel_db.shape[1] - 1)
    bands = np.clip(np.searchsorted(audio.scale.edges, transform.f, side="right") - 1, 0, len(audio.mel_db) - 1)
    quiet = np.minimum(0, patches.hidden(kept) - audio.mel_db)
    own = transform.istft(spectrum * 10 ** (quiet[bands[:, None], frames[None]] / 20), k1=len(audio.samples))
    assert_allclose(fade(kept), own, atol=1e-5)


def test_fading_patches_one_by_one_takes_away_what_fading_all_does():
    """A mask is linear: each patch has a part of the sound of its own."""
    audio = make_audio(tone_with_gap())
    patches = patch_grid(audio.mel_db, (3, 3))
    fade = Fader(audio.samples, RATE, audio, patches)
    alone = sum(audio.samples - fade(row) for row in ~np.eye(len(patches), dtype=bool))
    assert_allclose(audio.samples - fade(np.zeros(len(patches), bool)), alone, atol=1e-4)


@pytest.mark.parametrize("dtype", [TensorProto.FLOAT, TensorProto.UINT8])
def test_faces_are_looked_at_one_by_one_and_averaged(features, dtype):
    scale = 1.0 if dtype == TensorProto.FLOAT else 1 / 255
    model = of_faces(scale * np.array([[3.0, -1, 0], [0, 2.0, 0], [0, 0, 1.0]]), np.array([0.1, 0.2, 0.3]), dtype=dtype)
    brought = read(model, sidecar("faces"))
    crops = features.video.crops[features.video.used]
    seen = recording(features.audio, make_video(features.video.crops, features.video.used, brought.load_backbone().maps))
    colours = crops.mean(axis=(1, 2)) / 255
    own = (colours @ np.array([[3.0, -1, 0], [0, 2.0, 0]]).T + [0.1, 0.2]).mean(axis=0)
    assert_allclose(brought.predict(seen)[[ANGRY, HAPPY]], own, atol=1e-4)
    assert brought.load_encoders().keys() == {Modality.VIDEO}
    assert len(seen.vector) == len(brought.space) == 43


def test_what_a_model_is_stands_in_its_digest():
    model = redness()
    first, second = read(model, sidecar("faces")), read(model, sidecar("faces", title="Other"))
    assert first.digest == read(model, sidecar("faces")).digest
    assert len({first.digest, second.digest, read(redness((0, 9, 0, 9)), sidecar("faces")).digest}) == 3
    assert replace(first, name="x").digest == first.digest
