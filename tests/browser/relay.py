"""A line between a browser and a service that can be cut: TCP, handed on byte by byte."""

import contextlib
import socket
import threading
from collections.abc import Iterator

_PIECE = 65536


class Relay:
    """Listens on a free port of 127.0.0.1; what comes there goes to the target, and back."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open: set[socket.socket] = set()
        self._whole = threading.Event()
        self._whole.set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection breaks off, and new ones do at once, until it is mended."""
        self._whole.clear()
        with self._lock:
            for each in self._open:
                _shut(each)

    def mend(self) -> None:
        """New connections are handed on again."""
        self._whole.set()

    def close(self) -> None:
        """Nothing is handed on any more."""
        self.cut()
        _shut(self._listening)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if not self._whole.is_set():
                return
            with socket.create_connection(self._target) as service:
                with self._lock:
                    self._open |= {client, service}
                back = threading.Thread(target=_pump, args=(service, client), daemon=True)
                back.start()
                _pump(client, service)
                back.join()
                with self._lock:
                    self._open -= {client, service}


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            sink.sendall(piece)
    _shut(sink)


def _shut(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def relay(url: str) -> Iterator[Relay]:
    """A line to the service at that address."""
    host, _, port = url.rpartition("//")[2].partition(":")
    line = Relay(host, int(port))
    try:
        yield line
    finally:
        line.close()
