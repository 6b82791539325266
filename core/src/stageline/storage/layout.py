"""Where each object lies: every key of a store is spelt here and nowhere else."""

from __future__ import annotations

from urllib.parse import quote, unquote

FORMAT_KEY = "_format.json"
EXPERIMENTS = "experiments/"
EXPERIMENT_NAMES = "names/experiments/"
RUNS = "runs/"
INDEX = "index/"
REGISTRY = "registry/"
GC = "gc/"
WEBHOOKS = "webhooks/"
LOGGED_MODELS = "models/"
WATCHERS = "watchers/"
STEPS = "steps/"
VIEWS = "views/"
TOKENS = "tokens/"
FEED_POSITIONS = "feeds/"
UPLOADS = "uploads/"

LAST_REVISION = 2**63 - 1
LONGEST_SEGMENT = 200


def revision(number: int) -> str:
    """Name of entry `number` (from 1) of a numbered journal: the newest sorts first in any ordered listing."""
    return f"{LAST_REVISION - number:020d}.json"


def revision_number(key: str) -> int:
    """The inverse of `revision`, from a key or a file name. Raises `ValueError` on anything else."""
    stem, dot, ending = key.rpartition("/")[2].partition(".")
    if ending != "json" or len(stem) != 20 or not dot:
        raise ValueError(key)
    return LAST_REVISION - int(stem)


def quoted(name: str) -> str:
    """A user's name as one path segment: nothing but `A-Z a-z 0-9 _ -` and `%XX`, so it can not escape."""
    return quote(name, safe="").replace(".", "%2E").replace("~", "%7E")


def experiment_journal(experiment_id: str) -> str:
    """Folder of the numbered journal of one experiment."""
    return f"{EXPERIMENTS}{experiment_id}/"


def experiment_name_journal(name: str) -> str:
    """Folder of the numbered journal that says which experiment holds `name`."""
    return f"{EXPERIMENT_NAMES}{segment_of(name)}=/"


def segment_of(name: str) -> str:
    """A user's name as one path segment that every store can keep: the end of a long one is a digest of it all.

    A segment may have 255 bytes on common file systems, and a whole key 1,024 on S3.
    """
    whole = quoted(name)
    if len(whole) <= LONGEST_SEGMENT:
        return whole
    import hashlib  # few names are that long

    return f"{whole[: LONGEST_SEGMENT - 41]}~{hashlib.sha256(name.encode()).hexdigest()[:40]}"


def run_folder(run_id: str) -> str:
    """Folder of everything that belongs to one run."""
    return f"{RUNS}{run_id}/"


def run_log(run_id: str) -> str:
    """Folder of a run's records: start, segments, ends. Its artifacts are not in it."""
    return f"{RUNS}{run_id}/log/"


def run_start(run_id: str) -> str:
    """Create-only document that claims the run's id."""
    return f"{RUNS}{run_id}/log/start.json"


def run_segment(run_id: str, writer: str, number: int) -> str:
    """Segment `number` (from 1, dense) of one writer's stream."""
    return f"{RUNS}{run_id}/log/{writer}-{number:08d}.seg"


def run_end(run_id: str, writer: str) -> str:
    """What one writer knew of the run when it stopped writing."""
    return f"{RUNS}{run_id}/log/{writer}.end.json"


def run_wal(run_id: str, writer: str) -> str:
    """One writer's write-ahead log, on a local store only."""
    return f"{RUNS}{run_id}/log/{writer}.wal"


def run_verdicts(run_id: str) -> str:
    """Folder of the numbered journal that says whether a deleted run was restored, or is being removed."""
    return f"{RUNS}{run_id}/verdict/"


def run_artifacts(run_id: str) -> str:
    """Folder of a run's artifacts: plain files under the paths that the user gave."""
    return f"{RUNS}{run_id}/artifacts/"


def index_inbox(experiment_id: str) -> str:
    """Folder of the summaries that no shard holds yet."""
    return f"{INDEX}{experiment_id}/inbox/"


def inbox_final(experiment_id: str, run_id: str, writer: str) -> str:
    """Create-only: one writer's last summary of a run."""
    return f"{INDEX}{experiment_id}/inbox/{run_id}-{writer}.json"


def inbox_live(experiment_id: str, run_id: str, writer: str) -> str:
    """Replaced at each heartbeat of an open run; its `modified` is the heartbeat."""
    return f"{INDEX}{experiment_id}/inbox/{run_id}-{writer}.live"


def index_manifests(experiment_id: str) -> str:
    """Folder of the numbered journal of index manifests."""
    return f"{INDEX}{experiment_id}/manifest/"


def index_shard(experiment_id: str, shard_id: str) -> str:
    """A packed set of run summaries, named by a manifest."""
    return f"{INDEX}{experiment_id}/shard/{shard_id}.msgpack.zst"


