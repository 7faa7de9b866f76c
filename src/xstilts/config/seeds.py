"""Seeds derived from what they are for, so that random numbers do not depend on names of runs."""

from __future__ import annotations

import hashlib


def derive_seed(*parts: object) -> int:
    """A seed from what it is for, e.g. (seed, cell name, "dropout", step); 63 bits."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
