"""Takes webhooks, checks their signature, and prints what came: the least that a receiver must do.

    python3 receive_webhook.py whsec_… 9000

No library is needed; those of Standard Webhooks do the same.
"""

import base64
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

TOLERANCE = 300
"""Seconds that a request may be old: an older one was captured and played again."""
LONGEST = 1024 * 1024


def proven(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether we were meant: `webhook-signature` has `v1,<base64 of HMAC-SHA256 over id.timestamp.body>`."""
    identifier, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(now - int(stamp)) > TOLERANCE:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((identifier.encode(), stamp.encode(), body))
    wanted = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(wanted, one) for one in given)


class Receiver(BaseHTTPRequestHandler):
    """2xx: taken. 410: send no more. Anything else comes again, with the same webhook-id."""

    secret = ""

    def do_POST(self) -> None:
        """One event."""
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(min(length, LONGEST))
        headers = {name.lower(): value for name, value in self.headers.items()}
        known = proven(self.secret, headers, body, time.time())
        self.send_response(204 if known else 401)
        self.end_headers()
        if known:
            event = json.loads(body)
            message = event["data"]
            print(event["type"], message["from"], message["to"], message["text"], flush=True)


if __name__ == "__main__":
    Receiver.secret = sys.argv[1]
    HTTPServer(("127.0.0.1", int(sys.argv[2])), Receiver).serve_forever()
