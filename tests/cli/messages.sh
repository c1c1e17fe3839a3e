#!/usr/bin/env bash
# What the program says when a user errs: exit code and the words that must be there.
set -u
equal=$1
failures=0
# expect CODE TEXT WORDS...
expect() {
  local code=$1 text=$2 output status
  shift 2
  output=$("$equal" "$@" 2>&1)
  status=$?
  if [ "$status" -ne "$code" ] || [[ $output != *"$text"* ]]; then
    echo "equal $*: exit code $status, expected $code and '$text' in:"
    echo "$output"
    failures=$((failures + 1))
  fi
}
rm -rf w w2 w3 half cut
printf '{"question": "What is a list?", "answer": "A row of items."}\n' > reference.jsonl
printf '{"id": "a", "text": "Lists hold items."}\n{"id": "b", "text"\n' > broken.jsonl
printf '{"id": "a", "text": "Lists hold items in a row."}\n{"id": "b", "text": "Sets hold each item once."}\n' > docs.jsonl
printf '{"id": "a", "body": "no text here"}\n' > fields.jsonl
: > empty.jsonl
printf 'Write pairs about this:\n{{document}}\n' > plain.txt
printf '[cluster]\nk = 0.5\n' > bad.ini
head -c 100 /dev/urandom | gzip | head -c 60 > torn.jsonl.gz
good=(--workspace w --inputs docs.jsonl --reference.files reference.jsonl --extractor replay --budget.documents 2)

expect 0 "corpus -> ingest -> embed -> cluster" --help
expect 0 "--cluster.k = 0 clusters" cluster --help
expect 0 "equal " --version
expect 0 "compiler" --version --verbose
expect 1 "usage: equal --version" --version --loud
expect 0 "equal run: valid settings" validate run --workspace w --policy pooled --inputs a.jsonl b.jsonl
expect 1 "did you mean 'job.workspace'?" validate run --workspce w
expect 1 "'stray' is no setting" validate run stray
expect 0 "equal report: valid settings" validate report w
expect 1 "usage:"
expect 1 "did you mean 'cluster'?" cluser
expect 1 "did you mean 'extract.policy'?" run --extract.polic random
expect 1 "must be one of random, full" run --policy best --workspace w
expect 1 "--workspace is missing" run --inputs docs.jsonl
expect 1 "--inputs is missing" run --workspace w --reference.files reference.jsonl
expect 1 "nowhere.jsonl" run --workspace w --inputs nowhere.jsonl
expect 1 "bad.ini:2: cluster.k = 0.5; must be a whole number" validate bad.ini
expect 2 "broken.jsonl:2" run --workspace w --inputs broken.jsonl --reference.files reference.jsonl
expect 2 "--max-bad 1" run --workspace w --inputs broken.jsonl --reference.files reference.jsonl
expect 2 "fields.jsonl:1" run --workspace w --inputs fields.jsonl --reference.files reference.jsonl
expect 2 "torn.jsonl.gz" run --workspace w --inputs torn.jsonl.gz --reference.files reference.jsonl
expect 1 "3 ranks were expected" run "${good[@]}" --expect-ranks 3
export PMI_SIZE=3  # what MPICH's launcher says to a program that was built with another MPI and hears of no rank
expect 1 "3 ranks were expected (PMI_SIZE), MPI shows 1; this program has " run "${good[@]}"
unset PMI_SIZE
expect 1 "stage ingest is not complete" embed --workspace w
expect 1 "a number of documents, such as 2000, or a share" run --workspace w2 --inputs docs.jsonl --reference.files reference.jsonl --extractor replay --budget.documents 0

