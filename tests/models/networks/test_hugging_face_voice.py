"""Speech models of Hugging Face as encoders: the numbers of ``transformers`` by hand, and one sentence for what does not fit."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.torch import load_file, save_file

from features import Modality
from features.audio import RATE, to_mono
from features.log_mel import HOP
from features.patches import patch_grid
from models.networks import ModelError
from models.networks.encoders import load_encoder
from models.networks.hugging_face import load_speech_model
from models.networks.hugging_face_voice import LONGEST, HuggingFaceVoice, beside, middle
from models.networks.resynthesis import Resynthesis
from tests.features.test_log_mel import speech
from tests.speech_models import KINDS, save_speech_model

transformers = pytest.importorskip("transformers")


@pytest.fixture(autouse=True)
def forgotten():
    """No test meets a model of another that lay in the same folder."""
    load_speech_model.cache_clear()


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """2.5 s of speech at 22,050 Hz, with silence on both sides."""
    spoken = to_mono(speech()[: 2 * 16_000, None].astype(np.float32), 16_000, RATE)
    return np.pad(spoken, (RATE // 4, RATE // 4))


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory):
    return save_speech_model(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture
def encoder(folder) -> HuggingFaceVoice:
    return HuggingFaceVoice(str(folder))


@pytest.fixture
def small(tmp_path) -> HuggingFaceVoice:
    return HuggingFaceVoice(str(save_speech_model(tmp_path / "small")))


def by_hand(folder, sound: np.ndarray, layers: tuple[int, ...]) -> np.ndarray:
    """Speech at 16 kHz → tokens, with the whole network and its own feature extractor."""
    network = transformers.AutoModel.from_pretrained(folder).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    with torch.no_grad():
        states = network(**extractor(sound, sampling_rate=16_000, return_tensors="pt"), output_hidden_states=True).hidden_states
    rows = []
    for start in range(0, states[0].shape[1], 25):
        parts = [states[layer][0, start : start + 25].numpy() for layer in layers]
        rows.append(np.concatenate([moment for part in parts for moment in (part.mean(axis=0), part.std(axis=0))]))
    return np.array(rows)


def test_tokens_are_those_of_transformers(encoder, folder, samples):
    voice = encoder(samples)
    first, last = voice.speech
    assert 0 < first < last < voice.mel_db.shape[1]
    sound = to_mono(samples[:, None], RATE, 16_000)
    start = first * HOP - HOP // 2 - 40
    spoken = np.zeros(-(-(last - first) // 2) * 320 + 80, np.float32)
    spoken[: last * HOP + HOP // 2 - start] = sound[start : last * HOP + HOP // 2][: len(spoken)]
    expected = by_hand(folder, spoken, (1, 2, 3))
    assert voice.tokens.shape == (len(expected), 3 * 2 * 16) == (len(expected), len(encoder.names))
    assert_allclose(voice.tokens, expected, atol=1e-4)
    assert np.abs(expected).max() > 0.5


def test_untouched_copies_are_the_voice(encoder, samples):
    voice = encoder(samples)
    for copies in encoder.copies(voice, [voice.mel_db] * 5):
        assert_allclose(copies, np.broadcast_to(voice.tokens, copies.shape), atol=1e-4)
    found = encoder.differentiable(voice, torch.from_numpy(voice.mel_db[None]))
    assert_allclose(found[0].numpy(), voice.tokens, atol=1e-4)


def test_a_masked_copy_is_a_sound_without_the_patch(encoder, samples):
    """As if that sound had been recorded, at the level of the recording; both ways of asking say so."""
    voice = encoder(samples)
    patches = patch_grid(voice.mel_db, span=voice.span)
    masked = patches.hidden(np.arange(len(patches)) != 20)
    (found,) = np.concatenate(list(encoder.copies(voice, [masked])))
    sound = Resynthesis(voice.sound, voice.mel_db)(torch.from_numpy(masked[None]))
    level = encoder._cut(torch.from_numpy(voice.sound[None]), voice.speech)
    expected = encoder._tokens(encoder._levelled(encoder._cut(sound, voice.speech), level)).numpy()[0]
    assert_allclose(found, expected, atol=1e-4)
    assert_allclose(encoder.differentiable(voice, torch.from_numpy(masked[None]))[0].numpy(), found, atol=1e-4)
    assert np.abs(found - voice.tokens).max() > 1e-3


def test_gradients_are_those_of_small_changes(small, samples):
    voice = small(samples)
    patches = patch_grid(voice.mel_db, span=voice.span)
    a, b, low, high = patches.cells[35]
    weights = torch.from_numpy(np.random.default_rng(0).standard_normal(voice.tokens.shape)).float()
    copy = torch.from_numpy(voice.mel_db[None].copy()).requires_grad_(True)
    total = (small.differentiable(voice, copy)[0] * weights).sum()
    (first,) = torch.autograd.grad(total, copy, retain_graph=True)
    (second,) = torch.autograd.grad(total, copy)
    assert_allclose(first.numpy(), second.numpy(), atol=1e-6)  # eight classes are asked for one after the other
    louder = np.stack([voice.mel_db, voice.mel_db])
    louder[0, low:high, a:b] += 0.3
    louder[1, low:high, a:b] -= 0.3
    up, down = ((torch.from_numpy(copies) * weights).sum().item() for copies in np.concatenate(list(small.copies(voice, louder))))
    assert first[0, low:high, a:b].sum().item() == pytest.approx((up - down) / 0.6, rel=0.05)


def test_a_part_is_encoded_by_itself(small, samples):
    voice = small(samples)
    part = voice.part(voice.speech[0] + 20, voice.speech[0] + 150)
    assert part.tokens.shape == (3, 96)
    assert_allclose(
        part.tokens,
        by_hand(small.name.split("@")[0], small._cut(torch.from_numpy(voice.sound[None]), part.speech)[0].numpy(), (1, 2, 3)),
        atol=1e-4,
    )


def test_memory_does_not_grow_with_the_length(small, samples, monkeypatch):
    read = []
    forward = type(small.network).forward

    def spy(self, sound, **options):
        read.append(sound.shape)
        return forward(self, sound, **options)

    monkeypatch.setattr(type(small.network), "forward", spy)
    voice = small(np.tile(samples, 12))  # 30 s
    assert len(voice.tokens) == -(-(voice.speech[1] - voice.speech[0]) // 50)
    assert len(read) > 4
    list(small.copies(small(samples), [small(samples).mel_db] * 9))
    assert max(copies * length for copies, length in read) <= LONGEST * 320 + 80 * 4
    same = next(small.copies(voice, [voice.mel_db]))[0]
    assert_allclose(same, voice.tokens, atol=1e-4)


def test_how_loud_it_is_does_not_matter_where_the_extractor_says_so(tmp_path, samples):
    for normalise in (True, False):
        encoder = HuggingFaceVoice(str(save_speech_model(tmp_path / str(normalise), "WavLM", normalise=normalise)))
        apart = np.abs(encoder(samples).tokens - encoder(0.1 * samples).tokens).max()
        assert (apart < 1e-2) == normalise


def test_which_layers_are_read():
    assert middle(24) == (8, 12, 16)
    assert middle(1) == (0, 1)


def test_a_checkpoint_gets_the_model_that_it_learned_from(tmp_path):
    folder = save_speech_model(tmp_path / "model")
    name = HuggingFaceVoice(str(folder)).name
    assert name.startswith(f"{folder}@")
    assert load_encoder(Modality.AUDIO, name).name == name
    save_speech_model(folder, seed=1)
    load_speech_model.cache_clear()
    assert HuggingFaceVoice(str(folder)).name != name
    with pytest.raises(ModelError, match="not the one that this checkpoint learned from"):
        load_encoder(Modality.AUDIO, name)


def refused(source) -> str:
    with pytest.raises(ModelError) as caught:
        HuggingFaceVoice(str(source))
    (line,) = str(caught.value).splitlines()
    return line


def test_what_is_wrong_is_said_in_a_sentence(tmp_path, monkeypatch):
    assert "is not a folder" in refused(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "lacks config.json, preprocessor_config.json, model.safetensors" in refused(tmp_path / "empty")
    folder = save_speech_model(tmp_path / "model")
    (folder / "config.json").write_text(json.dumps({"model_type": "unheard-of"}))
    assert "cannot be used as a speech model" in refused(folder)
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert "pip install -r requirements-transformers.txt" in refused(folder)


def test_without_access_a_name_is_refused(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "could not be loaded from huggingface.co" in refused("somebody/speech-model")


def test_a_hub_that_does_not_answer_is_asked_once(monkeypatch, capfd):
    """Its library would try six times for each file, and say so."""
    asked = []

    def silent(*_, **__):
        asked.append(1)
        raise ConnectionError("no way there")

    monkeypatch.setattr("huggingface_hub.get_session", lambda: SimpleNamespace(head=silent, request=silent, stream=silent))
    assert "could not be loaded from huggingface.co" in refused("somebody/speech-model")
    assert len(asked) == 1
    assert capfd.readouterr().err == ""


def test_a_name_without_an_owner_is_none_of_the_hub(monkeypatch):
    monkeypatch.setattr("huggingface_hub.get_session", lambda: pytest.fail("it was asked"))
    assert "nowhere is not a folder here" in refused("nowhere")


def test_a_model_is_loaded_without_a_word(tmp_path, capfd):
    folder = save_speech_model(tmp_path / "model", labels=("a", "b"))
    capfd.readouterr()
    load_speech_model.cache_clear()
    load_speech_model(str(folder))  # whose classifier is not read
    assert capfd.readouterr().err == ""


def test_missing_weights_are_not_drawn_at_random(tmp_path):
    folder = save_speech_model(tmp_path / "model")
    kept = load_file(folder / "model.safetensors")
    gone = next(key for key in sorted(kept) if "layers.2" in key)
    save_file({key: value for key, value in kept.items() if key != gone}, folder / "model.safetensors", {"format": "pt"})
    assert f"lacks weights ({gone}): save the whole model" in refused(folder)


def test_a_relative_folder_is_looked_for_beside_the_checkpoint_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own" / "ear").mkdir(parents=True)
    digest = "0123456789abcdef"
    assert beside(f"ear@{digest}", tmp_path / "own") == f"{tmp_path / 'own' / 'ear'}@{digest}"
    (tmp_path / "ear").mkdir()
    assert beside(f"ear@{digest}", tmp_path / "own") == f"ear@{digest}"
    assert beside(f"far@{digest}", tmp_path / "own") == f"far@{digest}"
    assert beside("whisper", tmp_path / "own") == "whisper"
    assert "far, the folder of the speech model, is neither here nor beside the checkpoint" in refused(f"far@{digest}")


def test_other_rates_and_other_networks_are_refused(tmp_path):
    folder = save_speech_model(tmp_path / "rate")
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=8000).save_pretrained(folder)
    assert "does not read sound at 16 kHz" in refused(folder)
    transformers.WhisperModel(
        transformers.WhisperConfig(d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2)
    ).save_pretrained(tmp_path / "whisper")
    transformers.WhisperFeatureExtractor().save_pretrained(tmp_path / "whisper")
    assert "read samples 50 times a second" in refused(tmp_path / "whisper")


def test_nothing_is_unpickled(tmp_path):
    folder = save_speech_model(tmp_path / "model")
    network = transformers.AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save(network.state_dict(), folder / "pytorch_model.bin")
    assert "lacks model.safetensors" in refused(folder)


def test_code_beside_the_weights_does_not_run(tmp_path):
    folder = save_speech_model(tmp_path / "model")
    mark = tmp_path / "ran"
    (folder / "modeling.py").write_text(f"open({str(mark)!r}, 'w')\nclass Own: pass\n")
    config = json.loads((folder / "config.json").read_text())
    config |= {"auto_map": {"AutoConfig": "modeling.Own", "AutoModel": "modeling.Own"}, "model_type": "own"}
    (folder / "config.json").write_text(json.dumps(config))
    refused(folder)
    assert not mark.exists()
