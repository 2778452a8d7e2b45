"""`voip-sms`: the group of all commands, each loaded when it is called."""

import importlib
import importlib.util
from typing import Final

import click

_COMMANDS: Final = {
    "serve": ("voip_sms.cli.serve:serve", "Run the service."),
    "apply": ("voip_sms.cli.apply:apply", "Bring carriers, prices and tenants to what a file says."),
    "audit": ("voip_sms.cli.audit:audit", "See who changed what, and prove that record whole."),
    "config": ("voip_sms.cli.config:config", "Show, check or sample the configuration file."),
    "db": ("voip_sms.cli.db:db", "Look after the database."),
    "doctor": ("voip_sms.cli.doctor:doctor", "Check that everything the service needs is there."),
    "explain": ("voip_sms.cli.explain:explain", "Say why a message went as it did."),
    "ivr": ("voip_sms.cli.ivr:ivr", "Check, draw and try flows of calls."),
    "kamailio": ("voip_sms.cli.kamailio:kamailio", "What a Kamailio in front has to know."),
    "phone": ("voip_sms.cli.phone:phone", "A SIP phone in the terminal."),
    "smsc": ("voip_sms.cli.smsc:smsc", "Run the carrier simulator alone."),
    "user": ("voip_sms.cli.user:user", "People who sign in at the panel."),
    "webhooks": ("voip_sms.cli.webhooks:webhooks", "See and repeat what customers' URLs were told."),
}


class _Lazy(click.Group):
    """Knows every command's name and purpose, and imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, purpose) for name, (_, purpose) in _COMMANDS.items()])


def _form() -> str:
    """Whether what each SMS passes through is compiled (`setup.py`)."""
    spec = importlib.util.find_spec("voip_sms.core.planning")
    as_written = spec is None or spec.origin is None or spec.origin.endswith(".py")
    return "as written" if as_written else "compiled"


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="voip-sms", message=f"%(prog)s, version %(version)s ({_form()})")
def main() -> None:
    """SMS for VoIP operators: phones, mail and programs in, carriers out, and the answers back."""


if __name__ == "__main__":
    main()
