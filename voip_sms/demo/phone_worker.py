"""A real SIP phone (PJSIP) in a process of its own, driven by JSON lines on stdin and answering on stdout.

PJSIP is GPL, keeps global state and aborts its process when a foreign thread calls it: so nothing of ours
shares a process with it, and it is worked from one thread that polls both it and stdin.

In:  {"do": "start", "user", "password", "domain", "host", "port", "transport", "expires", "root_ca",
      "log"}
     {"do": "register"} · {"do": "unregister"} · {"do": "send", "id", "to", "text"} · {"do": "quit"}
     and what makes calls (call_worker.py)
Out: {"event": "started", "address"} · {"event": "registered", "status", "reason", "expires"}
     {"event": "sent", "id", "status", "reason"}
     {"event": "message", "from", "to", "contact", "body", "content_type", "headers": [[name, value], …]}
     {"event": "error", "text"}
"""

import json
import os
import select
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pjsua2 as pj

from voip_sms.demo.call_worker import Calls

# How long PJSIP may wait for network events at a time: the delay of a command, too.
POLL_MS = 10
# PJSIP holds 256 buddies at most.
MAX_BUDDIES = 200
CHUNK = 65536
_KINDS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}

Emit = Callable[[dict[str, Any]], None]


class PhoneAccount(pj.Account):  # type: ignore[misc]  # the binding has no types
    """Turns PJSIP's callbacks into events. It has answered 200 already when a message gets here."""

    def __init__(self, emit: Emit, sent: Callable[[int, str], None], calls: Calls) -> None:
        super().__init__()
        self._emit = emit
        self._sent = sent
        self._calls = calls

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        self._calls.came_in(self, prm.callId)

    def onRegState(self, prm: Any) -> None:  # noqa: N802  # the name is PJSIP's
        self._emit(
            {"event": "registered", "status": prm.code, "reason": prm.reason, "expires": prm.expiration}
        )

    def onInstantMessageStatus(self, prm: Any) -> None:  # noqa: N802
        self._sent(prm.code, prm.reason)

    def onInstantMessage(self, prm: Any) -> None:  # noqa: N802
        headers = _headers(prm.rdata.wholeMsg)
        # PJSIP cuts the parameters off its own copy of the type.
        content_type = next((value for name, value in headers if name.lower() in ("content-type", "c")), "")
        self._emit(
            {
                "event": "message",
                "from": prm.fromUri,
                "to": prm.toUri,
                "contact": prm.contactUri,
                "body": prm.msgBody,
                "content_type": content_type or prm.contentType,
                "headers": headers,
            }
        )


