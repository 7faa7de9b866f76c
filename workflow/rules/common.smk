# The experiment, expanded once; wildcards may only take values that occur in it.
import re
import sys
from functools import cache, partial
from pathlib import Path

from snakemake.exceptions import WorkflowError

from xstilts.config.parse import parse_experiment
from xstilts.config.tasks import PERTURBED, TARGETS, XTREME
from xstilts.config.user_paths import in_rules
from xstilts.errors import XstiltsError
from xstilts.execution import snakemake_internals as internals
from xstilts.execution import warm
from xstilts.execution.adopted import adopt
from xstilts.execution.code_digest import code_digest
from xstilts.execution.cost.flops import COMPUTED
from xstilts.execution.devices import device_for
from xstilts.execution.disk_errors import check_working_directory
from xstilts.execution.failures import Book, RunEvents, failed_jobs, in_words
from xstilts.execution.locks import hold_experiment
from xstilts.execution.plan.requests import Requests
from xstilts.execution.reasons import Reasons
from xstilts.execution.terminal import plan_jobs
from xstilts.graph.cells import Grid
from xstilts.graph.finished import Scope, pop_only_finished
from xstilts.graph.job_params import JobParams
from xstilts.graph.jobs import JobInputs, Jobs
from xstilts.graph.required_data import PARTS

values = dict(config)
try:
    check_working_directory(Path.cwd())
    # Asked of one run, and no part of the experiment.
    only_finished = pop_only_finished(values)
    grid = Grid(parse_experiment(values, where=" + ".join(internals.configfiles(workflow))))
except XstiltsError as error:
    raise WorkflowError(str(error)) from None

experiment = grid.experiment
paths = grid.paths
job_params = JobParams(grid)
# What the jobs of each rule read: the plan goes by the same.
inputs = JobInputs(grid)

for message in grid.left_out:
    logger.warning(f"left out: {message}")


IS_MAIN = internals.is_main_process(workflow)

# Before Snakemake compares the results with its notes.
if IS_MAIN and (adopted := adopt(paths.root, internals.Notes(workflow))):
    logger.info(
        f"{len(adopted):,} results below {paths.root} were made where Snakemake has no notes of"
        " them; it goes by what they say of themselves"
    )


def one_of(names):
    return "|".join(re.escape(str(name)) for name in names) or "(?!)"


# What is read from the data source, as opposed to what is made of it.
READ = one_of(PARTS)


wildcard_constraints:
    encoder=one_of(experiment.encoders),
    recipe=one_of([*grid.recipes, *(cell.recipe for cell in grid.baseline_cells[:1])]),
    target=one_of(experiment.targets),
    task=one_of(grid.tasks),
    train_set=one_of(grid.train_sets),
    seed=one_of(experiment.seeds),
    part=one_of([*PARTS, PERTURBED]),


def elsewhere():
    """Whether jobs run on other machines, whose devices this one knows nothing of."""
    return internals.runs_elsewhere(workflow)


# Inside a job of a cluster a second try would have no more memory or time than the first: the
# cluster is asked again for the whole job.
RETRIES = 0 if internals.is_job_elsewhere(workflow) else 2


def gpus_offered():
    """How many devices the run may use, None if nobody said: jobs' own numbers are lowered to it.

    In the process of a job it is the job's own number, and only the choice of `auto` hangs on it.
    """
    if experiment.device != "auto" and not IS_MAIN:
        return None
    return internals.limit_of(workflow, "gpu")


@cache
def chosen_device():
    """What jobs that run an encoder compute on; they fail where they do not find it.

    `auto` is decided for the first job and not here: which executor there is comes after the rules.
    """
    try:
        return device_for(experiment.device, offered=gpus_offered(), elsewhere=elsewhere())
    except XstiltsError as error:
        raise WorkflowError(str(error)) from None


if experiment.device != "auto":
    chosen_device()


def device(wildcards=None):
    """Resource function: the device of a job."""
    return chosen_device()


def gpus(wildcards):
    """One device a training or prediction job; 0 where there is none, so that jobs run abreast."""
    return int(chosen_device() == "cuda")


requests = Requests(grid, device)


