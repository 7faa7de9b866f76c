"""Targets beyond XTREME and XTREME-R, in some 300 languages; none is in XTREME's averages.

Which languages a set holds and what it calls them stands in `xstilts.config.languages.codes`; its
layout, traps and how it is scored in docs/data.md. Folders are those of `data_root`, or checkouts
of the sets' own repositories below it.
"""

from __future__ import annotations

from xstilts.config.languages.codes import codes_of
from xstilts.config.tasks.kinds import Kind
from xstilts.config.tasks.sources import (
    AFRIXNLI_HUB,
    AMERICASNLI_HUB,
    BELEBELE_HUB,
    NER_TAGS,
    NLI_LABELS,
    SIB200_HUB,
    SIB_LABELS,
    TATOEBA112_HUB,
    UD_HUB,
    UPOS_TAGS,
    files,
    hub,
    per_split,
)
from xstilts.config.tasks.types import HubSource, Task

# On the hub one treebank of each language is read: its largest one that is not parallel (PUD), but
# of Thai, which has PUD alone, and of Icelandic, whose larger ones are of centuries of texts.
_TREEBANKS = (
    "af:af_afribooms aii:aii_as ajp:ajp_madar als:sq_tsa amh:am_att apu:apu_ufpa ar:ar_padt "
    "bam:bm_crb bel:be_hse bg:bg_btb bho:bho_bhtb bre:br_keb bxr:bxr_bdt cat:ca_ancora "
    "ces:cs_pdt ckt:ckt_hse cym:cy_ccg dan:da_ddt de:de_gsd el:el_gdt en:en_ewt es:es_ancora "
    "et:et_edt eu:eu_bdt fa:fa_seraji fao:fo_oft fi:fi_tdt fr:fr_gsd gla:gd_arcosg gle:ga_idt "
    "glg:gl_treegal glv:gv_cadhan gsw:gsw_uzh gun:gun_thomas he:he_htb hi:hi_hdtb hrv:hr_set "
    "hsb:hsb_ufal hu:hu_szeged hye:hy_armtdp id:id_gsd isl:is_pud it:it_isdt ja:ja_gsd "
    "kk:kk_ktb kmr:kmr_mg ko:ko_kaist koi:koi_uh kpv:kpv_lattice krl:krl_kkpp lt:lt_alksnis "
    "lvs:lv_lvtb mdf:mdf_jr mlt:mt_mudt mr:mr_ufal myu:myu_tudet myv:myv_jr nl:nl_alpino "
    "nno:no_nynorsk nob:no_bokmaal olo:olo_kkpp pcm:pcm_nsc pl:pl_pdb pt:pt_bosque ro:ro_rrt "
    "ru:ru_syntagrus san:sa_vedic slk:sk_snk slv:sl_ssj sme:sme_giella sms:sms_giellagas "
    "srp_Latn:sr_set swe:sv_talbanken ta:ta_ttb te:te_mtg th:th_pud tl:tl_trg tr:tr_imst "
    "uig:ug_udt uk:uk_iu ur:ur_udtb vi:vi_vtb wbp:wbp_ufal wo:wo_wtb yo:yo_ytb yue:yue_hk "
    "zh:zh_gsdsimp"
)


def _treebanks(split: str) -> tuple[HubSource, ...]:
    repo, revision = UD_HUB
    return tuple(
        HubSource(
            reader="ud",
            repo=repo,
            revision=revision,
            config=config,
            split=split,
            languages=(language,),
        )
        for language, config in (pair.split(":") for pair in _TREEBANKS.split())
    )


def _languages(data_set: str, *without: str) -> dict[str, str]:
    return {code: theirs for code, theirs in codes_of(data_set).items() if code not in without}


_CODES = {
    # English in three regions is what the translators were given, and nothing to transfer to.
    "ntrex": _languages("ntrex", "en_GB", "en_IN", "en_US"),
    # English is one side of every file.
    "pitfalls": _languages("pitfalls"),
    **{
        name: _languages(name)
        for name in (
            "sib200",
            "tatoeba112",
            "americasnli",
            "afrixnli",
            "masakhapos",
            "masakhaner2",
            "belebele",
            "ud",
        )
    },
}

