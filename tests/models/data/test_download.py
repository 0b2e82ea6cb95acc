"""RAVDESS's archives from a server on this machine: whole, cut off, wrong, hostile, and again."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import requests

from models.data import download
from models.data.download import AUDIO, Resume, archives
from models.data.index import index
from models.data.ravdess import file_name, find_takes, performances
from models.ravdess import main
from tests.conftest import ROOT, wav

VIDEO_1, VIDEO_2 = "Video_Speech_Actor_01.zip", "Video_Speech_Actor_02.zip"


def content(name: str) -> bytes:
    """What the take ``name`` holds: a WAV of 8 samples, or bytes, of actor 1 enough of them for a download to be cut."""
    rng = random.Random(name)
    if name.endswith(".wav"):
        return wav(np.array([rng.uniform(-1, 1) for _ in range(8)]))
    return rng.randbytes(4096 if name.endswith("-01.mp4") else 8)


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def published() -> dict[str, bytes]:
    """The 25 archives with all 4,320 takes, tiny, and with the folders among the members as in the real ones."""
    return {
        archive.name: packed({"Actor_01/": b""} | {take.as_posix(): content(take.name) for take in archive.takes})
        for archive in archives(list(range(1, 25)), audio_only=False)
    }


class Server(ThreadingHTTPServer):
    """Serves ``files``; logs (name, Range) of each request; can break off, refuse, or not know ranges."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.url = f"http://127.0.0.1:{self.server_port}/files"
        self.log: list[tuple[str, str | None]] = []
        self.agents: set[str] = set()
        self.sent = 0
        self.ranges = True
        self.length = True  # say Content-Length
        self.shift = 0  # begin a range that many bytes late
        self.cut: dict[str, list[int]] = {}  # close the connection after so many bytes; an entry for each request
        self.status: dict[str, int] = {}
        self.publish(files)

    def publish(self, files: dict[str, bytes]) -> None:
        """Make the registry that of ``files``, in the shape of Zenodo's API."""
        listing = [{"key": name, "size": len(data), "checksum": f"md5:{hashlib.md5(data).hexdigest()}"} for name, data in files.items()]
        self.files = self.files | {"registry": json.dumps({"id": 1188976, "files": listing}).encode()}

    def handle_error(self, *_):
        """A client that hangs up is part of the tests and not worth a traceback."""

    def ranges_of(self, name: str) -> list[str | None]:
        return [asked for key, asked in self.log if key == name]

    def fetched(self) -> list[str]:
        return [name for name, _ in self.log if name != "registry"]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        server, name = self.server, self.path.rsplit("/", 1)[-1]
        asked = self.headers.get("Range")
        server.log.append((name, asked))
        server.agents.add(self.headers.get("User-Agent", ""))
        if name not in server.files or name in server.status:
            self.send_error(server.status.get(name, 404))
            return
        data, start = server.files[name], 0
        if asked and server.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) + server.shift
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        if server.length:
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        cuts = server.cut.get(name)
        body = data[start : start + cuts.pop(0)] if cuts else data[start:]
        server.sent += len(body)
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(published, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "_PAUSE", 0)
    with Server(published) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def run(server, tmp_path, capsys):
    """``python -m models.ravdess download`` into tmp_path/data → exit code, lines on stdout, lines on stderr."""

    def run(*arguments: str, accept: bool = True) -> tuple[int, list[str], list[str]]:
        more = ["--accept-licence"] if accept else []
        code = main(["download", str(tmp_path / "data"), "--url", server.url, "--registry", f"{server.url}/registry", *more, *arguments])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return run


@pytest.fixture
def data(tmp_path) -> Path:
    return tmp_path / "data"


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def takes(actors, audio_only: bool = False) -> set[str]:
    return {take.as_posix() for archive in archives(list(actors), audio_only) for take in archive.takes}


# ---------------------------------------------------------------- all of it