# What a run would come to late is told before it begins.
late=(--workspace w3 --inputs docs.jsonl --reference.files reference.jsonl)
chat=("${late[@]}" --extractor chat --chat.endpoints http://127.0.0.1:9/v1)
expect 1 "input nowhere*.jsonl: no file matches" run --workspace w3 --inputs 'nowhere*.jsonl' --reference.files reference.jsonl
expect 2 "empty.jsonl: holds no pairs" run --workspace w3 --inputs docs.jsonl --reference.files empty.jsonl
expect 1 "extract.extractor = chat needs --chat.endpoints" run "${late[@]}" --extractor chat
expect 1 "not an http:// or https:// URL" run "${late[@]}" --extractor chat --chat.endpoints nonsense
expect 1 "the environment variable NO_SUCH_KEY" run "${chat[@]}" --chat.key_env NO_SUCH_KEY
expect 1 "no_such_key: the key file cannot be read" run "${chat[@]}" --chat.key_file no_such_key
expect 1 "'no_such_prompt' is no prompt" run "${chat[@]}" --chat.prompt no_such_prompt
expect 1 "plain.txt: chat.format = json_object needs a prompt with {{format}}" run "${chat[@]}" --chat.prompt plain.txt --chat.format json_object
expect 1 "chat.context_tokens = 300: the prompt's own" run "${chat[@]}" --chat.context_tokens 300
expect 1 "chat.extra must be a JSON object" run "${chat[@]}" --chat.extra 1
expect 1 "extract.extractor = command needs --command.line" run "${late[@]}" --extractor command
expect 1 "command.line = true: needs {input} and {output}" run "${late[@]}" --extractor command --command.line true
expect 1 "chat.format = json_probed: there is no server to ask" run "${late[@]}" --extractor command --command.line 'cp {input} {output}' --chat.format json_probed
expect 1 "a least length (5000 and 1 characters" run "${late[@]}" --extractor pattern --keep.min_question 5000
expect 1 "budget.money needs prices" run "${late[@]}" --extractor replay --budget.money 3
model=$(dirname "$0")/../data/bert/tiny  # max_tokens: at most 40
mkdir -p half cut
cp "$model"/*.json half
cp -r "$model"/* cut
head -c 9000 "$model/model.safetensors" > cut/model.safetensors
run_static=("${late[@]}" --extractor replay) run_http=("${run_static[@]}" --encoder.kind http)
for encoder in kind=bert table=distil; do
  encoder=("--encoder.${encoder%=*}" "${encoder#*=}")
  expect 1 "needs --encoder.model: the folder with" run "${run_static[@]}" "${encoder[@]}"
  expect 2 "nowhere/config.json: cannot be read" run "${run_static[@]}" "${encoder[@]}" --encoder.model nowhere
  expect 2 "half/model.safetensors: cannot be read" run "${run_static[@]}" "${encoder[@]}" --encoder.model half --encoder.max_tokens 32
  expect 2 "cut/model.safetensors: tensor" run "${run_static[@]}" "${encoder[@]}" --encoder.model cut --encoder.max_tokens 32
done
expect 1 "encoder max_tokens = 256; 3 to 40 are possible" run "${run_static[@]}" --encoder.kind bert --encoder.model "$model"
expect 1 "encoder.kind = http needs --encoder.endpoints" run "${run_http[@]}"
expect 1 "not an http:// or https:// URL" run "${run_http[@]}" --encoder.endpoints nonsense
expect 1 "the environment variable NO_SUCH_KEY" run "${run_http[@]}" --encoder.endpoints http://127.0.0.1:9/v1 --encoder.key_env NO_SUCH_KEY
if [ -e w3 ]; then
  echo "a run that could not end well has begun: w3"
  failures=$((failures + 1))
fi
expect 69 "/dev/null/w: cannot be created" run --workspace /dev/null/w --inputs docs.jsonl --reference.files reference.jsonl --extractor replay

expect 0 "data set" run "${good[@]}"
expect 0 "complete" run "${good[@]}"
expect 1 "cluster.k was '0' and is now '1'" run "${good[@]}" --cluster.k 1
expect 1 "add it with --append" run --workspace w --reference.files reference.jsonl --inputs docs.jsonl fields.jsonl
expect 0 "extract  complete" status w
truncate -s 1000 w/gen-0/encoder/table.bin
expect 2 "table.bin: is 1000 bytes long, its header says" run "${good[@]}" --append
expect 0 "data set" run "${good[@]}" --redo embed
expect 0 '"stages"' status w --json
expect 0 "Lists hold items" inspect w document 0
expect 1 "the corpus has 2" inspect w document 2
expect 1 "no such workspace" status nowhere
expect 1 "rounds.jsonl: has no round 99" inspect w round 99
expect 1 "name two workspaces: equal compare DIR DIR" compare w
expect 1 "name the workspace: equal export DIR" export
expect 1 "name the workspace: equal status DIR" status
expect 1 "usage: equal completion bash|zsh (not 'fish')" completion fish
expect 1 "--dry-run belongs to extract" run "${good[@]}" --dry-run
expect 1 "--plan.profile is missing" plan --plan.rows 10
expect 2 "is no machine profile of this program" plan --plan.rows 10 --plan.profile reference.jsonl
expect 1 "say where the profile goes" bench
exit "$failures"
