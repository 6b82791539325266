"""Arrays held to their element type and shape; nothing is cast but what came as lists in the cells of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stageline.errors import InvalidInput
from stageline.models.data_kinds import is_array, is_frame, is_sparse

if TYPE_CHECKING:
    from stageline.models.schema import Tensor


def enforce_tensors(data: Any, tensors: tuple[Tensor, ...]) -> Any:
    """An array, or a dict of them if the tensors have names. Raises `InvalidInput`."""
    if tensors[0].name is not None:
        return _named(data, tensors)
    (tensor,) = tensors[:1]
    if is_frame(data):
        return _of_frame(data, tensor)
    if is_array(data) or is_sparse(data):
        return enforce_tensor(data, tensor)
    if isinstance(data, list):
        import numpy as np  # late: the model is one of arrays

        try:
            array = np.asarray(data, dtype=_dtype(tensor))
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidInput(
                f"the list can not be converted to an array of {tensor.spec.dtype!r}: {error}"
            ) from error
        return enforce_tensor(array, tensor)
    raise InvalidInput(
        "This model contains a tensor-based model signature with no input names, which suggests a numpy array input or "
        f"a pandas dataframe input with proper column values, but an input of type {type(data)} was found."
    )


def enforce_tensor(array: Any, tensor: Tensor) -> Any:
    """The array, if it is of the type and shape."""
    expected, found = tensor.spec.shape, tuple(array.shape)
    dtype = array.dtype if is_array(array) else array.data.dtype
    if expected == (-1,) and tensor.spec.dtype == "object":
        return array  # anything goes
    is_ragged = -1 in expected[1:] and len(found) == 1 and str(dtype) == "object"
    if is_ragged:
        return array
    if len(expected) != len(found) or any(
        want not in (-1, have) for want, have in zip(expected, found, strict=True)
    ):
        raise InvalidInput(f"Shape of input {found} does not match expected shape {expected}.")
    clean = {"U": "str", "S": "bytes"}.get(dtype.kind, str(dtype))
    if clean != tensor.spec.dtype:
        raise InvalidInput(
            f"dtype of input {dtype} does not match expected dtype {tensor.spec.dtype}"
        )
    return array


def _named(data: Any, tensors: tuple[Tensor, ...]) -> dict[Any, Any]:
    if is_frame(data):
        return {one.name: _of_cells(one.name, data[one.name], one) for one in tensors}
    if not isinstance(data, Mapping):
        raise InvalidInput(
            "This model contains a tensor-based model signature with input names, which suggests a dictionary input "
            "mapping input name to tensor, or a pandas DataFrame input containing columns mapping input name to "
            f"flattened list value from tensor, but an input of type {type(data)} was found."
        )
    for one in tensors:
        if not is_array(data[one.name]):
            raise InvalidInput(
                "This model contains a tensor-based model signature with input names, which suggests a dictionary "
                "input mapping input name to a numpy array, but a dict with value type "
                f"{type(data[one.name])} was found."
            )
    return {one.name: enforce_tensor(data[one.name], one) for one in tensors}


def _of_frame(frame: Any, tensor: Tensor) -> Any:
    if frame.empty:
        raise InvalidInput("Input DataFrame is empty.")
    width = len(frame.columns)
    if width == 1:
        return _of_cells(None, frame.iloc[:, 0], tensor)
    if tensor.spec.shape != (-1, width):
        raise InvalidInput(
            "This model contains a model signature with an unnamed input. Since the input data is a pandas DataFrame "
            "containing multiple columns, the input shape must be of the structure (-1, number_of_dataframe_columns). "
            f"Instead, the input DataFrame passed had {width} columns and an input shape of {tensor.spec.shape} with "
            "all values within the DataFrame of scalar type. Please adjust the passed in DataFrame to match the "
            "expected structure"
        )
    return enforce_tensor(frame.to_numpy(), tensor)


def _of_cells(name: Any, series: Any, tensor: Tensor) -> Any:
    """A tensor from one column: of plain values, or of a list or an array in each cell."""
    import numpy as np  # late: as above

    shape = tensor.spec.shape
    if not shape or shape[0] != -1 or -1 in shape[1:]:
        raise InvalidInput(
            "For pandas dataframe input, the first dimension of shape must be a variable dimension and other "
            "dimensions must be fixed, but in model signature the shape of "
            f"{f'input {name}' if name else 'the unnamed input'} is {shape}."
        )
    cells = series.tolist()
    if not cells or not isinstance(cells[0], (list, np.ndarray)):
        if shape not in ((-1,), (-1, 1)):
            raise InvalidInput(
                f"The input pandas dataframe column '{name}' contains scalar values, which requires the shape to be "
                f"(-1,) or (-1, 1), but got tensor spec shape of {shape}."
            )
        return _converted(
            lambda: np.array(cells, dtype=_dtype(tensor)).reshape(shape), name, tensor, len(cells)
        )
    if isinstance(cells[0], np.ndarray):  # its type is known, so it is held to that
        return enforce_tensor(
            _converted(lambda: np.vstack(cells).reshape(shape), name, tensor, len(cells)), tensor
        )
    return _converted(
        lambda: np.vstack(cells).reshape(shape).astype(_dtype(tensor)), name, tensor, len(cells)
    )


def _converted(make: Any, name: Any, tensor: Tensor, count: int) -> Any:
    try:
        array = make()
    except (ValueError, TypeError) as error:
        raise InvalidInput(_unfitting(name, tensor)) from error
    if len(array) != count:
        raise InvalidInput(_unfitting(name, tensor))
    return array


def _unfitting(name: Any, tensor: Tensor) -> str:
    return (
        f"The value in the Input DataFrame column '{name}' could not be converted to the expected shape of: "
        f"'{tensor.spec.shape}'. Ensure that each of the input list elements are of uniform length and that the data "
        f"can be coerced to the tensor type '{tensor.spec.dtype}'"
    )


def _dtype(tensor: Tensor) -> Any:
    import numpy as np

    try:
        return np.dtype(tensor.spec.dtype)
    except TypeError as error:
        raise InvalidInput(
            f"the signature names the type {tensor.spec.dtype!r}, which numpy does not know"
        ) from error
