"""What the system tests share: the real program as a child, and small clients for WebSocket,
Socket.IO and event streams."""

from .case import SystemTest
from .events import Event, EventStream
from .process import DEADLINE, Server, binary, clean_environment, eventually, free_port
from .redis import Proxy, Redis, RedisClient, RedisError
from .socketio import Engine, HttpError, Refused, SocketIO
from .websocket import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Closed, WebSocket, frame,
                        read_response, tcp)

__all__ = [
    "BINARY", "CLOSE", "CONTINUATION", "Closed", "DEADLINE", "Engine", "Event", "EventStream",
    "HttpError", "PING", "PONG", "Proxy", "Redis", "RedisClient", "RedisError", "Refused", "Server",
    "SocketIO", "SystemTest", "TEXT", "WebSocket", "binary", "clean_environment", "eventually",
    "frame", "free_port", "read_response", "tcp",
]
