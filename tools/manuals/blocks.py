"""What the readers deliver: headings and blocks of text, already laid out as lines.

Layout of the text (docs/quickstart.md has an example):
- a heading is a line `# Heading`, with one `#` a level;
- a paragraph is one line; blocks are parted by an empty line;
- a list item starts with `- ` or `1. `, what belongs to it is indented;
- code keeps its lines and its own indentation, four blanks further in, after an empty line;
- a definition is one or more lines of terms directly followed by its body, four blanks further in.
"""

import re
from dataclasses import dataclass


@dataclass
class Heading:
    level: int
    text: str


@dataclass
class Block:
    """Lines of one paragraph, list item, code block, table or definition.

    definition: a document may end before it; member: a definition that belongs to the class before it.
    """

    text: str
    definition: bool = False
    member: bool = False

    @property
    def words(self):
        return len(self.text.split())


def indent(text, width=4):
    return "\n".join(" " * width + line if line.strip() else "" for line in text.split("\n"))


def join(blocks):
    return "\n\n".join(block.text for block in blocks)


def definition(terms, body):
    """Term lines with an indented body; without a body the terms are a paragraph each."""
    head = "\n".join(terms)
    inner = join(body)
    return Block(head + "\n" + indent(inner) if inner else head, definition=True)


def list_item(mark, body):
    """`- first paragraph`, what follows indented to stand under it."""
    inner = indent(join(body), len(mark) + 1)
    return Block(mark + " " + inner.lstrip(" ") if inner.strip() else "")


def tidy_heading(text):
    """Without section numbers: `3.1.2. Will it run?` is a question, its number is not part of it."""
    text = re.sub(r"^(?:(?:Chapter|Appendix|Part|Section)\s+[A-Z0-9IVX]+[.:]?|(?:[A-Z]\.)?\d+(?:\.\d+)+\.?|\d+\.|[A-Z](?:\.\d+)+\.?|\d+(?=\s+[A-Z]))\s+", "", text.strip())
    return text.strip(" ¶#").strip()
