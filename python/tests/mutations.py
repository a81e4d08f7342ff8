"""One field of a document made into something else: every kind of value in every kind of place."""

import copy
import itertools
import json

DELETED, TWICE = "deleted", "its last entry twice"
#: What a field is made into. 10000000 is more than any count or share and fewer than the widest SAE has.
VALUES = [
    None, True, -1, 0, 1, 0.5, 3, 10_000_000, 2**32 - 1, 2**64, -1e39, 1e39, float("nan"), float("-inf"), "12", "x" * 1025, "\ud800",
    [], {}, [[]], [None], DELETED, TWICE,
]  # fmt: skip


def places(value, place=()):
    """Every field, and of every list the first, second and last entry."""
    if place:
        yield place
    if isinstance(value, dict):
        for name, it in value.items():
            yield from places(it, (*place, name))
    if isinstance(value, list):
        for at in sorted({0, 1, len(value) - 1} & set(range(len(value)))):
            yield from places(value[at], (*place, at))


def mutations(document, start=0, every=1):
    """What was done, and the document as JSON, of each mutation or of some of them; always the same, in the same order."""
    for place, value in itertools.islice(itertools.product(places(document), VALUES), start, None, every):
        changed = copy.deepcopy(document)
        holder = changed
        for step in place[:-1]:
            holder = holder[step]
        found = holder[place[-1]]
        if value is DELETED:
            del holder[place[-1]]
        elif value is TWICE:
            if not isinstance(found, list) or not found:
                continue
            found.append(found[-1])
        elif type(value) is type(found) and value == found:
            continue
        else:
            holder[place[-1]] = value
        yield f"{'.'.join(map(str, place))}: {value!r:.30}", json.dumps(changed)
