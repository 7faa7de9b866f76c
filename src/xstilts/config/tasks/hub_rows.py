"""How many rows the hub's data sets have at the commits that the table of tasks pins.

From the data sets' own cards (`num_examples`; huggingface/datasets at 040102f keeps those of 2022)
and, of BUCC, the card at the pinned commit. They were not counted in the pinned files themselves.
"""

from __future__ import annotations

# Data set, its configs (`*` for each of the names behind it, for all where there are none), and
# rows by split. Of AfriXNLI's test sets the 400 without neutral are known, a third being left out.
_TABLE = """
nyu-mll/glue | mnli | | train 392702 validation_matched 9815
nyu-mll/glue | qqp | | train 363846 validation 40430
aps/super_glue | copa | | train 400 validation 100 test 500
stanfordnlp/snli | plain_text | | train 550152 validation 10000
facebook/anli | plain_text | | train_r1 16946 train_r2 45460 train_r3 100459
facebook/anli | plain_text | | dev_r1 1000 dev_r2 1000 dev_r3 1200
facebook/xnli | * | ar bg de el en es fr hi ru sw th tr ur vi zh | validation 2490 test 5010
facebook/xnli | * | ar bg de el es fr hi ru sw th tr ur vi zh | train 392702
google-research-datasets/paws-x | * | de en es fr ja ko zh | train 49401 validation 2000 test 2000
rajpurkar/squad | plain_text | | train 87599 validation 10570
rajpurkar/squad_v2 | squad_v2 | | train 130319 validation 11873
Rowan/hellaswag | default | | train 39905 validation 10042
allenai/cosmos_qa | default | | train 25262 validation 2985
tau/commonsense_qa | default | | train 9741 validation 1221
cambridgeltl/xcopa | * | et ht id it qu sw ta th tr vi zh | validation 100 test 500
mteb/BUCC | *-en | de fr ru zh | test 1
Davlan/sib200 | * | | train 701 validation 99 test 204
facebook/belebele | * | | test 900
masakhane/afrixnli | * | | validation 450 test 600
nala-cub/americas_nli | * | aym bzd gn hch quy shp tar | validation 743 test 750
nala-cub/americas_nli | * | cni | validation 658 test 750
nala-cub/americas_nli | * | nah | validation 376 test 738
nala-cub/americas_nli | * | oto | validation 222 test 748
google/xtreme | PAN-X.* | ar bg de el en es fa fi fr he hu | train 20000 validation 10000 test 10000
google/xtreme | PAN-X.* | id it ja ko nl pt ru th tr vi zh | train 20000 validation 10000 test 10000
google/xtreme | PAN-X.* | et | train 15000 validation 10000 test 10000
google/xtreme | PAN-X.* | eu ka | train 10000 validation 10000 test 10000
google/xtreme | PAN-X.* | ms ur | train 20000 validation 1000 test 1000
google/xtreme | PAN-X.* | ta | train 15000 validation 1000 test 1000
google/xtreme | PAN-X.* | bn ml tl | train 10000 validation 1000 test 1000
google/xtreme | PAN-X.* | af hi mr | train 5000 validation 1000 test 1000
google/xtreme | PAN-X.* | kk sw te | train 1000 validation 1000 test 1000
google/xtreme | PAN-X.* | jv my yo | train 100 validation 100 test 100
google/xtreme | udpos.* | Afrikaans | train 1315 validation 194 test 425
google/xtreme | udpos.* | Arabic | train 6075 validation 909 test 1680
google/xtreme | udpos.* | Basque | train 5396 validation 1798 test 1799
google/xtreme | udpos.* | Bulgarian | train 8907 validation 1115 test 1116
google/xtreme | udpos.* | Chinese | train 18998 validation 3038 test 5528
google/xtreme | udpos.* | Dutch | train 18051 validation 1394 test 1471
google/xtreme | udpos.* | English | train 21253 validation 3974 test 5440
google/xtreme | udpos.* | Estonian | train 25749 validation 3125 test 3760
google/xtreme | udpos.* | Finnish | train 27198 validation 3239 test 4422
google/xtreme | udpos.* | French | train 47308 validation 5979 test 9465
google/xtreme | udpos.* | German | train 166849 validation 19233 test 22458
google/xtreme | udpos.* | Greek | train 28152 validation 2559 test 2809
google/xtreme | udpos.* | Hebrew | train 5241 validation 484 test 491
google/xtreme | udpos.* | Hindi | train 13304 validation 1659 test 2684
google/xtreme | udpos.* | Hungarian | train 910 validation 441 test 449
google/xtreme | udpos.* | Indonesian | train 4477 validation 559 test 1557
google/xtreme | udpos.* | Italian | train 29685 validation 2278 test 3518
google/xtreme | udpos.* | Japanese | train 7125 validation 511 test 2372
google/xtreme | udpos.* | Kazakh | train 31 test 1047
google/xtreme | udpos.* | Korean | train 27410 validation 3016 test 4276
google/xtreme | udpos.* | Marathi | train 373 validation 46 test 47
google/xtreme | udpos.* | Persian | train 4798 validation 599 test 600
google/xtreme | udpos.* | Portuguese | train 17992 validation 1770 test 2681
google/xtreme | udpos.* | Russian | train 67435 validation 9960 test 11336
google/xtreme | udpos.* | Spanish | train 28492 validation 3054 test 3147
google/xtreme | udpos.* | Tagalog | test 55
google/xtreme | udpos.* | Tamil | train 400 validation 80 test 120
google/xtreme | udpos.* | Telugu | train 1051 validation 131 test 146
google/xtreme | udpos.* | Thai | test 1000
google/xtreme | udpos.* | Turkish | train 3664 validation 988 test 4785
google/xtreme | udpos.* | Urdu | train 4043 validation 552 test 535
google/xtreme | udpos.* | Vietnamese | train 1400 validation 800 test 800
google/xtreme | udpos.* | Yoruba | test 100
google/xtreme | XQuAD.* | ar de el en es hi ru th tr vi zh | validation 1190
google/xtreme | MLQA.*.* | ar | validation 517 test 5335
google/xtreme | MLQA.*.* | de | validation 512 test 4517
google/xtreme | MLQA.*.* | en | validation 1148 test 11590
google/xtreme | MLQA.*.* | es | validation 500 test 5253
google/xtreme | MLQA.*.* | hi | validation 507 test 4918
google/xtreme | MLQA.*.* | vi | validation 511 test 5495
google/xtreme | MLQA.*.* | zh | validation 504 test 5137
google/xtreme | tydiqa | | train 49881 validation 5077
google/xtreme | tatoeba.* | afr ara ben bul cmn deu ell est eus fin | validation 1000
google/xtreme | tatoeba.* | fra heb hin hun ind ita jpn kor mar nld | validation 1000
google/xtreme | tatoeba.* | pes por rus spa tgl tur urd vie | validation 1000
google/xtreme | tatoeba.* | kat | validation 746
google/xtreme | tatoeba.* | mal | validation 687
google/xtreme | tatoeba.* | kaz | validation 575
google/xtreme | tatoeba.* | tha | validation 548
google/xtreme | tatoeba.* | swh | validation 390
google/xtreme | tatoeba.* | tam | validation 307
google/xtreme | tatoeba.* | tel | validation 234
google/xtreme | tatoeba.* | jav | validation 205
"""


def _read(table: str) -> dict[tuple[str, str, str], int]:
    found = {}
    for line in table.strip().split("\n"):
        repo, config, names, counts = (part.strip() for part in line.split("|"))
        words = counts.split()
        for name in names.split() or ["*" if config == "*" else ""]:
            for split, rows in zip(words[::2], words[1::2], strict=True):
                found[repo, config.replace("*", name), split] = int(rows)
    return found


_ROWS = _read(_TABLE)


def expected_rows(repo: str, config: str, split: str) -> int | None:
    """Rows of one split of a config at the commit that the table of tasks pins, if known."""
    return _ROWS.get((repo, config, split), _ROWS.get((repo, "*", split)))
