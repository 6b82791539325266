"""zstd frames, unpacked without trusting what they say of themselves."""

from __future__ import annotations

import zstandard

from stageline.errors import Corrupt


def unpacked(frame: bytes, size: int) -> bytes:
    """What `frame` holds, which has to be `size` bytes; takes no more memory than that.

    Raises:
        Corrupt: the frame says that it holds more or less, or does.
        zstandard.ZstdError: it is no sound frame.
    """
    # A frame that tells its size is unpacked to that size, whatever `max_output_size` says.
    told = zstandard.get_frame_parameters(frame).content_size
    if told not in (size, zstandard.CONTENTSIZE_UNKNOWN):
        raise Corrupt(f"it should unpack to {size} bytes, but says {told}")
    data = zstandard.ZstdDecompressor().decompress(
        frame, max_output_size=size, allow_extra_data=False
    )
    if len(data) != size:
        raise Corrupt(f"it should unpack to {size} bytes, but has {len(data)}")
    return data
