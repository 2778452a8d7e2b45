"""Addresses as settings have them: of our listeners, as `host:port`, and of other servers, as URLs."""

from urllib.parse import urlsplit

_HIGHEST_PORT = 65_535


def read_listen(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:8080` or `[::1]:8080`; ValueError that says what to write."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    plain = bool(colon and host) and (bracketed or ":" not in host)
    if not (plain and port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT):
        raise ValueError(f"{text!r} is no address to listen at: write host:port, such as 127.0.0.1:8080")
    return host, int(port)


def show_listen(host: str, port: int) -> str:
    """The text that `read_listen` reads."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def read_base(text: str) -> str:
    """The URL that paths are put behind, without the last slash; ValueError for what is none.

    No user, query or fragment: they would stand in the middle.
    """
    parts = urlsplit(text)
    usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    if not usable or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"{text!r} is no URL such as http://127.0.0.1:8088")
    return text.rstrip("/")
