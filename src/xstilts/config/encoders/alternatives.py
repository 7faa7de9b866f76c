"""What to use of an encoder that cannot be loaded as it stands on the hub."""

from __future__ import annotations

# Commits that add safetensors to a repository whose main branch has only a pickle: pull requests of
# the hub's own conversion service, each its main branch with model.safetensors beside the pickle.
_SAFETENSORS = {
    "BAAI/bge-m3": "9a0624b896d81da7492a910ffa53731274b6cf3d",
    "facebook/xlm-v-base": "643a987aa713ecd3c9a26a801fc715aa7f56b409",
    "jhu-clsp/mmBERT-base": "ca5b84ba39fb0531402e727a3d9a50626d9f522c",
    "jhu-clsp/mmBERT-small": "461475a70b192efcbb760df5541d3825b07c4d5b",
    "microsoft/mdeberta-v3-base": "faf660b811036d7b6dfc53aacfe5281447d4e2c6",
}
# The same weights for an architecture that transformers itself has.
_NATIVE_COPIES = {
    "Alibaba-NLP/gte-multilingual-base": "alibaba-nlp-community/gte-multilingual-base"
}


def known_commit(hub_id: str) -> str | None:
    """A commit of this repository that has safetensors, if one is known."""
    return _SAFETENSORS.get(hub_id)


def native_copy(hub_id: str) -> str | None:
    """A repository with the same encoder that needs no code of its own, if one is known."""
    return _NATIVE_COPIES.get(hub_id)
