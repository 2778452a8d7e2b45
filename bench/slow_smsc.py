"""An SMSC that answers every submit_sm a fixed time after it came, to a fraction of a millisecond.

Two threads that sleep: event loops round their timers to whole milliseconds, much of a short latency.
`python -m bench.slow_smsc MILLISECONDS` prints its port and serves until its standard input ends.
"""

import collections
import os
import socket
import struct
import sys
import threading
import time

# SMPP 3.4, 5.1.2.1
SUBMIT_SM = 0x00000004
RESPONSE = 0x80000000
HEADER = struct.Struct(">IIII")
_READ = 1 << 16


class Delayed:
    """Answers, each with the moment at which it leaves."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._queue: collections.deque[tuple[float, bytes]] = collections.deque()
        self._more = threading.Semaphore(0)

    def add(self, when: float, octets: bytes) -> None:
        self._queue.append((when, octets))
        self._more.release()

    def run(self) -> None:
        while True:
            self._more.acquire()
            when, octets = self._queue.popleft()
            if not octets:
                return
            wait = when - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            # What is due by now leaves together, as it would from any server that is busy.
            due = [octets]
            while self._queue and self._queue[0][1] and self._queue[0][0] <= time.monotonic():
                self._more.acquire()
                due.append(self._queue.popleft()[1])
            try:
                self._connection.sendall(b"".join(due))
            except OSError:
                return


def _answer(command: int, sequence: int) -> bytes:
    body = b"%x\0" % sequence if command == SUBMIT_SM else b"slow\0" if command & 0x0F in (1, 2, 9) else b""
    return HEADER.pack(HEADER.size + len(body), command | RESPONSE, 0, sequence) + body


def _serve(connection: socket.socket, latency: float) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    delayed = Delayed(connection)
    threading.Thread(target=delayed.run, daemon=True).start()
    buffer = b""
    while data := connection.recv(_READ):
        now, buffer, start = time.monotonic(), buffer + data, 0
        while len(buffer) - start >= HEADER.size:
            length, command, _, sequence = HEADER.unpack_from(buffer, start)
            if len(buffer) - start < length:
                break
            start += length
            if not command & RESPONSE:
                delayed.add(now + (latency if command == SUBMIT_SM else 0), _answer(command, sequence))
        buffer = buffer[start:]
    delayed.add(0, b"")


def main() -> None:
    latency = float(sys.argv[1]) / 1000
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=_accept, args=(listener, latency), daemon=True).start()
    sys.stdin.read()
    os._exit(0)


def _accept(listener: socket.socket, latency: float) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, latency), daemon=True).start()


if __name__ == "__main__":
    main()
