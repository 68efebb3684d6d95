"""Put on the path of Spark's Python workers: connections leave this machine no more.

What was refused is written to the file that EMBEDPIPE_REFUSED names.
"""

import os
import socket
import sys
from pathlib import Path

_LOCAL = ("127.", "::1", "localhost")
_connect = socket.socket.connect


def _refuse(place):
    with Path(os.environ["EMBEDPIPE_REFUSED"]).open("a", encoding="utf-8") as file:
        file.write(f"{sys.argv} {place}\n")
    raise PermissionError(f"these tests allow no connection to {place}")


def connect(self, address):
    if isinstance(address, tuple) and not str(address[0]).startswith(_LOCAL):
        _refuse(address)
    return _connect(self, address)


def getaddrinfo(host, *args, **kwargs):
    if host and not str(host).startswith((*_LOCAL, socket.gethostname())):
        _refuse(host)
    return _getaddrinfo(host, *args, **kwargs)


if "EMBEDPIPE_REFUSED" in os.environ:
    _getaddrinfo = socket.getaddrinfo
    socket.socket.connect = connect
    socket.getaddrinfo = getaddrinfo
