"""The SMPP client alone: parts a second against window / RTT, and the processor's time for each part.

`python -m bench.smpp_window [--window N] [--latency MS] [--seconds S] [--rounds N]`. The RTT is what a bare
socket measures against the same server, one submit at a time.
"""

import argparse
import asyncio
import contextlib
import logging
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import structlog
import uvloop

from voip_sms.carriers.smpp.link import LinkContext, SmppLink
from voip_sms.core.clock import SystemClock
from voip_sms.core.failures import Accepted, Outcome
from voip_sms.core.model import CarrierReceipt, InboundPart, OutboundPart, Sender
from voip_sms.core.resources.network import SmppCarrier
from voip_sms.wire import smpp
from voip_sms.wire.smpp import numbers

RTT_SAMPLES = 50
WARM_UP = 0.3
TEXT = "Dzien dobry, Twoje zamowienie nr 12345 jest gotowe do odbioru. Zapraszamy codziennie od 9 do 18."


@dataclass(frozen=True, slots=True)
class Figures:
    """One round: `rtt` in seconds, `rate` in parts a second, `each` in processor microseconds a part."""

    rtt: float
    rate: float
    each: float
    window: int

    @property
    def ratio(self) -> float:
        return self.rate * self.rtt / self.window


class _Nobody:
    """ports.CarrierEvents of an engine that hears nothing."""

    async def receive(self, carrier: str, part: InboundPart) -> None:
        """Never called: the server sends nothing."""

    async def receipt(self, carrier: str, receipt: CarrierReceipt) -> None:
        """Never called either."""


class _Load:
    """Fills the window whenever there is room, and counts."""

    def __init__(self, link: SmppLink) -> None:
        self.accepted = 0
        self.others = 0
        self._link = link
        self._running = True
        self._part = OutboundPart(
            bytes(16), bytes(16), 1, 1, 0, Sender("name", "ACME"), "+48601123456", TEXT, "gsm7", 0, 86400
        )

    def send(self) -> None:
        if self._running:
            for _ in range(self._link.free()):
                self._link.submit(self._part, self._done)

    def stop(self) -> None:
        self._running = False

    def _done(self, _part: OutboundPart, outcome: Outcome) -> None:
        if isinstance(outcome, Accepted):
            self.accepted += 1
        else:
            self.others += 1


async def _round(window: int, latency: float, seconds: float) -> Figures:
    """One round of so many seconds against a server that answers after `latency` milliseconds."""
    with _server(latency) as port:
        rtt = _bare_rtt(port)
        settings = SmppCarrier(
            name="slow", host="127.0.0.1", port=port, system_id="bench", password="bench", window=window
        )
        link = SmppLink(settings, LinkContext(_Nobody(), SystemClock(), "PL"))
        load = _Load(link)
        link.on_free(load.send)
        await link.start()
        await asyncio.sleep(WARM_UP)
        if link.state().state != "bound":
            raise RuntimeError(f"not bound: {link.state()}")
        before, began, spent = load.accepted, time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        after, took, spent = load.accepted, time.perf_counter() - began, time.process_time() - spent
        load.stop()
        await link.stop(1.0)
        if load.others:
            raise RuntimeError(f"{load.others} parts were not accepted")
        return Figures(rtt, (after - before) / took, 1e6 * spent / max(1, after - before), window)


@contextlib.contextmanager
def _server(latency: float) -> Iterator[int]:
    command = [sys.executable, "-m", "bench.slow_smsc", str(latency)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


def _bare_rtt(port: int) -> float:
    """The median seconds from a submit_sm to its response, over a socket with nothing around it."""
    pdu = smpp.SubmitSm(
        2, smpp.Address.alphanumeric("ACME"), smpp.Address.international("48601123456"), TEXT.encode()
    )
    submit = smpp.encode(pdu)
    times = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(smpp.encode(smpp.Bind(numbers.BIND_TRANSMITTER, 1, "bare")))
        _read_pdu(connection)
        for _ in range(RTT_SAMPLES):
            began = time.perf_counter()
            connection.sendall(submit)
            _read_pdu(connection)
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def _read_pdu(connection: socket.socket) -> bytes:
    (length,) = struct.unpack(">I", connection.recv(4, socket.MSG_WAITALL))
    return connection.recv(length - 4, socket.MSG_WAITALL)


def measure(window: int, latency: float, seconds: float, rounds: int) -> Figures:
    """The median round. Blocks; has an event loop of its own, the one that the service uses."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    found = [uvloop.run(_round(window, latency, seconds)) for _ in range(rounds)]
    return sorted(found, key=lambda figures: figures.ratio)[rounds // 2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.smpp_window", description=__doc__)
    parser.add_argument("--window", type=int, nargs="*", default=[1, 10, 50, 100])
    parser.add_argument("--latency", type=float, default=20.0, help="milliseconds (20)")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print(f"{'window':>6} {'RTT ms':>8} {'window/RTT':>11} {'parts/s':>9} {'ratio':>6} {'CPU µs each':>12}")
    for window in asked.window:
        one = measure(window, asked.latency, asked.seconds, asked.rounds)
        print(
            f"{window:6} {1000 * one.rtt:8.2f} {window / one.rtt:11.0f} {one.rate:9.0f}"
            f" {one.ratio:6.3f} {one.each:12.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
