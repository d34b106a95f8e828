"""Text edits by a pack's global direction, judged on held-out heads."""
import numpy as np
import torch

from common import ALONG, ATTRIBUTES, CLASSES, shown
from measures import batched, cosine, seen as as_judged

# An attribute is judged if the reader is right this often, and errs half as often at most as by the commonest value.
RIGHT = 0.85

HEADS = 50

# Prompt, attribute, values that count as success, value that the heads have before; none for any other.
EDITS = [
    ("blue hair", "hair_colour", ["blue"], None),
    ("sunglasses", "glasses", ["sunglasses"], "none"),
    ("beard", "beard", ["beard"], "none"),
    ("bald", "hair", ["bald"], None),
    ("long hair", "hair", ["long"], "short"),
    ("smiling", "expression", ["smiling", "laughing"], "neutral"),
    ("older", "age", ["old"], "young"),
    # The prompts end here.
    ("blond hair", "hair_colour", ["blond"], None),
    ("black hair", "hair_colour", ["black"], None),
    ("pink hair", "hair_colour", ["pink"], None),
    ("green hair", "hair_colour", ["green"], None),
    ("red hair", "hair_colour", ["red"], None),
    ("short hair", "hair", ["short"], "long"),
    ("an afro", "hair", ["afro"], None),
    ("glasses", "glasses", ["glasses"], "none"),
    ("no glasses", "glasses", ["none"], "glasses"),
    ("clean shaven", "beard", ["none"], "beard"),
    ("a moustache", "beard", ["moustache"], "none"),
    ("a goatee", "beard", ["goatee"], "none"),
    ("surprised", "expression", ["surprised"], "neutral"),
    ("angry", "expression", ["angry"], "neutral"),
    ("a hat", "hat", ["yes"], "no"),
    ("a young person", "age", ["young"], "old"),
    # Words that no caption holds.
    ("sapphire hair", "hair_colour", ["blue"], None),
    ("specs", "glasses", ["glasses"], "none"),
    ("someone in their eighties", "age", ["old"], "young"),
    ("a friendly smile", "expression", ["smiling", "laughing"], "neutral"),
    ("a cleanly shaved chin", "beard", ["none"], "beard"),
]
ASKED = [prompt for prompt, *_ in EDITS[:7]]


def heads(data, attribute, wanted, before):
    """The first held-out heads that an edit means something for: no hat, hair to be coloured, men for beards."""
    label = {name: data.label(name) for name in ATTRIBUTES}
    has = label[attribute][:, None] == torch.tensor([ATTRIBUTES[attribute].index(v) for v in wanted])
    fit = ~has.any(1) & (label["hat"] == 0)
    if before is not None:
        fit &= label[attribute] == ATTRIBUTES[attribute].index(before)
    if attribute in ("hair", "hair_colour"):
        fit &= label["hair"] > 1
    if attribute == "beard":
        fit &= label["gender"] == 0
    return fit.nonzero()[:HEADS, 0]


def read(reader, pictures):
    """{attribute: probabilities} and identities."""
    with torch.no_grad():
        logits, identity = zip(*(reader(some) for some in as_judged(pictures).split(100)))
    shares = {name: torch.cat([l[name] for l in logits]).softmax(1).numpy() for name in logits[0]}
    return shares, torch.cat(identity).numpy()


def judged(judges, held, index, before, after, attribute, wanted):
    """What a change of pictures `before` to `after` of the held-out heads `index` did, by the judges."""
    (was, who), (now, who_now) = (read(judges["reader"], pictures) for pictures in (before, after))
    values = [ATTRIBUTES[attribute].index(v) for v in wanted]
    success = np.isin(now[attribute].argmax(1), values)
    shows, others = shown(held.data), {}
    for name in ATTRIBUTES:
        if name == attribute or name in ALONG.get(attribute, ()) or not told(held.accuracy[name]):
            continue
        old = was[name].argmax(1)
        sure = was[name].max(1) > 0.5
        lost = now[name][np.arange(len(old)), old] < 0.5
        others[name] = float((sure & lost & shows[name][index].numpy()).mean())
    background = CLASSES.index("background")
    after_classes = batched(lambda x: judges["segmenter"](x).argmax(1), after)
    place = (held.truth[index.numpy()] == background) & (after_classes == background)
    change = np.abs(as_judged(after) - as_judged(before)).numpy().mean(1) * 127.5
    most = max(others, key=others.get)
    return {
        "heads": len(index),
        "success": float(success.mean()),
        "judge": held.accuracy[attribute]["accuracy"],
        "before": float(np.isin(was[attribute].argmax(1), values).mean()),
        "others changed": float(sum(others.values())),
        "unintended": float(np.mean(list(others.values()))),
        "most": f"{most} {others[most]:.2f}",
        "identity": float(cosine(who, who_now).mean()),
        "background": float(change[place].mean()) if place.any() else 0.0,
    }


def told(reader):
    """Whether the reader can tell an attribute."""
    return reader["accuracy"] >= RIGHT and 1 - reader["accuracy"] <= (1 - reader["chance"]) / 2


def edits(judges, pack, held, styles, strength=None):
    """{prompt: what its edit did} through encoder, direction and generator, and the pictures of a sheet."""
    table, tiles = {}, []
    for prompt, attribute, wanted, before in EDITS:
        index = heads(held.data, attribute, wanted, before)
        own = styles[index.numpy()]
        made, edited = pack.pictures(own), pack.pictures(own + pack.direction(prompt, strength))
        table[prompt] = judged(judges, held, index, made, edited, attribute, wanted)
        if prompt in ASKED or len(tiles) < 2 * 14:
            tiles += [as_judged(made[:12]).numpy(), as_judged(edited[:12]).numpy()]
    return table, np.concatenate(tiles)
