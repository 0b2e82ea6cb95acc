"""Which explanation is shown in each panel, and what is computed and checked beside it, in which order.

What is there at once is shown at once. A heat that fails its checks gives way to the first of its stand-ins that is known to hold. The
first of these is computed for every recording, whether or not it will be needed, the next only where it fails too. The checks of the heat
come first: the picture is the first thing that is looked at, and until it is checked it may be evidence of nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile
from types import MappingProxyType

from xai.analysis import Analysis, check_one
from xai.explanation import Contrast, Panel, Say, silent
from xai.methods import METHODS, methods_of
from xai.score import Level, Trust

NOTHING: Mapping[Panel, str] = MappingProxyType({})


def foreground(analysis: Analysis, trust: Mapping[str, Trust], chosen: Mapping[Panel, str] = NOTHING) -> dict[Panel, str]:
    """Key of the method that is shown in each panel in which there is any.

    Args:
        trust: by method, what is known by now.
        chosen: by panel, what the reader asked for by name; it is shown as soon as it was computed, whatever its checks say.
    """
    found = {panel: _shown(analysis, trust, panel, chosen.get(panel)) for panel in Panel}
    return {panel: key for panel, key in found.items() if key is not None}


def _shown(analysis: Analysis, trust: Mapping[str, Trust], panel: Panel, chosen: str | None) -> str | None:
    if chosen is not None and analysis.attribution(panel, chosen) is not None:
        return chosen
    first = analysis.attribution(panel)
    if first is None:
        return None
    hold = [key for key in _stand_ins(analysis, first.method) if key in analysis.attributions and _holds(key, trust)]
    return hold[0] if hold and _fails(first.method, trust) else first.method


def awaited(analysis: Analysis, shown: str, trust: Mapping[str, Trust]) -> str | None:
    """Key of the method that may yet take the place of one that fails: its next stand-in, until that is checked too."""
    return next((key for key in _stand_ins(analysis, shown) if key not in trust), None) if _fails(shown, trust) else None


def _stand_ins(analysis: Analysis, method: str) -> list[str]:
    """Those that can be asked, in their order."""
    applicable = methods_of(analysis.subject)
    return [key for key in METHODS[method].stand_ins if key in applicable]


def _fails(key: str, trust: Mapping[str, Trust]) -> bool:
    return key in trust and trust[key].level is Level.RED


def _holds(key: str, trust: Mapping[str, Trust]) -> bool:
    return key in trust and trust[key].level is not Level.RED


def in_background(analysis: Analysis, trust: Mapping[str, Trust], chosen: Mapping[Panel, str] = NOTHING) -> list[str]:
    """Methods to compute, where they are not there yet, and to check, in this order.

    Of each panel, the heat first: what the reader chose, what is there at once, its first stand-in and each further one once those before
    it failed, and the picture that it has on the face. Then all else that was computed.

    Args:
        trust: by method, what is known by now.
    """
    applicable = methods_of(analysis.subject)
    wanted = [key for panel in Panel for key in _wanted(analysis, trust, panel, chosen.get(panel))]
    return [key for key in dict.fromkeys([*wanted, *analysis.attributions]) if key in applicable]


def _wanted(analysis: Analysis, trust: Mapping[str, Trust], panel: Panel, chosen: str | None) -> Iterator[str]:
    if chosen is not None:
        yield chosen
    first = analysis.attribution(panel)
    if first is None:
        yield from list(methods_of(analysis.subject, panel))[:1]
    else:
        stand_ins = _stand_ins(analysis, first.method)
        failed = list(takewhile(lambda key: _fails(key, trust), stand_ins))
        yield from (first.method, *stand_ins[: len(failed) + 1], METHODS[first.method].picture)


def with_stand_ins(
    analysis: Analysis, trust: Mapping[str, Trust], contrast: Contrast, say: Say = silent
) -> tuple[Analysis, dict[str, Trust]]:
    """The same with the stand-ins of everything that fails computed and checked, up to the first that holds."""
    trust = dict(trust)
    for failing in [key for key in trust if _fails(key, trust)]:
        for key in _stand_ins(analysis, failing):
            if key not in trust:
                analysis = analysis.with_attribution(key, say)
                trust[key] = check_one(analysis, key, contrast, say)
            if _holds(key, trust):
                break
    return analysis, trust