def test_everything(server, run, data):
    code, out, err = run()
    assert (code, err) == (0, [])
    assert out[-1] == f"{data}: complete, 1440 speech recordings and 2880 videos of 24 actors"
    assert tree(data) == takes(range(1, 25))  # so no archive and no partial file is left
    assert all((data / name).read_bytes() == content(Path(name).name) for name in tree(data))
    assert Counter(server.fetched()) == Counter([AUDIO, *(f"Video_Speech_Actor_{a:02d}.zip" for a in range(1, 25))])
    report = index(data)
    assert [report[k] for k in ("voices", "videos", "pairs")] == [1440, 2880, 1440]
    assert {(row["missing_voices"], row["missing_videos"]) for row in report["actors"]} == {(0, 0)}
    assert not report["unreadable"]
    assert not report["duplicates"]


def test_zenodo_turns_away_the_name_that_requests_gives_itself(server, run):
    assert run("--actors", "2", "--audio-only")[0] == 0
    assert len(server.agents) == 1
    assert re.match(r"EmoLens \(pooch \d", server.agents.pop())


def test_again_asks_for_nothing(server, run):
    run("--actors", "2")
    server.log.clear()
    code, out, _ = run("--actors", "2", accept=False)  # nothing to fetch, nothing to agree to
    assert code == 0
    assert server.log == []
    assert out[-1].endswith("complete, 60 speech recordings and 120 videos of 1 actors")


def test_only_what_is_missing_is_fetched_and_written(server, run, data):
    run("--actors", "2")
    gone, half, kept = sorted(takes([2], audio_only=True))[:3]
    (data / gone).unlink()
    (data / half).write_bytes(b"")
    (data / kept).write_bytes(b"mine")
    server.log.clear()
    assert run("--actors", "2")[0] == 0
    assert server.fetched() == [AUDIO]
    assert (data / gone).read_bytes() == content(Path(gone).name)
    assert (data / half).read_bytes() == content(Path(half).name)
    assert (data / kept).read_bytes() == b"mine"


def test_actors(server, run, data):
    assert run("--actors", "2,4-5")[0] == 0
    assert tree(data) == takes([2, 4, 5])
    assert len(tree(data)) == 3 * 180
    assert server.fetched() == [AUDIO, *(f"Video_Speech_Actor_{a:02d}.zip" for a in (2, 4, 5))]


def test_audio_only(server, run, data):
    code, out, _ = run("--audio-only", "--actors", "3,24")
    assert code == 0
    assert server.fetched() == [AUDIO]
    assert tree(data) == takes([3, 24], audio_only=True)
    assert {(t.actor, t.kind) for t in find_takes(data)} == {(3, "voice"), (24, "voice")}
    assert out[-1].endswith("complete, 120 speech recordings and 0 videos of 2 actors")


def test_keep(server, run, data):
    assert run("--actors", "2", "--keep")[0] == 0
    assert tree(data) == takes([2]) | {AUDIO, VIDEO_2}
    server.log.clear()
    assert run("--actors", "2,3", "--audio-only")[0] == 0  # unpacks actor 3 from the archive that was kept
    assert server.fetched() == []
    assert tree(data) >= takes([3], audio_only=True)


# ---------------------------------------------------------------- interrupted


