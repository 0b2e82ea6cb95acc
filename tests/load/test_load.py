"""Short versions of what ``python -m tests.load.…`` measures, and what must not be found after a visit."""

import os
import re
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.load.server import serving
from tests.load.visitor import Visitor
from tests.load.visitors import clip, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
LARGE = 3 * 2**20  # bytes that follow a video: more than servers like to keep in memory
WRITTEN = 2**18  # bytes that the server may write to any one file, its log included; Starlette would put 2**20 on disk


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not {".git", ".venv", ".hypothesis"} & set(path.relative_to(folder).parts)}


@pytest.fixture
def server(tmp_path):
    """The app with an empty folder for everything temporary, nothing else to write to, and no leave to write a recording."""
    import resource

    for name in ("temporary", "home"):
        (tmp_path / name).mkdir()
    surroundings = {"TMPDIR": str(tmp_path / "temporary"), "HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
    with serving(tmp_path / "log", surroundings) as running:
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (WRITTEN, WRITTEN))
        yield running


def arrive(server) -> Visitor:
    visitor = Visitor(server.port)
    visitor.wait(lambda: visitor.widget("file_uploader", "face") is not None and not visitor.running)
    return visitor


def analysed(visitor: Visitor) -> bool:
    return visitor.widget("download_button", "download-json") is not None and not visitor.running


def test_nothing_of_a_visit_is_left_and_nobody_else_sees_it(server, tmp_path):
    """Not on disk, not even while it is uploaded, not in a deleted file, not in the log, not in another session."""
    before = files_below(ROOT)
    (voice, face), (other_voice, _) = clip(1), clip(2)
    face += LARGE.to_bytes(4, "big") + b"free" + os.urandom(LARGE - 8)
    one, two = arrive(server), arrive(server)
    one.upload("voice", "secret name.wav", voice)
    one.upload("face", "film.mp4", face)
    two.upload("voice", "other.wav", other_voice)
    for visitor in (one, two):
        visitor.wait(lambda visitor=visitor: analysed(visitor))
    numbers = re.sub(rb'"[^"]{20,}"', b"", one.download("download-json"))  # many visitors may read the same sentences
    for own, others in ((voice, two), (face, two), (numbers, two), (other_voice, one)):
        pieces = [own[at : at + 64] for at in range(1000, len(own) - 64, max(64, len(own) // 200))]
        assert not any(piece in others.received for piece in pieces)
    assert b"secret name" in one.received
    assert b"secret name" not in two.received
    for visitor in (one, two):
        visitor.leave()
    time.sleep(1)
    assert files_below(tmp_path / "temporary") == set()
    written = {name for name in server.open_files() if name.startswith("/") and "(deleted)" in name}
    assert written == set()
    assert {path for path in files_below(ROOT) - before if "__pycache__" not in path.parts and ".pytest_cache" not in path.parts} == set()
    log = server.log.read_text(encoding="utf-8")
    assert "secret" not in log
    assert "film" not in log


def test_visitors_at_once_get_what_one_gets_alone():
    figures = run(2, explore=False)
    assert figures["problems"] == []
    assert figures["told_to_wait"] >= 1
    assert figures["furthest_position"] <= 4  # the other visitor, the checks of both, and those of one who has just left
    assert figures["peak_mb"] < figures["one_visitor_mb"] + 350
