"""Small print below an explanation: what its colours stand for, and what its method says of itself."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

import streamlit as st

from pages.components.analyze.trust import title_of
from pages.components.session.wording import technical

if TYPE_CHECKING:
    from xai.explanation import Attribution

_ARXIV, _DOI = re.compile(r"arXiv:(\d{4}\.\d{4,5})"), re.compile(r"doi (10\.[^\s),]+)")

_SPLIT = (
    "| **Where it comes from**: modality split | How much do voice and face each add? "
    "| All four combinations of them are judged; what each adds is its exact Shapley value. | What happens inside either. "
    "| Shapley 1953 ([doi 10.1515/9781400881970-018](https://doi.org/10.1515/9781400881970-018)) |"
)


def show_method(attribution: Attribution, more: str = "") -> None:
    """What the method cannot say; in technical words also how it works, where it comes from, and what it was set to."""
    from xai.methods import METHODS

    method = METHODS[attribution.method]
    if not technical():
        st.caption(f"What it cannot say: {method.limits[0].lower()}{method.limits[1:]}")
        return
    settings = ", ".join(f"{name} {value}" for name, value in attribution.settings.items())
    source = f"{linked(method.paper)}; {settings}." if settings else f"{linked(method.paper)}."
    st.caption(f"{method.title}: {method.how} {more}  \nLimits: {method.limits} {source}")


def linked(paper: str) -> str:
    """A reference whose arXiv numbers and DOIs are links, in Markdown."""
    return _DOI.sub(r"[doi \1](https://doi.org/\1)", _ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", paper))


def methods_table() -> str:
    """Every explanation that can be asked for, and the modality split, as a table in Markdown."""
    from xai.explanation import Panel
    from xai.methods import METHODS

    rows = ["| | the question it answers | how | what it cannot say | from |", "|---|---|---|---|---|", _SPLIT]
    for panel in Panel:
        own = [method for method in METHODS.values() if method.panel is panel]
        for _, group in groupby(own, lambda method: (method.question, method.how, method.limits, method.at_once)):
            alike = list(group)  # variants of one idea share a row
            names, papers = ", ".join(m.title for m in alike), "; ".join(m.paper for m in alike)
            first, when = alike[0], "" if alike[0].at_once else ", on request"
            rows.append(f"| **{title_of(panel)}**: {names}{when} | {first.question} | {first.how} | {first.limits} | {linked(papers)} |")
    return "\n".join(rows)
