"""Bars of bora and the peers as one SVG file that needs nothing else."""

import html

WIDTH, MARGIN, LABELS, GAP = 980, 16, 290, 24
ROW, TITLE, NUMBER = 17, 30, 44
COLOURS = {"bora": "#1f6fb4", "llama.cpp": "#c08a3e", "ik_llama.cpp": "#8a8a8a"}
LIMIT = "#b3261e"


def colour_of(name):
    return COLOURS.get(name.split(" ")[0], "#8a8a8a")


def _text(x, y, text, **attributes):
    extra = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{html.escape(text)}</text>'


def _bars(rows, key, left, width, top):
    """rows: [(name, {"prefill": tokens/s, "decode": .., "prefill_limit": .., ..})], scaled to the largest."""
    limit = f"{key}_limit"
    largest = max([row[part] for _, row in rows for part in (key, limit) if row.get(part)], default=1.0)
    scale = (width - NUMBER - 8) / largest
    drawn = []
    for i, (name, row) in enumerate(rows):
        y = top + i * ROW
        if row.get(key):
            length = row[key] * scale
            drawn.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{ROW - 5}" fill="{colour_of(name)}"/>')
            end = length
            if row.get(limit):
                at = left + row[limit] * scale
                drawn.append(f'<path d="M{at:.1f} {y - 1.5}v{ROW - 2}" stroke="{LIMIT}" stroke-width="2"/>')
                if 0 <= at - left - length < NUMBER:  # no room for the number between bar and limit
                    end = row[limit] * scale
            drawn.append(_text(left + end + 6, y + 10, f"{row[key]:.1f}"))
        else:
            drawn.append(_text(left + 2, y + 10, "not measured", fill="#777"))
    return drawn


def bar_chart(groups):
    """groups: [(title, rows)] as _bars takes them; all at least one row."""
    width = (WIDTH - 2 * MARGIN - LABELS - GAP) / 2
    columns = ((MARGIN + LABELS, "prefill"), (MARGIN + LABELS + width + GAP, "decode"))
    drawn, y = [], 40
    for title, rows in groups:
        drawn.append(_text(MARGIN, y, title, font_weight="bold"))
        y += 10
        for i, (name, _) in enumerate(rows):
            drawn.append(_text(MARGIN + LABELS - 8, y + i * ROW + 10, name.replace(".gguf", ""), text_anchor="end"))
        for left, key in columns:
            drawn += _bars(rows, key, left, width, y)
        y += len(rows) * ROW + TITLE
    heads = [_text(left, 18, f"{key}, tokens/s", font_weight="bold") for left, key in columns]
    legend_x = columns[1][0] + 140
    heads += [f'<path d="M{legend_x} 8v13" stroke="{LIMIT}" stroke-width="2"/>',
              _text(legend_x + 6, 18, "limit of the machine")]
    height = y - 10
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="11">\n'
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>\n'
            + "\n".join([*heads, *drawn]) + "\n</svg>\n")
