"""``python -m xai.benchmark``: the former name of ``python -m tests.bench.speed``, which it runs."""

import runpy

if __name__ == "__main__":
    runpy.run_module("tests.bench.speed", run_name="__main__")
