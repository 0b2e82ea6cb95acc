"""Uploads stay in memory: the server must not put what it receives on disk, not even for a moment."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st


def keep_uploads_in_memory() -> None:
    """Starlette moves an upload of more than 1 MB to a (nameless) temporary file; here it may be as large as any upload may be.

    Streamlit releases that run on Tornado never do that, and have no Starlette.
    """
    with suppress(ImportError):
        from starlette.formparsers import MultiPartParser

        MultiPartParser.spool_max_size = (st.get_option("server.maxUploadSize") + 1) * 2**20
