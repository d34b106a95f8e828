"""Results as Markdown: nested dictionaries become lines and tables."""


def cell(value):
    if isinstance(value, float):
        # Two digits after the point for what is measured in large units, three for shares.
        return f"{value:.2f}" if abs(value) >= 2 else f"{value:.3f}"
    return str(value)


def table(rows, first=""):
    """{row: {column: value}}; columns in the order in which they come."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = [[first, *columns], ["---"] * (len(columns) + 1)]
    lines += [[name, *(cell(row.get(column, "")) for column in columns)] for name, row in rows.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def markdown(name, result):
    parts, plain, turned = [f"# {name}"], {}, {}
    for key, value in result.items():
        if not isinstance(value, dict):
            plain[key] = value
        elif value and all(isinstance(v, dict) for v in value.values()):
            columns = {column for row in value.values() for column in row}
            if len(columns) > 9:
                # Few things of many kinds read better the other way around.
                value = {c: {n: row[c] for n, row in value.items() if c in row} for c in next(iter(value.values()))}
            parts.append(f"## {key}\n\n{table(value)}")
        elif value:
            turned[key] = value
    # Single rows of the same columns make one table.
    for key, value in turned.items():
        parts.append(f"## {key}\n\n{table({'': value}) if len(value) < 9 else table({k: {'': v} for k, v in value.items()})}")
    if plain:
        parts.insert(1, "\n".join(f"- {key}: {cell(value)}" for key, value in plain.items()))
    return "\n\n".join(parts) + "\n"
