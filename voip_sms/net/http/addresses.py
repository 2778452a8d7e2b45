"""Addresses of listeners as `host:port` texts."""

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
