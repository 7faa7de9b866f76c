#!/usr/bin/env bash
# transformers 5.23.0: X-MOD, XLM-R with an adapter a language, under torch.autocast in bfloat16.
#
# Guess beforehand: it runs as XLM-R does, whose code it repeats but for the adapters, and gives the
# same to the precision of bfloat16.
# Seen: every forward pass raises "Index put requires the source and destination dtypes match": the
# adapter's output, bfloat16, is written into a copy of its input, float32, sentence by sentence. XLM-R
# of the same size runs. So does X-MOD when all of its weights are bfloat16, which training does not
# want. Its adapters are as likely to be met in mixed precision as in none: `bf16=True` of
# TrainingArguments is this autocast.
# Fails if it runs, or XLM-R does not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  transformers==5.23.0 torch==2.13.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import torch
from transformers import XLMRobertaConfig, XLMRobertaModel, XmodConfig, XmodModel

sizes = {
    "vocab_size": 40, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 64, "max_position_embeddings": 20,
}
languages = {"languages": ["en_XX", "de_DE"], "default_language": "en_XX"}
tokens = torch.tensor([[0, 11, 12, 2], [0, 13, 14, 2]])


def outcome(model):
    try:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            return str(model.eval()(tokens).last_hidden_state.dtype)
    except RuntimeError as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"


found = {
    "XLM-R": outcome(XLMRobertaModel(XLMRobertaConfig(**sizes))),
    "X-MOD": outcome(XmodModel(XmodConfig(**sizes, **languages))),
    "X-MOD, weights in bfloat16": outcome(XmodModel(XmodConfig(**sizes, **languages)).bfloat16()),
}
for name, said in found.items():
    print(f"{name}: {said}")
assert found["XLM-R"].startswith("torch."), found
assert "dtypes match" in found["X-MOD"], found
assert found["X-MOD, weights in bfloat16"].startswith("torch."), found
PY
echo "as described"