TARGETS = (
    # Behind XCOPA, which is of its group.
    Task(
        key="pitfalls",
        title="Cross-Lingual-Pitfalls",
        parallel=True,
        subset=True,
        choices=4,
        kind=Kind.CHOICE,
        metric="accuracy",
        group="reasoning",
        xtreme=False,
        languages=("en", *_CODES["pitfalls"]),
        codes=_CODES["pitfalls"],
        train_set="csqa",
        licence="MIT (xzx34/Cross-Lingual-Pitfalls)",
        # English is in the files of all languages, beside which lie files of results.
        folder=per_split(
            *(
                files("pitfalls_json", f"{folder}/{name}.json")
                for folder in ("pitfalls", "Cross-Lingual-Pitfalls/data")
                for name in ("{code}", "*[!s]")
            ),
            test="test",
        ),
    ),
    Task(
        key="sib200",
        title="SIB-200",
        parallel=True,
        kind=Kind.SENTENCE,
        metric="accuracy",
        group="topics",
        xtreme=False,
        languages=tuple(_CODES["sib200"]),
        codes=_CODES["sib200"],
        labels=SIB_LABELS,
        train_set="sib200",
        licence="Apache-2.0 (dadelani/sib-200); text: CC BY-SA 4.0 (FLORES-200)",
        folder=per_split(
            files("sib_tsv", "sib200/{code}/{split}.tsv"),
            files("sib_tsv", "sib-200/data/annotated/{code}/{split}.tsv"),
        ),
        hub=hub("sentences", SIB200_HUB, "{code}", train="train", dev="validation", test="test"),
    ),
    Task(
        key="americasnli",
        title="AmericasNLI",
        parallel=True,
        # All others agree in their labels row by row, 743 and 750 of them, but in Nahuatl and Otomí
        # rows are missing, and nothing says which. Of Asháninka the last 85 are, in dev alone.
        own_items={"dev": ("cni", "nah", "oto"), "test": ("nah", "oto")},
        kind=Kind.PAIR,
        metric="accuracy",
        group="inference",
        xtreme=False,
        languages=tuple(_CODES["americasnli"]),
        codes=_CODES["americasnli"],
        labels=NLI_LABELS,
        train_set="xnli",
        licence="none stated (nala-cub/AmericasNLI); on the hub: CC BY-SA 4.0",
        folder=per_split(
            files("pairs_headed_tsv", "americasnli/{split}/{code}.tsv"),
            files("pairs_headed_tsv", "AmericasNLI/{split}/{code}.tsv"),
            dev="dev",
            test="test",
        ),
        hub=hub("pairs", AMERICASNLI_HUB, "{code}", dev="validation", test="test"),
    ),
    Task(
        key="afrixnli",
        title="AfriXNLI",
        parallel=True,
        kind=Kind.PAIR,
        metric="accuracy",
        group="inference",
        xtreme=False,
        languages=tuple(_CODES["afrixnli"]),
        codes=_CODES["afrixnli"],
        labels=NLI_LABELS,
        train_set="xnli",
        licence="Apache-2.0 (masakhane/afrixnli)",
        folder=per_split(
            files("pairs_quoted_tsv", "afrixnli/{code}/{split}.tsv"),
            files("pairs_quoted_tsv", "afrixnli/data/{code}/{split}.tsv"),
            dev="dev",
            test="test",
        ),
        hub=hub("pairs_numbered", AFRIXNLI_HUB, "{code}", dev="validation", test="test"),
    ),
    Task(
        key="masakhapos",
        title="MasakhaPOS",
        kind=Kind.TAGGING,
        metric="seqeval",
        group="words",
        xtreme=False,
        languages=tuple(_CODES["masakhapos"]),
        codes=_CODES["masakhapos"],
        labels=UPOS_TAGS,
        train_set="udpos",
        licence="CC BY-NC 4.0 (masakhane-io/masakhane-pos)",
        folder=per_split(
            files("tags_spaced", "masakhapos/{code}/{split}.txt"),
            files("tags_spaced", "masakhane-pos/data/{code}/{split}.txt"),
            dev="dev",
            test="test",
        ),
    ),
    Task(
        key="masakhaner2",
        title="MasakhaNER 2.0",
        kind=Kind.TAGGING,
        metric="seqeval",
        group="words",
        xtreme=False,
        languages=tuple(_CODES["masakhaner2"]),
        codes=_CODES["masakhaner2"],
        labels=NER_TAGS,
        # WikiANN has none: no encoder could find them, and all would lose alike.
        unlearnt=("DATE",),
        train_set="panx",
        licence="CC BY-NC 4.0 (masakhane-io/masakhane-ner)",
        folder=per_split(
            files("tags_spaced", "masakhaner2/{code}/{split}.txt"),
            files("tags_spaced", "masakhane-ner/MasakhaNER2.0/data/{code}/{split}.txt"),
            dev="dev",
            test="test",
        ),
    ),
    Task(
        key="ud",
        title="UD",
        hub_variant="one treebank of each language is read from the hub, all from a folder",
        kind=Kind.TAGGING,
        metric="seqeval",
        group="words",
        xtreme=False,
        languages=tuple(_CODES["ud"]),
        codes=_CODES["ud"],
        labels=UPOS_TAGS,
        train_set="udpos",
        licence="per treebank (Universal Dependencies)",
        folder=per_split(
            files("conllu", "ud/*/{code}-ud-{split}.conllu"),
            files("conllu", "ud/{code}-ud-{split}.conllu"),
            dev="dev",
            test="test",
        ),
        hub={"test": _treebanks("test")},
    ),
    Task(
        key="belebele",
        title="Belebele",
        parallel=True,
        choices=4,
        kind=Kind.CHOICE,
        metric="accuracy",
        group="reading",
        xtreme=False,
        languages=tuple(_CODES["belebele"]),
        codes=_CODES["belebele"],
        # Questions on a passage with four answers, as here.
        train_set="cosmosqa",
        licence="CC BY-SA 4.0 (facebookresearch/belebele)",
        folder=per_split(
            *(
                files("belebele_jsonl", f"{folder}/{{code}}.jsonl")
                for folder in ("belebele", "belebele/data", "Belebele")
            ),
            test="test",
        ),
        hub=hub("belebele", BELEBELE_HUB, "{code}", test="test"),
    ),
    Task(
        key="tatoeba112",
        title="Tatoeba-112",
        kind=Kind.RETRIEVAL,
        metric="retrieval_accuracy",
        group="translations",
        xtreme=False,
        languages=tuple(_CODES["tatoeba112"]),
        codes=_CODES["tatoeba112"],
        licence="CC BY 2.0 FR (Tatoeba)",
        folder=per_split(
            *(
                files(
                    "tatoeba_aligned",
                    f"{folder}/tatoeba.{{code}}-eng.{{code}}",
                    f"{folder}/tatoeba.{{code}}-eng.eng",
                )
                for folder in ("tatoeba", "tatoeba-laser", "LASER/data/tatoeba/v1")
            ),
            test="test",
        ),
        hub=hub("tatoeba112", TATOEBA112_HUB, "default", tuple(_CODES["tatoeba112"]), test="test"),
    ),
    Task(
        key="ntrex",
        title="NTREX-128",
        parallel=True,
        kind=Kind.RETRIEVAL,
        metric="retrieval_accuracy",
        group="translations",
        xtreme=False,
        languages=tuple(_CODES["ntrex"]),
        codes=_CODES["ntrex"],
        licence="CC BY-SA 4.0 (MicrosoftTranslator/NTREX)",
        folder=per_split(
            *(
                files(
                    "ntrex",
                    f"{folder}/newstest2019-ref.{{code}}.txt",
                    common=(f"{folder}/newstest2019-src.eng.txt", documents),
                )
                for folder, documents in (
                    ("ntrex", "ntrex/DOCUMENT_IDS.tsv"),
                    ("NTREX/NTREX-128", "NTREX/DOCUMENT_IDS.tsv"),
                    ("NTREX/NTREX-128", "NTREX/NTREX-128/DOCUMENT_IDS.tsv"),
                )
            ),
            test="test",
        ),
    ),
)
