"""R3D-18 on the film of a face: torchvision's own numbers, shared out among the crops without loss."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.torch import save_file
from torch import nn
from torchvision.models.video import R3D_18_Weights, r3d_18

from models.networks import ModelError
from models.networks.backbone import BACKBONES, _load, load_backbone
from models.networks.film_backbone import FRAMES, SIDE, STEPS, WEIGHTS_FILE, FilmBackbone, load_r3d_18, time_shares
from tests.film_backbones import random_film_backbone


@pytest.fixture(scope="module")
def film() -> FilmBackbone:
    return random_film_backbone()


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (3, 224, 224, 3), np.uint8)


def test_the_mean_over_crops_is_torchvisions_pool(film, crops):
    torch.manual_seed(0)
    reference = r3d_18().eval()
    reference.fc = nn.Identity()
    x = film.film(crops)
    assert x.shape == (1, 3, FRAMES, SIDE, SIDE)
    with torch.inference_mode():
        expected = reference(x)[0].numpy()
    maps = film.maps(crops)
    assert maps.shape == (3, 512, 7, 7)
    assert_allclose(maps.mean(axis=(0, 2, 3)), expected, atol=1e-4 * np.abs(expected).max())


def test_preprocessing_is_torchvisions(film, crops):
    transform = R3D_18_Weights.KINETICS400_V1.transforms(crop_size=(SIDE, SIDE), resize_size=(SIDE, SIDE))
    small = crops.reshape(3, SIDE, 2, SIDE, 2, 3).mean(axis=(2, 4))
    expected = transform(torch.from_numpy(small / 255).float().permute(0, 3, 1, 2))
    assert_allclose(film.film(crops)[0, :, [0, 15, 29]].numpy(), expected.numpy(), atol=1e-4)


@pytest.mark.parametrize("count", [1, 2, 4, 7, 30, 45])
def test_every_crop_and_every_step_has_its_share(count):
    shares = time_shares(count)
    assert shares.shape == (count, STEPS)
    assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert_allclose(shares.sum(axis=0), count / STEPS, atol=1e-4)
    assert (np.diff(shares @ np.arange(STEPS)) >= -1e-5).all()


def test_of_a_long_film_thirty_crops_are_shown(film):
    grey = np.repeat(np.arange(45, dtype=np.uint8), 224 * 224 * 3).reshape(45, 224, 224, 3)
    shown = film.film(grey)[0, 0, :, 0, 0].numpy() * 0.22803 + 0.43216
    assert_allclose(shown * 255, [int((i + 0.5) * 1.5) for i in range(FRAMES)], atol=0.01)


def test_order_matters(film, crops):
    assert np.abs(film.maps(crops)[0] - film.maps(crops[::-1])[2]).max() > 1e-3
    assert film.maps(crops[:0]).shape == (0, 512, 7, 7)


@pytest.fixture
def no_download(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no network here")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    _load.cache_clear()
    yield
    _load.cache_clear()


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
@pytest.mark.usefixtures("no_download")
def test_weights_come_from_a_file(tmp_path, monkeypatch, crops, ending):
    assert "r3d_18" in BACKBONES
    torch.manual_seed(0)
    state = r3d_18().state_dict()
    path = tmp_path / f"weights{ending}"
    save_file(state, path) if ending == ".safetensors" else torch.save(state, path)
    monkeypatch.setenv(WEIGHTS_FILE, str(path))
    found = load_backbone("r3d_18")
    assert load_backbone("r3d_18") is found
    assert found.name == "r3d_18"
    assert_allclose(found.maps(crops), random_film_backbone().maps(crops), atol=1e-5)


class Trap:
    def __reduce__(self):
        return print, ("unpickled",)


@pytest.mark.usefixtures("no_download")
def test_what_is_wrong_is_said_in_a_sentence(tmp_path, monkeypatch, capsys):
    def refused() -> str:
        with pytest.raises(ModelError) as caught:
            load_r3d_18()
        (line,) = str(caught.value).splitlines()
        return line

    assert "could not be read: save r3d_18-b3b3357e.pth" in refused()
    monkeypatch.setenv(WEIGHTS_FILE, str(tmp_path / "nowhere.pth"))
    assert refused().startswith(f"EMOLENS_R3D_18 names {tmp_path / 'nowhere.pth'}, where there is no file: save r3d_18-b3b3357e.pth from ")
    monkeypatch.setenv(WEIGHTS_FILE, str(tmp_path / "other.safetensors"))
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    assert "does not hold weights of torchvision's r3d_18" in refused()
    monkeypatch.setenv(WEIGHTS_FILE, str(tmp_path / "trap.pth"))
    torch.save({"a": Trap()}, tmp_path / "trap.pth")
    assert "does not hold weights" in refused()
    assert "unpickled" not in capsys.readouterr().out
