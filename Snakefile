# xstilts: encoder × intermediate task × target task × seed, from data to report.
#
#   snakemake                                             the default experiment (config.yaml)
#   snakemake --configfile workflow/experiments/X.yaml    another one
#   snakemake -n                                          what would run, and why
from snakemake.utils import min_version

from xstilts.execution.snakemake_internals import names_configfiles

min_version("9.27.1")

# An experiment file is complete: it replaces config.yaml and is never merged into it.
if not names_configfiles(workflow):

    configfile: "config.yaml"


include: "workflow/rules/common.smk"


# Reports on what is finished make no cell: there are no rules by which they could.
if not only_finished:

    include: "workflow/rules/data.smk"
    include: "workflow/rules/pretrain.smk"
    include: "workflow/rules/train.smk"
    include: "workflow/rules/predict.smk"
    include: "workflow/rules/score.smk"
    include: "workflow/rules/baselines.smk"


include: "workflow/rules/collect.smk"
include: "workflow/rules/report.smk"


internals.note_signatures(workflow)


rule all:
    default_target: True
    input:
        paths.report,
        paths.claims_page,
        paths.fairness_page,
        paths.curves_page,
        paths.cost_page,
        paths.scores,
        submission_folders(),


rule scores:
    input:
        paths.scores,


rule claims:
    input:
        paths.claims_page,


# Both are said on one page, since neither says enough without the other.
rule robustness:
    input:
        paths.fairness_page,


rule fairness:
    input:
        paths.fairness_page,


rule curves:
    input:
        paths.curves_page,


rule cost:
    input:
        paths.cost_page,


rule baselines:
    input:
        paths.baselines if experiment.baselines else [],


rule submission:
    input:
        submission_folders(),


# Makes nothing: it prints what `xstilts plan` says, which knows more options.
rule plan:
    localrule: True
    params:
        experiment=values,
    script:
        "workflow/scripts/plan.py"


onstart:
    hold()
    if IS_MAIN and not elsewhere():
        warm.offer()
        internals.lift_job_limit(workflow)
    plan_jobs(requests.seconds_by_rule)
    if only_finished:
        scope.save()


onsuccess:
    tell_failures()


onerror:
    tell_failures()
