"""What nobody hears changes no verdict: the bench on one voice and one model."""

import pytest

from models.checkpoint import load_model
from tests.bench.twins import LARGEST, TWINS, difference, voices


@pytest.mark.parametrize("name", TWINS)
def test_a_file_and_its_plain_twin_are_judged_alike(name):
    assert difference(load_model("fused"), TWINS[name], voices()["sample"]) < LARGEST
