"""Whether a pack's texts and pictures mean the same: retrieval, and attributes told by words."""
import numpy as np

import words
from common import ATTRIBUTES, NAMES, captions, shown

DRAWS = 10
NAMED = 5  # traits in a caption that is to find its picture


def retrieval(pack, labels, embedded, count=1000):
    """R@1 and R@10 among `count` pictures and captions of five traits each, in both directions."""
    rng = captions.seeded(77)
    rows = [{n: ATTRIBUTES[n][v] for n, v in zip(NAMES, row)} for row in labels[:count].tolist()]
    texts = pack.sentences([captions.caption(row, rng, NAMED) for row in rows])
    likeness = embedded[:count] @ texts.T
    result = {}
    for name, table in (("text finds picture", likeness.T), ("picture finds text", likeness)):
        # Ties count against: rank is how many others are at least as near.
        rank = (table >= np.diag(table)[:, None]).sum(1) - 1
        result[name] = {"R@1": float((rank < 1).mean()), "R@10": float((rank < 10).mean())}
    return result


def attributes(pack, data, embedded):
    """{trait: {trained, new, chance}}: the share of pictures whose value is picked among all values of its trait, each
    value by one of its phrases, drawn ten times. Only pictures in which the trait shows count; beards, those of men.
    """
    new, left_out = words.new_words()
    shows = shown(data)
    result = {}
    for trait, known in words.trained().items():
        values = ATTRIBUTES[trait]
        own = shows[trait].numpy() & ((data.label("gender").numpy() == 0) if trait == "beard" else True)
        truth = data.label(trait).numpy()[own]
        entry = {"chance": float(np.bincount(truth).max() / len(truth))}
        for kind, phrases in (("trained", known), ("new", new[trait])):
            if all(phrases.get(v) for v in values):
                entry[kind] = float(np.mean([draw(pack, phrases, values, truth, embedded[own], k) for k in range(DRAWS)]))
        result[trait] = entry
    for kind in ("trained", "new"):
        result.setdefault("mean", {})[kind] = float(np.mean([e[kind] for e in result.values() if kind in e]))
    return result, left_out


def draw(pack, phrases, values, truth, embedded, seed):
    rng = captions.seeded(seed)
    table = np.stack([pack.text(rng.choice(phrases[v])) for v in values])
    return float(((embedded @ table.T).argmax(1) == truth).mean())