class Worker:
    """One account on one endpoint. Messages leave one at a time: PJSIP's results carry no id of ours."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._endpoint = pj.Endpoint()
        self._account: PhoneAccount | None = None
        self._calls = Calls(self._endpoint, emit)
        # PJSIP frees what Python forgets while its callbacks still need it.
        self._buddies: dict[str, pj.Buddy] = {}
        self._waiting: deque[dict[str, Any]] = deque()
        self._under_way: dict[str, Any] | None = None

    def handle(self, command: dict[str, Any]) -> None:
        """Do one command; a mistake of PJSIP's or the caller's becomes an error event."""
        try:
            getattr(self, "do_" + command.pop("do"))(**command)
        except (pj.Error, ValueError, TypeError, AttributeError, KeyError) as error:
            text = error.info() if isinstance(error, pj.Error) else str(error)
            self._emit({"event": "error", "text": text})

    def poll(self) -> None:
        self._endpoint.libHandleEvents(POLL_MS)
        self._send_next()
        self._calls.poll()

    def close(self) -> None:
        self._calls.close()
        if self._account is not None:
            self._account.shutdown()
        self._buddies.clear()
        with suppress(pj.Error):
            self._endpoint.libDestroy()

    def do_start(self, **settings: Any) -> None:
        self._start_library(settings["log"])
        address = self._open_transports(settings)
        self._account = PhoneAccount(self._emit, self._sent, self._calls)
        self._account.create(_account_of(settings))
        self._emit({"event": "started", "address": address})

    def do_register(self) -> None:
        self._started().setRegistration(True)

    def do_unregister(self) -> None:
        self._started().setRegistration(False)

    def do_send(self, **message: Any) -> None:
        self._waiting.append({"id": message["id"], "to": message["to"], "text": message["text"]})

    def do_call(self, **call: Any) -> None:
        self._calls.make(self._started(), call)

    def do_answer(self, record: str) -> None:
        self._calls.answer_all(record)

    def do_press(self, **keys: Any) -> None:
        self._calls.press(keys["id"], keys["digits"])

    def do_hang_up(self, **call: Any) -> None:
        self._calls.hang_up(call["id"])

    def _start_library(self, log: str) -> None:
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.userAgent = "voip-sms phone (PJSIP)"
        config.medConfig.noVad = True  # silence is sent, as most phones do
        config.logConfig.consoleLevel = 0
        config.logConfig.level = 5 if log else 0
        config.logConfig.filename = log
        self._endpoint.libCreate()
        self._endpoint.libInit(config)

    def _open_transports(self, settings: dict[str, Any]) -> str:
        """The address of the one that it was asked for."""
        host = settings["host"] if settings["host"] == "127.0.0.1" else ""
        made = self._open(_KINDS[settings["transport"]], host, settings["root_ca"])
        if settings["transport"] == "udp":
            # RFC 3261 18.1.1: a phone goes over to TCP when a request is too large for UDP.
            self._open(pj.PJSIP_TRANSPORT_TCP, host)
        self._endpoint.libStart()
        return str(self._endpoint.transportGetInfo(made).localName)

    def _open(self, kind: int, host: str, root_ca: str = "") -> Any:
        config = pj.TransportConfig()
        config.port = 0
        config.boundAddress = host
        if root_ca:
            config.tlsConfig.CaListFile = root_ca
            config.tlsConfig.verifyServer = True
        return self._endpoint.transportCreate(kind, config)

    def _started(self) -> PhoneAccount:
        if self._account is None:
            raise ValueError("start first")
        return self._account

    def _send_next(self) -> None:
        if self._under_way is not None or not self._waiting:
            return
        message = self._under_way = self._waiting.popleft()
        try:
            parameters = pj.SendInstantMessageParam()
            parameters.contentType = "text/plain"
            parameters.content = message["text"]
            self._buddy(message["to"]).sendInstantMessage(parameters)
        except (pj.Error, ValueError) as error:
            self._sent(0, error.info() if isinstance(error, pj.Error) else str(error))

    def _sent(self, status: int, reason: str) -> None:
        message, self._under_way = self._under_way, None
        if message is not None:
            self._emit({"event": "sent", "id": message["id"], "status": status, "reason": reason})

    def _buddy(self, uri: str) -> pj.Buddy:
        if uri not in self._buddies:
            while len(self._buddies) >= MAX_BUDDIES:
                self._buddies.pop(next(iter(self._buddies)))
            config = pj.BuddyConfig()
            config.uri = uri
            config.subscribe = False
            buddy = pj.Buddy()
            buddy.create(self._started(), config)
            self._buddies[uri] = buddy
        return self._buddies[uri]


def _account_of(settings: dict[str, Any]) -> pj.AccountConfig:
    user, domain = settings["user"], settings["domain"]
    account = pj.AccountConfig()
    account.idUri = f"sip:{user}@{domain}"
    account.regConfig.registrarUri = f"sip:{domain}"
    account.regConfig.registerOnAdd = False
    account.regConfig.timeoutSec = settings["expires"]
    account.regConfig.retryIntervalSec = 0  # who drives us decides when to try again
    account.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", user, 0, settings["password"]))
    # The domain need not be in the DNS: all goes to the registrar, as with a phone's outbound proxy.
    over = "" if settings["transport"] == "udp" else f";transport={settings['transport']}"
    # Asking again for one codec alone, as a call begins, would forget the keys that were pressed.
    account.mediaConfig.lockCodecEnabled = False
    if settings["host"] == "127.0.0.1":
        # Where sound comes from another address than its description says, a PBX first waits and learns.
        account.mediaConfig.transportConfig.boundAddress = settings["host"]
    account.sipConfig.proxies.append(f"sip:{settings['host']}:{settings['port']};lr{over}")
    return account


def _headers(whole: str) -> list[list[str]]:
    head = whole.replace("\r\n", "\n").partition("\n\n")[0]
    pairs = (line.partition(":") for line in head.split("\n")[1:])
    return [[name.strip(), value.strip()] for name, _, value in pairs]


def _emitter(descriptor: int) -> Emit:
    def emit(event: dict[str, Any]) -> None:
        os.write(descriptor, json.dumps(event).encode("ascii") + b"\n")

    return emit


def _arrived(rest: bytes) -> tuple[list[bytes], bytes] | None:
    """Whole lines on stdin and what is left over; None when whoever drives us is gone."""
    if not select.select([0], [], [], 0)[0]:
        return [], rest
    chunk = os.read(0, CHUNK)
    if not chunk:
        return None
    *lines, rest = (rest + chunk).split(b"\n")
    return lines, rest


def main() -> None:
    # The library prints to stdout when it pleases; the events keep a channel of their own.
    events = os.dup(1)
    os.dup2(2, 1)
    worker = Worker(_emitter(events))
    lines: list[bytes] = []
    rest = b""
    with suppress(KeyboardInterrupt):
        while (arrived := _arrived(rest)) is not None:
            lines, rest = arrived
            commands = [json.loads(line) for line in lines]
            for command in commands:
                if command.get("do") == "quit":
                    worker.close()
                    sys.exit(0)
                worker.handle(command)
            worker.poll()
    worker.close()


if __name__ == "__main__":
    main()
