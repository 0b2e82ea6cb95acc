"""The table of trust scores says what was measured."""

import shutil

from tests.bench.trust_report import main, pairs, table
from xai.metrics.measures import FAITHFULNESS, LEFT_OVER
from xai.score import Score, Trust


def test_mean_worst_and_colours():
    found = [
        {"shap": Trust((Score(FAITHFULNESS, value), Score(LEFT_OVER, left)))} for value, left in ((0.5, 0.0), (0.3, 0.3), (0.05, 0.03))
    ]
    rows = table(found).splitlines()[2:]
    assert rows[0] == "| SHAP | faithfulness | 0.283 | 0.050 | 0.1 | 0.04 | 2 / 1 / 0 |"
    assert rows[1] == "| SHAP | left over | 0.110 | 0.300 | 0.02 | 0.1 | 1 / 1 / 1 |"


def test_pairs_are_found_in_any_subfolder_and_lonely_files_left_out(tmp_path, sample):
    folder = tmp_path / "Actor_01"
    folder.mkdir()
    for name in ("01-01-03-01-01-01-01.mp4", "01-01-04-01-01-01-01.mp4"):
        (folder / name).write_bytes(sample[1])
    (folder / "03-01-03-01-01-01-01.wav").write_bytes(sample[0])
    assert [name for name, _, _ in pairs(tmp_path)] == ["sample", "01-03-01-01-01-01"]
    shutil.rmtree(folder)
    assert [name for name, _, _ in pairs(None)] == ["sample"]


def test_the_command_measures_the_sample(capsys):
    assert main(["--model", "linear"]) == 0
    out = capsys.readouterr().out
    assert "1 recordings" in out
    for title in ("Grad-CAM", "LIME", "SHAP"):
        assert f"| {title} | faithfulness |" in out
