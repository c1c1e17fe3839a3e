#!/usr/bin/env python3
"""The corpus converter: layout of HTML and POD pages, sizes, duplicates, the same bytes twice, errors that name the page."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(os.environ["EQUAL_SOURCE_DIR"]) / "tools"
sys.path.insert(0, str(TOOLS))
from manuals import catalogue, cut, html, pod  # noqa: E402

PAGE = """<html><head><title>os - Python</title></head><body><div class="related"><ul><li>next</ul></div><div class="body">
<h1>1.2. Files<a class="headerlink">¶</a></h1><p>Some   <em>words</em>
here.<p>More.
<ul><li>one<li><p>two</p><pre>  code
    deeper
</pre></ul>
<dl class="py function"><dt class="sig" id="os.getcwd"><code>os.getcwd()</code></dt><dd><p>Return a string.</p><pre>&gt;&gt;&gt; os.getcwd()</pre></dd></dl>
<dl class="py class"><dt class="sig" id="threading.Thread"><em>class </em><code>threading.Thread</code></dt>
<dd><p>A thread.</p><dl class="py method"><dt class="sig" id="threading.Thread.start"><code class="descname">start</code>()</dt><dd><p>Start it.</p></dd></dl></dd></dl>
<table><tr><th>Description:</th><td>Facts</td></tr></table></div></body></html>"""

POD = """=head1 NAME

Text::Wrap - line wrapping

=head1 FUNCTIONS

Some B<bold>, C<< $a->b >>, L<text|perlfunc> and E<lt>angles>.

  my $x = 1;
    deeper();

=over 4

=item wrap($first)

Wraps I<lines>.

=item *

a bullet

=back

=head1 AUTHOR

Somebody

=cut
"""


def word(title, part, number):
    return title + "".join("abcdefghij"[int(digit)] for digit in f"{part}{number}")


def long_page(title, words):
    return f"<html><body><h1>{title}</h1>" + "".join(f"<h2>Part {i}</h2><p>" + " ".join(word(title, i, j) for j in range(words)) + ".</p>" for i in range(4)) + "</body></html>"


class Readers(unittest.TestCase):
    def test_html(self):
        source = next(s for s in catalogue.SOURCES if s.package == "python3.11-doc")
        parts = html.read(PAGE, source)
        self.assertEqual([p.text for p in parts],
                         ["Files", "Some words here.", "More.", "- one", "- two\n\n      code\n        deeper",
                          "os.getcwd()\n    Return a string.\n\n        >>> os.getcwd()", "class threading.Thread\n    A thread.", "Thread.start()\n    Start it.",
                          "Description: Facts"])

    def test_pod(self):
        parts = pod.read(POD, None)
        self.assertEqual([p.text for p in parts],
                         ["Text::Wrap - line wrapping", "FUNCTIONS", "Some bold, $a->b, text and <angles>.", "    my $x = 1;\n      deeper();", "wrap($first)\n    Wraps lines.",
                          "- a bullet"])
        self.assertEqual(pod.read("package X;\n1;\n", None), [])

    def test_documents_have_their_size_and_path(self):
        source = next(s for s in catalogue.SOURCES if s.package == "debian-faq")
        pieces = list(cut.documents("Debian", html.read(long_page("Title", 100), source)))
        self.assertEqual(len(pieces), 4)
        for path, text in pieces:
            self.assertEqual(path, ["Debian", "Title"])
            self.assertTrue(text.startswith("Debian > Title\n\n## Part "))
        for _, text in cut.documents("Debian", html.read(long_page("Title", 1300), source)):
            self.assertLessEqual(len(text.split()), 500)


class Program(unittest.TestCase):
    def convert(self, root, *more):
        out = Path(root, "out.jsonl")
        done = subprocess.run([sys.executable, TOOLS / "make_manuals_corpus", "--root", root, "--out", out, "--jobs", "2", *more], capture_output=True, text=True, check=False)
        return done, out.read_bytes() if out.exists() else b""

    def test_same_packages_same_bytes(self):
        with tempfile.TemporaryDirectory() as root:
            folder = Path(root, "usr/share/doc/debian/FAQ")
            folder.mkdir(parents=True)
            for name in ("b", "a", "c"):
                (folder / f"{name}.en.html").write_text(long_page(name, 90), encoding="utf-8")
            (folder / "copy.en.html").write_text(long_page("a", 90), encoding="utf-8")
            first, data = self.convert(root, "--least", "12")
            again, same = self.convert(root, "--least", "12")
            self.assertEqual((first.returncode, again.returncode), (0, 0), first.stderr)
            self.assertEqual(data, same)
            rows = [json.loads(line) for line in data.splitlines()]
            self.assertEqual(len(rows), 12, "the copy is a duplicate")
            self.assertEqual(rows[0]["id"], "debian-faq/a.en.html#1")
            self.assertEqual(rows[0]["source"], "debian-faq")
            few, _ = self.convert(root)
            self.assertIn("12 documents found", few.stderr)
            self.assertNotEqual(few.returncode, 0)

    def test_a_page_that_cannot_be_read_is_named(self):
        with tempfile.TemporaryDirectory() as root:
            folder = Path(root, "usr/share/doc/debian/FAQ")
            folder.mkdir(parents=True)
            (folder / "deep.en.html").write_text("<html><body>" + "<div>" * 3000 + "x", encoding="utf-8")
            done, data = self.convert(root, "--least", "0")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("deep.en.html", done.stderr)
            self.assertEqual(data, b"")


if __name__ == "__main__":
    unittest.main()
