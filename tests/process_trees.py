"""What a process and all that it started have open, as Linux shows it."""

from __future__ import annotations

from pathlib import Path

# States of sockets in /proc/net: a TCP socket that listens, a UDP socket with an address.
_WAITING = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}


def tree(root: int) -> set[int]:
    """A process, its descendants, and all in its session if that is its own."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        parent, session, process = int(fields[1]), int(fields[3]), int(path.parent.name)
        children.setdefault(parent, []).append(process)
        if session == root != process:
            children.setdefault(root, []).append(process)
    found, waiting = set(), [root]
    while waiting:
        process = waiting.pop()
        found.add(process)
        waiting += children.get(process, [])
    return found


def ports(root: int) -> set[str]:
    """Ports on which a process or a descendant waits for others, e.g. `tcp 0100007F:1F90`."""
    sockets = {}
    for protocol, state in _WAITING.items():
        table = Path("/proc/net") / protocol
        for line in table.read_text().splitlines()[1:] if table.is_file() else ():
            fields = line.split()
            if fields[3] == state:
                sockets[f"socket:[{fields[9]}]"] = f"{protocol} {fields[1]}"
    return {sockets[name] for name in _open(tree(root)) if name in sockets}


def _open(processes: set[int]) -> set[str]:
    names = set()
    for process in processes:
        try:
            links = list(Path(f"/proc/{process}/fd").iterdir())
        except OSError:
            continue
        for link in links:
            try:
                names.add(str(link.readlink()))
            except OSError:
                continue
    return names
