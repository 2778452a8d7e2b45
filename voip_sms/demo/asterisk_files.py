"""The files of /etc/asterisk for an Asterisk that lives in one folder and listens on 127.0.0.1 alone."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Each call takes two ports; the range is drawn anew so that two Asterisks seldom share one.
RTP_PORTS: Final = 200
RTP_RANGE: Final = range(10_000, 19_800, RTP_PORTS)

# All but what would look for hardware, databases and servers of others.
MODULES: Final = """\
[modules]
autoload = yes
noload = chan_iax2.so
noload = chan_unistim.so
noload = chan_motif.so
noload = chan_console.so
noload = pbx_dundi.so
noload = res_calendar.so
noload = res_hep.so
noload = res_smdi.so
noload = res_xmpp.so
noload = res_snmp.so
noload = res_stun_monitor.so
noload = app_voicemail.so
noload = app_voicemail_odbc.so
"""

ASTERISK: Final = """\
[directories]
astetcdir => {folder}/etc
astmoddir => {modules}
astvarlibdir => {folder}/lib
astdbdir => {folder}/lib
astkeydir => {folder}/lib
astdatadir => {folder}/data
astagidir => {folder}/lib
astspooldir => {folder}/spool
astrundir => {folder}/run
astlogdir => {folder}/log
astcachedir => {folder}/cache
astsbindir => {folder}/run
[options]
hideconnect = yes
documentation_language = en_US
"""

LOGGER: Final = """\
[general]
[logfiles]
console => error,warning,notice,verbose(3)
"""

HTTP: Final = """\
[general]
enabled = yes
bindaddr = 127.0.0.1
bindport = {port}
"""

ARI: Final = """\
[general]
enabled = yes
[{user}]
type = user
read_only = no
password = {password}
"""

RTP: Final = """\
[general]
rtpstart = {first}
rtpend = {last}
"""

# The transports first; an endpoint must not name one, or a text cannot go back the way that its writer came.
TRANSPORTS: Final = """\
[udp]
type = transport
protocol = udp
bind = 127.0.0.1:{port}
[tcp]
type = transport
protocol = tcp
bind = 127.0.0.1:{port}
"""

PHONE: Final = """\
[{user}]
type = endpoint
context = phones
message_context = messages
disallow = all
allow = ulaw,alaw
dtmf_mode = rfc4733
direct_media = no
rtp_symmetric = yes
callerid = <{user}>
auth = {user}
aors = {user}
[{user}]
type = auth
auth_type = userpass
username = {user}
password = pw{user}
[{user}]
type = aor
max_contacts = 1
remove_existing = yes
"""


@dataclass(frozen=True, slots=True)
class Places:
    """The folder that is all Asterisk's own, and the root below which its package's files lie."""

    folder: Path
    root: Path

    @property
    def modules(self) -> Path:
        """Debian keeps them per architecture, others do not."""
        found = sorted(self.root.glob("usr/lib/*/asterisk/modules"))
        return found[0] if found else self.root / "usr/lib/asterisk/modules"

    def make(self) -> None:
        """Make its folders; what it reads of its package is linked."""
        for name in ("etc", "lib", "data/sounds", "spool", "run", "log", "cache/media_cache"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        package = self.root / "usr/share/asterisk"
        for target, place in self._links(package):
            with suppress(FileExistsError):
                place.symlink_to(target)
        english = self.folder / "data/sounds/en"
        english.mkdir(exist_ok=True)
        for sound in (package / "sounds/en_US_f_Allison").glob("*"):
            with suppress(FileExistsError):
                (english / sound.name).symlink_to(sound)

    def _links(self, package: Path) -> Iterator[tuple[Path, Path]]:
        # Without its own description of its options, Asterisk reads no file of them.
        for name in ("documentation", "rest-api", "static-http"):
            yield package / name, self.folder / "data" / name
        # Some builds look for the description below its changing data.
        yield package / "documentation", self.folder / "lib/documentation"


def settings(
    places: Places, *, sip_port: int, http_port: int, phones: Sequence[str], ari: tuple[str, str]
) -> Mapping[str, str]:
    """The text of every file but the dialplan, by its name."""
    first = random.choice(RTP_RANGE)
    endpoints = "".join(PHONE.format(user=user) for user in phones)
    return {
        "asterisk.conf": ASTERISK.format(folder=places.folder, modules=places.modules),
        "modules.conf": MODULES,
        "logger.conf": LOGGER,
        "http.conf": HTTP.format(port=http_port),
        "ari.conf": ARI.format(user=ari[0], password=ari[1]),
        "rtp.conf": RTP.format(first=first, last=first + RTP_PORTS - 1),
        "pjsip.conf": TRANSPORTS.format(port=sip_port) + endpoints,
    }
