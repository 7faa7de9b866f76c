"""Which versions made a result."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Iterable
from contextlib import suppress

# Where the distribution is not called as the module is.
_DISTRIBUTIONS = {"faiss": "faiss-cpu", "pynvml": "nvidia-ml-py", "yaml": "pyyaml"}
# What does a library's work without being imported here.
_BENEATH = {"transformers": ("tokenizers", "safetensors"), "polars": ("pyarrow",)}
_LIBRARIES = (
    "torch",
    "transformers",
    "tokenizers",
    "sentencepiece",
    "datasets",
    "pyarrow",
    "faiss-cpu",
    "seqeval",
)


def versions() -> dict[str, str]:
    """Versions of this package, Python and the libraries that shape a result."""
    # Not by an import, since another number is no other code.
    own = sys.modules[__name__.partition(".")[0]].__version__
    found = {"xstilts": own, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def installed(modules: Iterable[str]) -> list[str]:
    """The installed distributions that modules come from, as `name/version`, and Python."""
    wanted = set(modules)
    wanted |= {beneath for module in wanted for beneath in _BENEATH.get(module, ())}
    found = [f"python/{'.'.join(platform.python_version_tuple()[:2])}"]
    for module in sorted(wanted):
        name = _DISTRIBUTIONS.get(module, module)
        with suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name}/{importlib.metadata.version(name)}")
    return found
