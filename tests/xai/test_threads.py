"""Eight threads at once share the weights, the hooks and dlib's detectors: each gets what one alone gets."""

import dataclasses
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.model import EmotionModel
from tests.load.visitors import clip
from xai.analysis import Settings, analyse
from xai.methods.pytorch_grad_cam import library_maps


def arrays(value, where: str = ""):
    """Every array inside, with its name."""
    if isinstance(value, np.ndarray):
        yield where, value
    elif dataclasses.is_dataclass(value) and not isinstance(value, EmotionModel):
        for part in dataclasses.fields(value):
            yield from arrays(getattr(value, part.name), f"{where}.{part.name}")
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from arrays(part, f"{where}[{sorted(key) if isinstance(key, frozenset) else key}]")
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from arrays(part, f"{where}[{index}]")


@pytest.mark.filterwarnings("ignore")
def test_eight_threads_get_what_one_gets():
    clips = [clip(number) for number in range(2)]

    def work(number: int) -> dict[str, np.ndarray]:
        analysis = analyse(*clips[number % 2], settings=Settings(samples=300, estimator="shap" if number % 2 else "quadrature"))
        found = dict(arrays(analysis))
        found["GradCAMPlusPlus"] = library_maps(analysis.subject, "GradCAMPlusPlus")  # with hooks
        return found

    expected = [work(number) for number in range(2)]
    with ThreadPoolExecutor(8) as pool:
        for number, found in enumerate(pool.map(work, range(8))):
            assert found.keys() == expected[number % 2].keys()
            assert {".attributions[lime].values", ".attributions[shap].extras[residual]", ".modalities.coalitions[[]]"} <= found.keys()
            assert len(found) > 20
            for name, array in found.items():
                assert_allclose(array, expected[number % 2][name], rtol=1e-4, atol=1e-5, err_msg=name)
