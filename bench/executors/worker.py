"""The process of a worker: `python -m bench.executors.worker DESCRIPTOR`, begun by `processes`.

It answers on the socket of that number, and ends with whoever holds the other end, at once and with
every program that it runs then.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from bench.executors.kit import Bench


def main(descriptor: int) -> None:
    """Do tasks until the other end is closed."""
    connection = Connection(descriptor)
    received: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(connection, received), daemon=True).start()
    bench = Bench(received.get())
    connection.send(bench.introduce())
    while True:
        for answer in bench.do(*received.get()):
            connection.send(answer)
        connection.send(None)


def _listen(connection: Connection, received: SimpleQueue[Any]) -> None:
    try:
        while True:
            received.put(connection.recv())
    except (EOFError, OSError):
        os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
