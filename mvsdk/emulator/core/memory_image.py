"""What a range of memory holds at first: made once, shared by every core that it is mapped into."""

from __future__ import annotations

from weakref import WeakValueDictionary

PAGE = 4096


class MemoryImage:
    """`size` bytes of memory: `data`, and behind it bytes of value `fill`. Nothing ever changes one.

    Two images of the same contents are one object for as long as anybody uses it, so cores share their memory, and what
    is decoded of it, without anybody's doing. A guest's or a debugger's write makes a page private to the core.
    Raises `ValueError` if `size` is not a positive multiple of 4096, is smaller than `data`, or `fill` is no byte.
    """

    __slots__ = ("__weakref__", "_data", "_fill", "_size")
    _data: bytes
    _fill: int
    _size: int

    def __new__(cls, data: bytes, size: int, fill: int = 0xFF) -> MemoryImage:
        """Return the image of these contents."""
        key = (bytes(data), size, fill)
        known = _images.get(key)
        if known is not None:
            return known
        if size <= 0 or size % PAGE:
            raise ValueError(f"an image of {size} bytes is not whole pages of {PAGE}")
        if len(data) > size:
            raise ValueError(f"{len(data)} bytes do not fit into an image of {size}")
        if not 0 <= fill <= 0xFF:
            raise ValueError(f"{fill} is not a byte to fill memory with")
        image = super().__new__(cls)
        image._data, image._size, image._fill = key
        return _images.setdefault(key, image)

    @property
    def data(self) -> bytes:
        """The bytes it begins with."""
        return self._data

    @property
    def size(self) -> int:
        """Bytes of it, those that are filled included."""
        return self._size

    @property
    def fill(self) -> int:
        """The byte that everything behind `data` is."""
        return self._fill


_images: WeakValueDictionary[tuple[bytes, int, int], MemoryImage] = WeakValueDictionary()
