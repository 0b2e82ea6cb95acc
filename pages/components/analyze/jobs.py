"""What is computed beside the page for what is on screen: what was asked for by name, the second opinion, the checks, the heat's first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pages.components.session.state import drawers_of
from pages.components.session.work import Job

if TYPE_CHECKING:
    from pages.components.analyze.view import View
    from pages.components.session.state import Drawer, Recording
    from xai.explanation import Contrast, Say
    from xai.model_level.all_models import Answer


def jobs_of(kept: Drawer, view: View, recording: Recording) -> list[Job]:
    """In the order in which they are worth waiting for."""
    from xai.foreground import in_background

    methods = in_background(kept.analysis, kept.trust(view.contrast), view.chosen)
    return [*_chosen(kept, view), *asked_jobs(kept), *second_jobs(kept, recording), *check_jobs(kept, view.contrast, methods)]


def compute_key(kept: Drawer, method: str) -> tuple:
    """Of the work that computes an explanation."""
    return "explanation", kept.analysis.token, method


def check_key(kept: Drawer, method: str, contrast: Contrast) -> tuple:
    """Of the work that checks one."""
    return "check", kept.analysis.token, method, contrast


def second_key(kept: Drawer) -> tuple:
    """Of the second opinion."""
    return "second opinion", kept.analysis.token


def asked_key(kept: Drawer, name: str) -> tuple:
    """Of what a button asked for."""
    return "asked", kept.analysis.token, name


def _chosen(kept: Drawer, view: View) -> Iterator[Job]:
    for method in view.chosen.values():
        if method not in kept.analysis.attributions:
            yield Job(compute_key(kept, method), partial(compute, kept, method), urgent=True)


def asked_jobs(kept: Drawer) -> Iterator[Job]:
    """What buttons have asked for and what is not there yet."""
    for name, run in list(kept.asked.items()):
        yield Job(asked_key(kept, name), partial(_answer, kept, name, run), urgent=True)


def _answer(kept: Drawer, name: str, run: Callable[[Say], None], say: Say) -> None:
    run(say)
    kept.asked.pop(name, None)


def second_jobs(kept: Drawer, recording: Recording) -> Iterator[Job]:
    """The second opinion, if it is not there yet: quick, so it comes before the checks; of what all models said, if they were asked."""
    if kept.second is None:
        answers = next((drawer.answers for drawer in drawers_of(recording, kept).values() if drawer.answers), ())
        yield Job(second_key(kept), partial(_ask_second, kept, recording, answers))


def _ask_second(kept: Drawer, recording: Recording, answers: Sequence[Answer], say: Say) -> None:
    from xai.model_level.second_opinion import second_opinion

    found = second_opinion(kept.analysis, recording.audio, recording.video, say, answers)
    kept.second = found or "No second opinion: no other model can judge this recording."


def check_jobs(kept: Drawer, contrast: Contrast, methods: Sequence[str]) -> Iterator[Job]:
    """What is missing of these explanations and of their checks, in that order."""
    known = kept.trust(contrast)
    for method in methods:
        if method not in kept.analysis.attributions:
            yield Job(compute_key(kept, method), partial(compute, kept, method))
        if method not in known and not kept.work.failed(compute_key(kept, method)):
            yield Job(check_key(kept, method, contrast), partial(_check, kept, method, contrast))


def compute(kept: Drawer, method: str, say: Say) -> None:
    """An explanation, kept with the others."""
    from xai.methods import METHODS

    say(f"Computing {METHODS[method].title}…")
    kept.keep(kept.analysis.with_attribution(method, say).attributions[method])


def _check(kept: Drawer, method: str, contrast: Contrast, say: Say) -> None:
    from xai import analysis

    kept.keep_trust(method, contrast, analysis.check_one(kept.analysis, method, contrast, say))


def ask(kept: Drawer, name: str, run: Callable[[Say], None]) -> None:
    """Something that a button asks for: computed before all checks; ``run`` keeps its own result."""
    kept.work.again(asked_key(kept, name))
    kept.asked[name] = run
