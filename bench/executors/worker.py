"""What a worker's process runs, begun by `processes`: it answers until the other end is closed."""

from __future__ import annotations

from bench.child import Parent
from bench.executors.kit import Bench


def main(parent: Parent) -> None:
    """Do tasks, one after the other."""
    bench = Bench(parent.receive())
    parent.send(bench.introduce())
    while True:
        for answer in bench.do(*parent.receive()):
            parent.send(answer)
        parent.send(None)
