#!/usr/bin/env bash
# Sourced before the first block of a page, in its folder: files that the pages speak of. usage: . prelude.sh SOURCE BUILD
source_folder=$1 build_folder=$2
for name in configs jobs tools; do ln -s "$source_folder/$name" "$name"; done
mkdir -p build/release
ln -s "$build_folder/bin" build/release/bin
python3 - <<'PY'
import gzip, json
topics = {"lists": "A list holds items in a row", "tides": "The moon raises the tides of the sea", "bread": "Yeast makes bread rise in the warmth",
          "glass": "Sand melts into glass in a furnace", "maps": "A map shows the land on paper"}
documents = []
for i in range(120):
    topic = list(topics)[i % len(topics)]
    fact = topics[topic]
    documents.append({"id": f"{topic}-{i}", "text": f"About {topic}, part {i}. {fact}. What do we know about {topic} in part {i}? {fact}, says part {i}.",
                      "qas": [{"question": f"What do we know about {topic} in part {i}?", "answer": f"{fact}, says part {i}."}]})
lines = [json.dumps(d) + "\n" for d in documents]
open("docs.jsonl", "w").writelines(lines)
gzip.open("docs.jsonl.gz", "wt").writelines(lines)
with open("reference.jsonl", "w") as f:
    for i in range(20):
        f.write(json.dumps({"question": f"What is known about lists number {i}?", "answer": f"A list holds item {i} in a row."}) + "\n")
with open("benchmark.jsonl", "w") as f:
    f.write(json.dumps({"question": "How many apples are left when three of seven apples have been eaten by the two hungry children?", "answer": "Four."}) + "\n")
PY
