"""What is computed on the way from a query to its hits, bit by bit (golden.md, "Intermediates")."""

import struct


def bits(values):
    """Floats as the eight hexadecimal digits of their bits, with spaces between."""
    return " ".join(f"{struct.unpack('<I', struct.pack('<f', value))[0]:08x}" for value in values)


def floats(text):
    return [struct.unpack("<f", struct.pack("<I", int(word, 16)))[0] for word in text.split()]


def computed(database, vector, options):
    """All intermediate results of one query, in the form of the files. `vector` and `options` as in them."""
    trace = {}
    hits = database.search(floats(vector), trace=trace, **options)
    found = {"query": bits(trace["query"])}
    if "leaves" in trace:
        found |= {name: bits(trace[name]) for name in ("projected", "routing", "constants")}
        found |= {name: None if trace[name] is None else bits([trace[name]])
                  for name in ("step", "offset", "length", "threshold")}
        found["factors"] = None if trace["factors"] is None else bits(trace["factors"])
        found |= {"levels": bytes(trace["levels"]).hex(), "leaves": trace["leaves"], "blocks": trace["blocks"],
                  "table": [bytes(entries).hex() for entries in trace["table"]],
                  "slots": [number for number, _ in trace["estimates"]],
                  "estimates": bits(estimate for _, estimate in trace["estimates"]),
                  "candidates": trace["candidates"]}
    return found | {"scored": [ordinal for ordinal, _ in trace["scores"]],
                    "scores": bits(score for _, score in trace["scores"]),
                    "hits": [ordinal for ordinal, _ in hits], "shown": bits(score for _, score in hits)}


def documents(database, ordinals):
    """Documents by ordinal, as hexadecimal bytes; null where there is none."""
    found = {ordinal: database.document(int(ordinal)) for ordinal in ordinals}
    return {ordinal: document if document is None else document.hex() for ordinal, document in found.items()}
