#!/usr/bin/env bash
# transformers 5.23.0: the masked language model of a DeBERTa-v3 checkpoint.
#
# Guess beforehand: AutoModelForMaskedLM recognises the head by the names of its weights
# (`lm_predictions.lm_head.*`, as Microsoft's files have them), or fails because some are missing.
# Seen: the class of the head hangs on a key of config.json alone, `legacy`, which is true where it
# is not there, and the published files of 2021 are older than the key. The head in the file is
# then left unread, another one is drawn at random, and all that says so is a table in a log: two
# loads of the same file give different logits. With `legacy: false` written into config.json they
# are those that were saved. Fails if the weights decide, or an error is raised.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  transformers==5.23.0 torch==2.13.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import json
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForMaskedLM, DebertaV2Config, DebertaV2ForMaskedLM

transformers.logging.set_verbosity_error()
config = DebertaV2Config(
    vocab_size=50,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=32,
    type_vocab_size=0,
    legacy=False,
)
torch.manual_seed(0)
saved = DebertaV2ForMaskedLM(config).eval()
saved.save_pretrained("checkpoint")
ids = torch.arange(5, 15)[None]
with torch.inference_mode():
    expected = saved(input_ids=ids).logits


def load():
    model, info = AutoModelForMaskedLM.from_pretrained("checkpoint", output_loading_info=True)
    with torch.inference_mode():
        return type(model), model.eval()(input_ids=ids).logits, info


_, logits, info = load()
assert torch.equal(logits, expected), "not even with the key"
# As it is published: the same weights, the key not there.
path = Path("checkpoint/config.json")
content = json.loads(path.read_text())
del content["legacy"]
path.write_text(json.dumps(content))
torch.manual_seed(1)
kind, first, info = load()
_, second, _ = load()
print(f"transformers {transformers.__version__}, {kind.__name__} without `legacy` in config.json")
print("in the file, not read:", ", ".join(sorted(info["unexpected_keys"])))
print("drawn at random:", ", ".join(sorted(info["missing_keys"])))
print(f"two loads differ by up to {(first - second).abs().max():.3f} in their logits")
assert any(key.startswith("lm_predictions.lm_head") for key in info["unexpected_keys"])
assert any(key.startswith("cls.predictions") for key in info["missing_keys"])
assert not torch.equal(first, second)
PY
