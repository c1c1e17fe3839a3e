"""report.html in a real browser: three widths, light and dark, printed; nothing loaded, nothing logged, hostile documents stay text."""
import json
import pathlib
import sys

import browser
import corpus
import harness

HOSTILE = ["<script>document.title='OWNED'</script>", "</script><script>document.title='OWNED'</script>", "<img src=x onerror=\"document.title='OWNED'\">", "<!-- --><svg onload=document.title='OWNED'>",
           "'\"><iframe src=http://localhost:1/>", "\u2028\u2029 ]]> {{x}} @@DATA@@ ${x} \\u003c"]


def check(condition, text):
    if not condition:
        sys.exit(text)


corpus.write_corpus("docs.jsonl", count=300)
corpus.write_reference("reference.jsonl")
with open("docs.jsonl", "a") as out:
    for i, text in enumerate(HOSTILE * 4):
        out.write(json.dumps({"id": f"{text}-{i}", "text": f"{text} hostile text number {i} " + text * 3, "qas": [{"question": f"Is {text} number {i} text?", "answer": f"{text} is text {i}"}]}) + "\n")
with open("reference.jsonl", "a") as out:
    for text in HOSTILE:
        out.write(json.dumps({"question": f"Is {text} text?", "answer": text}) + "\n")
workspace = harness.fresh("<b>run&amp;")
words = ["--reference.files", "reference.jsonl", "--extractor", "replay", "--encoder.dim", "32", "--log.level", "warn", "--inputs", "docs.jsonl", "--policy", "full", "--budget.documents", "100%"]
harness.run(3, "run", "--workspace", workspace, *words)
page, data = workspace / "report.html", json.loads((workspace / "report.json").read_text())
check(any(text in json.dumps(data, ensure_ascii=False).replace('\\"', '"').replace("\\\\", "\\") for text in HOSTILE[:1]), "the hostile documents are not in the report: the test would prove nothing")
first = page.read_bytes()
harness.run(1, "report", workspace, "--log.level", "warn")
check(page.read_bytes() == first, "a second report of the same run, on another number of ranks, differs")
check(browser.PROGRAM, "no chromium: apt-get install chromium")
b = browser.Browser()
try:
    for width in (390, 820, 1440):
        for dark in (False, True):
            b.open(page, width, dark)
            check(not b.complaints(), f"{width} px: {b.complaints()}")
            check(b.value("document.title") == "equal report: <b>run&amp;", f"the title is {b.value('document.title')}")
            check(b.value("document.querySelectorAll('main script, main img, main iframe, main b b').length") == 0, "markup came out of a document")
            check(b.value("document.documentElement.scrollWidth") <= width, f"{width} px: the page is {b.value('document.documentElement.scrollWidth')} px wide")
            check(b.value("document.querySelectorAll('svg circle').length") >= len(data["map"]["arms"]), "the map is not drawn")
            sections = b.value("[...document.querySelectorAll('h2')].map(h => h.textContent)")
            check({"What it cost", "Rewards over the budget", "Map of the clusters", "Arms", "Coverage of the reference", "Pairs kept and left out", "Time and ranks"} <= set(sections), str(sections))
            check("<script>document.title='OWNED'</script>" in b.value("document.body.innerText + [...document.querySelectorAll('details')].map(d => d.textContent).join()"), "a hostile text is not shown as text")
            colour = b.value("getComputedStyle(document.body).backgroundColor")
            check((sum(map(int, colour[4:-1].split(","))) < 200) == dark, f"background {colour}, dark = {dark}")
            b.screenshot(f"report-{width}-{'dark' if dark else 'light'}.png")
    # A pointer on a cluster tells what it is.
    place = b.value("(() => { const c = document.querySelector('svg circle[stroke]'); c.scrollIntoView({block: 'center'}); const r = c.getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; })()")
    b.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])
    check(b.value("document.getElementById('tip').classList.contains('on') && /^(arm [0-9]+|reference)/.test(document.getElementById('tip').textContent)"), "no tooltip over a cluster")
    b.value("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    check("[object" not in b.value("document.body.innerText") and b.value("document.querySelectorAll('details .pair .q').length") > 0, "the examples of the arms are not shown")
    b.pdf("report.pdf")
    check(not b.complaints(), str(b.complaints()))
    check(pathlib.Path("report.pdf").stat().st_size > 20000, "the printed report is empty")
finally:
    b.close()
print(f"{len(first)} bytes, drawn at three widths, light, dark and printed; {len(HOSTILE)} hostile texts stayed text")
