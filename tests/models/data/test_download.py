"""RAVDESS's archives from a server on this machine: whole, cut off, wrong, hostile, and again."""

from __future__ import annotations

import hashlib
import io
import socket
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch
import pytest

from models.data.download import AUDIO, archives
from models.data.ravdess import file_name, find_takes, performances
from models.ravdess import main

VIDEO_2 = "Video_Speech_Actor_02.zip"
VOICE_2 = file_name(performances(2)[0], 3, ".wav")


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def members(name: str) -> dict[str, bytes]:
    """Of an archive of actors 1 to 3: each take holds its own name."""
    return {"Actor_02/": b""} | {take.as_posix(): take.name.encode() for take in archives([1, 2, 3], False)[name]}


class Server(ThreadingHTTPServer):
    """Serves ``files``; the first requests for a name that is in ``faults`` get what is there instead: a status, or other bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {name: packed(members(name)) for name in archives([1, 2, 3], False)}
        self.url = f"http://127.0.0.1:{self.server_port}/files"
        self.log: list[str] = []
        self.agents: set[str | None] = set()
        self.faults: dict[str, list[int | bytes]] = {}

    def registry(self) -> str:
        return "".join(f"{name} md5:{hashlib.md5(data).hexdigest()}\n" for name, data in self.files.items())


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        name = self.path.rsplit("/", 1)[-1]
        self.server.log.append(name)
        self.server.agents.add(self.headers["User-Agent"])
        faults = self.server.faults.get(name)
        answer = faults.pop(0) if faults else self.server.files.get(name, 404)
        if isinstance(answer, int):
            self.send_error(answer)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.files[name])))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def run(server, tmp_path, capsys, monkeypatch):
    """``python -m models.ravdess download`` into tmp_path/data → exit code, lines on stdout, lines on stderr."""

    def run(*arguments: str, accept: bool = True, **options: str) -> tuple[int, list[str], list[str]]:
        monkeypatch.setattr(pooch.get_logger().handlers[0], "stream", sys.stderr)  # which capsys has replaced
        (tmp_path / "registry.txt").write_text(server.registry(), encoding="utf-8")
        given = {"url": server.url, "registry": str(tmp_path / "registry.txt")} | options
        more = [text for name, value in given.items() for text in (f"--{name}", value) if value]
        code = main(["download", str(tmp_path / "data"), *more, *(["--accept-licence"] if accept else []), *arguments])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return run


@pytest.fixture
def data(tmp_path) -> Path:
    return tmp_path / "data"


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def takes(*actors: int, audio_only: bool = False) -> set[str]:
    return {take.as_posix() for archive in archives(list(actors), audio_only).values() for take in archive}


def test_wanted_actors_only(server, run, data):
    code, out, err = run("--actors", "1,2-3")
    assert (code, err) == (0, [])
    assert out[-1] == f"{data}: complete, 180 speech recordings and 360 videos of 3 actors"
    assert server.log == [AUDIO, *(f"Video_Speech_Actor_{actor:02d}.zip" for actor in (1, 2, 3))]
    assert tree(data) == takes(1, 2, 3)  # so neither an archive nor anything half-fetched is left
    assert all((data / name).read_text() == Path(name).name for name in tree(data))
    assert all(agent.startswith("EmoLens (pooch ") for agent in server.agents)  # Zenodo turns away the name of requests


def test_what_is_there_is_not_fetched_again(server, run, data):
    run("--actors", "2")
    server.log.clear()
    assert run("--actors", "2", accept=False)[0] == 0  # nothing to fetch, nothing to agree to
    assert server.log == []
    gone, empty, kept = sorted(takes(2, audio_only=True))[:3]
    (data / gone).unlink()
    (data / empty).write_bytes(b"")
    (data / kept).write_bytes(b"mine")
    assert run("--actors", "2")[0] == 0
    assert server.log == [AUDIO]
    assert [(data / name).read_text() for name in (gone, empty, kept)] == [Path(gone).name, Path(empty).name, "mine"]


def test_archives_that_are_there_are_verified_and_kept(server, run, data):
    assert run("--actors", "2", "--keep")[0] == 0
    assert tree(data) == takes(2) | {AUDIO, VIDEO_2}
    server.log.clear()
    assert run("--actors", "2,3", "--audio-only")[0] == 0
    assert server.log == []
    assert tree(data) == takes(2) | takes(3, audio_only=True) | {AUDIO, VIDEO_2}
    (data / AUDIO).write_bytes(server.files[AUDIO][:-9])  # the end is cut off
    assert run("--actors", "1", "--audio-only")[0] == 0
    assert server.log == [AUDIO]
    assert (data / AUDIO).read_bytes() == server.files[AUDIO]


def test_checksums_are_zenodos_unless_others_are_named(server, run, data, monkeypatch):
    """Its API, on this machine, is asked by pooch; what the server of the archives sends is held to it."""
    listing = [line.split() for line in server.registry().splitlines()]
    files = ", ".join(f'{{"key": "{name}", "checksum": "{checksum}"}}' for name, checksum in listing)
    server.files["1188976"] = f'{{"files": [{files}]}}'.encode()
    asked = []
    monkeypatch.setattr("pooch.downloaders.doi_to_url", lambda doi, **_: asked.append(doi) or "https://zenodo.org/records/1188976")
    monkeypatch.setattr("pooch.downloaders.ZenodoRepository.base_api_url", server.url)
    assert run("--actors", "2", registry="")[0] == 0
    assert asked == ["10.5281/zenodo.1188976"]
    assert server.log == ["1188976", AUDIO, VIDEO_2]
    server.files["1188976"] = b'{"status": 429, "message": "too many requests"}'
    code, _, err = run("--actors", "3", registry="")
    assert (code, err) == (2, ["doi:10.5281/zenodo.1188976: no 'files': name a list of checksums with --registry"])


@pytest.mark.parametrize("fault", ["cut off", "another byte", 503])
def test_what_is_broken_is_fetched_again_and_then_refused(server, run, data, fault):
    whole = server.files[VIDEO_2]
    broken = {"cut off": whole[:5000], "another byte": whole[:5000] + b"?" + whole[5001:]}.get(fault, fault)
    server.faults[VIDEO_2] = [broken] * 3
    code, _, err = run("--actors", "2")
    assert (code, len(err)) == (2, 1)
    assert VIDEO_2 in err[0]
    assert ". " not in err[0]
    assert {"cut off": "Error", "another byte": "does not match the known hash", 503: "the server answers 503 Service Unavailable"}[
        fault
    ] in err[0]
    assert server.log.count(VIDEO_2) == 3
    assert tree(data) == takes(2, audio_only=True)

    server.faults[VIDEO_2] = [broken] * 2  # the third is whole
    assert run("--actors", "2")[0] == 0
    assert server.log.count(VIDEO_2) == 6
    assert tree(data) == takes(2)


def test_no_server(server, run, data):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        code, _, err = run("--actors", "2", url=url)
    assert (code, err) == (2, [f"{url}/{AUDIO}: ConnectionError: run the same command again, or name another server with --url"])
    assert tree(data) == set()


@pytest.mark.parametrize("listing", ["<html>\n", f"{AUDIO} md5:00\n", "", '"\n', b"\xff\xfe", None])
def test_nothing_is_fetched_that_cannot_be_verified(server, run, tmp_path, data, listing):
    file = tmp_path / "other.txt"
    if listing is not None:
        file.write_bytes(listing if isinstance(listing, bytes) else listing.encode())
    code, _, err = run("--actors", "2", registry=str(file))
    assert (code, len(err)) == (2, 1)
    assert err[0].startswith(f"{file}: ")
    assert server.log == []
    assert not data.exists()


def test_takes_that_the_archives_do_not_hold(server, run, data):
    server.files[AUDIO] = packed({name: data for name, data in members(AUDIO).items() if not name.startswith("Actor_02/03-01-01-01-01")})
    server.files[VIDEO_2] = packed({"Actor_02/readme.txt": b"text"})
    for fetched in ([AUDIO, VIDEO_2], []):  # their checksums are right: they are kept, and not fetched again
        server.log.clear()
        code, _, err = run("--actors", "2")
        assert (code, err) == (1, [f"{data}: the archives lack 120 .mp4 of Actor_02, 2 .wav of Actor_02"])
        assert server.log == fetched
    assert tree(data) == {name for name in takes(2, audio_only=True) if "/03-01-01-01-01" not in name} | {AUDIO, VIDEO_2}


def test_members_go_where_they_were_published_and_nowhere_else(server, run, tmp_path, data):
    hostile = ["../evil.wav", f"../../{VOICE_2}", f"/tmp/{VOICE_2}", f"Actor_02/../../{VOICE_2}", "Actor_02/03-02-01-01-01-01-02.wav"]
    good = {name: data for name, data in members(AUDIO).items() if Path(name).name != VOICE_2}
    server.files[AUDIO] = packed(good | dict.fromkeys([*hostile, f"__MACOSX/Actor_02/._{VOICE_2}"], b"evil"))
    assert run("--actors", "2", "--audio-only")[0] == 0
    assert tree(tmp_path) == {f"data/{name}" for name in takes(2, audio_only=True)} | {"registry.txt"}
    assert not Path("/tmp", VOICE_2).exists()


@pytest.mark.parametrize("kind", ["no ZIP", "broken member", "encrypted"])
def test_nothing_half_unpacked_is_taken_for_whole(server, run, data, kind):
    archive = bytearray(server.files[AUDIO] if kind != "no ZIP" else b"not a ZIP at all")
    if kind == "broken member":
        archive[archive.index(VOICE_2.encode()) + len(VOICE_2) + 3] ^= 1  # its CRC no longer fits
    elif kind == "encrypted":
        archive[archive.rindex(VOICE_2.encode()) - len("Actor_02/") - 46 + 8] |= 1  # in its entry of the table of contents
    server.files[AUDIO] = bytes(archive)
    code, _, err = run("--actors", "1,2", "--audio-only")
    assert (code, len(err)) == (2, 1)
    assert err[0].startswith(f"{data / AUDIO}: ")
    assert "--registry" in err[0]
    assert all((data / take.path).read_text() == take.path.name for take in find_takes(data))
    assert not (data / "Actor_02" / VOICE_2).exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to stand for a full disk")
def test_a_full_disk(server, run, data):
    (data / "Actor_02").mkdir(parents=True)
    (data / "Actor_02" / VOICE_2).with_suffix(".part").symlink_to("/dev/full")
    assert run("--actors", "2")[::2] == (2, [f"{data / AUDIO}: No space left on device"])


def test_a_file_instead_of_a_folder(server, run, data):
    data.write_text("x")
    code, _, err = run("--actors", "2")
    assert (code, len(err)) == (2, 1)
    assert "Not a directory" in err[0]
    assert server.log == []


def test_ctrl_c_is_no_traceback(server, run, data, monkeypatch):
    def interrupted(source, out):
        out.write(source.read(3))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("models.data.download.shutil.copyfileobj", interrupted)
        code, _, err = run("--actors", "2")
    assert (code, err[-1]) == (130, "stopped: the same command fetches the rest")
    assert find_takes(data) == []
    assert run("--actors", "2")[0] == 0
    assert takes(2) == {take.path.relative_to(data).as_posix() for take in find_takes(data)}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stdin", [io.StringIO("y\n"), Terminal("n\n"), Terminal(""), Terminal("Yes\n")])
def test_the_licence_must_be_accepted_on_a_terminal_or_by_name(server, run, data, monkeypatch, stdin):
    accepted = stdin.getvalue() == "Yes\n"
    monkeypatch.setattr(sys, "stdin", stdin)
    code, out, err = run("--actors", "2", "--audio-only", accept=False)
    assert "CC BY-NC-SA 4.0" in out[0]
    assert (code, server.log == [AUDIO], data.exists(), len(err)) == ((0, True, True, 0) if accepted else (2, False, False, 1))
    assert accepted or "--accept-licence" in err[0]


@pytest.mark.parametrize("actors", ["0", "25", "5-3", "1,,2", "", "1-24-3", "one", "-1", "1 2", "1-99999999999"])
def test_actors_that_do_not_exist(server, run, capsys, actors):
    with pytest.raises(SystemExit) as stopped:
        run(f"--actors={actors}")
    assert stopped.value.code == 2
    assert "--actors: invalid actors value" in capsys.readouterr().err
    assert server.log == []


def test_archives_are_those_that_were_published():
    published = archives(list(range(1, 25)), audio_only=False)
    assert list(published)[::24] == ["Audio_Speech_Actors_01-24.zip", "Video_Speech_Actor_24.zip"]
    assert [len(archive) for archive in published.values()] == [1440] + [120] * 24
    assert {take.name[:2] for take in published[VIDEO_2]} == {"01", "02"}
    assert published[AUDIO][0].as_posix() == "Actor_01/03-01-01-01-01-01-01.wav"
