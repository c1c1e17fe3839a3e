"""A small corpus with topics, known pairs, duplicates, long and odd documents, made from a seed: the same bytes each time."""
import json
import random

TOPICS = {
    "arithmetic": ("sum total apples oranges price each number more fewer left altogether share equal twice half dozen cost buys sells "
                   "gives friends boxes each day week hour minutes speed miles distance", "How many {0} are there if {1} {0} are shared by {2}?", "There are {3} {0}."),
    "cooking": ("oven butter flour sugar bake dough simmer onions garlic pan stir minutes salt pepper sauce recipe heat chopped serve "
                "bowl whisk cream roast", "How long should the {0} simmer with {1} onions?", "Let the {0} simmer for {3} minutes."),
    "gardening": ("soil seeds water sunlight roots prune leaves compost spring frost plant rows bloom weeds harvest shade bulbs hedge "
                  "lawn tomatoes", "When is the best time to plant {0} in {1} rows?", "Plant {0} {3} days after the last frost."),
    "sailing": ("wind mast sail harbour anchor tide knots deck rudder rope crew bow stern storm navigate chart compass buoy "
                "course leeward", "How does one set the {0} in {1} knots of wind?", "Reef the {0} once the wind passes {3} knots."),
    "law": ("court statute clause party contract section liability tenant notice hearing appeal judge evidence damages breach lease "
            "filing petition", "What does section {1} say about the {0}?", "Section {1} requires notice of {3} days about the {0}."),
}


def documents(count, seed):
    rng = random.Random(seed)
    for i in range(count):
        topic = rng.choice(sorted(TOPICS))
        words, question, answer = TOPICS[topic]
        words = words.split()
        sentences = []
        for _ in range(rng.randint(3, 14)):
            sentence = " ".join(rng.choice(words) for _ in range(rng.randint(6, 16)))
            sentences.append(sentence.capitalize() + ".")
        pairs = []
        for _ in range(rng.choice([0, 0, 1, 2, 3])):
            noun, a, b = rng.choice(words), rng.randint(2, 90), rng.randint(2, 9)
            pairs.append({"question": question.format(noun, a, b, a * b), "answer": answer.format(noun, a, b, a * b)})
        text = " ".join(sentences + [p["question"] + " " + p["answer"] for p in pairs])
        if i % 97 == 5:  # long: is cut into pieces
            text = "\n\n".join([text] * 12)
        record = {"id": f"{topic}-{i}", "text": text, "domain": topic}
        if pairs:
            record["qas"] = pairs
        yield record


def write_corpus(path, count=900, seed=7, marked=False):
    """marked: each text begins with its number for the stand-in LLM's log, and none is long."""
    records = list(documents(count, seed))
    if marked:
        for i, record in enumerate(records):
            record["text"] = f"[[doc {i}]] " + record["text"].split("\n\n")[0]
    records[11] = dict(records[11], id=records[10]["id"])  # an id again
    records[21] = dict(records[21], text=records[20]["text"])  # a text again
    records[31] = dict(records[31], text="Schöne Grüße: \u4f60\u597d \U0001f600 " + records[31]["text"])
    with open(path, "w", encoding="utf-8") as out:
        for record in records:
            out.write(json.dumps(record, ensure_ascii=False) + "\n")


def write_reference(path, topic="arithmetic", count=40, seed=99):
    rng = random.Random(seed)
    words, question, answer = TOPICS[topic]
    words = words.split()
    with open(path, "w", encoding="utf-8") as out:
        for _ in range(count):
            noun, a, b = rng.choice(words), rng.randint(2, 90), rng.randint(2, 9)
            out.write(json.dumps({"question": question.format(noun, a, b, a * b), "answer": answer.format(noun, a, b, a * b)}) + "\n")
