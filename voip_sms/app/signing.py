"""The key that signs our mails, taken from its file when the service starts."""

import stat
from pathlib import Path

from voip_sms.doors.mail.settings import MailSettings
from voip_sms.forwards.mail import Sign
from voip_sms.net.dkim import DkimSigner
from voip_sms.net.tls import TlsFileError


def mail_signer(settings: MailSettings) -> Sign | None:
    """What signs mails; None without `dkim_selector` and `dkim_key`. TlsFileError when it can't be used."""
    if not (settings.dkim_selector and settings.dkim_key):
        return None
    path = Path(settings.dkim_key)
    try:
        if stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH:
            raise _unusable(f"dkim_key: {path}: everybody can read it; chmod 600 it")
        return DkimSigner.from_file(settings.domain, settings.dkim_selector, path).sign
    except OSError as error:
        raise _unusable(f"dkim_key: {path}: {error.strerror}; check path and rights") from None
    except ValueError as error:
        raise _unusable(f"{error} ({path})") from None


def _unusable(text: str) -> TlsFileError:
    error = TlsFileError(text)
    error.section = "mail"
    return error
