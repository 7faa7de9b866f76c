"""A small sound file of every format, with one row that mutations take hold of.

That row holds the text `MARKED` and nothing else in one of its texts.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MARKED = "Xylophon"
ROWS = 24
_MARKED_ROW = 11
_NLI = ("entailment", "neutral", "contradiction")


@dataclass(frozen=True)
class Sample:
    """Files of one language that a reader takes together, and what can be done to them.

    Attributes:
        files: their texts; mutations are made to the first.
        partner: another language's name and files, read beside it, of a parallel target.
        separator: between columns, empty where there are none.
        edits: of the first file, what is put in place of what, by what that breaks.
        elsewhere: what breaks a later file, and its number.
        alike: a pattern and what all gold becomes by it.
        unseen: mutations that leave another sound file, which nothing can tell.
        block: the beginning of the rows that belong to the marked one.
    """

    reader: str
    task: str
    split: str
    files: Mapping[str, str]
    language: str = "en"
    partner: tuple[str, Mapping[str, str]] | None = None
    separator: str = "\t"
    edits: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    elsewhere: Mapping[str, tuple[int, Callable[[str], str]]] = field(default_factory=dict)
    alike: tuple[str, str] | None = None
    unseen: frozenset[str] = frozenset()
    block: str = ""


def _text(number: int, what: str = "Satz") -> str:
    return MARKED if number == _MARKED_ROW else f"{what} {number}"


def _put(old: str, new: str) -> Callable[[str], str]:
    def put(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return put


def _lines(rows: Iterable[Iterable[Any]], separator: str = "\t") -> str:
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


def _each(make: Callable[[int], Any]) -> list[Any]:
    return [make(number) for number in range(ROWS)]


def _jsonl(make: Callable[[int], Any]) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in _each(make))


def _quoted(header: tuple[str, ...], rows: Iterable[Iterable[Any]], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def _label(number: int) -> str:
    # Not in turn, so that rows that were moved show.
    return _NLI[number * number % 7 % 3]


_MARKED_LABEL = _label(_MARKED_ROW)


def _pairs(language: str, *, before: tuple[str, ...] = ()) -> str:
    return _lines(_each(lambda n: (*before, _text(n), f"{language} b {n}", _label(n))))


def _pair_edits(row: str, label: str = _MARKED_LABEL) -> dict[str, tuple[str, str]]:
    """Edits of a row of two texts and a label with tabs between."""
    start = row.removesuffix(label)
    return {
        "unknown label": (row, f"{start}neutrall"),
        "no label": (row, start.removesuffix("\t")),
        "empty label": (row, start),
        "one column more": (row, f"{row}\tmore"),
        "one column less": (row, row.replace(f"{MARKED}\t", "")),
    }


def _token_rows(separator: str, tags: tuple[str, str]) -> str:
    return "".join(
        f"{_text(number, 'Haus').replace(' ', '')}{separator}{tags[0]}\n"
        f"steht{number}{separator}{tags[1]}\n\n"
        for number in range(ROWS)
    )


def _tags(reader: str, task: str, language: str, separator: str, tags: tuple[str, str]) -> Sample:
    row = f"{MARKED}{separator}{tags[0]}"
    return Sample(
        reader,
        task,
        "test" if language != "en" else "train",
        {"tags.txt": _token_rows(separator, tags)},
        language,
        separator=separator,
        edits={
            "unknown tag": (row, f"{row}S"),
            "no tag": (row, MARKED),
            "empty tag": (row, row.removesuffix(tags[0])),
            "a tag of spaces": (row, row.removesuffix(tags[0]) + "  "),
            "tag before token": (row, f"{tags[0]}{separator}{MARKED}"),
        },
        alike=(rf"{tags[1]}$", tags[0]),
        block=row,
    )


def _conllu() -> str:
    words = ("Xylophon", "geht", "ins", "Haus")
    blocks = []
    for number in range(ROWS):
        first = _text(number, "Wort").replace(" ", "")
        blocks.append(
            f"# sent_id = {number}\n"
            f"1\t{first}\t_\tNOUN\t_\t_\t2\tnsubj\t_\t_\n"
            f"2\tgeht{number}\t_\tVERB\t_\t_\t0\troot\t_\t_\n"
            "3-4\tins\t_\t_\t_\t_\t_\t_\t_\t_\n"
            "3\tin\t_\tADP\t_\t_\t5\tcase\t_\t_\n"
            "4\tdas\t_\tDET\t_\t_\t5\tdet\t_\t_\n"
            f"5\t{words[3]}\t_\tNOUN\t_\t_\t2\tobl\t_\t_\n"
            "5.1\tleer\t_\tNOUN\t_\t_\t_\t_\t_\t_\n\n"
        )
    return "".join(blocks)


def _squad(language: str, task: str) -> str:
    paragraphs = [
        {
            "context": f"{language} {number} spielt {_text(number)} gut.",
            "qas": [
                {
                    "id": f"q{number}",
                    "question": f"Was {number}?",
                    "answers": [
                        {
                            "text": _text(number),
                            "answer_start": len(f"{language} {number} spielt "),
                        }
                    ],
                }
            ],
        }
        for number in range(ROWS)
    ]
    return json.dumps({"data": [{"title": task, "paragraphs": paragraphs}]}, indent=1) + "\n"


def _pitfalls(number: int) -> dict[str, Any]:
    choices = [f"w{number}", f"x{number}", f"y{number}", f"z{number}"]
    theirs = [f"'a{number}'", f"'b{number}'", f"'c{number}'", f"'d{number}'"]
    return {
        "question": f"Which {number}?",
        "oriquestion": f"Which {number // 2}?",
        "choices": choices,
        "answer": choices[number % 4],
        "transquestion": _text(number),
        "transchoices": theirs,
        "transanswer": theirs[number % 4],
    }


def _choice(number: int) -> tuple[list[str], int]:
    return [f"c{number}{place}" for place in range(4)], number * number % 7 % 4


def _hellaswag(number: int) -> dict[str, Any]:
    choices, label = _choice(number)
    return {"ctx": _text(number), "endings": choices, "label": label}


def _csqa(number: int) -> dict[str, Any]:
    choices, label = _choice(number)
    listed = [{"label": name, "text": text} for name, text in zip("ABCD", choices, strict=True)]
    return {
        "answerKey": "ABCD"[label],
        "question": {"stem": _text(number), "choices": listed},
    }


def _copa(number: int) -> dict[str, Any]:
    choices, label = _choice(number)
    return {
        "premise": f"Satz {number}",
        "choice1": _text(number),
        "choice2": choices[1],
        "question": "cause",
        "label": label % 2,
        "idx": number,
    }


def _belebele(number: int) -> dict[str, Any]:
    choices, label = _choice(number)
    return {
        "link": f"page/{number // 2}",
        "question_number": number % 2 + 1,
        "flores_passage": f"Satz {number // 2}",
        "question": f"Was {number}?",
        "mc_answer1": _text(number),
        **{f"mc_answer{place}": choices[place - 1] for place in (2, 3, 4)},
        "correct_answer_num": str(label + 1),
        "dialect": "deu_Latn",
    }


def _json_edits(record: dict[str, Any], label: str, beyond: Any) -> dict[str, tuple[str, str]]:
    """Edits of a JSON record: of its label, and of each of its keys."""
    row = json.dumps(record)
    names = [key for key in record if key not in ("dialect",)]

    def changed(**more: Any) -> tuple[str, str]:
        return row, json.dumps({**record, **more})

    without = {
        f"without {name}": (
            row,
            json.dumps({key: value for key, value in record.items() if key != name}),
        )
        for name in names
    }
    return {
        **without,
        "answer out of range": changed(**{label: beyond}),
        "answer missing": changed(**{label: None}),
        "answer withheld": changed(**{label: -1}),
        "a list for a record": (row, f"[{row}]"),
        "a number for a record": (row, "1"),
    }


def _cosmosqa(number: int) -> tuple[Any, ...]:
    choices, label = _choice(number)
    return (number, f"Satz {number}", _text(number), *choices, label)


_COSMOSQA = ("id", "context", "question", "answer0", "answer1", "answer2", "answer3", "label")
_SIB = ("index_id", "category", "text")
_TOPICS = ("travel", "health", "sports")


def _sib(language: str) -> str:
    rows = _each(
        lambda n: (100 + n, _TOPICS[n * n % 7 % 3], _text(n) if n % 5 else f'"{language}" {n}')
    )
    return _quoted(_SIB, rows, "\t")


def _headed(language: str, header: tuple[str, ...], labels: tuple[Any, ...]) -> str:
    rows = _each(
        lambda n: (
            *((language,) if len(header) == 4 else ()),
            _text(n),
            f'"{language}" {n}',
            labels[_NLI.index(_label(n))],
        )
    )
    return _quoted(header, rows, "\t")


_PREMISE = ("premise", "hypothesis", "label")
_COLUMN_LINES = frozenset({"half of a row"})


def _quoted_row(text: str) -> str:
    """A row with a text in quotes."""
    return next(line for line in text.split("\n") if ' 10"' in line)


def _quoting(row: str, end: str) -> dict[str, tuple[str, str]]:
    """Edits of a row with a quoted text that has this end."""
    return {
        "a quotation mark opened": (MARKED, f'"{MARKED}'),
        "a quotation mark not closed": (row, row.replace(end, end[:-1])),
        "inner marks not doubled": (row, row.replace('""', '"')),
        "a quotation mark lost at the start": (row, row.replace('"', "", 1)),
        "a quoted text with more behind it": (MARKED, f'"{MARKED}"x'),
        "a text over two lines": (MARKED, f'"{MARKED}\nx"'),
    }


def _bucc(language: str) -> dict[str, str]:
    return {
        "de": _lines(_each(lambda n: (f"de-{n:03}", _text(n)))),
        "en": _lines(_each(lambda n: (f"en-{n:03}", f"Sentence {n}"))),
        "gold": _lines(_each(lambda n: (f"de-{n:03}", f"en-{n * 7 % ROWS:03}"))),
    }


def _aligned(language: str) -> dict[str, str]:
    return {
        "foreign": _lines(_each(lambda n: (_text(n),))),
        "english": _lines(_each(lambda n: (f"{n * 5 % ROWS} sentences",))),
    }


_DOCUMENTS = _lines(_each(lambda n: (f"paper.{n // 3}",)))
_QQP = ("id", "qid1", "qid2", "question1", "question2", "is_duplicate")
_LEAF = "(<L {tag} X X {word} {tag}>)"


def _ccg() -> str:
    return "".join(
        f"ID=wsj.{n}\n(<T S 1 2> {_LEAF.format(tag='NP', word=_text(n, 'a').replace(' ', ''))} "
        f"{_LEAF.format(tag='S', word=f'b{n}')} )\n"
        for n in range(ROWS)
    )


def _table(rows: Iterable[Iterable[Any]], header: tuple[str, ...] = ()) -> str:
    return _lines([*([header] if header else []), *rows])


def _marked(text: str) -> str:
    """The marked row of a text."""
    return next(line for line in text.split("\n") if MARKED in line)


def _samples() -> list[Sample]:
    pairs, headed = _pairs("de"), _headed("aym", ("language", *_PREMISE), _NLI)
    numbered = _headed("hau", _PREMISE, (0, 1, 2))
    sib, cosmosqa = _sib("de"), _quoted(_COSMOSQA, _each(_cosmosqa), ",")
    translated = _table(_each(lambda n: (f"a {n}", f"b {n}", _text(n), f"v {n}", _label(n))))
    qqp = _table(_each(lambda n: (n, n, n, _text(n), f"b {n}", n * n % 7 % 2)), _QQP)
    mnli = {"premise": MARKED, "hypothesis": f"en b {_MARKED_ROW}", "label": _MARKED_LABEL}
    headed_row, numbered_row = _marked(headed), _marked(numbered)
    number = str(_NLI.index(_MARKED_LABEL))
    return [
        Sample(
            "pairs_tsv",
            "xnli",
            "test",
            {"pairs.tsv": pairs},
            "de",
            ("en", {"en.tsv": _pairs("en")}),
            edits=_pair_edits(_marked(pairs)),
            alike=(f"({'|'.join(_NLI)})$", "neutral"),
        ),
        Sample(
            "pairs_jsonl",
            "mnli",
            "dev",
            {
                "pairs.jsonl": _jsonl(
                    lambda n: {
                        "premise": _text(n),
                        "hypothesis": f"en b {n}",
                        "label": _label(n),
                    }
                )
            },
            separator=":",
            edits=_json_edits(mnli, "label", "neutrall"),
            alike=(f'"({"|".join(_NLI)})"', '"neutral"'),
        ),
        Sample(
            "pairs_headed_tsv",
            "americasnli",
            "test",
            {"nli.tsv": headed},
            "ayr",
            ("bzd", {"bzd.tsv": _headed("bzd", ("language", *_PREMISE), _NLI)}),
            edits={
                **_pair_edits(headed_row),
                "header missing": ("language\tpremise\thypothesis\tlabel\n", ""),
                "column renamed": ("hypothesis", "hypotheses"),
                "another language": (headed_row, headed_row.replace("aym", "quy")),
            },
            alike=(f"({'|'.join(_NLI)})$", "neutral"),
        ),
        Sample(
            "pairs_quoted_tsv",
            "afrixnli",
            "test",
            {"nli.tsv": numbered},
            "hau",
            ("en", {"en.tsv": _headed("eng", _PREMISE, (0, 1, 2))}),
            edits={
                **_pair_edits(numbered_row, number),
                **_quoting(numbered_row, ' 11"'),
                "label out of range": (numbered_row, f"{numbered_row.removesuffix(number)}3"),
                "header missing": ("premise\thypothesis\tlabel\n", ""),
                "column renamed": ("label", "gold_label"),
            },
            alike=("[012]$", "1"),
        ),
        Sample(
            "xnli_mt_tsv",
            "mnli",
            "train",
            {"mt.tsv": "premise\thypo\tlabel\n" + pairs},
            "de",
            edits={
                **_pair_edits(_marked(pairs)),
                "header missing": ("premise\thypo\tlabel\n", ""),
                "header with commas": ("premise\thypo\tlabel\n", "premise,hypo,label\n"),
            },
        ),
        Sample(
            "translated_tsv",
            "xnli",
            "train",
            {"translated.tsv": translated},
            "de",
            edits=_pair_edits(_marked(translated)),
        ),
        Sample(
            "qqp_tsv",
            "qqp",
            "dev",
            {"qqp.tsv": qqp},
            edits={
                **_pair_edits(_marked(qqp), _marked(qqp)[-1]),
                "header missing": ("\t".join(_QQP) + "\n", ""),
                "column renamed": ("question1", "question_1"),
            },
            alike=(r"\t[01]$", "\t1"),
        ),
        *(
            Sample(
                reader,
                task,
                split,
                {"items.jsonl": _jsonl(make)},
                language,
                partner,
                separator=":",
                edits=_json_edits(make(_MARKED_ROW), label, beyond),
                alike=(rf'"{label}": "?[0-9A-D]"?', f'"{label}": {json.dumps(same)}'),
            )
            for reader, task, split, language, partner, make, label, beyond, same in (
                ("hellaswag_jsonl", "hellaswag", "dev", "en", None, _hellaswag, "label", 4, 1),
                ("csqa_jsonl", "csqa", "dev", "en", None, _csqa, "answerKey", "F", "B"),
                (
                    "copa_jsonl",
                    "xcopa",
                    "test",
                    "et",
                    ("en", {"en.jsonl": _jsonl(_copa)}),
                    _copa,
                    "label",
                    2,
                    1,
                ),
                (
                    "belebele_jsonl",
                    "belebele",
                    "test",
                    "de",
                    ("en", {"en.jsonl": _jsonl(_belebele)}),
                    _belebele,
                    "correct_answer_num",
                    "0",
                    "2",
                ),
            )
        ),
        Sample(
            "cosmosqa_csv",
            "cosmosqa",
            "dev",
            {"items.csv": cosmosqa},
            separator=",",
            edits={
                "answer out of range": (_marked(cosmosqa), _marked(cosmosqa)[:-1] + "4"),
                "answer missing": (_marked(cosmosqa), _marked(cosmosqa)[:-1]),
                "answer withheld": (_marked(cosmosqa), _marked(cosmosqa)[:-1] + "-1"),
                "a quotation mark opened": (MARKED, f'"{MARKED}'),
                "a quoted text with more behind it": (MARKED, f'"{MARKED}"x'),
                "header missing": (",".join(_COSMOSQA) + "\n", ""),
                "column renamed": ("answer2", "answer_2"),
                "one column more": (_marked(cosmosqa), _marked(cosmosqa) + ",1"),
            },
            alike=(r",[0-3]$", ",2"),
        ),
        Sample(
            "pitfalls_json",
            "pitfalls",
            "test",
            {"German.json": json.dumps(_each(_pitfalls), indent=1, ensure_ascii=False) + "\n"},
            "de",
            separator=":",
            edits={
                "answer none of the choices": ('"transanswer": "\'d11\'"', '"transanswer": "q"'),
                "English answer none of the choices": ('"answer": "z11"', '"answer": "q"'),
                "another answer than in English": (
                    '"transanswer": "\'d11\'"',
                    '"transanswer": "c11"',
                ),
                "equal choices": ("\"'c11'\"", "\"'b11'\""),
                "one choice less": ("  \"'c11'\",\n", ""),
                "marks cut": ("\"'a11'\"", '"a11"'),
                "without transquestion": ('"transquestion": "Xylophon"', '"x": "Xylophon"'),
                "choices in one string": (
                    "".join(f"   \"'{c}11'\"{',' if c != 'd' else ''}\n" for c in "abcd"),
                    "   \"'a11', 'b11', 'c11', 'd11'\"\n",
                ),
                "a record for a list": ("[\n {", "{\n {"),
                "choices no list": ('"choices": [\n   "w11"', '"choices": "w", "y": [\n   "w11"'),
            },
        ),
        Sample(
            "sib_tsv",
            "sib200",
            "test",
            {"sib.tsv": sib},
            "de",
            ("en", {"en.tsv": _sib("en")}),
            edits={
                "unknown label": (_marked(sib), _marked(sib).replace("sports", "Sport")),
                "empty label": (_marked(sib), _marked(sib).replace("sports", "")),
                "one column more": (_marked(sib), _marked(sib) + "\tx"),
                "one column less": (_marked(sib), _marked(sib).replace("sports\t", "")),
                "header missing": ("index_id\tcategory\ttext\n", ""),
                "column renamed": ("category", "topic"),
                "id missing": (_marked(sib), _marked(sib).replace("111", "")),
                "id of another row": (_marked(sib), _marked(sib).replace("111", "112")),
                "id unknown elsewhere": (_marked(sib), _marked(sib).replace("111", "999")),
                **_quoting(_quoted_row(sib), ' 10"'),
            },
            alike=(r"\t(travel|health|sports)\t", "\ttravel\t"),
            # The text stands at the end.
            unseen=_COLUMN_LINES,
        ),
        _tags("tags_tsv", "panx", "de", "\t", ("B-LOC", "O")),
        _tags("tags_tsv", "udpos", "de", "\t", ("NOUN", "VERB")),
        _tags("tags_spaced", "masakhapos", "bam", " ", ("NOUN", "VERB")),
        _tags("tags_spaced", "masakhaner2", "bam", " ", ("B-LOC", "O")),
        Sample(
            "ccg_auto",
            "ccg",
            "train",
            {"ccg.auto": _ccg()},
            separator=" ",
            edits={
                "a leaf without its word": (f" {MARKED} NP>)", " NP>)"),
                "a leaf not closed": (f"{MARKED} NP>)", f"{MARKED} NP"),
                "a leaf with more": (f"{MARKED} NP>)", f"{MARKED} x NP>)"),
            },
        ),
        Sample(
            "conllu",
            "ud",
            "test",
            {"de_x-ud-test.conllu": _conllu()},
            "de",
            edits={
                "unknown tag": (f"{MARKED}\t_\tNOUN", f"{MARKED}\t_\tNOUNS"),
                "masked tag": (f"{MARKED}\t_\tNOUN", f"{MARKED}\t_\t_"),
                "one column more": (f"1\t{MARKED}", f"1\t_\t{MARKED}"),
                "one column less": (f"1\t{MARKED}", MARKED),
                "a word missing": (f"1\t{MARKED}\t_\tNOUN\t_\t_\t2\tnsubj\t_\t_\n", ""),
                "a word twice": (f"1\t{MARKED}", f"2\t{MARKED}"),
                "a head without number": (
                    f"{MARKED}\t_\tNOUN\t_\t_\t2",
                    f"{MARKED}\t_\tNOUN\t_\t_\t_",
                ),
                "heads in a circle": ("2\tgeht11\t_\tVERB\t_\t_\t0", "2\tgeht11\t_\tVERB\t_\t_\t5"),
            },
            alike=(r"\t(VERB|ADP|DET)\t", "\tNOUN\t"),
            block=f"# sent_id = {_MARKED_ROW}\n",
        ),
        Sample(
            "squad_json",
            "xquad",
            "test",
            {"xquad.de.json": _squad("de", "xquad")},
            "de",
            ("en", {"xquad.en.json": _squad("en", "xquad")}),
            separator=":",
            edits={
                "answer removed": (f'"text": "{MARKED}"', '"text": ""'),
                "answer not in the passage": (f'"text": "{MARKED}"', '"text": "Posaune"'),
                "question without its id": ('"id": "q11"', '"id": ""'),
                "id of another question": ('"id": "q11"', '"id": "q12"'),
                "id unknown elsewhere": ('"id": "q11"', '"id": "q99"'),
                "question missing": ('"question": "Was 11?"', '"frage": "Was 11?"'),
                "passage no text": ('"context": "de 11 spielt Xylophon gut."', '"context": 7'),
                "no data": ('"data"', '"date"'),
            },
        ),
        Sample(
            "squad_json",
            "squad_v1",
            "train",
            {"train-v1.1.json": _squad("en", "squad_v1")},
            separator=":",
            edits={
                "answer removed": (f'"text": "{MARKED}"', '"text": ""'),
                "answer not in the passage": (f'"text": "{MARKED}"', '"text": "Posaune"'),
                "offset a little off": ('"answer_start": 13', '"answer_start": 11'),
            },
        ),
        Sample(
            "bucc",
            "bucc2018",
            "test",
            _bucc("de"),
            "de",
            edits={
                "id of another row": (f"de-011\t{MARKED}", f"de-012\t{MARKED}"),
                "id unknown to gold": (f"de-011\t{MARKED}", f"de-999\t{MARKED}"),
                "one column more": (MARKED, f"{MARKED}\tx"),
                "one column less": (f"de-011\t{MARKED}", MARKED),
            },
            elsewhere={
                "gold names no sentence": (2, _put("de-011\ten-005", "de-011\ten-999")),
                "gold with one column": (2, _put("de-011\ten-005", "de-011")),
                "English cut": (1, _put("en-005\tSentence 5\n", "")),
            },
            unseen=_COLUMN_LINES,
        ),
        Sample(
            "tatoeba_sorted",
            "tatoeba",
            "test",
            {
                "foreign": _aligned("de")["foreign"],
                "english": _lines(
                    sorted([line] for line in _aligned("de")["english"].split("\n")[:-1])
                ),
                "labels.tsv": _lines(_each(lambda n: (n * 5 % ROWS,))),
            },
            "de",
            separator="",
            elsewhere={
                "a label out of range": (2, _put("\n5\n", "\n24\n")),
                "a label that is no number": (2, _put("\n5\n", "\nfive\n")),
                "a label twice": (2, _put("\n5\n", "\n10\n")),
                "a label missing": (2, _put("\n5\n", "\n")),
                "labels that are a placeholder": (2, lambda text: re.sub("[0-9]+", "5", text)),
                "an English sentence missing": (1, _put("5 sentences\n", "")),
            },
            unseen=_COLUMN_LINES,
        ),
        Sample(
            "tatoeba_aligned",
            "tatoeba112",
            "test",
            _aligned("dan"),
            "dan",
            separator="",
            elsewhere={
                "an English sentence missing": (1, _put("5 sentences\n", "")),
                "the English side sorted": (
                    1,
                    lambda text: "".join(sorted(text.splitlines(keepends=True))),
                ),
                "the English side empty": (1, lambda text: "\n"),
            },
            unseen=_COLUMN_LINES,
        ),
        Sample(
            "ntrex",
            "ntrex",
            "test",
            {**_aligned("dan"), "DOCUMENT_IDS.tsv": _DOCUMENTS},
            "dan",
            ("swe", {**_aligned("swe"), "ids.tsv": _DOCUMENTS}),
            separator="",
            elsewhere={
                "an English sentence missing": (1, _put("5 sentences\n", "")),
                "a document missing": (2, _put("paper.3\n", "")),
                "a document without its name": (2, _put("paper.3\n", "\n")),
            },
            unseen=_COLUMN_LINES,
        ),
        Sample(
            "text_lines",
            "text",
            "train",
            {"de.txt": _aligned("de")["foreign"]},
            "de",
            separator="",
            unseen=frozenset({"half of a row", "two rows joined", "wrong separator"}),
        ),
    ]


SAMPLES = {f"{sample.reader}-{sample.task}": sample for sample in _samples()}
