"""Whether the model over languages is that of R's packages, on the real tree.

    python benchmarks/tree_in_r.py [--write tests/analysis/trees_in_r.json]

Needs `Rscript` with ape, nlme and metafor (Debian: r-cran-ape, r-cran-nlme, r-cran-metafor). Two
models of facts about real languages: of XTREME's, the logarithm of speakers by URIEL's syntactic
distance from English and script; of all that have these facts, that distance by the amount of text
that mmBERT was pretrained on and script.

- The correlation matrix is compared with ape's `vcv(corr=TRUE)` of the tree in Newick format.
- Without known variances the model is nlme's `gls` with ape's `corPagel`, by REML, whose
  log-likelihood has the same constants.
- With known variances it is metafor's `rma.mv` with one random effect that follows the tree and one
  that does not. Its log-likelihood has 1/2 log |X' X| more, which is taken off. It stops when the
  likelihood changes by 1e-8, so that variances agree to five digits.

It ends with an error where a figure differs in the fourth digit. `--write` stores the inputs and
R's figures for a test that needs no R.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xstilts.analysis.relatedness.covariances import correlation
from xstilts.analysis.relatedness.reml import Values, fit
from xstilts.config.language_facts import FACTS
from xstilts.config.languages import LANGUAGES
from xstilts.config.languages.tree import Tree, tree_of
from xstilts.config.tasks import TARGETS

SCRIPT = """
suppressMessages({library(ape); library(nlme); library(metafor)})
tree <- read.tree("tree.nwk"); data <- read.csv("data.csv"); rownames(data) <- data$code
number <- function(x) paste(format(x, digits = 12, trim = TRUE), collapse = ",")
alike <- vcv(tree, corr = TRUE)[data$code, data$code]
write.table(alike, "alike.txt", row.names = FALSE, col.names = FALSE)
found <- gls(y ~ x + latin, data, corPagel(0.5, tree, form = ~code), method = "REML",
  control = glsControl(tolerance = 1e-10, msTol = 1e-12))
cat("gls", number(c(found$modelStruct$corStruct[1], found$sigma^2, logLik(found), coef(found),
  sqrt(diag(vcov(found))))), "\\n")
data$own <- data$code
found <- rma.mv(y, noise, mods = ~ x + latin, random = list(~ 1 | code, ~ 1 | own),
  R = list(code = alike), Rscale = 0, data = data, method = "REML")
design <- model.matrix(~ x + latin, data)
more <- 0.5 * as.numeric(determinant(crossprod(design))$modulus)
cat("rma.mv", number(c(found$sigma2[1] / sum(found$sigma2), sum(found$sigma2),
  as.numeric(logLik(found)) - more, found$b, found$se)), "\\n")