def model_journal(name: str) -> str:
    """Folder of the numbered journal of the registered model `name`; a long name takes several segments."""
    whole = quoted(name)
    parts = [whole[i : i + 200] for i in range(0, len(whole), 200)]
    return REGISTRY + "+/".join(parts) + "/log/"


def model_of_entry(key: str) -> str:
    """The inverse of `model_journal`, from the key of an entry. Raises `ValueError` on anything else."""
    folder, _, _ = key.rpartition("/")
    if not folder.startswith(REGISTRY) or not folder.endswith("/log"):
        raise ValueError(key)
    name = unquote(folder[len(REGISTRY) : -len("/log")].replace("+/", ""), errors="strict")
    if model_journal(name) != f"{folder}/":
        raise ValueError(key)
    return name


def gc_mark(time_ms: int, txn: str) -> str:
    """Create-only: what a collector found to be garbage, for one that comes a grace time later; oldest first."""
    return f"{GC}{time_ms:013d}-{txn}.json"


def webhook_journal() -> str:
    """Folder of the numbered journal of all webhooks."""
    return f"{WEBHOOKS}log/"


def webhook_progress(webhook_id: str) -> str:
    """Folder of the numbered journal of what one webhook was told."""
    return f"{WEBHOOKS}progress/{webhook_id}/"


def step_folder(facts_key: str) -> str:
    """Folder of what runs made from the same facts; its name is their digest."""
    return f"{STEPS}made/{facts_key[:2]}/{facts_key}/"


def step_made(facts_key: str, run_id: str) -> str:
    """Create-only: what one run of a step made."""
    return f"{step_folder(facts_key)}{run_id}.json"


def step_last(project: str, step: str) -> str:
    """Replaced each time: what a step of a project made last."""
    return f"{STEPS}last/{segment_of(project)}/{segment_of(step)}.json"


def watcher(name: str) -> str:
    """Replaced: how far one who watches the registry has been told."""
    return f"{WATCHERS}{segment_of(name)}.json"


def feed_position(day: int, digest: str) -> str:
    """Create-only: how far a listener was told, where that is too long to carry; `day` counts from 1970."""
    return f"{FEED_POSITIONS}{day:06d}-{digest}.json"


def feed_position_day(key: str) -> int:
    """The day of a key of `feed_position`. Raises `ValueError` on anything else."""
    return int(key.removeprefix(FEED_POSITIONS).partition("-")[0])


def upload_folder(upload_id: str) -> str:
    """Folder of a file that a client of the server sends in parts; its id begins with the day, counted from 1970."""
    return f"{UPLOADS}{upload_id}/"


def upload_made(upload_id: str) -> str:
    """Create-only: which file it is to be, and the digest of what lets parts in."""
    return f"{upload_folder(upload_id)}made.json"


def upload_done(upload_id: str) -> str:
    """Create-only: of which parts the file was made."""
    return f"{upload_folder(upload_id)}done.json"


def upload_part(upload_id: str, number: int, digest: str) -> str:
    """One part, named by its content: what is sent twice under one number are two parts."""
    return f"{upload_folder(upload_id)}{number:05d}-{digest}.part"


def upload_day(key: str) -> int:
    """The day of a key below `UPLOADS`. Raises `ValueError` on anything else."""
    return int(key.removeprefix(UPLOADS).partition("-")[0])


def logged_model_journal(model_id: str) -> str:
    """Folder of the numbered journal of one logged model."""
    return f"{LOGGED_MODELS}{model_id}/log/"


def logged_model_artifacts(model_id: str) -> str:
    """Folder of the files of a logged model that no run made; others' lie among the artifacts of their runs."""
    return f"{LOGGED_MODELS}{model_id}/artifacts/"


def experiment_models(experiment_id: str) -> str:
    """Folder of empty objects named by the logged models of one experiment."""
    return f"{LOGGED_MODELS}of/{experiment_id}/"


def token_folder(token_id: str) -> str:
    """Folder of one token of the server: what it was made with, and once it was revoked, that."""
    return f"{TOKENS}{token_id}/"


def token_made(token_id: str) -> str:
    """Create-only: what the token allows, and the digest of its secret."""
    return f"{token_folder(token_id)}made.json"


def token_revoked(token_id: str) -> str:
    """Create-only: that the token is worth nothing any more."""
    return f"{token_folder(token_id)}revoked.json"


def saved_views(experiment_id: str) -> str:
    """Folder of the views of one experiment's runs that have a name."""
    return f"{VIEWS}{experiment_id}/named/"


def saved_view(experiment_id: str, view_id: str) -> str:
    """Replaced when it is saved again."""
    return f"{saved_views(experiment_id)}{view_id}.json"


def saved_choice(experiment_id: str, choice_id: str) -> str:
    """Create-only: runs that somebody chose, under a digest of their ids."""
    return f"{VIEWS}{experiment_id}/chosen/{choice_id}.json"