def test_a_later_run_continues_where_one_was_cut_off(server, run, data, published):
    whole = len(published[VIDEO_1])
    server.cut[VIDEO_1] = [whole // 2, 0]  # the connection closes half-way, and at once when it is taken up again
    code, _, err = run("--actors", "1")
    assert code == 2
    assert err == [f"{server.url}/{VIDEO_1}: not to be reached, or the connection broke: the same command continues where it was"]
    have = (data / f"{VIDEO_1}.part").stat().st_size
    assert whole // 2 - 65536 <= have <= whole // 2
    assert (data / f"{VIDEO_1}.part").read_bytes() == published[VIDEO_1][:have]
    assert not (data / VIDEO_1).exists()
    assert tree(data) == takes([1], audio_only=True) | {f"{VIDEO_1}.part"}

    server.log.clear()
    server.sent = 0
    assert run("--actors", "1")[0] == 0
    assert server.log == [("registry", None), (VIDEO_1, f"bytes={have}-")]
    assert server.sent - len(server.files["registry"]) == whole - have
    assert tree(data) == takes([1])
    assert all((data / name).read_bytes() == content(Path(name).name) for name in takes([1]))


def test_a_broken_connection_is_taken_up_in_the_same_run(server, run, data):
    server.cut[VIDEO_1] = [200_000, 150_000]
    assert run("--actors", "1")[0] == 0
    first, second, third = server.ranges_of(VIDEO_1)
    assert first is None
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in (second, third)]
    assert 200_000 - 65536 <= starts[0] <= 200_000
    assert starts[0] < starts[1] <= starts[0] + 150_000
    assert tree(data) == takes([1])


def test_a_server_that_brings_nothing_is_not_asked_for_ever(server, run):
    server.cut[VIDEO_1] = [0, 0, 0, 0]
    assert run("--actors", "1")[0] == 2
    assert len(server.ranges_of(VIDEO_1)) == 1


def test_a_server_that_says_no_length_can_be_cut_off_too(server, run, published):
    server.length = False
    server.cut[VIDEO_1] = [200_000]
    assert run("--actors", "1")[0] == 0
    assert server.ranges_of(VIDEO_1) == [None, "bytes=200000-"]


def test_a_server_without_ranges_starts_again(server, run, data, published):
    data.mkdir()
    (data / f"{VIDEO_1}.part").write_bytes(published[VIDEO_1][:100_000])
    server.ranges = False
    assert run("--actors", "1")[0] == 0
    assert server.ranges_of(VIDEO_1) == ["bytes=100000-"]
    assert tree(data) == takes([1])


def test_a_range_other_than_the_one_asked_for_is_refused(server, run, data, published):
    data.mkdir()
    (data / f"{VIDEO_1}.part").write_bytes(published[VIDEO_1][:100_000])
    server.shift = 1000
    code, _, err = run("--actors", "1")
    assert code == 2
    assert f"something else than the {len(published[VIDEO_1]):,} bytes" in err[0]
    assert (data / f"{VIDEO_1}.part").read_bytes() == published[VIDEO_1][:100_000]


def test_a_page_instead_of_the_archive_does_not_cost_what_was_downloaded(server, run, data, published):
    data.mkdir()
    (data / f"{VIDEO_1}.part").write_bytes(published[VIDEO_1][:100_000])
    server.ranges = False
    server.files = server.files | {VIDEO_1: b"<html>please log in</html>"}
    code, _, err = run("--actors", "1")
    assert (code, len(err)) == (2, 1)
    assert (data / f"{VIDEO_1}.part").read_bytes() == published[VIDEO_1][:100_000]


def test_a_whole_part_needs_no_request(server, run, data, published):
    data.mkdir()
    (data / f"{VIDEO_2}.part").write_bytes(published[VIDEO_2])
    assert run("--actors", "2")[0] == 0
    assert server.fetched() == [AUDIO]


def test_a_part_that_is_too_long_is_of_something_else(server, run, data, published):
    data.mkdir()
    (data / f"{VIDEO_2}.part").write_bytes(published[VIDEO_2] + b"more")
    assert run("--actors", "2")[0] == 0
    assert server.ranges_of(VIDEO_2) == [None]


def test_ctrl_c_is_no_traceback(server, run, data, monkeypatch, published):
    data.mkdir()
    (data / f"{AUDIO}.part").write_bytes(published[AUDIO][:5000])

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(requests.Response, "iter_content", interrupted)
    code, _, err = run("--actors", "2")
    assert code == 130
    assert err[-1] == "stopped: the same command continues where it was"
    assert tree(data) == {f"{AUDIO}.part"}
    assert (data / f"{AUDIO}.part").stat().st_size == 5000


