"""Pickles: written when asked for, read only with the caller's consent. The one place that unpickles."""

from __future__ import annotations

import pickle
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.errors import Corrupt, InvalidInput, StagelineError
from stageline.models.flavor import needing

if TYPE_CHECKING:
    from stageline.models.trust import Trust


def dump(model: Any, path: Path, serialization: str = "cloudpickle") -> None:
    """Write a pickle. Raises `InvalidInput` if the object can not be pickled."""
    with needing("pyfunc"):
        writer = import_module(serialization)  # late: only who asks for cloudpickle needs it
    try:
        with path.open("wb") as file:
            writer.dump(model, file, protocol=pickle.DEFAULT_PROTOCOL)
    except Exception as error:  # of any kind: pickling calls the objects' own methods
        path.unlink(missing_ok=True)
        raise InvalidInput(
            f"a {type(model).__name__} can not be pickled: {error!r}. Open files, connections and locks have to be "
            "made anew on loading"
        ) from error


def load_pickle(path: Path, trust: Trust, instead: str) -> Any:
    """Read a pickle.

    Raises:
        NotAllowed: the caller does not allow it; nothing of the file was read.
        Corrupt: it can not be read; some of its code may have run.
    """
    trust.require_code(f"the model {path} is a pickle", instead)
    try:
        with path.open("rb") as file:
            return pickle.load(file)
    except ModuleNotFoundError as error:
        raise InvalidInput(
            f"the model {path} needs the module {error.name!r}, which is not installed: see the requirements.txt "
            "beside it"
        ) from error
    except StagelineError:
        raise
    except Exception as error:  # of any kind: unpickling runs code of the model's author
        raise Corrupt(f"the model {path} can not be unpickled: {error!r}") from error
