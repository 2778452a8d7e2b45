"""Compiles what each SMS passes through, where VOIP_SMS_COMPILED=1 asks for it (docs/operate/install.md)."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.build_ext import build_ext

COMPILED = {
    "carriers/smpp": "inbound intake keeper link outbound outbox pace session window",
    "core": """
        addresses blocking buckets clock directory failures identity ids internal leases model originators
        planning prefixes quotas rating routing screening segments sites status
    """,
    "doors/api": "access idempotency sending",
    "engine": """
        acceptance billing claims counting credentials dispatch lane limits mail mail_claims mail_rows
        outcomes pairs progress receipts rows signals submit
    """,
    "net/http": "direct",
    "store": "batch bulk bulk_postgresql bulk_sqlite jobs memory resolve sheet transactions units",
    "wire/mail": "bodies charsets heads model parts reading",
    "wire/smpp": "*",
}
"""What each SMS passes through, by folder. Compiled, they hold callers to what their annotations say."""
MYPY = ("--no-warn-unused-ignores", "--no-warn-return-any")
"""What `make check` warns of, and wrongly so where only some modules are read."""


class ParallelBuild(build_ext):
    """One extension of a hundred sources, which setuptools would compile one after the other."""

    def build_extensions(self) -> None:
        """Compile with every core."""
        compile_one_by_one = self.compiler.compile

        def compile_all(sources: list[str], **settings: Any) -> list[str]:
            with ThreadPoolExecutor(os.cpu_count()) as cores:
                made = cores.map(lambda source: compile_one_by_one([source], **settings), sources)
                return [path for paths in made for path in paths]

        self.compiler.compile = compile_all
        super().build_extensions()


def modules() -> list[str]:
    """Their paths."""
    root = Path("voip_sms")
    found = (
        path
        for folder, names in COMPILED.items()
        for name in names.split()
        for path in sorted(root.glob(f"{folder}/{name}.py"))
    )
    return [str(path) for path in found if path.stat().st_size]


def extensions() -> list[Any]:
    """None, unless asked for: a source tree that is worked in stays as it is written."""
    if os.environ.get("VOIP_SMS_COMPILED") != "1":
        return []
    from mypyc.build import mypycify  # noqa: PLC0415 - there only where it is asked for

    return mypycify([*MYPY, *modules()], opt_level="2", debug_level="0", multi_file=True)


setup(ext_modules=extensions(), cmdclass={"build_ext": ParallelBuild})