# ---------------------------------------------------------------- refused


def test_a_wrong_checksum_removes_what_came(server, run, data, published):
    wrong = bytearray(published[VIDEO_2])
    wrong[100] ^= 1
    server.files = server.files | {VIDEO_2: bytes(wrong)}
    code, _, err = run("--actors", "2")
    assert code == 2
    assert len(err) == 1
    assert err[0].startswith(f"{VIDEO_2}: what was downloaded has a wrong checksum and was removed")
    assert tree(data) == takes([2], audio_only=True)

    server.files = server.files | {VIDEO_2: published[VIDEO_2]}
    assert run("--actors", "2")[0] == 0
    assert server.ranges_of(VIDEO_2) == [None, None]


def test_an_archive_that_is_there_is_verified_before_it_is_used(server, run, data, published):
    data.mkdir()
    (data / AUDIO).write_bytes(published[AUDIO][:-1] + b"x")
    assert run("--actors", "2", "--audio-only")[0] == 0
    assert server.fetched() == [AUDIO]
    assert tree(data) == takes([2], audio_only=True)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_the_licence_must_be_accepted_by_name(server, run, data, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    code, out, err = run("--actors", "2", accept=False)
    assert (code, out, len(err)) == (2, [], 1)
    assert "CC BY-NC-SA 4.0" in err[0]
    assert "--accept-licence" in err[0]
    assert server.log == []
    assert not data.exists()


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_the_licence_refused_on_a_terminal(server, run, data, monkeypatch, answer):
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    code, out, err = run("--actors", "2", accept=False)
    assert code == 2
    assert "Livingstone & Russo 2018" in out[0]
    assert err == ["Nothing was downloaded, as the licence was not accepted."]
    assert server.log == []
    assert not data.exists()


def test_the_licence_accepted_on_a_terminal(server, run, data, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert run("--actors", "2", "--audio-only", accept=False)[0] == 0
    assert tree(data) == takes([2], audio_only=True)


@pytest.mark.parametrize("actors", ["0", "25", "5-3", "1,,2", "", "1-24-3", "one", "-1", "1 2"])
def test_actors_that_do_not_exist(run, server, capsys, actors):
    with pytest.raises(SystemExit) as stopped:
        run(f"--actors={actors}")
    assert stopped.value.code == 2
    assert "not an actor from 1 to 24" in capsys.readouterr().err
    assert server.log == []


def test_a_url_that_is_none(run):
    with pytest.raises(SystemExit) as stopped:
        run("--url", "ftp://example.org/files")
    assert stopped.value.code == 2


@pytest.mark.parametrize(("name", "status"), [(VIDEO_2, 404), (VIDEO_2, 503), ("registry", 429)])
def test_what_the_server_answers_is_passed_on(server, run, name, status):
    server.status[name] = status
    code, _, err = run("--actors", "2")
    assert code == 2
    assert len(err) == 1
    assert err[0].startswith(f"{server.url}/{name}: the server answers {status} ")


def test_no_server(server, tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        code = main(["download", str(tmp_path / "data"), "--accept-licence", "--registry", f"{url}/registry"])
    err = capsys.readouterr().err.splitlines()
    assert code == 2
    assert err == [f"{url}/registry: not to be reached, or the connection broke: the same command continues where it was"]


@pytest.mark.parametrize(
    "listing",
    [
        b"<html>",
        b"[]",
        b'{"files": [{"key": "Audio_Speech_Actors_01-24.zip"}]}',
        b'{"files": [{"key": "Audio_Speech_Actors_01-24.zip", "size": "x", "checksum": "md5:00"}]}',
        b'{"files": [{"key": "Audio_Speech_Actors_01-24.zip", "size": 9, "checksum": ""}]}',
        b'{"files": [{"key": "Audio_Speech_Actors_01-24.zip", "size": 9, "checksum": "00ff"}]}',
        b'{"files": []}',
        b"\xff\xfe",
    ],
)
def test_nothing_is_fetched_that_cannot_be_verified(server, run, data, listing):
    server.files = server.files | {"registry": listing}
    code, _, err = run("--actors", "2", "--audio-only")
    assert code == 2
    assert len(err) == 1
    assert "--registry" in err[0]
    assert server.fetched() == []
    assert not data.exists()


def test_a_registry_in_a_file(server, run, tmp_path):
    (tmp_path / "list.json").write_bytes(server.files["registry"])
    assert run("--actors", "2", "--audio-only", "--registry", str(tmp_path / "list.json"))[0] == 0
    assert server.log == [(AUDIO, None)]
    code, _, err = run("--actors", "3", "--registry", str(tmp_path / "none.json"))
    assert code == 2
    assert err == [f"{tmp_path / 'none.json'}: No such file or directory: check the path and who may write there"]


def test_a_file_instead_of_a_folder(run, server, data):
    data.write_text("x")
    code, _, err = run("--actors", "2")
    assert (code, err) == (2, [f"{data} is not a folder: name another one"])
    assert server.log == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to stand for a full disk")
def test_a_full_disk(run, data):
    data.mkdir()
    (data / f"{AUDIO}.part").symlink_to("/dev/full")
    code, _, err = run("--actors", "2")
    assert code == 2
    assert err == [f"{data}: the disk is full: make room, and the same command continues where it was"]


def test_a_disk_that_will_be_full_is_seen_before_the_first_byte(server, run, monkeypatch, published, data):
    packed_size = len(published[AUDIO]) + len(published[VIDEO_2])
    need = len(published[AUDIO]) * 60 // 1440 + len(published[VIDEO_2]) + len(published[AUDIO])
    assert need < packed_size * 2
    usage = shutil.disk_usage(data.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=need - 1))
    code, _, err = run("--actors", "2")
    assert code == 2
    assert "are needed and" in err[0]
    assert server.fetched() == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=need))
    assert run("--actors", "2")[0] == 0


