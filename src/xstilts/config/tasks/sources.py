"""What several rows of the table share: how sources are written, hub revisions, label names."""

from __future__ import annotations

from xstilts.config.tasks.types import FolderSource, HubSource

SPLITS = ("train", "dev", "test")
# Splits of a task that is only trained on, where they have their own names in its files.
TRAINED = {"train": "train", "dev": "dev"}

# Commits of the Parquet versions, which need no loading script.
XTREME_HUB = ("google/xtreme", "ec5f1f46e9af79639a90684a7a70a956c4998f04")
GLUE = ("nyu-mll/glue", "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c")
SUPERGLUE = ("aps/super_glue", "3de24cf8022e94f4ee4b9d55a6f539891524d646")
SNLI = ("stanfordnlp/snli", "cdb5c3d5eed6ead6e5a341c8e56e669bb666725b")
ANLI = ("facebook/anli", "8e4813d81f46d313dac7892e1c28076917cfcdf9")
XNLI_HUB = ("facebook/xnli", "b8dd5d7af51114dbda02c0e3f6133f332186418e")
PAWSX_HUB = ("google-research-datasets/paws-x", "4cd8187c404bda33cb1f62b49b001115862acf37")
SQUAD = ("rajpurkar/squad", "7b6d24c440a36b6815f21b70d25016731768db1f")
SQUAD_V2 = ("rajpurkar/squad_v2", "80596c4f2b9ffcd716039dfc7e564c4e491802ec")
HELLASWAG = ("Rowan/hellaswag", "218ec52e09a7e7462a5400043bb9a69a41d06b76")
# The hub's own conversion to Parquet, in its branch refs/convert/parquet: the set's main branch
# holds a loading script only. The hub squashes that branch's history at every conversion
# (huggingface/dataset-viewer, config/parquet_and_info.py), after which this commit is gone.
COSMOSQA = ("allenai/cosmos_qa", "ed50fe83db62b355759053b1cd5eef344ee371e0")
COMMONSENSEQA = ("tau/commonsense_qa", "94630fe30dad47192a8546eb75f094926d47e155")
XCOPA_HUB = ("cambridgeltl/xcopa", "042f78955ba48e6404616762fa6e05e839c3907a")
BUCC = ("mteb/BUCC", "414572247440f0ccacf7eb0bb70a31533a0e5443")
SIB200_HUB = ("Davlan/sib200", "38977a667f6fc264d5c26ec57a01e16db040b358")
AMERICASNLI_HUB = ("nala-cub/americas_nli", "aa389759092cb553655aa4002a1a28f4ac78657b")
AFRIXNLI_HUB = ("masakhane/afrixnli", "e3ca06b30f3e7af2a86f6c8609ea76fee326bc56")
BELEBELE_HUB = ("facebook/belebele", "7899cdfa4e1e0d733fd77c848e2c273cb1d32be2")
TATOEBA112_HUB = ("mteb/tatoeba-bitext-mining", "69e8f12da6e31d59addadda9a9c8a2e601a0e282")
UD_HUB = ("commul/universal_dependencies", "d0de5f4ebea6d669c018e560f2c378d70b864144")

NLI_LABELS = ("entailment", "neutral", "contradiction")
SIB_LABELS = (
    "science/technology",
    "travel",
    "politics",
    "sports",
    "health",
    "entertainment",
    "geography",
)
NER_TAGS = ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER")
UPOS_TAGS = (
    "ADJ",
    "ADP",
    "ADV",
    "AUX",
    "CCONJ",
    "DET",
    "INTJ",
    "NOUN",
    "NUM",
    "PART",
    "PRON",
    "PROPN",
    "PUNCT",
    "SCONJ",
    "SYM",
    "VERB",
    "X",
)
# Languages that XNLI, and with it MultiNLI by machine, was translated into.
_XNLI = "ar bg de el en es fr hi ru sw th tr ur vi zh"
XNLI_LANGUAGES = tuple(_XNLI.split())


def files(reader: str, *names: str, common: tuple[str, ...] = ()) -> FolderSource:
    """Files that one reader takes together."""
    return FolderSource(reader=reader, files=names, common=common)


def per_split(*sources: FolderSource, **splits: str) -> dict[str, tuple[FolderSource, ...]]:
    """Alternatives with `{split}` in their names, by what a split is called there."""
    return {
        split: tuple(
            files(
                source.reader,
                *(file.replace("{split}", name) for file in source.files),
                common=source.common,
            )
            for source in sources
        )
        for split, name in (splits or dict(zip(SPLITS, SPLITS, strict=True))).items()
    }


def with_train(
    folder: dict[str, tuple[FolderSource, ...]], *sources: FolderSource
) -> dict[str, tuple[FolderSource, ...]]:
    """Further alternatives for the training data."""
    return {**folder, "train": (*folder["train"], *sources)}


def hub(
    reader: str,
    pinned: tuple[str, str],
    config: str,
    languages: tuple[str, ...] = (),
    *,
    fragile: bool = False,
    **splits: str,
) -> dict[str, tuple[HubSource, ...]]:
    """Splits of one data set on the hub, by what they are called there."""
    repo, revision = pinned
    return {
        split: (
            HubSource(
                reader=reader,
                repo=repo,
                revision=revision,
                config=config,
                split=name,
                languages=languages,
                fragile=fragile,
            ),
        )
        for split, name in splits.items()
    }


def joined(*several: dict[str, tuple[HubSource, ...]]) -> dict[str, tuple[HubSource, ...]]:
    """Data sets that are read one after the other, split by split."""
    return {
        split: tuple(source for each in several for source in each[split]) for split in several[0]
    }


# The folder of XTREME's translations, as its bucket is laid out.
TRANSLATIONS = "xtreme_translations"
# MultiNLI by machine: by XNLI's authors (XNLI-MT-1.0, also on the hub), and by XTREME's.
TRANSLATED_MNLI = (
    files("xnli_mt_tsv", "XNLI-MT-1.0/multinli/multinli.train.{lang}.tsv"),
    files("translated_tsv", f"{TRANSLATIONS}/XNLI/translate-train/en-{{to}}-translated.tsv"),
)
TRANSLATED_MNLI_HUB = hub("pairs", XNLI_HUB, "{lang}", XNLI_LANGUAGES, train="train")
