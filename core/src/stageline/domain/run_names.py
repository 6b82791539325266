"""What a run is called when nobody said so, and names that are made from a template."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stageline.domain.names import MAX_KEY_LENGTH

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_RUN_NAME_LENGTH = MAX_KEY_LENGTH

# Short, plain, and kind in any order: nobody should mind one of these on a slide.
_ADJECTIVES = (
    "able agile airy amber ample apt azure balmy bold brave breezy bright brisk calm candid careful cheery clear "
    "clever cosy crisp curious daring deft dewy eager early easy even fair fleet fond frank fresh gentle glad golden "
    "grand green handy happy hardy hazel honest humble ivory jolly keen kind lively loyal lucid lucky mellow merry "
    "mild misty modest neat nimble noble olive open patient placid plucky polite proud quick quiet rapid ready rosy "
    "sandy serene sharp silver smooth snug sober solid spry steady still stout sunny sure swift tidy topaz true vivid "
    "warm wise witty zesty"
)
_NOUNS = (
    "acorn alder anchor arbor arrow aspen badger bamboo basin beacon bear beaver birch bison bloom brook canyon cedar "
    "cinder clover comet condor coral crane creek cricket delta dolphin dune eagle egret elm ember falcon fern finch "
    "fjord forest fox garnet geyser glacier glen grove gull harbor hare hawk hazelnut heron hill ibex iris island jay "
    "juniper kestrel kite lagoon lake lantern larch lark leaf lichen lily linden lynx maple marmot marten meadow mesa "
    "moon moose moss oak oasis orchid oriole osprey otter owl pebble pine plover pond poplar prairie puffin quail "
    "quartz raven reed reef ridge river robin salmon sequoia sparrow spruce stork stream summit swallow swan thicket "
    "thrush tern tide trout tulip tundra valley walnut willow wren"
)

ADJECTIVES = _ADJECTIVES.split()
NOUNS = _NOUNS.split()

_FIELD = re.compile(r"\{([^{}]+)\}")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")


def invented_name(random_bytes: bytes) -> str:
    """A name to tell runs apart in a table, from at least 6 random bytes; two runs may get the same.

    >>> invented_name(bytes(8))
    'able-acorn-0'
    """
    number = int.from_bytes(random_bytes, "big")
    number, adjective = divmod(number, len(ADJECTIVES))
    number, noun = divmod(number, len(NOUNS))
    return f"{ADJECTIVES[adjective]}-{NOUNS[noun]}-{number % 1000}"


def render_name(template: str, fields: Mapping[str, object]) -> str:
    """`template` with each `{field}` filled in; on one line and cut to what a run's name may hold.

    The caller gives `user`, `experiment`, `date`, `time`, `run_id` and whatever else it knows, such as params.
    A field that is not given stays as it is written, and a value is never taken for a template.

    >>> render_name("{user}: lr={lr} {what}", {"user": "ann", "lr": 0.1})
    'ann: lr=0.1 {what}'
    """
    filled = _FIELD.sub(
        lambda found: str(fields[found[1]]) if found[1] in fields else found[0], template
    )
    return _UNSEEN.sub(" ", filled).strip()[:MAX_RUN_NAME_LENGTH].rstrip()
