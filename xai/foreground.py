"""Which explanation is shown in each panel, and what is computed and checked beside it, in which order.

What is there at once is shown at once. A heat that fails its checks gives way to its stand-in, once that is known to hold. So the
stand-in is computed for every recording, whether or not it will be needed. What is on screen is checked first, beginning with the heat: the
picture is the first thing that is looked at, and until it is checked it may be evidence of nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    stand_in = METHODS[first.method].stand_in
    holds = stand_in in analysis.attributions and stand_in in trust and trust[stand_in].level is not Level.RED
    return stand_in if _fails(first.method, trust) and holds else first.method


def awaited(shown: str, trust: Mapping[str, Trust]) -> str | None:
    """Key of the method that may yet take the place of one that fails: its stand-in, until that is checked too."""
    stand_in = METHODS[shown].stand_in
    return stand_in if stand_in and _fails(shown, trust) and stand_in not in trust else None


def _fails(key: str, trust: Mapping[str, Trust]) -> bool:
    return key in trust and trust[key].level is Level.RED


def in_background(analysis: Analysis, chosen: Mapping[Panel, str] = NOTHING) -> list[str]:
    """Methods to compute, where they are not there yet, and to check, in this order.

    What is on screen by now, panel by panel, the heat first: its checks take a few seconds. Then the stand-ins, the pictures on the face
    that belong to other panels, and all else that was computed.
    """
    applicable = methods_of(analysis.subject)
    first = {panel: own.method for panel in Panel if (own := analysis.attribution(panel)) is not None}
    shown = [key for panel in Panel for key in (chosen.get(panel), first.get(panel)) if key]
    later = [METHODS[key].stand_in for key in first.values()] + [METHODS[key].picture for key in first.values()]
    return [key for key in dict.fromkeys([*shown, *later, *analysis.attributions]) if key in applicable]


def with_stand_ins(
    analysis: Analysis, trust: Mapping[str, Trust], contrast: Contrast, say: Say = silent
) -> tuple[Analysis, dict[str, Trust]]:
    """The same with the stand-in of everything that fails computed and checked."""
    trust = dict(trust)
    for key in [METHODS[key].stand_in for key in trust if _fails(key, trust)]:
        if key and key in methods_of(analysis.subject) and key not in trust:
            analysis = analysis.with_attribution(key, say)
            trust[key] = check_one(analysis, key, contrast, say)
    return analysis, trust
