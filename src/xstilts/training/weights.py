"""Weights of a published encoder: safetensors, or a pickle that is converted once if asked."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from xstilts.config.encoders.hub_names import known_commit
from xstilts.errors import XstiltsError
from xstilts.execution.files import sha256_file
from xstilts.features.published_files import file_of, is_published, place_of, published_file

log = logging.getLogger(__name__)

SAFETENSORS, SAFETENSORS_INDEX = "model.safetensors", "model.safetensors.index.json"
# How weights are loaded: without code or pickles of others, and so that what is missing shows.
LOADING: dict[str, Any] = {
    "dtype": torch.float32,
    "use_safetensors": True,
    "trust_remote_code": False,
    "output_loading_info": True,
    # Refused by name, where they are asked for.
    "ignore_mismatched_sizes": True,
}
_PICKLE, _PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"


def has_pickle_alone(name: str | Path, revision: str | None) -> bool:
    """Whether the weights are published as a pickle and not as safetensors."""

    def there(*files: str) -> bool:
        return any(is_published(name, revision, file) for file in files)

    return not there(SAFETENSORS, SAFETENSORS_INDEX) and there(_PICKLE, _PICKLE_INDEX)


def pickle_alone(name: str | Path, revision: str | None) -> XstiltsError:
    """The error about weights that are published as a pickle alone."""
    commit = known_commit(str(name))
    return XstiltsError(
        f"its weights are published as a pickle alone ({_PICKLE}), not as safetensors, and a pickle"
        " can run any code when it is loaded",
        where=place_of(name, revision),
        hint=f"set `revision: {commit}`, a commit that adds safetensors"
        # The catalogue's own commit may turn out to be wrong.
        if commit not in (None, revision)
        else "set `convert_pickle: true` for this encoder, which converts the tensors in it once"
        " and refuses anything else",
    )


def convert_pickle(name: str | Path, revision: str | None, output: Path) -> dict[str, str]:
    """Write the tensors of a pickle, whole or in shards, as safetensors with their configuration.

    Nothing in a pickle is run: what is not a tensor is refused (`torch.load(weights_only=True)`).

    Returns:
        SHA-256 of each file that was read, by its name.

    Raises:
        XstiltsError: a file is missing or damaged, or holds something else than tensors.
    """
    index = published_file(name, revision, _PICKLE_INDEX)
    files = [_PICKLE]
    if index is not None:
        files = _shards(index)
    digests: dict[str, str] = {}
    tensors: dict[str, Tensor] = {}
    for file in files:
        path = _needed_file(name, revision, file)
        log.info("converting %s", path)
        digests[file] = sha256_file(path)
        tensors |= _tensors(path)
    output.mkdir(parents=True)
    shutil.copyfile(_needed_file(name, revision, "config.json"), output / "config.json")
    # Tensors that share their memory (tied ones) cannot be written as they are.
    shared: set[int] = set()
    for key, tensor in tensors.items():
        memory = tensor.untyped_storage().data_ptr()
        tensors[key] = tensor.clone() if memory in shared else tensor.contiguous()
        shared.add(memory)
    save_file(tensors, output / SAFETENSORS, metadata={"format": "pt"})
    return digests


def _needed_file(name: str | Path, revision: str | None, file: str) -> Path:
    try:
        return file_of(name, revision, file)
    except OSError as error:
        raise XstiltsError(
            f"cannot read the file {file}: {error}", where=place_of(name, revision)
        ) from None


def _shards(index: Path) -> list[str]:
    """The files that an index of weights names."""
    try:
        return sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise XstiltsError(
            "cannot convert the pickle: this is no index of its weights",
            where=index,
            hint="use another copy or revision of the encoder",
        ) from None


def _tensors(path: Path) -> dict[str, Tensor]:
    hint = "use another copy or revision of the encoder"
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # What is no pickle is read as its instructions, and may raise anything.
        raise XstiltsError(
            "cannot convert the pickle: it is damaged, or holds something else than weights"
            f" ({_reason(error)})",
            where=path,
            hint=hint,
        ) from None
    if not isinstance(found, dict) or not all(
        isinstance(name, str) and isinstance(each, Tensor) and each.layout == torch.strided
        for name, each in found.items()
    ):
        raise XstiltsError(
            "cannot convert the pickle: it holds something else than weights by their names",
            where=path,
            hint=hint,
        )
    return found


def _reason(error: Exception) -> str:
    """What PyTorch found, without its advice to load the file in a way that runs code."""
    found = str(error).rpartition("WeightsUnpickler error: ")[2].partition("\n")[0]
    return ": ".join(filter(None, (type(error).__name__, found.partition(". ")[0])))
