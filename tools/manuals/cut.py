"""Headings and blocks to documents of about 80 to 500 words, each under its heading path."""

from .blocks import Block, Heading

LOW, HIGH = 80, 480       # words of a document, its headings not counted
ENOUGH = 160              # a definition may start a new document after this many
LEAST = 60                # the rest of a page shorter than this, and not joinable, is dropped


def _split(block):
    """A block longer than HIGH words in runs of its lines; the parts of a definition repeat its first term."""
    if block.words <= HIGH:
        return [block]
    lines = block.text.split("\n")
    head = lines[0] if block.definition else ""
    parts, run, words = [], [], 0
    for line in lines:
        n = len(line.split())
        if run and words + n > HIGH - 50 and (not line.strip() or words > HIGH - 10):
            parts.append("\n".join(run).strip("\n"))
            run, words = ([head + " (continued)"] if head else []), 0
        if line.strip() or run:
            run.append(line)
            words += n
    parts.append("\n".join(run).strip("\n"))
    out = []
    for part in parts:
        while len(part.split()) > HIGH:  # one endless line
            tokens = part.split(" ")
            out.append(Block(" ".join(tokens[:HIGH]), block.definition))
            part = " ".join(tokens[HIGH:])
        out.append(Block(part, block.definition))
    return [b for b in out if b.text.strip()]


def documents(subject, parts):
    """Yields (heading path, text). The path holds what stands above all sections of the piece; its first line repeats it."""
    path = []                      # open headings: (level, text)
    piece, words = [], 0           # lines of the piece under way: (path of its section, rendered block)
    pieces = []

    def close():
        nonlocal piece, words
        if piece:
            pieces.append((piece, words))
        piece, words = [], 0

    headings_pending = []
    for part in parts:
        if isinstance(part, Heading):
            while path and path[-1][0] >= part.level:
                path.pop()
            path.append((part.level, part.text))
            headings_pending.append(tuple(path))
            continue
        for block in _split(part):
            if words and (words + block.words > HIGH or (headings_pending and words >= LOW) or (block.definition and words >= ENOUGH)):
                close()
            piece.append((tuple(path), block.text))
            words += block.words
        headings_pending = []
    close()

    merged = []
    for piece, words in pieces:
        if merged and words < LOW and merged[-1][1] + words <= HIGH:
            merged[-1] = (merged[-1][0] + piece, merged[-1][1] + words)
        else:
            merged.append((piece, words))
    for piece, words in merged:
        if words >= LEAST:
            yield _render(subject, piece)


def _render(subject, piece):
    paths = [p for p, _ in piece]
    common = list(paths[0][:-1])
    for p in paths:
        keep = 0
        while keep < len(common) and keep < len(p) - 1 and common[keep] == p[keep]:
            keep += 1
        common = common[:keep]
    chain = [subject] + [text for _, text in common]
    lines, shown = [" > ".join(chain)], tuple(common)
    for p, text in piece:
        for depth, entry in enumerate(p):
            if depth >= len(shown) or shown[depth] != entry:
                lines.append("#" * min(6, depth + 1 - len(common) + 1) + " " + entry[1])
                shown = p[:depth + 1]
        shown = p
        lines.append(text)
    return chain, "\n\n".join(lines) + "\n"
