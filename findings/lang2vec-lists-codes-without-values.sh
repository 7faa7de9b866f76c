#!/usr/bin/env bash
# lang2vec 1.1.2: which languages it lists as available, and which it has values for.
#
# Guess beforehand: available_uriel_languages() lists the codes that get_features() knows, and a
# language under its own ISO 639-3 code has at least the values of its macrolanguage's code.
# Seen: it lists the codes that have a family. Of these 3,718, 1,549 have no syntactic value from any
# source; and codes that it does not list have many. North Azerbaijani (azj) is listed and has 0 of
# 103, Azerbaijani (aze) is not listed and has 55; Cusco Quechua (quz) 13, Quechua (que), not listed,
# 82; Standard Arabic (arb) 66, Arabic (ara), not listed, 98. All of them have a complete
# syntax_knn vector, so a distance from it says nothing of what it rests on.
# Fails if the numbers change.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  lang2vec==1.1.2 numpy==2.4.6 setuptools==80.9.0
# A script of its name stands in the folder of executables; -I keeps that folder off the path.
"$folder/venv/bin/python" -I -W ignore - <<'PY'
import lang2vec.lang2vec as lang2vec

listed = lang2vec.available_uriel_languages()


def known(codes):
    """How many of 103 syntactic features some source gives."""
    found = lang2vec.get_features(codes, "syntax_average")
    return {code: sum(value != "--" for value in row) for code, row in found.items()}


without = [code for code, number in known(sorted(listed)).items() if not number]
print(f"listed: {len(listed):,}, without any syntactic value: {len(without):,}")
expected = {"azj": 0, "aze": 55, "quz": 13, "que": 82, "arb": 66, "ara": 98}
found = known(list(expected))
for code, number in found.items():
    complete = "--" not in lang2vec.get_features([code], "syntax_knn")[code]
    print(f"{code}: {'listed' if code in listed else 'not listed'}, {number} of 103 observed,"
          f" syntax_knn complete: {complete}")
    assert complete
assert found == expected
assert (len(listed), len(without)) == (3718, 1549), (len(listed), len(without))
assert not {"aze", "que", "ara"} & listed and {"azj", "quz", "arb"} <= listed
PY
