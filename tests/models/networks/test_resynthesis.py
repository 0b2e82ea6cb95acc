"""A sound whose bands were changed has the spectrogram that was asked for, and is the recording where nothing was."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from features.log_mel import HOP, mel_power, power_to_db
from models.networks.resynthesis import Resynthesis, bands_to_bins


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32)


@pytest.fixture(scope="module")
def mel_db(noise) -> np.ndarray:
    return power_to_db(mel_power(noise)).astype(np.float32)


def changed(noise: np.ndarray, mel_db: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return Resynthesis(noise, mel_db)(torch.from_numpy(wanted[None]))[0].numpy()


def test_nothing_changed_is_the_recording(noise, mel_db):
    assert_allclose(changed(noise, mel_db, mel_db), noise, atol=1e-6)


def test_all_bands_quieter_is_the_recording_quieter(noise, mel_db):
    assert_allclose(changed(noise, mel_db, mel_db - 20), 0.1 * noise, atol=1e-6)


def test_a_patch_that_is_hidden_is_quiet_and_the_rest_is_not(noise, mel_db):
    wanted = mel_db.copy()
    wanted[30:50, 20:60] -= 25
    found = power_to_db(mel_power(changed(noise, mel_db, wanted)))
    assert_allclose(found[33:47, 24:56].mean(), wanted[33:47, 24:56].mean(), atol=1.5)
    assert_allclose(found[:27], mel_db[:27], atol=0.5)
    assert_allclose(found[53:], mel_db[53:], atol=0.5)
    assert_allclose(found[:, :16], mel_db[:, :16], atol=0.5)
    assert_allclose(found[:, 64:], mel_db[:, 64:], atol=0.5)


def test_every_bin_takes_a_mean_of_bands():
    assert_allclose(bands_to_bins().sum(axis=1), 1.0, atol=1e-6)
    assert (bands_to_bins() >= 0).all()


def test_gradients_are_those_of_small_changes(noise, mel_db):
    """Of the energy of a moment, by the decibels of all that lies in a patch."""
    made = Resynthesis(noise, mel_db)
    patch = torch.zeros(80, mel_db.shape[1])
    patch[10:30, 40:50] = 1.0

    def energy(loudness: torch.Tensor) -> torch.Tensor:
        sound = made((torch.from_numpy(mel_db) + loudness * patch)[None])[0]
        return (sound[38 * HOP : 52 * HOP].double() ** 2).sum()

    loudness = torch.zeros((), requires_grad=True)
    (found,) = torch.autograd.grad(energy(loudness), loudness)
    with torch.no_grad():
        expected = energy(torch.tensor(0.5)) - energy(torch.tensor(-0.5))
    assert found.item() == pytest.approx(expected.item(), rel=0.02)
    assert found.item() > 0
