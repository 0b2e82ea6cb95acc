"""Models of tokens: how recordings become tokens, and what is removed from them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from features import Features, Modality
from features.patches import patch_grid
from models.data.clips import Clips, embed, predict
from models.data.tokens import MOST
from models.model import Span
from models.token_model import TokenInputs, TokenModel, encoded, together
from tests.conftest import tone
from tests.recordings import as_tokens, quiet_ends, random_maps, random_recording, recording, sequences_of
from tests.untrained import judged, untrained_token_model

RNG = np.random.default_rng
AUDIO, VIDEO = Modality.AUDIO, Modality.VIDEO


@pytest.fixture(scope="module")
def model() -> TokenModel:
    return untrained_token_model()


@pytest.fixture(scope="module")
def film() -> Features:
    """Two seconds of a voice, and three frames of which the second has no face."""
    return as_tokens(random_recording(random_maps))


@pytest.fixture(scope="module")
def calm() -> Features:
    """A second of a voice between two silences."""
    return as_tokens(quiet_ends())


def test_logits_are_scaled(model, film):
    inputs = model.encode(film)
    with torch.inference_mode():
        expected = model.classifier(inputs.batch)[0].double().numpy() / 1.3
    assert_allclose(model.predict(film), expected, atol=1e-6)
    assert_allclose(model.logits(inputs)[0], expected, atol=1e-6)
    with torch.inference_mode():
        assert_allclose(model.forward(inputs)[0].numpy(), expected, atol=1e-6)
        assert_allclose(model.embed(inputs), model.classifier.embedding(inputs.batch), atol=1e-6)


def test_each_state_has_its_temperature(model, film):
    own = {AUDIO: 0.5, VIDEO: 4.0}
    cases = [(own, (VIDEO,), 0.5), (own, (AUDIO,), 4.0), (own, (), 1.3), (own, tuple(Modality), 1.3), (None, (VIDEO,), 1.3)]
    for alone, drop, wanted in cases:
        inputs = model.encode(film, frozenset(drop))
        raw = replace(model, temperature=1.0).logits(inputs)
        assert_allclose(replace(model, alone=alone).logits(inputs), raw / wanted, atol=1e-5)


def test_a_recording_is_its_tokens_and_frames_standardised(model, film):
    batch, video = model.encode(film).batch, film.video
    mean, std = model.standardise.mean, model.standardise.std
    assert_allclose(batch.voice[0], (film.audio.tokens - mean[:2304]) / std[:2304], rtol=1e-4, atol=1e-4)
    rows = np.stack([video.maps[k].mean(axis=(1, 2)) for k in (0, 2)])  # the frame between has no face
    assert_allclose(batch.faces[0], (rows - mean[2304:]) / std[2304:], rtol=1e-4, atol=1e-4)
    assert batch.seconds.tolist() == [[0.0, 2.0]]
    assert batch.spoken.all()
    assert batch.seen.all()
    assert {part.dtype for part in (batch.voice, batch.faces, batch.seconds)} == {torch.float32}


def test_a_recording_is_encoded_on_request_without_its_voice_or_face(model, film):
    whole = model.predict(film)
    for gone in Modality:
        without = model.encode(film, frozenset({gone}))
        assert_allclose(model.logits(without)[0], model.predict(film.with_part(gone, None)), atol=1e-6)
        assert np.abs(model.logits(without)[0] - whole).max() > 1e-2
        assert not without.batch.present()[gone].any()
        assert len(without.moments()[gone]) == 0
        assert len(without.moments()[AUDIO]) + len(without.moments()[VIDEO]) == without.batch.spoken.shape[1] + without.batch.seen.shape[1]
    assert_allclose(model.logits(model.encode(film, frozenset(Modality)))[0], judged(model, None, None), atol=1e-6)


def test_a_voice_that_was_encoded_for_another_model_is_refused(model):
    features = random_recording(random_maps)
    with pytest.raises(TypeError, match="whisper"):
        model.encode(features)
    assert_allclose(
        model.logits(model.encode(features, frozenset({AUDIO})))[0], judged(model, None, *sequences_of(features)[1:]), atol=1e-6
    )


@pytest.mark.parametrize("which", ["film", "calm"])
def test_hidden_patches_are_recordings_made_anew(which, model, request):
    """Spectrogram faded by hand, encoded by itself, cut where the recording as it is begins and ends."""
    features = request.getfixturevalue(which)
    audio, mel = features.audio, features.audio.mel_db
    patches = patch_grid(mel, span=audio.span)
    kept = RNG(0).random((40, len(patches))) < 0.5
    kept[0], kept[1] = True, False
    inputs = model.encode(features)
    found = model.logits(inputs.with_patches(kept, patches))
    assert_allclose(found, model.logits(inputs.with_patches(kept, patches, exact=True)), atol=1e-5)
    assert_allclose(found[0], model.predict(features), atol=1e-4)
    _, faces, seconds = sequences_of(features)
    quiet = np.percentile(mel, 10, axis=1)
    for row in (1, 2, 33, 39):
        faded = mel.copy()
        for shown, (a, b, low, high) in zip(kept[row], patches.cells, strict=True):
            if not shown:
                faded[low:high, a:b] = quiet[low:high, None]
        (tokens,) = next(audio.encoder.copies(audio, [faded]))
        assert_allclose(found[row], judged(model, tokens, faces, seconds), atol=1e-4)
    assert np.abs(found[1] - found[0]).max() > 2e-2


def test_copies_with_other_tokens_faces_or_frames(film, model):
    """Each is the recording that it says; voice and times of the others are those of the recording."""
    tokens, faces, seconds = sequences_of(film)
    inputs, rng = model.encode(film), RNG(1)
    others = (tokens + rng.normal(size=(3, *tokens.shape))).astype(np.float32)
    found = model.logits(inputs.with_tokens(torch.from_numpy(others)))
    assert_allclose(found, [judged(model, other, faces, seconds) for other in others], atol=1e-5)
    rows = rng.uniform(0, 1, (3, 2, 512))
    found = model.logits(inputs.with_faces(rows))
    assert_allclose(found, [judged(model, tokens, row, seconds) for row in rows], atol=1e-5)
    assert_allclose(model.logits(inputs.with_faces(torch.from_numpy(rows).float())), found, atol=1e-5)
    kept = np.array([[True, True], [True, False], [False, True]])
    found = model.logits(inputs.with_frames(kept))
    assert_allclose(found, [judged(model, tokens, faces[row], seconds[row]) for row in kept], atol=1e-5)
    assert_allclose(model.logits(inputs.repeat(3)), np.repeat(model.logits(inputs), 3, axis=0), atol=1e-6)
    assert len(inputs.repeat(3)) == 3


def test_moments_that_are_taken_away_are_gone(film, model):
    """Voice first; with none left neither voice nor face is there."""
    tokens, faces, seconds = sequences_of(film)
    inputs, count = model.encode(film), len(tokens)
    kept = RNG(0).random((30, count + 2)) < 0.5
    kept[0], kept[1] = True, False
    found = model.logits(inputs.with_weighed(kept))
    expected = [judged(model, tokens[row[:count]], faces[row[count:]], seconds[row[count:]]) for row in kept]
    assert_allclose(found, expected, atol=1e-5)
    assert_allclose(found[1], judged(model, None, None), atol=1e-5)
    alone = replace(model, alone={AUDIO: 0.5, VIDEO: 4.0})
    voice_only = np.r_[np.ones(count, bool), np.zeros(2, bool)][None]
    assert_allclose(alone.logits(inputs.with_weighed(voice_only))[0], judged(alone, tokens, None), atol=1e-5)


def test_moments_lie_where_they_were_heard_and_seen(film, calm, model):
    found = model.encode(film).moments()
    assert_array_equal(found[AUDIO], film.audio.segments)
    assert_array_equal(found[VIDEO], [[0.0, 2.0], [2.0, 4.0]])  # the last lasts as long as the one before
    found = model.encode(calm).moments()
    assert found[AUDIO][0, 0] == pytest.approx(0.5, abs=0.05)
    assert found[AUDIO][-1, 1] == pytest.approx(1.5, abs=0.05)
    assert found[VIDEO].shape == (0, 2)
    single = film.video.maps[:1], film.video.used[:1], film.video.times[:1]
    one = recording(None, replace(film.video, maps=single[0], used=single[1], times=single[2]))
    assert_array_equal(model.encode(one).moments()[VIDEO], [[0.0, 1.0]])


def test_what_fades_draws_nearer_to_the_mean_of_training(film, model):
    inputs = model.encode(film)
    assert_allclose(model.logits(inputs.faded({})), model.logits(inputs), atol=1e-7)
    tokens, faces, seconds = sequences_of(film)
    mean = model.standardise.mean
    half = mean[:2304] + 0.5 * (tokens - mean[:2304])
    assert_allclose(model.logits(inputs.faded({AUDIO: 0.5}))[0], judged(model, half, faces, seconds), atol=1e-5)
    third = mean[2304:] + 0.3 * (faces - mean[2304:])
    assert_allclose(model.logits(inputs.faded({VIDEO: 0.3}))[0], judged(model, tokens, third, seconds), atol=1e-5)


def test_windows_are_encoded_by_themselves_and_timed_from_their_own_beginning(film, calm, model):
    """A window with a face only, one with a voice only, and one that reaches beyond the voice."""
    film = film.with_part(AUDIO, calm.audio)
    audio, faces = film.audio, film.video.frame_vectors
    first, last = model.encode(film).speech_span()
    assert (first, last) == audio.speech
    assert 30 < first < 60 < last < audio.mel_db.shape[1]
    spans = [
        Span(None, np.array([1]), np.array([0.4])),
        Span(slice(20, 100), np.array([], int), np.array([])),
        Span(slice(60, 10_000), np.array([0, 1]), np.array([0.1, 1.3])),
        Span(slice(0, first), np.array([0]), np.array([0.0])),
    ]
    found = model.logits(model.encode(film).windows(spans))

    def heard(a: int, b: int) -> np.ndarray:
        return audio.encoder.copies(replace(audio, speech=(a, b)), [audio.mel_db]).__next__()[0]

    expected = [
        judged(model, None, faces[[1]], np.array([0.4])),
        judged(model, heard(first, 100), None),
        judged(model, heard(60, last), faces, np.array([0.1, 1.3])),
        judged(model, None, faces[[0]], np.array([0.0])),
    ]
    assert_allclose(found, expected, atol=1e-4)


def test_one_window_that_holds_everything_is_the_recording(film, calm, model):
    for features in (film, calm):
        video = features.video
        times = video.times[video.used] if video is not None else np.zeros(0)
        span = Span(slice(0, 10_000), np.arange(len(times)), times)
        found = model.encode(features).windows([span])
        assert_allclose(model.logits(found)[0], model.predict(features), atol=1e-5)


def test_speech_without_a_voice_lies_nowhere(film, model):
    assert model.encode(film.with_part(AUDIO, None)).speech_span() == (0, 0)


def test_a_sequence_is_not_one_tensor(film, model):
    inputs = model.encode(film)
    assert inputs.tensor is None
    with pytest.raises(TypeError):
        inputs.with_tensor(torch.zeros(1, 2816))


def clips_of(recordings: list[Features], **without) -> Clips:
    """As from a corpus: means of MFCCs that nobody reads, tokens, and faces with their seconds."""
    n = len(recordings)
    tables = {
        "mfcc": np.zeros((n, 40)),
        "sequence": None,
        "heard": None,
        "faces": [r.video.frame_vectors for r in recordings],
        "seconds": [r.video.times[r.video.used] for r in recordings],
        "tokens": [r.audio.tokens for r in recordings],
    }
    return Clips(**(tables | without), label=np.zeros(n, int), actor=np.arange(n), keys=[(k,) for k in range(n)])


def test_clips_are_judged_as_their_recordings(film, calm, model, monkeypatch):
    short = film.with_part(AUDIO, calm.audio)
    recordings = [film, short, film, short, film]
    monkeypatch.setattr("models.sequence_model._CLIPS", 2)
    clips = clips_of(recordings)
    assert [len(block) for block in model.encode_clips(clips)] == [2, 2, 1]
    assert_allclose(predict(model, clips), [model.predict(one) for one in recordings], atol=1e-5)
    assert_allclose(embed(model, clips), np.concatenate([model.embed(model.encode(one)) for one in recordings]), atol=1e-5)
    for gone, names in ((AUDIO, ("mfcc", "tokens")), (VIDEO, ("faces", "seconds"))):
        alone = clips_of(recordings, **dict.fromkeys(names))
        assert_allclose(predict(model, alone), [model.predict(one.with_part(gone, None)) for one in recordings], atol=1e-5)


def test_vectors_of_clips_are_those_of_their_recordings(film, model):
    found = clips_of([film]).vectors(model.space)
    assert found.shape == (1, 2816)
    assert_allclose(found[0, 2304:], film.vector[2304:], atol=1e-5)
    assert_allclose(found[0, :2304], film.audio.tokens.mean(axis=0), atol=1e-5)
    assert np.isnan(clips_of([film], mfcc=None, tokens=None).vectors(model.space)[0, :2304]).all()
    assert clips_of([film]).vectors().shape == (1, 552)


def test_a_batch_of_recordings_is_filled_up_with_what_is_not_there(model, film):
    inputs = model.encode(film)
    one, other = inputs.batch, encoded(film.audio.tokens[:1], None, None, model.standardise)
    batch = together([one, other])
    assert batch.spoken.sum(dim=1).tolist() == [one.voice.shape[1], 1]
    assert batch.seen.sum(dim=1).tolist() == [2, 0]
    both = model.logits(TokenInputs(batch, model.standardise))
    assert_allclose(both, [model.predict(film), judged(model, film.audio.tokens[:1], None)], atol=1e-5)
    with pytest.raises(AssertionError):
        TokenInputs(batch, model.standardise).moments()


@pytest.mark.parametrize("samples", [np.zeros(22_050), np.full(22_050, 0.2), tone(0.1), tone(3.0)])
def test_silence_dc_a_blip_and_a_note_are_judged(model, samples):
    features = as_tokens(quiet_ends())
    features = features.with_part(AUDIO, features.audio.with_samples(samples))
    assert np.isfinite(model.predict(features)).all()
    neither = model.logits(model.encode(features, frozenset(Modality)))
    assert_allclose(neither[0], judged(model, None, None), atol=1e-6)


def test_what_it_reads_and_what_it_costs(model):
    assert model.encoders == {AUDIO: "whisper", VIDEO: "ferplus"}
    assert (len(model.space), model.space.size(AUDIO)) == (2816, 2304)
    budget = model.budget
    assert not budget.at_once
    assert budget.samples(2000, 400) == 500  # a clip of 4 s
    assert budget.samples(2000, 100_000) == budget.fewest
    assert budget.samples(100, 400) == 100
    assert budget.effort(20, 20, 10) == (20, 20)
    steps, orders = budget.effort(20, 20, 1000)
    assert 0.7 * 100_000 < steps * (2 + orders / 2) * 1000 < 1.3 * 100_000
    assert budget.effort(20, 20, 10**6) == (8, 4)
    assert replace(budget, states=None).effort(20, 20, 10**6) == (20, 20)


def test_more_tokens_than_training_keeps_are_read(model, film):
    """Of a long recording all are read in use, not only the first :data:`MOST`."""
    tokens = np.tile(film.audio.tokens, (5, 1))
    assert len(tokens) > MOST
    changed = tokens.copy()
    changed[-1] += 5 * model.standardise.std[:2304]
    assert np.abs(judged(model, tokens, None) - judged(model, changed, None)).max() > 1e-3
