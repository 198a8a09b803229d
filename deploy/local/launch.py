"""Become another program that dies with the process that started it, and that need not be root.

Started as `python launch.py PARENT DEATH_SIGNAL USER PROGRAM …`; the program takes over this process and its id.
A step between fork and exec would do the same, but is unsafe in a parent with threads (gRPC, Kafka clients).
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITIES_VERSION_3 = 0x20080522


def main() -> None:
    """Change user first: the kernel forgets the death signal when a process changes its user."""
    parent, death_signal, user, *argv = sys.argv[1:]
    if user:
        _become(user)
    if sys.platform == "linux":
        _libc().prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit("the parent died before its child began")
    os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted


def _become(user: str) -> None:
    """Give up root but keep reaching files, so that a checkout below /root (mode 700) needs no wider rights."""
    entry = pwd.getpwnam(user)
    if sys.platform == "linux":
        _libc().prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    if sys.platform == "linux":
        # Where the container withholds this capability, ordinary file rights have to be enough.
        only = 1 << CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION_3, 0)
        effective_permitted_inheritable = (ctypes.c_uint32 * 6)(only, only, only, 0, 0, 0)
        _libc().capset(header, effective_permitted_inheritable)
        _libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


if __name__ == "__main__":
    main()
