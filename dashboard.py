"""The dashboard. Start it with: streamlit run dashboard.py"""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
import uvicorn

GRACE = 3  # seconds


@asynccontextmanager
async def ending_in_time(app: st.App) -> AsyncIterator[None]:
    """Once it is told to stop, the server waits GRACE for browsers to take what they asked for, not without end."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if isinstance(server, uvicorn.Server):
        server.config.timeout_graceful_shutdown = GRACE
    yield


app = st.App("pages/shell.py", lifespan=ending_in_time)
