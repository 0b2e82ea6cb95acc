"""``python -m xai.summary``: SHAP values of the reference clips by every model, for the page Models."""

from __future__ import annotations

import sys

from xai.model_level.summary import main

if __name__ == "__main__":
    sys.exit(main())
