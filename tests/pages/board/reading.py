"""Read HTML as a browser would, as far as these tests need it: elements with their attributes, styles and text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"img", "br"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    inside: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "" if self.tag == "style" else "".join(part if isinstance(part, str) else part.text for part in self.inside)

    @property
    def style(self) -> dict[str, str]:
        pairs = (pair.split(":", 1) for pair in self.attributes.get("style", "").split(";") if pair)
        return {name.strip(): value.strip() for name, value in pairs}

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        """All below with that tag, whose attributes hold those words; ``class_`` stands for ``class``."""
        found = []
        for part in self.inside:
            if isinstance(part, Element):
                fits = all(value in part.attributes.get(name.rstrip("_"), "").split() for name, value in attributes.items())
                found += [part] * (fits and tag in ("", part.tag)) + part.all(tag, **attributes)
        return found

    def share(self, name: str) -> float:
        """A length in percent."""
        return float(self.style[name].removesuffix("%"))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        made = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(made)
        if tag not in _VOID:
            self.open.append(made)

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        self.open[-1].inside.append(data)


def read(text: str) -> Element:
    """The root of what is well formed: every element is closed, nothing runs, and ``st.html`` would remove nothing."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == [reader.root]
    everything = reader.root.all()
    assert {e.tag for e in everything} <= {"div", "span", "figure", "figcaption", "img", "style"}
    assert not [name for e in everything for name in e.attributes if name.startswith("on")]
    assert all(e.attributes["src"].startswith("data:image/jpeg;base64,") for e in everything if e.tag == "img")
    return reader.root
