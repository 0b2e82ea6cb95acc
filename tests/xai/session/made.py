"""Sessions made by hand and at random, for the tests of what is computed from them and written of them."""

from dataclasses import fields, is_dataclass

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from pyannote.core import Annotation, Segment, Timeline

from models.labels import LABELS
from xai.session.session import UNKNOWN, Frames, Gap, Moment, Person, Recognised, Session

AWKWARD = (
    '=HYPERLINK("x"), Ann',
    "+49 «Bo»",
    "C\nD\r\n\tE",
    '"',
    "🙂 Zoë, O'Hara",
    "-->",
    "a\rb",
    "<b>&amp;",
    "@x",
    " ",
    "NA",
    "\x00\x07",
    "\udc80",
    "",
)
KEYS = ("A", "B", "C")

# A folder may be written to again, and a busy machine is no failure.
on_any = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def no_frames() -> Frames:
    return Frames(
        np.zeros(0), (), np.zeros(0, int), np.zeros((0, 4), np.float32), (), np.zeros(0, np.float32), np.zeros((0, 8), np.float32)
    )


def surely(label: str, probability: float = 0.65) -> Recognised:
    """One label with a probability, the rest shared by the others."""
    values = np.full(8, (1 - probability) / 7)
    values[LABELS.index(label)] = probability
    return Recognised("fused", values, 0.5)


def speech_of(*stretches: tuple[float, float, str]) -> Annotation:
    made = Annotation()
    for track, (start, end, person) in enumerate(stretches):
        made[Segment(start, end), track] = person
    return made


def session_of(moments=(), speech=(), excluded=(), seconds=100.0, names=("Anna", "Ben"), frames=None, **more) -> Session:
    people = tuple(Person(key, name, voice=True) for key, name in zip(KEYS, names, strict=False))
    return Session(
        "session.mp4",
        "0" * 64,
        seconds,
        people,
        speech_of(*speech),
        Annotation(),
        tuple(moments),
        frames or no_frames(),
        excluded=Timeline(Segment(*stretch) for stretch in excluded),
        **more,
    )


def same(one, other) -> bool:
    """Whether two things are equal to the last bit, field by field, with NaN equal to NaN."""
    if is_dataclass(one) and not isinstance(one, Segment):
        return type(one) is type(other) and all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if isinstance(one, Annotation):
        return list(one.itertracks(yield_label=True)) == list(other.itertracks(yield_label=True))
    if isinstance(one, Timeline):
        return list(one) == list(other)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and (one == other or (one != one and other != other))


seconds = st.floats(0, 5400).map(lambda value: round(value, 4))
texts = st.one_of(st.sampled_from(AWKWARD), st.text(max_size=8))
whose = st.sampled_from((*KEYS, UNKNOWN))
probabilities = st.lists(st.floats(0.001, 1), min_size=8, max_size=8).map(lambda values: np.array(values) / sum(values))
recognised = st.none() | st.builds(
    Recognised, st.sampled_from(("fused", "face-only")), probabilities, st.floats(0, 9) | st.just(float("nan"))
)
stretches = st.builds(lambda start, length: (start, start + length), seconds, st.floats(0.001, 30))
gaps = st.dictionaries(st.sampled_from(("voice", "face")), st.sampled_from(Gap))


@st.composite
def frames(draw) -> Frames:
    n = draw(st.integers(0, 4))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    judged = random.dirichlet(np.ones(8), n).astype(np.float32).reshape(n, 8)
    judged[random.random(n) < 0.3] = np.nan
    mouth = np.where(random.random(n) < 0.3, np.nan, random.exponential(size=n)).astype(np.float32)
    box = random.normal(0, 500, (n, 4)).astype(np.float32)
    hindrances = tuple(draw(st.sampled_from(("", *map(str, Gap)))) for _ in range(n))
    people, times = tuple(draw(whose) for _ in range(n)), np.sort(random.random(n) * 5400)
    return Frames(times, people, random.integers(0, 99, n), box, hindrances, mouth, judged)


@st.composite
def moments(draw) -> Moment:
    three = (draw(recognised) for _ in range(3))
    return Moment(*draw(stretches), draw(whose), draw(st.booleans()), *three, draw(gaps))


@st.composite
def sessions(draw) -> Session:
    """Any session that the classes allow: of unknown people moments may overlap."""
    people = tuple(Person(key, draw(texts), *(draw(st.booleans()) for _ in range(3))) for key in KEYS)
    speech, seen = (speech_of(*((*draw(stretches), draw(whose)) for _ in range(draw(st.integers(0, 5))))) for _ in range(2))
    return Session(
        draw(texts),
        draw(st.text("0123456789abcdef", min_size=64, max_size=64)),
        draw(seconds),
        people,
        speech,
        seen,
        tuple(sorted(draw(st.lists(moments(), max_size=5)), key=lambda moment: moment.start)),
        draw(frames()),
        tuple(sorted(draw(st.lists(seconds, max_size=3)))),
        Timeline(Segment(*stretch) for stretch in draw(st.lists(stretches, max_size=2))),
        {"voice": draw(texts)},
        draw(st.dictionaries(st.text(max_size=5), st.floats(allow_infinity=False) | texts, max_size=3)),
        tuple(draw(st.lists(texts, max_size=2))),
    )
