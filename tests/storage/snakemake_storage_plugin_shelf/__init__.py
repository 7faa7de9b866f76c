"""Object storage for tests: what is stored or retrieved is copied to or from a folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from snakemake_interface_storage_plugins.io import IOCacheStorageInterface, Mtime
from snakemake_interface_storage_plugins.storage_object import (
    StorageObjectRead,
    StorageObjectTouch,
    StorageObjectWrite,
)
from snakemake_interface_storage_plugins.storage_provider import (
    ExampleQuery,
    Operation,
    QueryType,
    StorageProviderBase,
    StorageQueryValidationResult,
)

# Snakemake keeps the time of a folder in such a file.
_TIMESTAMP = ".snakemake_timestamp"


class StorageProvider(StorageProviderBase):
    """Any path is a query."""

    @classmethod
    def example_queries(cls) -> list[ExampleQuery]:
        return [ExampleQuery("/shelf/file.txt", "A path.", QueryType.ANY)]

    def rate_limiter_key(self, query: str, operation: Operation) -> Any:
        return None

    def default_max_requests_per_second(self) -> float:
        return 0

    def use_rate_limiter(self) -> bool:
        return False

    @classmethod
    def is_valid_query(cls, query: str) -> StorageQueryValidationResult:
        return StorageQueryValidationResult(query=query, valid=True)

    def list_objects(self, query: Any) -> Iterable[str]:
        return map(str, Path(query).rglob("*"))


class StorageObject(StorageObjectRead, StorageObjectWrite, StorageObjectTouch):
    """A file or folder on the shelf."""

    def __post_init__(self) -> None:
        self.place = Path(self.query)

    async def inventory(self, cache: IOCacheStorageInterface) -> None:
        cache.exists_in_storage[self.cache_key()] = self.exists()
        if self.exists():
            cache.mtime[self.cache_key()] = Mtime(storage=self.mtime())
            cache.size[self.cache_key()] = self.size()

    def get_inventory_parent(self) -> str | None:
        return None

    def local_suffix(self) -> str:
        return self.query.removeprefix("/")

    def cleanup(self) -> None:
        pass

    def exists(self) -> bool:
        return self.place.exists()

    def mtime(self) -> float:
        timestamp = self.place / _TIMESTAMP
        return (timestamp if timestamp.exists() else self.place).stat().st_mtime

    def size(self) -> int:
        return self.place.stat().st_size

    def retrieve_object(self) -> None:
        _copy(self.place, Path(self.local_path()))

    def store_object(self) -> None:
        self.remove()
        _copy(Path(self.local_path()), self.place)

    def remove(self) -> None:
        if self.place.is_dir():
            shutil.rmtree(self.place)
        else:
            self.place.unlink(missing_ok=True)

    def touch(self) -> None:
        (self.place / _TIMESTAMP if self.place.is_dir() else self.place).touch()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)
