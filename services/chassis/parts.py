"""How many parts a message has, looked at before it is decoded: two bytes of a part can take a hundred in memory."""

from collections import Counter

LOOKED_AT_BYTES = 256 * 1024  # a shorter message cannot take much
PARTS_MAX = 100_000  # of one field; what a contract allows is its own matter, and less


def too_many(payload: bytes) -> bool:
    """Whether a message has so many parts of one kind that decoding it could take all memory there is."""
    if len(payload) < LOOKED_AT_BYTES:
        return False
    found: Counter[int] = Counter()
    at = 0
    while at < len(payload):
        tag, at = _varint(payload, at)
        found[tag] += 1
        if found[tag] > PARTS_MAX:
            return True
        match tag & 7:
            case 0:
                _, at = _varint(payload, at)
            case 1:
                at += 8
            case 2:
                length, at = _varint(payload, at)
                at += length
            case 5:
                at += 4
            case _:
                return False  # malformed, as decoding will say
    return False


def _varint(payload: bytes, at: int) -> tuple[int, int]:
    """The number that begins here, and where it ends; one that has no end ends with the message."""
    value = shift = 0
    while at < len(payload):
        byte = payload[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80 or shift > 63:
            break
        shift += 7
    return value, at
