"""Runs a program as systemd would under a unit's system call filter and MemoryDenyWriteExecute, without systemd.

Called as a program: `python confined.py FILE PROGRAM …`, where FILE has the numbers of the allowed calls, a line
each. What isn't allowed gets EPERM (`SystemCallErrorNumber=EPERM`). Linux on x86-64, from 6.3 on.
"""

import ctypes
import os
import struct
import sys
from pathlib import Path

# linux/prctl.h, linux/seccomp.h, linux/audit.h
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 22, 38, 65
SECCOMP_MODE_FILTER, MDWE_REFUSE_EXEC_GAIN = 2, 1
ARCH_X86_64 = 0xC000003E
ALLOW, EPERM, KILL = 0x7FFF0000, 0x00050001, 0x80000000
# linux/bpf_common.h: load a word at an absolute offset, jump if equal, return; of struct seccomp_data.
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER, ARCHITECTURE = 0, 4
INSTRUCTION = struct.Struct("=HBBI")


def program(allowed: list[int]) -> bytes:
    """The filter in classic BPF: another architecture kills, what is listed passes, all else is refused."""
    steps = [
        (LOAD, 0, 0, ARCHITECTURE),
        (JUMP_IF_EQUAL, 1, 0, ARCH_X86_64),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
    ]
    for number in allowed:
        steps += [(JUMP_IF_EQUAL, 0, 1, number), (RETURN, 0, 0, ALLOW)]
    steps.append((RETURN, 0, 0, EPERM))
    return b"".join(INSTRUCTION.pack(*step) for step in steps)


def confine(allowed: list[int]) -> None:
    """This process and all that it becomes. OSError where the kernel can't."""
    octets = program(allowed)
    held = ctypes.create_string_buffer(octets, len(octets))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    whole = Program(len(octets) // INSTRUCTION.size, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    for option, first, second in (
        (PR_SET_NO_NEW_PRIVS, 1, None),
        (PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, None),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(whole)),
    ):
        arguments = [ctypes.c_ulong(one or 0) for one in (first, second, 0, 0)]
        if libc.prctl(option, *arguments):
            raise OSError(ctypes.get_errno(), f"prctl {option}")


if __name__ == "__main__":
    confine([int(line) for line in Path(sys.argv[1]).read_text(encoding="ascii").split()])
    os.execvp(sys.argv[2], sys.argv[2:])
