"""DAW sessions of a console: DAWproject and REAPER."""

from fxnorm.sessions.dawproject import read_dawproject, write_dawproject
from fxnorm.sessions.reaper import read_rpp, write_rpp
from fxnorm.sessions.session import Clip, Session
from fxnorm.sessions.writing import Recordings, WrittenFormat, WrittenSession, write_session

__all__ = [
    "Clip",
    "Recordings",
    "Session",
    "WrittenFormat",
    "WrittenSession",
    "read_dawproject",
    "read_rpp",
    "write_dawproject",
    "write_rpp",
    "write_session",
]
