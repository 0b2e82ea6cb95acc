"""``python -m xai.report``: the former name of ``python -m tests.bench.trust_report``, which it runs."""

import runpy

if __name__ == "__main__":
    runpy.run_module("tests.bench.trust_report", run_name="__main__")
