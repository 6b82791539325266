"""The socket that the workers of a server share."""

from __future__ import annotations

import socket

from stageline.errors import InvalidInput
from stageline.serving.patience import know_vanished_peers


def bound(host: str, port: int) -> socket.socket:
    """A socket that is bound and does not listen yet: whoever asks before a worker is ready is refused."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InvalidInput(f"there is no address {host!r} to listen on: {error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        know_vanished_peers(listener)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise InvalidInput(
            f"{host}:{port} can not be listened on: {error.strerror}. Choose another --port; 0 takes any that is free"
        ) from error
    return listener
