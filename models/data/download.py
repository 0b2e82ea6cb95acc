"""``python -m models.ravdess download DIR``: RAVDESS's speech archives, fetched, verified and unpacked.

The archives are those of Zenodo's record 1188976 (doi 10.5281/zenodo.1188976): one with the voices of all actors, and one
with the videos of each. Sizes and checksums come from Zenodo's API, or from a file of the same shape (``--registry``), so
that another server (``--url``) is held to what was published. DIR is filled in the published layout, ``Actor_NN/*``.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import shutil
import sys
import time
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pooch
import requests
from tqdm import tqdm

from models.data.ravdess import ACTORS, file_name, performances

URL = "https://zenodo.org/records/1188976/files"
REGISTRY = "https://zenodo.org/api/records/1188976"
AUDIO = "Audio_Speech_Actors_01-24.zip"
LICENCE = (
    "RAVDESS (Livingstone & Russo 2018, doi 10.1371/journal.pone.0196391) is licensed CC BY-NC-SA 4.0: "
    "use it for non-commercial purposes only, cite it, and share under the same terms what you make of it."
)

# Zenodo turns away the name that requests gives itself; compressed transfer would make the byte ranges meaningless.
_HEADERS = {"User-Agent": f"EmoLens (pooch {pooch.__version__.lstrip('v')})", "Accept-Encoding": "identity"}
_TIMEOUT = 10, 60  # seconds to connect, and to wait for the next bytes
_BLOCK = 1 << 16  # bytes; at most this much is lost when a connection breaks
_PAUSE = 1.0  # seconds before a broken connection is taken up again
_CHECKSUM = re.compile(r"(md5|sha1|sha256|sha512):[0-9a-fA-F]+")
_BROKEN = requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError


class DownloadError(Exception):
    """What went wrong and what to do about it, in one line."""


@dataclass(frozen=True)
class Archive:
    """One published ZIP: how many takes it holds, and the paths below DIR of those that are wanted."""

    name: str
    members: int
    takes: list[Path]

    def missing(self, folder: Path) -> list[Path]:
        """The wanted takes that are not in ``folder``. Takes are put there whole or not at all, so being there is enough."""
        return [take for take in self.takes if not ((folder / take).is_file() and (folder / take).stat().st_size)]


@dataclass(frozen=True)
class Entry:
    """What was published of an archive: size in bytes, and checksum as ``md5:…``."""

    size: int
    checksum: str


@dataclass(frozen=True)
class Resume:
    """A downloader for pooch that continues ``part``, a file of up to ``size`` bytes; pooch's own starts again each time.

    A server that ignores the range asked for sends all of it, and ``part`` is written anew (RFC 9110, section 14.2).
    """

    part: Path
    size: int

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Fetch ``url`` into ``output_file``; a connection that breaks is taken up again as long as it brings anything.

        Raises requests.RequestException for the network, DownloadError for an answer that cannot be used, OSError for
        the disk. ``part`` is left as it is for the next run.
        """
        most = self.have()
        while True:
            try:
                self._continue(url)
                break
            except _BROKEN as error:
                if self.have() <= most:  # some of them do not say where
                    raise requests.ConnectionError(error, request=requests.Request("GET", url)) from error
                most = self.have()
                time.sleep(_PAUSE)
        os.replace(self.part, output_file)

    def have(self) -> int:
        """Bytes that are there already; 0 if there are more than there should be, as the file is then another one."""
        size = self.part.stat().st_size if self.part.exists() else 0
        return size if size <= self.size else 0

    def _continue(self, url: str) -> None:
        have = self.have()
        if have == self.size:
            return
        headers = _HEADERS | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
            answer.raise_for_status()
            start = self._start(answer, have)
            with self.part.open("ab" if start else "wb") as out, self._bar(start) as bar:
                for block in answer.iter_content(_BLOCK):
                    bar.update(out.write(block))
        if self.part.stat().st_size < self.size:
            raise requests.ConnectionError("ended early")

    def _start(self, answer: requests.Response, have: int) -> int:
        """Position of the first byte of ``answer``; DownloadError if it does not fit what is there or was published."""
        first = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", "")) if answer.status_code == 206 else None
        start = int(first[1]) if first else 0
        length = answer.headers.get("Content-Length", "")
        fits = not length.isdigit() or start + int(length) == self.size
        if start not in (0, have) or (answer.status_code == 206 and first is None) or not fits:
            raise DownloadError(
                f"{answer.url}: the server sends something else than the {self.size:,} bytes that were published: "
                "try again later, or another server with --url"
            )
        return start

    def _bar(self, start: int) -> tqdm:
        name = self.part.name.removesuffix(".part")
        return tqdm(total=self.size, initial=start, unit="B", unit_scale=True, desc=name, leave=False, disable=None)


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m models.ravdess download", description="Fetch RAVDESS's published speech archives.")
    p.add_argument("dir", type=Path, metavar="DIR", help="folder to fill with Actor_NN/*.wav and *.mp4")
    p.add_argument("--actors", type=_actors, default=list(ACTORS), metavar="LIST", help="which of the 24, as 1,5,7-9 (default 1-24)")
    p.add_argument("--audio-only", action="store_true", help="the voices alone: 0.2 GB to fetch instead of 13.6 GB")
    p.add_argument("--accept-licence", "--accept-license", action="store_true", help="agree to CC BY-NC-SA 4.0 without being asked")
    p.add_argument("--keep", action="store_true", help="keep the archives after unpacking them")
    p.add_argument("--url", type=_url, default=URL, metavar="BASE", help=f"server that has the archives (default {URL})")
    p.add_argument("--registry", default=REGISTRY, metavar="FILE_OR_URL", help="their sizes and checksums, in the shape of Zenodo's API")
    return p


