# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program and all its processes cost, read from /proc: CPU time and memory of a whole process tree.

A tree is the process that was started, everything in the session that it leads, and all their descendants.
The time of children that have ended is in their parent's figures once it has waited for them, so a sum over the
tree loses nothing when a worker is replaced. Nothing here signals a process; who stops one does it by pid.
"""
import os
from dataclasses import dataclass

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    pid: int
    name: str
    state: str
    parent: int
    session: int
    user: int      # ticks, with those of the children it has waited for
    kernel: int
    started: int   # ticks since boot; tells a process from a later one with the same pid


def look(pid):
    """The process, or None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
            line = f.read()
    except OSError:
        return None
    name_end = line.rindex(")")       # a name may hold spaces and brackets
    rest = line[name_end + 2:].split()
    user, kernel, child_user, child_kernel = (int(n) for n in rest[11:15])
    return Process(pid=pid, name=line[line.index("(") + 1:name_end], state=rest[0], parent=int(rest[1]),
                   session=int(rest[3]), user=user + child_user, kernel=kernel + child_kernel,
                   started=int(rest[19]))


def tree(root):
    """All processes of the tree, parents and those that have ended but are not waited for included."""
    everyone = [p for p in (look(int(name)) for name in os.listdir("/proc") if name.isdigit()) if p]
    mine = {p.pid: p for p in everyone if p.pid == root or p.session == root}
    grown = True
    while grown:
        more = {p.pid: p for p in everyone if p.parent in mine and p.pid not in mine}
        mine.update(more)
        grown = bool(more)
    return list(mine.values())


def alive(process):
    """Whether this very process still runs."""
    now = look(process.pid)
    return now is not None and now.started == process.started and now.state != "Z"


def cpu_seconds(root):
    """(user, kernel) of the whole tree so far."""
    processes = tree(root)
    return sum(p.user for p in processes) / TICKS, sum(p.kernel for p in processes) / TICKS


def cpu_by_name(root):
    """Seconds, user and kernel together, by the name of the program."""
    seconds = {}
    for p in tree(root):
        seconds[p.name] = seconds.get(p.name, 0) + (p.user + p.kernel) / TICKS
    return seconds


def memory_bytes(root):
    """RssAnon + RssShmem of the tree: what its processes hold and no file stands behind."""
    total = 0
    for p in tree(root):
        try:
            with open(f"/proc/{p.pid}/status", encoding="latin-1") as f:
                for line in f:
                    if line.startswith(("RssAnon:", "RssShmem:")):
                        total += int(line.split()[1]) * 1024
        except OSError:
            continue            # it has ended since
    return total


def core_busy_seconds(core):
    """How long this core has worked for anybody."""
    with open("/proc/stat", encoding="latin-1") as f:
        for line in f:
            fields = line.split()
            if fields[0] == f"cpu{core}":
                user, nice, kernel, _idle, _iowait, irq, softirq, steal = (int(n) for n in fields[1:9])
                return (user + nice + kernel + irq + softirq + steal) / TICKS
    return 0.0