# ---------------------------------------------------------------- archives that are not as published


def test_hostile_members_are_left_alone(server, run, tmp_path, data, published):
    first, second = (file_name(performances(2)[i], 3, ".wav") for i in (0, 1))
    hostile = {
        "../evil.wav": b"evil",
        f"../{first}": b"evil",
        f"/tmp/{second}": b"evil",
        f"Actor_02/../../../{first}": b"evil",
        "Actor_02/03-02-01-01-01-01-02.wav": b"song",
        "Actor_02/03-01-01-01-01-01-25.wav": b"nobody",
        "Actor_02/readme.txt": b"text",
        f"__MACOSX/Actor_02/._{first}": b"fork",
    }
    good = {take.as_posix(): content(take.name) for take in archives([2], audio_only=True)[0].takes}
    server.files = server.files | {AUDIO: packed(hostile | good)}
    server.publish({AUDIO: server.files[AUDIO]})
    assert run("--actors", "2", "--audio-only")[0] == 0
    assert tree(tmp_path) == {f"data/{name}" for name in good}
    assert all((data / name).read_bytes() == value for name, value in good.items())
    assert not Path("/tmp", second).exists()


def test_a_take_that_is_only_there_by_a_hostile_path_is_missing(server, run, tmp_path):
    good = {take.as_posix(): content(take.name) for take in archives([2], audio_only=True)[0].takes}
    name = next(iter(good))
    good[f"../{name}"] = good.pop(name)
    server.files = server.files | {AUDIO: packed(good)}
    server.publish({AUDIO: server.files[AUDIO]})
    code, _, err = run("--actors", "2", "--audio-only")
    assert code == 1
    assert err == [f"{tmp_path / 'data'}: the archives do not hold 1 of 60 speech recordings of actor 02"]
    assert len([path for path in tree(tmp_path) if path.endswith(".wav")]) == 59


