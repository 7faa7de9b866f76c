"""How alike subwords of all languages are to those of English (`xstilts.features.overlap`)."""

from xstilts.execution.jobs import job, record

with job(snakemake):
    from pathlib import Path

    from xstilts.config.tasks import TARGETS
    from xstilts.execution.parquet import read_meta, write_table
    from xstilts.features.overlap import TargetFiles, subword_overlap, text_starts
    from xstilts.features.tokenizer import load_tokenizer

    data, features, english = (
        {Path(path).parent.name: path for path in snakemake.input[name]}
        for name in ("data", "features", "english")
    )
    trained_on = {target: TARGETS[target].train_set for target in data if target in features}
    tokenizer = load_tokenizer(Path(snakemake.input.encoder))
    table = subword_overlap(
        {
            target: TargetFiles(
                data=data[target],
                features=features[target],
                english=None if train_set is None else english[train_set],
                before=text_starts(
                    tokenizer, read_meta(features[target])["lengths"].get("prefix", "")
                ),
            )
            for target, train_set in trained_on.items()
            if train_set is None or train_set in english
        },
        # What the tokenizer does not know is part of a text.
        special={*tokenizer.all_special_ids} - {tokenizer.unk_token_id},
    )
    write_table(snakemake.output[0], table, record(snakemake))
