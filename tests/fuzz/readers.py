"""Coverage-guided fuzzing of the readers: ``pip install atheris``, then ``python -m tests.fuzz.readers --minutes 10``.

Atheris (libFuzzer) alters small files of every kind and keeps what reaches new lines of ``features/``; FFmpeg and libsndfile
are not instrumented, but run all the same. What breaks a promise of :mod:`tests.fuzz.oracle`, or the process, is written
to ``tests/features/findings/``, which ``tests/features/test_findings.py`` replays for ever after.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.oracle import complaint

FINDINGS = Path(__file__).parents[1] / "features" / "findings"
_LONGEST = 12_000  # bytes of an input
WORDS = r"""
RIFF WAVE fmt data fact LIST RF64 ds64 FORM AIFF COMM SSND fLaC OggS ID3 caff ftyp isom moov mvhd trak tkhd edts elst mdia mdhd hdlr
minf stbl stsd stts ctts stsc stsz stco co64 stss mdat moof traf trun tfhd avc1 avcC hvc1 av01 mp4a esds
\x1aE\xdf\xa3 \x18S\x80g \x1fC\xb6u \x00\x00\x01 \xff\xff\xff\xff \x7f\xff\xff\xff
"""
_HANGS, _MEGABYTES = 60, 2048  # seconds and memory after which libFuzzer gives a worker up


def main(arguments: list[str] | None = None) -> int:
    """Fuzz for a while, in a worker that is started again after a crash; 1 if anything new was found."""
    p = argparse.ArgumentParser(prog="python -m tests.fuzz.readers", description=__doc__)
    p.add_argument("--minutes", type=float, default=10.0)
    p.add_argument("--corpus", type=Path, help="keep the inputs that reach new lines here, and go on from them")
    p.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = p.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        corpus = options.corpus or Path(folder)
        if options.worker is not None:
            return _work(corpus, options.worker)
        from tests.fuzz.seeds import seeds  # not in the worker: it must see the first import of features

        corpus.mkdir(parents=True, exist_ok=True)
        for data in seeds():
            (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
        return _supervise(corpus, time.monotonic() + 60 * options.minutes)


def _supervise(corpus: Path, end: float) -> int:
    known = set(FINDINGS.glob("*"))
    runs, coverage = 0, 0
    while (left := int(end - time.monotonic())) > 0:
        command = [sys.executable, "-m", "tests.fuzz.readers", "--corpus", str(corpus), "--worker", str(left)]
        worker = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace")
        done = 0
        for line in worker.stderr or ():
            if progress := re.match(r"#(\d+)\s.*cov: (\d+)", line):
                done, coverage = int(progress[1]), max(coverage, int(progress[2]))
            elif line.startswith("=="):  # libFuzzer on a crash; the rest is what libraries say about broken files
                print(line, end="")
        worker.wait()
        runs += done
    new = sorted(path.name for path in set(FINDINGS.glob("*")) - known)
    print(f"{runs:,} inputs, {coverage} edges of features/ reached, {len(list(corpus.iterdir()))} inputs kept, {len(new)} findings")
    for name in new:
        print(f"  {name}")
    return 1 if new else 0


def _work(corpus: Path, seconds: int) -> int:
    import atheris

    with atheris.instrument_imports(include=["features"]):
        import features  # noqa: F401

    FINDINGS.mkdir(exist_ok=True)
    told = set()

    def one(data: bytes) -> None:
        fault = complaint(data)
        if fault and fault not in told:
            told.add(fault)
            name = re.sub(r"\W+", "-", fault).strip("-").lower()
            (FINDINGS / f"{name}-{hashlib.sha256(data).hexdigest()[:8]}").write_bytes(data)

    with tempfile.NamedTemporaryFile("w", suffix=".dict") as words:
        words.writelines(f'"{word}"\n' for word in WORDS.split())
        words.flush()
        limits = [f"-max_total_time={seconds}", f"-max_len={_LONGEST}", f"-timeout={_HANGS}", f"-rss_limit_mb={_MEGABYTES}"]
        atheris.Setup([sys.argv[0], str(corpus), f"-dict={words.name}", f"-artifact_prefix={FINDINGS}/", *limits], one)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