def test_counts_are_verified(server, run, data, published):
    short = {}
    for name, gone in ((AUDIO, 3), (VIDEO_2, 120)):
        with zipfile.ZipFile(io.BytesIO(published[name])) as archive:
            mine = [member for member in archive.namelist() if "Actor_02/" in member]
            short[name] = packed({member: archive.read(member) for member in archive.namelist() if member not in mine[:gone]})
    server.files = server.files | short
    server.publish(short)
    for again in (False, True):
        server.log.clear()
        code, _, err = run("--actors", "2")
        assert code == 1
        assert err == [f"{data}: the archives do not hold 120 of 120 videos of actor 02, 3 of 60 speech recordings of actor 02"]
        assert server.fetched() == ([] if again else [AUDIO, VIDEO_2])  # they were right: kept, not fetched again
    assert len(tree(data)) == 57 + 2


@pytest.mark.parametrize("kind", ["no zip", "broken member", "encrypted"])
def test_an_archive_that_cannot_be_unpacked(server, run, data, published, kind):
    archive = bytearray(published[AUDIO])
    if kind == "no zip":
        archive = bytearray(b"not a ZIP at all")
    elif kind == "broken member":
        name = file_name(performances(2)[0], 3, ".wav").encode()
        archive[archive.index(name) + len(name) + 50] ^= 1  # among the samples: its CRC no longer fits
    else:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            for member in opened.infolist():
                archive[member.header_offset + 6] |= 1
        for match in re.finditer(rb"PK\x01\x02", bytes(archive)):
            archive[match.start() + 8] |= 1
    server.files = server.files | {AUDIO: bytes(archive)}
    server.publish({AUDIO: bytes(archive)})
    code, _, err = run("--actors", "2", "--audio-only")
    assert (code, len(err)) == (2, 1)
    assert err[0].startswith(f"{data / AUDIO}: it has the right checksum but cannot be unpacked")
    assert not [path for path in data.rglob("*") if path.name.endswith(".part")]
    assert not (data / "Actor_02" / file_name(performances(2)[0], 3, ".wav")).exists()


# ---------------------------------------------------------------- parts


def test_resume_by_itself(server, tmp_path, published):
    part = tmp_path / "x.part"
    part.write_bytes(published[VIDEO_1][:70_001])
    Resume(part, len(published[VIDEO_1]))(f"{server.url}/{VIDEO_1}", str(tmp_path / "x"), None)
    assert server.log == [(VIDEO_1, "bytes=70001-")]
    assert (tmp_path / "x").read_bytes() == published[VIDEO_1]
    assert not part.exists()


def test_archives_are_those_that_were_published():
    audio, *videos = archives(list(range(1, 25)), audio_only=False)
    assert (audio.name, len(audio.takes), audio.members) == ("Audio_Speech_Actors_01-24.zip", 1440, 1440)
    assert [archive.name for archive in videos][::23] == ["Video_Speech_Actor_01.zip", "Video_Speech_Actor_24.zip"]
    assert [len(archive.takes) for archive in videos] == [120] * 24
    modalities = Counter(take.name[:2] for archive in videos for take in archive.takes)
    assert modalities == {"01": 1440, "02": 1440}
    assert audio.takes[0].as_posix() == "Actor_01/03-01-01-01-01-01-01.wav"


def test_on_the_command_line():
    run = subprocess.run(
        [sys.executable, "-m", "models.ravdess", "download", "--help"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert run.returncode == 0
    assert "https://zenodo.org/records/1188976/files" in "".join(run.stdout.split())
    run = subprocess.run([sys.executable, "-m", "models.ravdess", "fetch"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 2
    assert "download" in run.stderr