def _actors(text: str) -> list[int]:
    """'1,5,7-9' → [1, 5, 7, 8, 9]."""
    chosen: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,2})\s*(?:-\s*(\d{1,2})\s*)?", part)
        span = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
        if not span or not set(span) <= set(ACTORS):
            raise argparse.ArgumentTypeError(f"{part.strip()!r} is not an actor from 1 to 24 or a range of them, as in 1,5,7-9")
        chosen |= set(span)
    return sorted(chosen)


def _url(text: str) -> str:
    if not re.match(r"https?://[^/]", text):
        raise argparse.ArgumentTypeError(f"{text!r} does not start with https:// or http:// and a server")
    return text.rstrip("/")


def main(arguments: list[str] | None = None) -> int:
    """0: everything asked for is there; 1: an archive held less than it should; 2: it could not be fetched."""
    options = parser().parse_args(arguments)
    try:
        return download(options)
    except KeyboardInterrupt:
        print("\nstopped: the same command continues where it was", file=sys.stderr)
        return 130
    except (DownloadError, OSError) as error:  # requests' exceptions are OSErrors
        print(" ".join(_sentence(error, options.dir).split()), file=sys.stderr)
        return 2


def download(options: argparse.Namespace) -> int:
    """Fetch and unpack what is missing. Asks for nothing, not even the licence, if that is nothing."""
    folder: Path = options.dir
    if folder.exists() and not folder.is_dir():
        raise DownloadError(f"{folder} is not a folder: name another one")
    wanted = archives(options.actors, options.audio_only)
    todo = [archive for archive in wanted if archive.missing(folder)]
    if todo:
        accept_licence(options.accept_licence)
        registry = read_registry(options.registry, [archive.name for archive in todo])
        folder.mkdir(parents=True, exist_ok=True)
        require_space(folder, todo, registry, options.keep)
    for archive in todo:
        path = fetch(archive.name, options.url, registry[archive.name], folder)
        missing = archive.missing(folder)
        extract(path, missing, folder)
        left = archive.missing(folder)
        if not left and not options.keep:
            path.unlink()
        print(f"{archive.name}: verified, {len(missing) - len(left)} takes unpacked", flush=True)
    return verdict(folder, wanted)


def archives(actors: list[int], audio_only: bool) -> list[Archive]:
    """The archives that hold ``actors``: all voices are in one."""

    def takes(actor: int, modality: int, suffix: str) -> list[Path]:
        return [Path(f"Actor_{actor:02d}", file_name(key, modality, suffix)) for key in performances(actor)]

    voices = Archive(AUDIO, 1440, [take for actor in actors for take in takes(actor, 3, ".wav")])
    videos = [Archive(f"Video_Speech_Actor_{a:02d}.zip", 120, takes(a, 1, ".mp4") + takes(a, 2, ".mp4")) for a in actors]
    return [voices] if audio_only else [voices, *videos]


