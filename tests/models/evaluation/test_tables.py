"""The tables say what the files say, whose numbers are those of scikit-learn."""

from copy import deepcopy

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

import models.evaluation.tables
from models.evaluate import results_of
from models.evaluation.calibration import temperatures
from models.evaluation.ensembles import ensemble_predictions
from models.evaluation.intervals import share_of, wilson
from models.evaluation.metrics import calibration_by_chance, softmax
from models.evaluation.protocols import PROTOCOLS
from models.evaluation.tables import markdown
from tests.models.test_evaluate import made_up


@pytest.fixture(scope="module")
def measured():
    """Scores of two models under two protocols, one of them also without augmented copies."""
    actors = (1, 2, 5, 6, 8)
    rows = [made_up(m, m, k, (a,)) for m in ("voice", "face") for k, a in enumerate(actors)]
    rows += [made_up(m, m, k, (a,), c) for m, c in (("voice", "10 dB softer"), ("face", "blur (3 pixels)")) for k, a in enumerate(actors)]
    rows += ensemble_predictions(rows)
    there = {("actor-5fold", name, False): result for name, result in results_of(rows, "actor-5fold", ["voice", "late-fusion"], {}).items()}
    other = [made_up("voice", "voice", 9, actors)]
    there |= {("random", "voice", False): results_of(other, "random", ["voice"], {})["voice"]}
    there |= {("actor-5fold", "voice", True): there["actor-5fold", "voice", False]}
    return rows, other, there


@pytest.fixture
def results(measured, monkeypatch):
    """Predictions behind ``actor-5fold`` and behind ``random``."""
    rows, other, there = measured
    monkeypatch.setattr(models.evaluation.tables, "read_result", lambda protocol, name, plain=False: there.get((protocol, name, plain)))
    return rows, other


def tables() -> dict[str, list[list[str]]]:
    """Heading → rows of cells."""
    found = {}
    for block in markdown().split("\n\n**"):
        heading, _, *lines = block.strip("*").splitlines()
        found[heading.replace("**", "")] = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return found


def score(rows, model: str, state: str, function=accuracy_score, **options) -> float:
    mine = [p for p in rows if (p.model, p.state, p.corruption) == (model, state, None)]
    return function(np.concatenate([p.label for p in mine]), np.concatenate([p.logits.argmax(axis=1) for p in mine]), **options)


def test_accuracy_by_model_and_protocol(results):
    rows, other = results
    heading, table = next((h, t) for h, t in tables().items() if h.startswith("Voice alone"))
    assert heading == "Voice alone (300 clips of 5 actors)"
    head, ruler, *body = table
    assert head == ["accuracy", *(p.title for p in PROTOCOLS.values())]
    assert ruler == ["---"] * 5
    assert [row[0] for row in body] == ["`voice`", "`voice` untrained for changes", "`late-fusion`"]
    cells = dict(zip(PROTOCOLS, body[0][1:], strict=True))
    assert cells["actor-5fold"].startswith(f"{score(rows, 'voice', 'voice'):.1%} (")
    assert cells["random"].startswith(f"{score(other, 'voice', 'voice'):.1%} (")
    assert cells["sentence"] == cells["leave-one-actor-out"] == "–"
    assert body[1][1:] == [cells["actor-5fold"], "–", "–", "–"]
    assert body[2][2:] == ["–"] * 3
    assert all(len(row) == len(head) for row in body)


def test_each_state_has_its_table(results):
    rows, _ = results
    found = tables()
    for heading, state in (("Voice and face", "both"), ("Face alone", "face")):
        table = next(t for h, t in found.items() if h.startswith(f"{heading} ("))
        assert [row[0] for row in table[2:]] == ["`late-fusion`"]
        assert table[2][1].startswith(f"{score(rows, 'late-fusion', state):.1%} (")


def test_an_interval_reads_as_one(results):
    for cell in (c for t in tables().values() for row in t[2:] for c in row if "–" in c and c.endswith("%)")):
        value, low, high = (float(part) for part in cell.replace("%", "").replace("(", "").replace(")", "").replace("–", " ").split())
        assert low - 0.5 <= value <= high + 0.5


def test_person_by_person(results):
    rows, _ = results
    head, _, *body = tables()["Person by person"]
    assert head[1:] == [f"actor {a:02d}" for a in (1, 2, 5, 6, 8)]
    assert [row[0] for row in body] == ["`late-fusion`"]
    by_actor = [p for p in rows if (p.model, p.state, p.corruption) == ("late-fusion", "both", None)]
    scale = temperatures(rows)
    for cell, p in zip(body[0][1:], sorted(by_actor, key=lambda p: p.actor[0]), strict=True):
        right, sure = (p.logits.argmax(axis=1) == p.label).mean(), softmax(p.logits / scale[p.model, p.state, p.split]).max(axis=1).mean()
        low, high = wilson(right, len(p.label))
        assert cell == f"{right:.1%} ({100 * low:.0f}–{high:.0%}), {sure:.0%} sure"


