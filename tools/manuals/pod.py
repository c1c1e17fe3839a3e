"""Perl's POD to headings and blocks (perlpodspec, the parts that manuals use)."""

import re

from .blocks import Block, Heading, definition, indent, list_item

_ENTITIES = {"lt": "<", "gt": ">", "verbar": "|", "sol": "/", "eacute": "é", "auml": "ä", "ouml": "ö", "uuml": "ü", "amp": "&", "quot": '"',
             "nbsp": " ", "copy": "©", "szlig": "ß", "oslash": "ø", "aring": "å", "egrave": "è"}


def _span_end(text, start, width):
    """Where the code that opened with `width` brackets ends: (end of content, end of code)."""
    if width > 1:
        close = re.compile(r"\s+>{%d}" % width).search(text, start)
        return (close.start(), close.end()) if close else (len(text), len(text))
    depth, i = 1, start
    while i < len(text):
        inner = re.match(r"[A-Z](<+)", text[i:])
        if inner and len(inner.group(1)) > 1 and text[i + inner.end():i + inner.end() + 1].isspace():
            i = _span_end(text, i + inner.end(), len(inner.group(1)))[1]
            continue
        if inner:
            depth += 1
            i += 2
            continue
        if text[i] == ">":
            depth -= 1
            if depth == 0:
                return i, i + 1
        i += 1
    return len(text), len(text)


def _link(text):
    """`L<text|target>`, `L<perlop/"Floating">`, `L<http://...>` as a reader would see it."""
    if "|" in text:
        return inline(text.split("|", 1)[0])
    text = inline(text)
    if re.match(r"\w+:[^:\s]", text):
        return text
    page, _, section = text.partition("/")
    section = section.strip('"')
    if page and section:
        return f'"{section}" in {page}'
    return f'"{section}"' if section else page


def inline(text):
    """Formatting codes out, their text in."""
    out, i = [], 0
    for code in iter(lambda: re.compile(r"([A-Z])(<+)").search(text, i), None):
        out.append(text[i:code.start()])
        width, start = len(code.group(2)), code.end()
        if width > 1 and not text[start:start + 1].isspace():
            start, width = code.start(2) + 1, 1
        content_end, i = _span_end(text, start, width)
        content, kind = text[start:content_end], code.group(1)
        content = content.strip() if width > 1 else content
        if kind == "E":
            number = re.fullmatch(r"0x[0-9a-fA-F]+|\d+", content)
            out.append(chr(int(content, 0)) if number else _ENTITIES.get(content, content))
        elif kind == "L":
            out.append(_link(content))
        elif kind not in "XZ":
            out.append(inline(content))
    out.append(text[i:])
    return "".join(out)


def _plain(text):
    return " ".join(inline(text).split())


class _Reader:
    def __init__(self, text):
        self.paragraphs = [p.strip("\n") for p in re.split(r"\n(?:[ \t]*\n)+", text.replace("\r", ""))]
        self.at = 0

    def body(self, inside_list):
        """Blocks up to the next =item or =back (inside a list) or to the end."""
        out = []
        while self.at < len(self.paragraphs):
            paragraph = self.paragraphs[self.at]
            command = re.match(r"=([a-zA-Z]\w*)\s*", paragraph)
            name = command.group(1) if command else ""
            if inside_list and (name in ("item", "back") or name.startswith("head")):
                return out
            self.at += 1
            rest = paragraph[command.end():] if command else ""
            if name.startswith("head") and name[4:].isdigit():
                out.append(Heading(int(name[4:]), _plain(rest)))
            elif name == "over":
                out.extend(self.items())
            elif name == "begin":
                while self.at < len(self.paragraphs) and not self.paragraphs[self.at].startswith("=end"):
                    self.at += 1
            elif name == "cut":
                while self.at < len(self.paragraphs) and not re.match(r"=(?!cut|end)[a-zA-Z]", self.paragraphs[self.at]):
                    self.at += 1
            elif name or not paragraph.strip():
                continue
            elif paragraph[0] in " \t":
                self.code(out, paragraph)
            elif _plain(paragraph):
                out.append(Block(_plain(paragraph)))
        return out

    @staticmethod
    def code(out, paragraph):
        lines = [line.expandtabs().rstrip() for line in paragraph.split("\n")]
        margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        text = indent("\n".join(line[margin:] for line in lines))
        if out and isinstance(out[-1], Block) and out[-1].text.startswith("    "):
            out[-1] = Block(out[-1].text + "\n\n" + text)
        else:
            out.append(Block(text))

    def items(self):
        """The list after =over: bullets, numbers, or terms with their bodies."""
        out, terms = self.body(inside_list=True), []
        while self.at < len(self.paragraphs):
            paragraph = self.paragraphs[self.at]
            if paragraph.startswith("=head"):
                break
            self.at += 1
            if paragraph.startswith("=back"):
                break
            item = _plain(re.sub(r"^=item\s*", "", paragraph))
            body = [b for b in self.body(inside_list=True) if isinstance(b, Block)]
            mark = re.match(r"(\*|\d+\.?|-)(?:\s+|$)", item)
            if mark and not terms:
                rest = item[mark.end():]
                number = mark.group(1).rstrip(".")
                out.append(list_item(f"{number}." if number.isdigit() else "-", ([Block(rest)] if rest else []) + body))
            else:
                terms.append(item)
                if body:
                    out.append(definition(terms, body))
                    terms = []
        if terms:
            out.extend(Block("- " + term) for term in terms)
        return [b for b in out if isinstance(b, Heading) or b.text]


def read(text, _source):
    """Headings and blocks of a .pod or .pm file; nothing when it has no POD."""
    first = re.search(r"^=(?:pod|head[1-4]|encoding|over|begin|for)\b", text, re.MULTILINE)
    if not first:
        return []
    out = _Reader(text[first.start():]).body(inside_list=False)
    return _with_title(out)


def _with_title(parts):
    """NAME's `perlfaq4 - Data Manipulation` becomes the title; what is of no use to a reader goes."""
    title, out, skipping = "", [], 0
    for n, part in enumerate(parts):
        if isinstance(part, Heading):
            name = part.text.upper()
            if skipping and part.level > skipping:
                continue
            skipping = part.level if re.fullmatch(r"(NAME|VERSION|AUTHORS?( AND COPYRIGHT)?|COPYRIGHT.*|LICEN[SC]E.*|SEE ALSO|MAINTAINERS?|HISTORY|CHANGES|"
                                                  r"ACKNOWLEDGE?MENTS?|CREDITS|SUPPORT|TABLE OF CONTENTS|CONTRIBUTORS|AVAILABILITY)", name) else 0
            if name == "NAME" and n + 1 < len(parts) and isinstance(parts[n + 1], Block) and not title:
                title = parts[n + 1].text.split("\n")[0]
            if not skipping:
                out.append(Heading(part.level + 1, part.text))
        elif not skipping:
            out.append(part)
    return [Heading(1, title)] + out if title else out
