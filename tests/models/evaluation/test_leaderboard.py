"""The leaderboard is what the files of results hold, in an order in which people who were in training come last."""

import json

import pytest

from models.evaluation.leaderboard import interval, leaderboard
from models.evaluation.protocols import PROTOCOLS
from models.registry import MODELS, PLAIN, RESULTS, STATES


@pytest.fixture(scope="module")
def board():
    return leaderboard()


def test_every_measured_state_is_a_row_with_its_own_figures(board):
    """Read from the files, not through the registry."""
    wanted = {}
    for path in RESULTS.glob("*.json"):
        protocol, model, *more = path.stem.split(".")
        if PLAIN not in more:
            kept = json.loads(path.read_text(encoding="utf-8"))
            wanted |= {(model, protocol, state): scores for state, scores in kept["states"].items()}
    found = {(row.model, row.protocol, row.shown): row for row in board.itertuples()}
    assert found.keys() == wanted.keys()
    assert len(board) == len(wanted)
    for key, scores in wanted.items():
        row = found[key]
        assert (row.clips, row.actors) == (scores["clips"], scores["actors"])
        for name, triple in {
            "right": scores["accuracy"],
            "uar": scores["uar"],
            "macro_f1": scores["macro_f1"],
            "calibration": scores["calibration"]["after"],
        }.items():
            shown = [getattr(row, f"{name}{end}") for end in ("", "_low", "_high")]
            assert shown == [triple["value"], triple["low"], triple["high"]], (key, name)


def test_people_who_were_in_training_come_last_whatever_their_figures(board):
    assert [PROTOCOLS[protocol].speaker_independent for protocol in board.protocol] == board.unseen.tolist()
    unseen, known = board[board.unseen], board[~board.unseen]
    assert board.unseen.tolist() == [True] * len(unseen) + [False] * len(known)
    assert known.right.max() > unseen.right.max()  # or the order would prove nothing
    for part in (unseen, known):
        assert part.right.is_monotonic_decreasing


def test_it_covers_all_models_protocols_and_states(board):
    assert set(board.model) == set(MODELS)
    assert set(board.protocol) == set(PROTOCOLS)
    assert set(board.shown) == set(STATES)


def test_what_was_not_measured_is_no_row(monkeypatch):
    monkeypatch.setattr("models.evaluation.leaderboard.read_result", lambda protocol, model: None)
    empty = leaderboard()
    assert len(empty) == 0
    assert "calibration_high" in empty.columns


def test_intervals_sort_as_texts_in_the_order_of_their_bounds(board):
    bounds = [(round(100 * row.right_low), round(100 * row.right_high)) for row in board.itertuples()] + [(4, 12), (4, 30), (0, 2)]
    texts = [interval(low / 100, high / 100) for low, high in bounds]
    assert sorted(texts) == [text for _, text in sorted(zip(bounds, texts, strict=True))]