def accept_licence(accepted: bool) -> None:
    """Ask on a terminal; DownloadError if the licence is not accepted."""
    if accepted:
        return
    if not sys.stdin.isatty():
        raise DownloadError(f"{LICENCE} Add --accept-licence if you agree.")
    print(LICENCE)
    try:
        answer = input("Do you agree? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise DownloadError("Nothing was downloaded, as the licence was not accepted.")


def read_registry(source: str, names: list[str]) -> dict[str, Entry]:
    """Size and checksum of each of ``names``, from a file or URL with ``{"files": [{"key", "size", "checksum"}, …]}``.

    DownloadError if it has another shape or says nothing about one of them: nothing is fetched that cannot be verified.
    """
    if source.startswith(("http://", "https://")):
        answer = requests.get(source, headers=_HEADERS, timeout=_TIMEOUT)
        answer.raise_for_status()
        content = answer.content
    else:
        content = Path(source).read_bytes()
    try:
        entries = {str(file["key"]): Entry(int(file["size"]), str(file["checksum"])) for file in json.loads(content)["files"]}
    except (ValueError, KeyError, TypeError) as error:
        raise DownloadError(f"{source} is no list of files with sizes and checksums: name one with --registry") from error
    for name in names:
        if name not in entries or not _CHECKSUM.fullmatch(entries[name].checksum):
            raise DownloadError(f"{source} has no checksum for {name}: name a complete list with --registry")
    return {name: entries[name] for name in names}


def require_space(folder: Path, todo: list[Archive], registry: dict[str, Entry], keep: bool) -> None:
    """DownloadError if the disk is sure to be too small: better to know before the first gigabyte than after the tenth."""
    sizes = [registry[archive.name].size for archive in todo]
    there = [folder / f"{archive.name}{end}" for archive in todo for end in ("", ".part")]
    unpacked = sum(size * len(archive.missing(folder)) // archive.members for size, archive in zip(sizes, todo, strict=True))
    need = unpacked + (sum(sizes) if keep else max(sizes)) - sum(path.stat().st_size for path in there if path.exists())
    free = shutil.disk_usage(folder).free
    if need > free:
        raise DownloadError(
            f"{folder}: {need / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free: "
            "make room, or choose fewer --actors or --audio-only"
        )


def fetch(name: str, base: str, entry: Entry, folder: Path) -> Path:
    """The archive ``name`` in ``folder``, verified. DownloadError if its checksum is wrong; it is then removed."""
    pooch.get_logger().setLevel("WARNING")
    downloader = Resume(folder / f"{name}.part", entry.size)
    try:
        return Path(pooch.retrieve(f"{base}/{name}", entry.checksum, fname=name, path=folder, downloader=downloader))
    except requests.RequestException:  # some of which are ValueErrors
        raise
    except ValueError as error:
        raise DownloadError(
            f"{name}: what was downloaded has a wrong checksum and was removed: "
            "run the same command again, or name another server with --url"
        ) from error


def extract(path: Path, takes: list[Path], folder: Path) -> None:
    """Write ``takes`` (paths below ``folder``) from the ZIP at ``path``; members of any other name are left alone.

    A take is looked for by its file name and goes where ``takes`` says, whatever folder the archive claims for it.
    """
    targets = {take.name: folder / take for take in takes}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in tqdm(archive.infolist(), f"unpacking {path.name}", leave=False, disable=None):
                inside = PurePosixPath(member.filename)
                target = targets.get(inside.name)
                if target is not None and not inside.is_absolute() and ".." not in inside.parts:
                    _write(archive, member, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # RuntimeError: encrypted, or packed in an unknown way
        raise DownloadError(f"{path}: it has the right checksum but cannot be unpacked ({error}): try another --registry") from error


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    """Unpack under another name and rename at the end, so that no interruption leaves half a take."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.part")
    try:
        with archive.open(member) as source, partial.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def verdict(folder: Path, wanted: list[Archive]) -> int:
    """Say in one sentence what there is, or what is missing: 0 or 1."""
    takes = [take for archive in wanted for take in archive.takes]
    gone = Counter((take.parent.name, take.suffix) for archive in wanted for take in archive.missing(folder))
    names = {".wav": "60 speech recordings", ".mp4": "120 videos"}
    if gone:
        parts = [f"{count} of {names[suffix]} of actor {actor[-2:]}" for (actor, suffix), count in sorted(gone.items())]
        print(f"{folder}: the archives do not hold {', '.join(parts)}", file=sys.stderr)
        return 1
    count, actors = Counter(take.suffix for take in takes), len({take.parent for take in takes})
    print(f"{folder}: complete, {count['.wav']} speech recordings and {count['.mp4']} videos of {actors} actors")
    return 0


def _sentence(error: Exception, folder: Path) -> str:
    if isinstance(error, DownloadError):
        return str(error)
    if isinstance(error, requests.HTTPError) and error.response is not None:
        answer = error.response
        return f"{answer.url}: the server answers {answer.status_code} {answer.reason}: try again later, or another server with --url"
    if isinstance(error, requests.RequestException):
        server = str(error.request.url) if error.request is not None else "the server"
        return f"{server}: not to be reached, or the connection broke: the same command continues where it was"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{folder}: the disk is full: make room, and the same command continues where it was"
    if isinstance(error, OSError) and error.strerror:
        where = error.filename if isinstance(error.filename, str) else folder
        return f"{where}: {error.strerror}: check the path and who may write there"
    return str(error)
