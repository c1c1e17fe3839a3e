"""HTML manuals (Sphinx, DocBook, Texinfo, AsciiDoc, hand-written) to headings and blocks."""

import re
from html.parser import HTMLParser

from .blocks import Block, Heading, definition, indent, list_item, tidy_heading

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_CLOSES = {"p": {"p"}, "li": {"li", "p"}, "dt": {"dt", "dd", "p"}, "dd": {"dt", "dd", "p"}, "tr": {"tr", "td", "th", "p"}, "td": {"td", "th", "p"},
           "th": {"td", "th", "p"}, "ul": {"p"}, "ol": {"p"}, "dl": {"p"}, "pre": {"p"}, "table": {"p"}, "div": {"p"}, "blockquote": {"p"},
           "h1": {"p"}, "h2": {"p"}, "h3": {"p"}, "h4": {"p"}, "h5": {"p"}, "h6": {"p"}}
_SCOPES = {"li": {"ul", "ol"}, "dt": {"dl"}, "dd": {"dl"}, "tr": {"table"}, "td": {"table", "tr"}, "th": {"table", "tr"}}
_BLOCKS = {"p", "div", "section", "article", "main", "ul", "ol", "dl", "pre", "table", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "center",
           "form", "details", "figure", "body", "td", "th", "li", "dd", "dt", "tr", "tbody", "thead", "address"}
_DROP_TAGS = {"script", "style", "nav", "head", "form", "button", "svg", "math", "footer", "select", "noscript", "iframe", "object", "label"}
_DROP = {"headerlink", "navheader", "navfooter", "toc", "contents", "Contents_element", "toctree-wrapper", "header", "viewcode-link", "versionadded",
         "versionchanged", "versionmodified", "sphinxsidebar", "related", "copiable-anchor", "nosearch", "fancy_toc", "toplang", "bottomlang", "menu",
         "table-of-contents", "footnotes", "footnote", "index", "indextable", "quickview", "category", "embedded", "topic-title", "relatedtopics",
         "deprecated-removed", "index-entry", "modindextable", "fancy-toc", "toc-title", "sidebar", "nav-panel", "comments_thread", "footdef",
         "xoxo", "tocwrapper", "indexterm", "literal-block-wrapper-caption", "howtogettoit", "noprint", "modifier-keys"}
_DROP_IDS = {"header", "footer", "toc", "quickview", "preamble-lang", "comments_section", "SEC_Contents", "dev-warning", "SEC_Footer", "postamble"}


class Node:
    __slots__ = ("tag", "attrs", "children")

    def __init__(self, tag, attrs=()):
        self.tag, self.attrs, self.children = tag, dict(attrs), []

    @property
    def classes(self):
        return (self.attrs.get("class") or "").split()

    def find(self, selector):
        """First element, in document order, for "tag", "tag#id" or "tag.class"."""
        tag, _, wanted = selector.replace("#", ".#").partition(".")
        for child in self.children:
            if isinstance(child, Node):
                if child.tag == tag and (not wanted or wanted in child.classes or wanted == "#" + (child.attrs.get("id") or "")):
                    return child
                found = child.find(selector)
                if found:
                    return found
        return None

    def elements(self, *tags):
        return [c for c in self.children if isinstance(c, Node) and c.tag in tags]


