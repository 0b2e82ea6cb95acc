"""A host of so much memory bears that much and no more."""

import signal
import subprocess
import sys

import pytest

from tests.load.small_host import small_host

_GROW = "import sys; sys.stdin.readline(); kept = b'x' * (int(sys.argv[1]) << 20); print(len(kept) >> 20)"


@pytest.mark.skipif(sys.platform != "linux", reason="control groups")
@pytest.mark.parametrize(("megabytes", "bears"), [(10, True), (400, False)])
def test_it_kills_what_outgrows_it(megabytes, bears):
    try:
        with small_host(100) as host:
            process = subprocess.Popen([sys.executable, "-c", _GROW, str(megabytes)], stdin=-1, stdout=-1, text=True)
            host.take(process.pid)
            said, _ = process.communicate("\n", timeout=60)
            assert (said == f"{megabytes}\n") is bears
            assert process.returncode == (0 if bears else -signal.SIGKILL)
            assert min(megabytes, 90) <= host.peak() <= 101
    except OSError:
        pytest.skip("no control groups here, or not for this user")
