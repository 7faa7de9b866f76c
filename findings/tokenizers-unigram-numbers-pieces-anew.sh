#!/usr/bin/env bash
# tokenizers 0.23.3: does UnigramTrainer give the same vocabulary for the same lines in the same order?
#
# Guess beforehand: yes, at most the last bits of scores differ, since nothing in it is random.
# Seen: with text in which many characters are rare (3,000 words of one to three out of 400 CJK
# characters) four processes learn the same 600 pieces and number them in four ways, so that one text
# becomes four other sequences of ids, and a model trained with one file is at sea with the next.
# Characters that training has dropped are appended in the order of a hash table that is seeded in
# each process. With 45 letters, all frequent, only the last bits of scores differed.
# BpeTrainer, and SentencePiece 0.2.3 on the same lines, give one file in four processes.
# Fails if the four are no longer four, or the others no longer one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tokenizers==0.23.3 \
  sentencepiece==0.2.3
cat >"$folder/learn.py" <<'PY'
import hashlib
import io
import json
import random
import sys

import sentencepiece
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

random = random.Random(0)
letters = [chr(0x4E00 + number) for number in range(400)]
words = ["".join(random.choices(letters, k=random.randint(1, 3))) for _ in range(3000)]
lines = [" ".join(words[start : start + 4]) for start in range(0, len(words), 4)]


def digest(value):
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]


def learn(model, trainer):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(lines, trainer)
    return digest(sorted(tokenizer.get_vocab())), digest(tokenizer.encode(" ".join(lines)).ids)


given = {"vocab_size": 600, "special_tokens": ["<unk>"], "show_progress": False}
if sys.argv[1] == "unigram":
    print(*learn(models.Unigram(), trainers.UnigramTrainer(unk_token="<unk>", **given)))
elif sys.argv[1] == "bpe":
    print(*learn(models.BPE(unk_token="<unk>"), trainers.BpeTrainer(**given)))
else:
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=file, vocab_size=600, minloglevel=2,
        character_coverage=1.0, num_threads=2,
    )  # fmt: skip
    print(hashlib.sha256(file.getvalue()).hexdigest()[:12])
PY
for kind in unigram bpe sentencepiece; do
  for _ in 1 2 3 4; do "$folder/venv/bin/python" "$folder/learn.py" "$kind"; done >"$folder/$kind"
  sort "$folder/$kind" | uniq -c | sed "s/^/$kind /"
done
count() { sort -u | wc -l; }
[ "$(cut -d' ' -f1 "$folder/unigram" | count)" = 1 ] || { echo "other pieces too"; exit 1; }
[ "$(cut -d' ' -f2 "$folder/unigram" | count)" = 4 ] || { echo "ids agree now"; exit 1; }
[ "$(count <"$folder/bpe")" = 1 ] && [ "$(count <"$folder/sentencepiece")" = 1 ]
echo "as described"