versions <- sapply(c("ape", "nlme", "metafor"), function(n) as.character(packageVersion(n)))
versions <- c(R.version.string, paste(names(versions), versions))
cat("versions", paste(versions, collapse = ", "), "\\n")
"""
NAMES = (
    *("lambda", "scale", "log-likelihood", "intercept", "x", "latin"),
    *("error of intercept", "error of x", "error of latin"),
)


def fact(name: str, code: str) -> float | None:
    """A fact of a language as it stands in a model."""
    facts = FACTS.get(code)
    if facts is None:
        return None
    if name == "distance":
        return facts.syntactic_distance
    if name == "speakers":
        return float(np.log(facts.speakers)) if facts.speakers else None
    return None if facts.mmbert_tokens is None else float(np.log1p(facts.mmbert_tokens))


def inputs(candidates: Sequence[str], outcome: str, predictor: str) -> dict[str, Any]:
    """The languages of which all is known, one variety each, with what is modelled."""
    codes: dict[str, str] = {}
    for code in candidates:
        if fact(outcome, code) is not None and fact(predictor, code) is not None:
            codes.setdefault(LANGUAGES[code].glottocode, code)
    held = list(codes.values())
    tree = tree_of({code: LANGUAGES[code] for code in held})
    y, x = ([round(fact(name, code) or 0.0, 6) for code in held] for name in (outcome, predictor))
    random = np.random.default_rng(1)
    return {
        "codes": held,
        "tree": {node: [parent, tree.lengths[node]] for node, parent in tree.parents.items()},
        "y": y,
        "x": x,
        "latin": [float(LANGUAGES[code].script == "Latn") for code in held],
        "noise": (random.uniform(0.05, 0.3, len(held)) * np.var(y)).round(6).tolist(),
    }


def tree_from(case: dict[str, Any]) -> Tree:
    """The tree of stored inputs."""
    return Tree(
        parents={node: parent for node, (parent, _) in case["tree"].items()},
        lengths={node: length for node, (_, length) in case["tree"].items()},
        paths={code: (code,) for code in case["codes"]},
    )


def ours(case: dict[str, Any], alike: np.ndarray, *, noise: bool) -> list[float]:
    """The figures of `NAMES`."""
    values = Values(
        outcome=np.array(case["y"]),
        fixed=np.column_stack([np.ones(len(alike)), case["x"], case["latin"]]),
        places=np.arange(len(alike)),
        noise=np.array(case["noise"]) if noise else np.zeros(len(alike)),
    )
    found = fit(values, [alike])
    errors = np.sqrt(np.diag(found.covariance))
    return [found.shares[0], found.scale, found.log_likelihood, *found.coefficients, *errors]


def in_r(case: dict[str, Any], folder: Path) -> tuple[np.ndarray, dict[str, list[float]], str]:
    """R's correlation matrix, figures of both models, and versions."""
    (folder / "tree.nwk").write_text(tree_from(case).newick())
    columns = [case[key] for key in ("codes", "y", "x", "latin", "noise")]
    lines = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    (folder / "data.csv").write_text("\n".join(["code,y,x,latin,noise", *lines, ""]))
    (folder / "model.R").write_text(SCRIPT)
    done = subprocess.run(
        ["Rscript", "model.R"], cwd=folder, check=True, capture_output=True, text=True
    )
    said = dict(line.split(" ", 1) for line in done.stdout.strip().split("\n"))
    figures = {
        name: [float(value) for value in said[name].split(",")] for name in ("gls", "rma.mv")
    }
    return np.loadtxt(folder / "alike.txt"), figures, said["versions"].strip()


def main() -> None:
    """Compare, print, and store if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, help="store inputs and R's figures as JSON")
    options = parser.parse_args()
    if shutil.which("Rscript") is None:
        parser.error("there is no Rscript here; Debian has r-cran-ape, r-cran-nlme, r-cran-metafor")
    worst, stored = 0.0, {}
    for title, codes, names in (
        ("XTREME", TARGETS["panx"].languages, ("speakers", "distance")),
        ("all", list(LANGUAGES), ("distance", "size")),
    ):
        case = inputs(codes, *names)
        alike = correlation(tree_from(case), case["codes"])
        with tempfile.TemporaryDirectory() as folder:
            theirs, figures, versions = in_r(case, Path(folder))
        apart = float(np.abs(alike - theirs).max())
        print(f"{title}: {len(alike)} languages, {versions}; matrices differ by {apart:.1g}")
        for name, found in figures.items():
            held = ours(case, alike, noise=name == "rma.mv")
            sizes = np.abs(found)
            # A coefficient is as large as it is, or as its standard error.
            sizes[3:6] = np.maximum(sizes[3:6], sizes[6:])
            for what, one, other, size in zip(NAMES, held, found, sizes, strict=True):
                off = abs(one - other) / size
                worst = max(worst, off, apart)
                print(f"  {name:<7}{what:<20}{one:>16.8g}{other:>16.8g}{off:>10.1g}")
        stored[title] = {**case, "figures": figures, "versions": versions}
    if options.write:
        made = "python benchmarks/tree_in_r.py --write"
        options.write.write_text(json.dumps({"made_by": made, "cases": stored}) + "\n")
    print(f"worst difference: {worst:.1g}")
    if worst > 5e-5:
        sys.exit("the fourth digit differs")


if __name__ == "__main__":
    main()