class _Tree(HTMLParser):
    """A tree from HTML with optional end tags."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.root = Node("root")
        self.stack = [self.root]

    def handle_starttag(self, tag, attrs):
        closes, scopes = _CLOSES.get(tag), _SCOPES.get(tag, set())
        while closes and len(self.stack) > 1:
            open_at = next((i for i in range(len(self.stack) - 1, 0, -1) if self.stack[i].tag in closes or self.stack[i].tag in scopes), 0)
            between = {node.tag for node in self.stack[open_at + 1:]}
            if not open_at or self.stack[open_at].tag in scopes or (self.stack[open_at].tag == "p" and between & _BLOCKS):
                break
            del self.stack[open_at:]
        node = Node(tag, attrs)
        self.stack[-1].children.append(node)
        if tag not in _VOID:
            self.stack.append(node)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        for i in range(len(self.stack) - 1, 0, -1):
            if self.stack[i].tag == tag:
                del self.stack[i:]
                return
            if tag in ("p", "a", "span", "b", "i", "em", "code") and self.stack[i].tag in ("td", "th", "li", "dd", "body"):
                return

    def handle_data(self, data):
        self.stack[-1].children.append(data)


def _dropped(node):
    return node.tag in _DROP_TAGS or node.attrs.get("id") in _DROP_IDS or not _DROP.isdisjoint(node.classes)


def _raw(node):
    """All text below a node, as it stands."""
    out = []
    for child in node.children:
        if isinstance(child, str):
            out.append(child)
        elif child.tag == "br":
            out.append("\n")
        elif child.tag in ("sup", "sub") and "footnote" not in " ".join(child.classes):
            out.append(("^" if child.tag == "sup" else "_") + _raw(child) if re.fullmatch(r"[-+\w]{1,6}", _raw(child)) else _raw(child))
        elif not _dropped(child):
            out.append(_raw(child))
    return "".join(out)


def _flat(node):
    text = " ".join(_raw(node).split())
    return re.sub(r"\s+([,;.)])(?=\s|$)", r"\1", text.replace("¶", "").strip())


class _Walker:
    def __init__(self):
        self.out, self.scope = [], []

    def blocks_of(self, node):
        """The blocks below a node, on their own."""
        outer, self.out = self.out, []
        self.walk(node)
        inner, self.out = self.out, outer
        return inner

    def walk(self, node):
        """Inline text between blocks is a paragraph of its own."""
        inline = []

        def flush():
            text = " ".join("".join(inline).split()).replace("¶", "").strip()
            inline.clear()
            if text:
                self.out.append(Block(text))

        for child in node.children:
            if isinstance(child, str):
                inline.append(child)
            elif _dropped(child):
                continue
            elif child.tag == "br":
                inline.append(" ")
            elif child.tag in _BLOCKS or any(c.tag in _BLOCKS for c in child.elements(*_BLOCKS)):
                flush()
                self.block(child)
            else:
                inline.append(_raw(child))
        flush()

    def block(self, node):
        tag = node.tag
        if re.fullmatch("h[1-6]", tag):
            text = tidy_heading(_flat(node))
            if text:
                self.out.append(Heading(int(tag[1]), text))
        elif tag == "p" and not any(c.tag in _BLOCKS for c in node.elements(*_BLOCKS)):
            text = _flat(node)
            if "admonition-title" in node.classes:
                text = text.rstrip(":") + ":"
            if text:
                self.out.append(Block(text))
        elif tag == "pre":
            self.code(_raw(node))
        elif tag in ("ul", "ol"):
            for number, item in enumerate(node.elements("li"), 1):
                body = [b for b in self.blocks_of(item) if isinstance(b, Block)]
                block = list_item(f"{number}." if tag == "ol" else "-", body)
                if block.text:
                    self.out.append(block)
        elif tag == "dl":
            self.definitions(node)
        elif tag == "table":
            self.table(node)
        else:
            start = len(self.out)
            self.walk(node)
            added = self.out[start:]
            if len(added) > 1 and isinstance(added[0], Block) and re.fullmatch(r"[A-Z][\w ]{2,20}:", added[0].text) and isinstance(added[1], Block):
                self.out[start:start + 2] = [Block(added[0].text + " " + added[1].text)]

    def code(self, text):
        lines = [line.expandtabs().rstrip() for line in text.split("\n")]
        while lines and not lines[0]:
            lines.pop(0)
        while lines and not lines[-1]:
            lines.pop()
        if lines:
            margin = min(len(line) - len(line.lstrip()) for line in lines if line)
            self.out.append(Block(indent("\n".join(line[margin:] for line in lines))))

    def definitions(self, node):
        """Terms and bodies. Members of a class follow it as definitions of their own, under `Class.member`."""
        terms, is_class = [], "class" in node.classes or "exception" in node.classes
        flat = []
        for child in node.children:
            if isinstance(child, Node):
                flat.extend(child.elements("dt", "dd") if child.tag == "div" else [child])
        for child in flat:
            if child.tag == "dt" and not _dropped(child):
                term = self.term(child)
                if term:
                    terms.append(term)
            elif child.tag == "dd":
                if is_class and terms:
                    self.scope.append(terms[0])
                parts = self.blocks_of(child)
                if is_class and terms:
                    self.scope.pop()
                if any(isinstance(part, Heading) for part in parts):
                    self.out.extend(Block(t, definition=True) for t in terms)
                    self.out.extend(parts)
                else:
                    own = [p for p in parts if not p.member]
                    members = [p for p in parts if p.member]
                    if terms:
                        block = definition(terms, own)
                        block.member = bool(self.scope)
                        self.out.append(block)
                    else:
                        self.out.extend(own)
                    self.out.extend(members)
                terms = []
        self.out.extend(Block(t, definition=True) for t in terms)

    def term(self, dt):
        text = _flat(dt).lstrip(": ").strip()
        name = dt.find("code.descname") or dt.find("span.descname")
        whole = dt.attrs.get("id") or ""
        if self.scope and name and "." in whole:
            short = _flat(name)
            owner = whole.split(".")[-2]
            if whole.endswith("." + short) and text.startswith(short):
                text = owner + "." + text
        return text

    def table(self, node):
        rows = []

        def collect(parent):
            for child in parent.elements("tr", "tbody", "thead", "tfoot"):
                rows.append(child) if child.tag == "tr" else collect(child)

        collect(node)
        if len(rows) == 1 and len(rows[0].elements("td", "th")) == 1 or any(row.find("pre") or row.find("dl") for row in rows):
            for row in rows:
                for cell in row.elements("td", "th"):
                    self.walk(cell)
            return
        lines = []
        for row in rows:
            cells = row.elements("td", "th")
            texts = [_flat(cell) for cell in cells]
            if len(texts) == 2 and cells[0].tag == "th" and cells[1].tag == "td":
                lines.append(texts[0].rstrip(":") + ": " + texts[1])
            elif any(texts):
                lines.append(" | ".join(texts))
        if lines:
            self.out.append(Block("\n".join(lines)))


def read(text, source):
    """Headings and blocks of one page."""
    tree = _Tree()
    tree.feed(text)
    tree.close()
    main = next((found for found in (tree.root.find(selector) for selector in source.main) if found), tree.root)
    walker = _Walker()
    walker.walk(main)
    parts = walker.out
    levels = [p.level for p in parts if isinstance(p, Heading)]
    if not levels or levels.count(min(levels)) > 1 or not isinstance(parts[0], Heading):  # no heading stands above all others
        title = tree.root.find("title")
        name = tidy_heading(" ".join(_raw(title).split())) if title else ""
        first = parts[0].text if parts and isinstance(parts[0], Heading) else ""
        if name and name != first:
            parts.insert(0, Heading(0, name))
        elif first:
            parts[0].level = 0
    return parts
