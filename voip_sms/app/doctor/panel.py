"""The panel's address: whether links in mails lead to it, and passwords reach it by TLS."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from voip_sms.app.doctor.findings import Finding
from voip_sms.app.settings import Settings
from voip_sms.net.listeners import is_loopback

NAME: Final = "panel.url"
_EXAMPLE: Final = "https://sms.example.com/panel"


def look(settings: Settings) -> Iterator[Finding]:
    """Nothing at all where the panel isn't served. What is no address the settings refuse themselves."""
    if not (settings.panel.enabled and settings.http.listen):
        return
    url = settings.panel.url
    parts = urlsplit(url)
    if not url:
        shown = settings.panel.address(settings.http.listen)
        advice = f"set it to what people type, such as {_EXAMPLE}"
        yield Finding("warn", NAME, f"not set, so links in mails lead to {shown}", advice)
    elif parts.path != "/panel":
        advice = f"write {parts.scheme}://{parts.netloc}/panel: no proxy may move it"
        yield Finding("fail", NAME, f"{url} leads past the panel, and so do links in mails", advice)
    elif parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        advice = "put a TLS proxy in front and write https here: passwords and texts pass in the clear"
        yield Finding("warn", NAME, f"{url} is not https", advice)
    else:
        yield Finding("ok", NAME, url)