def needs(rule):
    """Resources of a rule's jobs: the MB that each is reckoned to need and a time limit in minutes
    well above what it is reckoned to take, more with each attempt; and its device, if it runs an
    encoder. How a job is executed is no parameter: changing it re-runs nothing.
    """
    asked = {
        "mem_mb": lambda wildcards, attempt: requests.mem_mb(rule, wildcards, attempt),
        "runtime": lambda wildcards, attempt: requests.runtime(rule, wildcards, attempt),
        "gpu": 0,
    }
    if rule not in COMPUTED:
        return asked
    if experiment.device == "auto":
        return asked | {"gpu": gpus, "device": device}
    # What is known by now Snakemake need not ask of every job.
    return asked | {"gpu": gpus(None), "device": device(None)}


@cache
def digest_of(path, uses, works_on):
    """Digest of a script's code; one for all jobs that work on the same, of which there are many."""
    return code_digest(path, **(uses(*works_on) if works_on else {}))


def code(script, works_on=None, uses=job_params.about):
    """Param function: digest of the code that a script runs, so that a changed formula re-runs what
    it makes, and nothing else. `works_on` says of a job what `uses` takes: a method of `JobParams`
    that says what it uses of tables.
    """
    path = Path(workflow.source_path(f"../scripts/{script}.py"))
    return lambda wildcards: digest_of(path, uses, works_on and works_on(wildcards))


# What `--sdm conda` deploys for every job. Only then is it said, because Snakemake notes it of each
# output and its report shows it, also where other versions computed. It does not hold this package:
# Snakemake lets the environment's Python find, after its own libraries, what the main process finds.
DEPLOYS_CONDA = "conda" in internals.deploys(workflow)
ENVIRONMENT = "../../envs/xstilts.yaml" if DEPLOYS_CONDA else None


def about(sources, *parts):
    """For `code`: the sources of a job, and the parts of them that it works on."""
    return lambda wildcards: (tuple(sources(wildcards)), parts or (wildcards.part,))


# What training reads.
LEARNT = ("train", "dev")


def the_task(wildcards):
    """The only source of a job on one task."""
    return [wildcards.task]


def the_target(wildcards):
    """The only source of a job on one target."""
    return [wildcards.target]


def all_targets(wildcards):
    """What the submission of a state of training is about."""
    return list(experiment.targets)


def left_out(wildcards):
    """Param function: what is left out, in words. In a list paths with braces were patterns."""
    return list(grid.left_out)


def given(files):
    """Input function: files of the user's, by names that a rule can take."""
    return lambda wildcards: [in_rules(path, paths.links) for path in files(wildcards)]


def digest(script, sources):
    """Digest of the code that a script runs on these sources, to train on them or to test them."""
    parts = LEARNT if script == "train" else ["eval"]
    return code(script, about(lambda wildcards: sources, *parts))(None)


# What reports are made from.
if not only_finished:
    scope = Scope.of_all(grid)
elif IS_MAIN:
    try:
        scope = Scope.of_finished(grid, digest)
    except XstiltsError as error:
        raise WorkflowError(str(error)) from None
else:
    # As it was when the run began, whatever has been finished since.
    scope = Scope.read(grid)
paths = scope.paths


def hold():
    """Refuse to run beside another run that makes the same files."""
    try:
        # Reports on what is finished are made beside a run that goes on.
        hold_experiment(experiment.experiment + (".finished" if only_finished else ""))
    except XstiltsError as error:
        raise WorkflowError(str(error)) from None


# What failed is told at the end of a run, by the one process that has seen all of it.
run_events = RunEvents()
if IS_MAIN:
    logger.addHandler(run_events)
    logger.addFilter(Reasons(partial(internals.params_of, rules)))


def tell_failures():
    """Enter what failed in this run where it is kept, and print it."""
    cells = {
        paths.cell_scores.format(**cell.wildcards): in_words(cell)
        for cell in (*grid.cells, *grid.baseline_cells)
    }
    arguments = sys.argv[1:]
    book = Book(paths=paths, arguments=arguments, total=len(cells))
    new = failed_jobs(run_events, lambda: Jobs(grid).jobs, cells, arguments)
    if message := book.update(run_events.outputs(), new):
        print(f"\n{message}", file=sys.stderr)