def test_women_and_men_and_the_actors_recognised_least_and_most_often(results):
    rows, _ = results
    head, _, *body = tables()["For whom"]
    assert head[1:] == ["women", "men", "least often", "most often", "nine tuned on", "fifteen others"]
    assert [row[0] for row in body] == ["`voice`", "`late-fusion`"]
    mine = [p for p in rows if (p.model, p.state, p.corruption) == ("voice", "voice", None)]
    right = {int(p.actor[0]): (p.logits.argmax(axis=1) == p.label).mean() for p in mine}
    women, men, least, most, tuned, others = body[0][1:]
    assert [tuned, others] == [f"{np.mean([right[a] for a in some]):.1%}" for some in ((1, 2, 5), (6, 8))]
    assert women.startswith(f"{np.mean([right[a] for a in (2, 6, 8)]):.1%} (")
    assert men.startswith(f"{np.mean([right[a] for a in (1, 5)]):.1%} (")
    for cell, end in ((least, min(right.values())), (most, max(right.values()))):
        share, _, actor = cell.partition(" (actor ")
        assert share == f"{end:.0%}"
        assert right[int(actor.strip(")"))] == end


def test_more_of_the_same_clips(results):
    rows, _ = results
    head, _, *body = tables()["More of the same clips"]
    assert len(head) == 7
    assert [(row[0], row[1]) for row in body] == [
        ("`voice`", "voice alone"),
        *(("`late-fusion`", state) for state in ("voice alone", "voice and face", "face alone")),
    ]
    assert body[0][2].startswith(f"{score(rows, 'voice', 'voice', balanced_accuracy_score):.1%}")
    assert body[0][3].startswith(f"{score(rows, 'voice', 'voice', f1_score, average='macro'):.1%}")
    mean, at_most = map(float, body[0][6].split(", "))
    assert 0 < mean < at_most < calibration_by_chance(np.full((20, 8), 1 / 8)).max()


def test_stability_with_and_without_training_for_it(results):
    rows, _ = results
    head, _, *body = tables()["Same verdict after a change, voice alone"]
    assert head == ["", "`voice` untrained for changes", "`voice`", "`late-fusion`"]
    plain, changed = ([p for p in rows if (p.model, p.state, p.corruption) == ("voice", "voice", c)] for c in (None, "10 dB softer"))
    same = np.concatenate([a.logits.argmax(axis=1) == b.logits.argmax(axis=1) for a, b in zip(plain, changed, strict=True)])
    share = share_of(same.astype(float), np.concatenate([p.actor for p in plain]))
    assert body == [["10 dB softer", *[f"{same.mean():.0%} ({100 * share['low']:.0f}–{100 * share['high']:.0f})"] * 3]]
    both = tables()["Same verdict after a change, voice and face"]
    assert [row[0] for row in both[2:]] == ["10 dB softer", "blur (3 pixels)"]
    assert [row[0] for row in tables()["Same verdict after a change, face alone"][2:]] == ["blur (3 pixels)"]


def test_a_model_of_clean_recordings_is_marked_as_untrained_for_changes(measured, monkeypatch):
    known = measured[2] | {("actor-5fold", "linear", False): measured[2]["actor-5fold", "voice", False]}
    monkeypatch.setattr(models.evaluation.tables, "read_result", lambda protocol, name, plain=False: known.get((protocol, name, plain)))
    assert "`linear` untrained for changes" in tables()["Same verdict after a change, voice alone"][0]


def test_a_corruption_that_not_all_were_measured_under_has_a_row(measured, monkeypatch):
    there = measured[2]
    late = deepcopy(there["actor-5fold", "voice", False])
    late["stability"]["voice"]["cut to the words"] = {"value": 0.5, "low": 0.4, "high": 0.6}
    known = there | {("actor-5fold", "voice", False): late}
    monkeypatch.setattr(models.evaluation.tables, "read_result", lambda protocol, name, plain=False: known.get((protocol, name, plain)))
    assert tables()["Same verdict after a change, voice alone"][-1] == ["cut to the words", "–", "50% (40–60)", "–"]


def test_nothing_measured_nothing_said(monkeypatch):
    monkeypatch.setattr(models.evaluation.tables, "read_result", lambda *_: None)
    assert markdown() == ""
