"""Become another program that dies with the process that started it, and that need not be root.

Started as `python launch.py PARENT DEATH_SIGNAL USER PROGRAM …`; the program takes over this process and its id.
A step between fork and exec would do the same, but is unsafe in a parent with threads (gRPC, Kafka clients).
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


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
    """Give up root, and with it every right of root's."""
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


if __name__ == "__main__":
    main()
