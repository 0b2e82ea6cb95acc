"""``python -m models.ravdess download DIR``: RAVDESS's speech archives, fetched, verified and unpacked.

pooch fetches and verifies the archives of Zenodo's record 1188976 (doi 10.5281/zenodo.1188976): one holds the voices of all
actors, and one the videos of each. DIR is filled in the published layout, ``Actor_NN/*``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pooch
import requests

from models.data.ravdess import ACTORS, file_name, performances

DOI = "doi:10.5281/zenodo.1188976"
URL = "https://zenodo.org/records/1188976/files"
AUDIO = "Audio_Speech_Actors_01-24.zip"
LICENCE = (
    "RAVDESS (Livingstone & Russo 2018, doi 10.1371/journal.pone.0196391) is licensed CC BY-NC-SA 4.0: "
    "use it for non-commercial purposes only, cite it, and share under the same terms what you make of it."
)
_HEADERS = {"User-Agent": f"EmoLens (pooch {pooch.__version__.lstrip('v')})"}  # Zenodo turns away the name that requests gives itself
_BROKEN = OSError, ValueError, KeyError, RuntimeError, EOFError, zlib.error, zipfile.BadZipFile  # of network, disk, checksum and ZIP


class DownloadError(Exception):
    """What went wrong and what to do about it, in one line."""


def actors(text: str) -> list[int]:
    """'1,5,7-9' → [1, 5, 7, 8, 9]; ValueError for anybody but 1 to 24."""
    chosen: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not 1 <= int(first) <= int(last or first) <= len(ACTORS):
            raise ValueError(part)
        chosen.update(range(int(first), int(last or first) + 1))
    return sorted(chosen)


def main(arguments: list[str] | None = None) -> int:
    """0: everything asked for is there; 1: an archive held less than it should; 2: it could not be fetched."""
    p = argparse.ArgumentParser(prog="python -m models.ravdess download", description="Fetch RAVDESS's published speech archives.")
    p.add_argument("dir", type=Path, metavar="DIR", help="folder to fill with Actor_NN/*.wav and *.mp4")
    p.add_argument("--actors", type=actors, default=list(ACTORS), metavar="LIST", help="which of the 24, as 1,5,7-9 (default 1-24)")
    p.add_argument("--audio-only", action="store_true", help="the voices alone: 0.2 GB to fetch instead of 13.6 GB")
    p.add_argument("--accept-licence", "--accept-license", action="store_true", help="agree to CC BY-NC-SA 4.0 without being asked")
    p.add_argument("--keep", action="store_true", help="keep the archives after unpacking them")
    p.add_argument("--url", default=URL, metavar="BASE", help=f"server that has the archives (default {URL})")
    p.add_argument("--registry", metavar="FILE", help=f"their checksums, in lines of NAME ALGORITHM:HASH (default those of {DOI})")
    try:
        return download(p.parse_args(arguments))
    except DownloadError as error:
        message = " ".join(str(error).split())
    except KeyboardInterrupt:
        print("\nstopped: the same command fetches the rest", file=sys.stderr)
        return 130
    print(message, file=sys.stderr)  # not before the exception is gone, and the progress bar with it
    return 2


def download(options: argparse.Namespace) -> int:
    """Fetch and unpack what is missing. Asks for nothing, not even the licence, if that is nothing."""
    folder, wanted = options.dir, archives(options.actors, options.audio_only)
    todo = {name: takes for name, takes in wanted.items() if missing(folder, takes)}
    if todo and not (options.accept_licence or agreed()):
        raise DownloadError("Nothing was downloaded, as the licence was not accepted: add --accept-licence if you agree.")
    if todo:
        fetch(todo, folder, options.url, options.registry, options.keep)
    takes = [take for archive in wanted.values() for take in archive]
    lacking = Counter(f"{take.suffix} of {take.parent}" for take in missing(folder, takes))
    if lacking:
        print(f"{folder}: the archives lack {', '.join(f'{n} {what}' for what, n in sorted(lacking.items()))}", file=sys.stderr)
        return 1
    count = Counter(take.suffix for take in takes)
    print(f"{folder}: complete, {count['.wav']} speech recordings and {count['.mp4']} videos of {len(options.actors)} actors")
    return 0


def fetch(wanted: dict[str, list[Path]], folder: Path, url: str, registry: str | None, keep: bool) -> None:
    """Fetch the archives ``wanted`` and unpack their takes; DownloadError if that cannot be done.

    What is cut off or has a wrong checksum is fetched up to three times. An archive that was there before is left there.
    """
    pooch.get_logger().setLevel("WARNING")
    with explained(registry or DOI, "name a list of checksums with --registry"):
        server = pooch.create(folder.absolute(), DOI, retry_if_failed=2)
        server.load_registry(registry) if registry else server.load_registry_from_doi()
        server.registry = {name: server.registry[name] for name in wanted}  # before anything is fetched
        server.base_url = f"{url.rstrip('/')}/"
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), chunk_size=1 << 16, headers=_HEADERS)
    for name, takes in wanted.items():
        there = (folder / name).exists()
        with explained(server.get_url(name), "run the same command again, or name another server with --url"):
            path = Path(server.fetch(name, downloader=downloader))
        with explained(str(path), "its checksum is right, so name another list with --registry"):
            unpack(path, missing(folder, takes), folder)
        if not (keep or there or missing(folder, takes)):
            path.unlink()
        print(f"{name}: verified and unpacked", flush=True)


def unpack(path: Path, takes: list[Path], folder: Path) -> None:
    """Write ``takes`` (paths below ``folder``) from the ZIP at ``path``, whatever folders it claims for them.

    Each is renamed when it is whole: pooch.Unzip, when it is interrupted, leaves half a take under its final name.
    """
    with zipfile.ZipFile(path) as archive:
        members = {PurePosixPath(name).name: name for name in archive.namelist()}
        for take in takes:
            if take.name in members:
                (folder / take).parent.mkdir(parents=True, exist_ok=True)
                partial = (folder / take).with_suffix(".part")
                with archive.open(members[take.name]) as source, partial.open("wb") as out:
                    shutil.copyfileobj(source, out)
                partial.replace(folder / take)


def archives(actors: list[int], audio_only: bool) -> dict[str, list[Path]]:
    """Name of each archive → where below DIR the takes of ``actors`` that it holds belong."""

    def takes(actor: int, modality: int, suffix: str) -> list[Path]:
        return [Path(f"Actor_{actor:02d}", file_name(key, modality, suffix)) for key in performances(actor)]

    voices = {AUDIO: [take for actor in actors for take in takes(actor, 3, ".wav")]}
    videos = {f"Video_Speech_Actor_{actor:02d}.zip": takes(actor, 1, ".mp4") + takes(actor, 2, ".mp4") for actor in actors}
    return voices if audio_only else voices | videos


def missing(folder: Path, takes: list[Path]) -> list[Path]:
    """Those of ``takes`` that are not in ``folder``. They are put there whole or not at all, so being there is enough."""
    return [take for take in takes if not ((folder / take).is_file() and (folder / take).stat().st_size)]


def agreed() -> bool:
    """Show the licence; whether it is accepted on a terminal."""
    print(LICENCE, flush=True)
    if sys.stdin.isatty():
        print("Do you agree? [y/N] ", end="", flush=True)
    return sys.stdin.isatty() and sys.stdin.readline().strip().lower() in ("y", "yes")


@contextmanager
def explained(what: str, advice: str) -> Iterator[None]:
    """DownloadError for whatever goes wrong with ``what``, in one sentence; where the system says what, no advice is needed."""
    try:
        yield
    except _BROKEN as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error).split(". ")[0]  # pooch writes three sentences
        if isinstance(error, requests.RequestException):  # whose text is a chain of Python objects
            answer = error.response
            reason = type(error).__name__ if answer is None else f"the server answers {answer.status_code} {answer.reason}"
        if isinstance(error, OSError) and error.strerror:
            raise DownloadError(f"{error.filename or what}: {error.strerror}") from error
        raise DownloadError(f"{what}: {reason}: {advice}") from error
