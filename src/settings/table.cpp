#include "table.hpp"

#include "equal/base/registered.hpp"

namespace equal::settings {
namespace {

constexpr double kMany = 1e18;

template <auto Member>
Slot slot_of(Settings& s) {
  return &(s.*Member);
}

/// Rows are added in the order in which --help and docs/configuration.md show them.
class Table {
 public:
  std::vector<Parameter> rows;

  template <auto Member>
  Parameter& add(const char* name, const char* stage, Kind kind, const char* value, const char* unit,
                 const char* help) {
    Parameter p;
    p.name = name, p.stage = stage, p.kind = kind, p.default_value = value, p.unit = unit, p.help = help;
    p.slot = &slot_of<Member>;
    rows.push_back(std::move(p));
    return rows.back();
  }
};

void range(Parameter& p, double minimum, double maximum) { p.minimum = minimum, p.maximum = maximum; }

void add_job(Table& t) {
  using S = Settings;
  constexpr auto kFree = Kind::free;
  t.add<&S::workspace>("job.workspace", "job", kFree, "", "folder",
                       "Folder of this run. Made if missing; the same command line resumes in it.");
  t.add<&S::seed>("job.seed", "job", Kind::result, "1", "", "Seed of every random choice.");
  range(t.add<&S::threads>("job.threads", "job", kFree, "0", "threads",
                           "Threads of each rank; 0 = the cores this rank may use, shared by the ranks of a host."),
        0, 256);
  range(t.add<&S::expect_ranks>(
            "job.expect_ranks", "job", kFree, "0", "ranks",
            "Stop unless MPI shows this many ranks; 0 = SLURM_NTASKS where Slurm sets it, else no check."),
        0, 1e6);
  range(t.add<&S::max_hours>("job.max_hours", "job", kFree, "0", "hours",
                             "Checkpoint and end with exit code 75 after this time; 0 = no limit."),
        0, 1e5);
  range(t.add<&S::drain_seconds>("job.drain_seconds", "job", kFree, "30", "seconds",
                                 "After a signal, how long to wait for answers that are under way."),
        0, 3600);
  range(
      t.add<&S::heartbeat_seconds>("job.heartbeat_seconds", "job", kFree, "60", "seconds",
                                   "A rank that gives no sign of life for this long (its node or network is gone, the "
                                   "process is frozen) ends the job with a message; 0 = never."),
      0, 86400);
  range(t.add<&S::max_loss>("job.max_loss", "job", kFree, "0.01", "share",
                            "Share of asked documents that may stay unanswered before the run ends with exit code 3."),
        0, 1);
  t.add<&S::redo>(
       "job.redo", "job", kFree, "", "stage",
       "Throw away this stage's artefacts and those of the stages after it, then run. Answers in the journal are kept.")
      .choices = {"", "embed", "cluster", "warmup", "extract", "export"};
  t.add<&S::log_level>("log.level", "job", kFree, "info", "", "How much is logged to standard error.").choices = {
      "trace", "debug", "info", "warn", "error", "off"};
}

void add_ingest(Table& t) {
  using S = Settings;
  constexpr auto kResult = Kind::result;
  const char* stage = "ingest";
  t.add<&S::inputs>("ingest.inputs", stage, Kind::free, "", "files",
                    "Corpus: .jsonl, .jsonl.gz, .jsonl.zst, .txt and .md files, folders of them, or globs.");
  t.add<&S::field_id>("ingest.field_id", stage, kResult, "id", "",
                      "JSON field that names a document; a document without it is named after its file and line.");
  t.add<&S::field_text>("ingest.field_text", stage, kResult, "text", "", "JSON field that holds the text.");
  t.add<&S::field_pairs>("ingest.field_pairs", stage, kResult, "qas", "",
                         "JSON field with a list of known pairs, for the extractor replay; may be missing.");
  t.add<&S::field_question>("ingest.field_question", stage, kResult, "question", "",
                            "JSON field of the question in known pairs and references.");
  t.add<&S::field_answer>("ingest.field_answer", stage, kResult, "answer", "",
                          "JSON field of the answer in known pairs and references.");
  range(t.add<&S::max_words>(
            "ingest.max_words", stage, kResult, "512", "words",
            "Longer documents are cut into pieces of at most this length, at paragraph ends where possible."),
        16, 1e6);
  range(t.add<&S::partition_bytes>("ingest.partition_bytes", stage, kResult, "268435456", "bytes",
                                   "Size of a partition, in bytes of its decompressed input."),
        1024, 1e12);
  range(t.add<&S::max_line_bytes>("ingest.max_line_bytes", stage, kResult, "67108864", "bytes",
                                  "A longer input line is bad."),
        1024, 1e9);
  range(t.add<&S::max_bad>("ingest.max_bad", stage, Kind::free, "0", "lines",
                           "Bad lines that are skipped before the stage gives up with exit code 2."),
        0, kMany);
  range(t.add<&S::list_bad>("ingest.list_bad", stage, Kind::free, "20", "lines",
                            "Bad lines that are listed with file and line."),
        0, 1e6);
  t.add<&S::keep_duplicate_texts>(
      "ingest.keep_duplicate_texts", stage, kResult, "false", "",
      "Keep documents whose text has been seen before. Documents with an id that has been seen are always dropped.");
  t.add<&S::append>("ingest.append", stage, Kind::free, "false", "",
                    "Add the inputs that are new as further partitions; those that exist stay as they are.");
  t.add<&S::reference>("reference.files", "reference", kResult, "", "files",
                       "Reference pairs of the target task, JSONL (.gz, .zst); FILE:WEIGHT mixes several.");
  range(t.add<&S::guide_items>("reference.guide_items", "reference", kResult, "0", "pairs",
                               "Pairs that rewards may see (drawn by seed); the rest is the holdout. 0 = all when "
                               "reference.holdout is given, else half, at most 1000."),
        0, 1e6);
  t.add<&S::holdout>("reference.holdout", "reference", kResult, "", "files",
                     "Pairs that are only measured against, JSONL.");
}

void add_embed(Table& t) {
  using S = Settings;
  constexpr auto kResult = Kind::result;
  constexpr auto kFree = Kind::free;
  const char* stage = "embed";
  t.add<&S::encoder>("encoder.kind", stage, kResult, "static", "",
                     "static needs no model; bert runs a Hugging Face folder; http asks servers for vectors.")
      .choices = {EQUAL_ENCODERS(EQUAL_QUOTED)};
  t.add<&S::encoder_table>(
       "encoder.table", stage, kResult, "lsa", "",
       "Table of the static encoder: lsa is fitted on the corpus, distil takes its words' vectors from "
       "the bert model in encoder.model, hash is seeded random.")
      .choices = {"lsa", "distil", "hash"};
  range(t.add<&S::encoder_dim>("encoder.dim", stage, kResult, "256", "", "Dimension of the static encoder's vectors."),
        8, 2048);
  range(t.add<&S::encoder_feature_bits>("encoder.feature_bits", stage, kResult, "18", "bits",
                                        "Words are hashed to this many bits by the lsa table."),
        8, 20);
  range(t.add<&S::encoder_fit_sample>("encoder.fit_sample", stage, kResult, "262144", "documents",
                                      "Documents that the lsa table is fitted on, drawn by seed."),
        1, 262144);
  t.add<&S::encoder_model>("encoder.model", stage, kResult, "", "folder",
                           "Hugging Face folder of bert and distil: config.json, model.safetensors, vocab.txt or "
                           "tokenizer.json. With http the model's name, sent with each request.");
  t.add<&S::encoder_pooling>("encoder.pooling", stage, kResult, "auto", "",
                             "How token vectors become one; auto follows the model's own files.")
      .choices = {"auto", "mean", "cls"};
  t.add<&S::encoder_precision>("encoder.precision", stage, kResult, "f32", "",
                               "Arithmetic of the bert encoder; auto takes the fastest that this CPU and build have.")
      .choices = {"auto", "f32", "bf16", "int8"};
  range(t.add<&S::encoder_max_tokens>(
            "encoder.max_tokens", stage, kResult, "256", "tokens",
            "Longer documents are cut or windowed, see encoder.long_documents. With http they are "
            "cut at four bytes a token."),
        16, 8192);
  t.add<&S::encoder_long_documents>("encoder.long_documents", stage, kResult, "truncate", "",
                                    "What happens beyond encoder.max_tokens.")
      .choices = {"truncate", "windows"};
  t.add<&S::encoder_query_prefix>("encoder.query_prefix", stage, kResult, "", "",
                                  "Text put before each pair (BGE's query instruction).");
  t.add<&S::encoder_document_prefix>("encoder.document_prefix", stage, kResult, "", "",
                                     "Text put before each document.");
  t.add<&S::encoder_endpoints>("encoder.endpoints", stage, kFree, "", "URLs",
                               "OpenAI-compatible embeddings servers of the http encoder, such as "
                               "http://127.0.0.1:8080/v1.");
  t.add<&S::encoder_endpoints_file>("encoder.endpoints_file", stage, kFree, "", "file",
                                    "One URL a line; read again when it changes.");
  range(t.add<&S::encoder_batch>("encoder.batch", stage, kFree, "32", "texts",
                                 "Texts in one request of the http encoder."),
        1, 2048);
  range(t.add<&S::encoder_slots>("encoder.slots", stage, kFree, "8", "requests",
                                 "Requests in flight at each embeddings server, from each rank."),
        1, 4096);
  t.add<&S::encoder_key_env>("encoder.key_env", stage, kFree, "", "",
                             "Environment variable that holds the API key of the embeddings server.");
  t.add<&S::encoder_key_file>("encoder.key_file", stage, kFree, "", "file", "File (mode 0600) that holds the API key.");
  t.add<&S::encoder_allow_plain_http>("encoder.allow_plain_http", stage, kFree, "false", "",
                                      "Let texts go unencrypted beyond this host.");
  range(t.add<&S::embed_block>("embed.block", stage, kResult, "512", "documents",
                               "Documents that are encoded and saved together; the unit of resuming."),
        16, 1e6);
}

void add_cluster(Table& t) {
  using S = Settings;
  constexpr auto kResult = Kind::result;
  const char* stage = "cluster";
  range(
      t.add<&S::cluster_k>("cluster.k", stage, kResult, "0", "clusters",
                           "Number of clusters = arms; 0 = the square root of the number of documents, at most 16384."),
      0, 1048576);
  range(t.add<&S::cluster_top>("cluster.top", stage, kResult, "0", "clusters",
                               "Two levels: so many clusters first, then each is split by itself, k in all; for more "
                               "clusters than one level can afford. 0 = one level."),
        0, 1048576);
  range(t.add<&S::cluster_max_iterations>("cluster.max_iterations", stage, kResult, "25", "",
                                          "Iterations of k-means at most."),
        1, 10000);
  range(t.add<&S::cluster_restarts>("cluster.restarts", stage, kResult, "1", "",
                                    "Fits of k-means from starts of their own; the one with the lowest objective "
                                    "stays."),
        1, 1000);
  range(t.add<&S::cluster_tolerance>("cluster.tolerance", stage, kResult, "0.001", "share",
                                     "Stop when a smaller share of documents changed cluster."),
        0, 1);
  t.add<&S::cluster_seeding>("cluster.seeding", stage, kResult, "kmeans||", "", "How the first centroids are chosen.")
      .choices = {"kmeans||", "kmeans++", "random"};
  range(t.add<&S::cluster_fit_sample>("cluster.fit_sample", stage, kResult, "256", "documents per cluster",
                                      "Documents that k-means is fitted on, for each cluster; 0 = all."),
        0, 1e9);
  range(t.add<&S::cluster_neighbour_radius>("cluster.neighbour_radius", stage, kResult, "0.2", "",
                                            "Clusters nearer than this share credit under the policy released."),
        0, 100);
}

void add_warmup(Table& t) {
  using S = Settings;
  constexpr auto kResult = Kind::result;
  const char* stage = "warmup";
  t.add<&S::warmup>("warmup.enabled", stage, Kind::free, "false", "",
                    "equal run trains the encoder on the answers to a few documents of each cluster, and embeds and "
                    "clusters again, before it extracts.");
  range(t.add<&S::warmup_per_cluster>("warmup.per_cluster", stage, kResult, "2", "documents",
                                      "Documents a cluster, on average, that are asked for it."),
        1, 1e6);
  range(t.add<&S::warmup_focus>("warmup.focus", stage, kResult, "1", "",
                                "A cluster's share of them goes with exp(focus x its standardised similarity to the "
                                "guide); 0 = all clusters alike."),
        0, 10);
  range(
      t.add<&S::warmup_max_documents>("warmup.max_documents", stage, kResult, "600", "documents", "Documents at most."),
      1, 1e6);
  range(t.add<&S::warmup_budget_share>("warmup.budget_share", stage, kResult, "0.05", "share",
                                       "Part of the budget that they may take at most."),
        0.001, 1);
  range(t.add<&S::warmup_min_documents>("warmup.min_documents", stage, kResult, "24", "documents",
                                        "With fewer documents that gave pairs nothing is trained."),
        4, 1e6);
  t.add<&S::warmup_train>(
       "warmup.train", stage, kResult, "auto", "",
       "weights: all that the encoder has, the rows of a fitted table or a transformer; projection: a "
       "linear map behind it. auto = a map of the table for static (rows need more documents), weights "
       "for bert, projection for http and the table hash.")
      .choices = {"auto", "weights", "projection"};
  range(t.add<&S::warmup_learning_rate>("warmup.learning_rate", stage, kResult, "0", "",
                                        "Highest learning rate of AdamW; 0 = what suits the kind of encoder."),
        0, 10);
  range(t.add<&S::warmup_epochs>("warmup.epochs", stage, kResult, "0", "",
                                 "Passes over the documents at most; 0 = what suits the kind of encoder."),
        0, 1000);
  range(t.add<&S::warmup_batch>("warmup.batch", stage, kResult, "64", "documents",
                                "Documents of a step, over all ranks together."),
        2, 65536);
  range(t.add<&S::warmup_temperature>("warmup.temperature", stage, kResult, "0", "",
                                      "Temperature of the contrastive loss; 0 = what suits the kind of encoder."),
        0, 10);
  range(t.add<&S::warmup_backward_share>("warmup.backward_share", stage, kResult, "0", "share",
                                         "Part of the loss in which pairs recognise documents; 0 = as published."),
        0, 1);
  range(t.add<&S::warmup_hard_negatives>("warmup.hard_negatives", stage, kResult, "15", "pairs",
                                         "Pairs near a document, by the stock encoder, that each step tells it from."),
        0, 1000);
  range(t.add<&S::warmup_held_out>("warmup.held_out", stage, kResult, "0.2", "share",
                                   "Part of the documents that is measured on and not trained on."),
        0.01, 0.9);
  range(t.add<&S::warmup_patience>("warmup.patience", stage, kResult, "3", "epochs",
                                   "Training ends after so many epochs without a better held-out MRR; 0 = never."),
        0, 1000);
}

void add_extract(Table& t) {
  using S = Settings;
  constexpr auto kResult = Kind::result;
  constexpr auto kFree = Kind::free;
  constexpr auto kRule = Kind::rule;
  const char* stage = "extract";
  t.add<&S::extractor>("extract.extractor", stage, kResult, "pattern", "",
                       "Who reads documents: replay (known pairs), pattern (rules), chat (LLM over HTTP), command (LLM "
                       "in batch files).")
      .choices = {EQUAL_EXTRACTORS(EQUAL_QUOTED)};
  t.add<&S::policy>("extract.policy", stage, kResult, "pooled", "", "Which documents are asked next.").choices = {
      EQUAL_POLICIES(EQUAL_QUOTED)};
  t.add<&S::reward>("extract.reward", stage, kResult, "marginal", "",
                    "What a pull is worth: pairs (kept pairs), batch and union (transport distance to the guide), "
                    "marginal (unserved guide items served).")
      .choices = {EQUAL_REWARDS(EQUAL_QUOTED)};
  range(t.add<&S::reward_cap>(
            "extract.reward_cap", stage, kResult, "9", "",
            "marginal: each guide item is served by at most cap x documents of the budget x its weight."),
        0.01, 1e6);
  t.add<&S::transport_solver>("transport.solver", stage, kResult, "emd", "", "Solver of the rewards batch and union.")
      .choices = {"emd", "sinkhorn", "ipot"};
  t.add<&S::transport_cost>("transport.cost", stage, kResult, "euclidean", "", "Cost between unit vectors.").choices = {
      "euclidean", "cosine"};
  t.add<&S::budget_documents>("budget.documents", stage, kFree, "5%", "documents",
                              "Documents that may be asked: a number, or a share of the corpus such as 5%.");
  range(t.add<&S::budget_calls>("budget.calls", stage, kFree, "0", "calls", "LLM calls at most; 0 = no limit."), 0,
        kMany);
  range(t.add<&S::budget_tokens>("budget.tokens", stage, kFree, "0", "tokens",
                                 "Prompt and completion tokens at most; 0 = no limit."),
        0, kMany);
  range(t.add<&S::budget_money>("budget.money", stage, kFree, "0", "price units",
                                "Money at most, by the prices below; 0 = no limit."),
        0, 1e12);
  range(t.add<&S::price_prompt>("budget.price_prompt", stage, kFree, "0", "per million tokens",
                                "Price of prompt tokens."),
        0, 1e9);
  range(t.add<&S::price_completion>("budget.price_completion", stage, kFree, "0", "per million tokens",
                                    "Price of completion tokens."),
        0, 1e9);
  range(t.add<&S::round_documents>("extract.round_documents", stage, kResult, "0", "documents",
                                   "Documents decided together; 0 = what the policy prefers."),
        0, 1e6);
  range(t.add<&S::pull_documents>("extract.pull_documents", stage, kResult, "10", "documents",
                                  "Documents of one pull, for policies that choose arms."),
        1, 1e6);
  t.add<&S::order>("extract.order", stage, kResult, "auto", "",
                   "fixed: a round is decided from whole earlier rounds; arrival: as answers come. auto = fixed for "
                   "deterministic extractors.")
      .choices = {"auto", "fixed", "arrival"};
  range(t.add<&S::delay>("extract.delay", stage, kResult, "0", "rounds",
                         "order=fixed: decide round t from rounds up to t - 1 - delay."),
        0, 1);
  range(t.add<&S::inflight>("extract.inflight", stage, kFree, "0", "documents",
                            "order=arrival: documents decided but unanswered; 0 = 1.25 x all slots. At first 32, or a "
                            "sixteenth of the budget if that is more, then as many as have been answered, up to this."),
        0, 1e6);
  t.add<&S::keep_rejects>(
      "extract.keep_rejects", stage, kFree, "false", "",
      "Write dropped pairs with their reasons into the journal; export then writes them to dropped.jsonl.");
  range(t.add<&S::keep_min_question>("keep.min_question", stage, kRule, "8", "characters",
                                     "A shorter question is dropped. The keep rules concern pattern, chat and command; "
                                     "replay drops only empty pairs and duplicates."),
        0, 1e6);
  range(t.add<&S::keep_max_question>("keep.max_question", stage, kRule, "2000", "characters",
                                     "A longer question is dropped."),
        1, 1e7);
  range(t.add<&S::keep_min_answer>("keep.min_answer", stage, kRule, "1", "characters", "A shorter answer is dropped."),
        0, 1e6);
  range(
      t.add<&S::keep_max_answer>("keep.max_answer", stage, kRule, "8000", "characters", "A longer answer is dropped."),
      1, 1e7);
  t.add<&S::keep_self_contained>("keep.self_contained", stage, kRule, "true", "",
                                 "Drop pairs that need their document to be understood, and refusals.");
  t.add<&S::keep_grounded>("keep.grounded", stage, kRule, "true", "",
                           "Drop pairs that do not rest on their document, by the rules below.");
  range(t.add<&S::keep_min_answer_words>("keep.min_answer_words", stage, kRule, "0.8", "share",
                                         "Content words of the answer that occur in the document or the question."),
        0, 1);
  range(t.add<&S::keep_max_foreign_words>("keep.max_foreign_words", stage, kRule, "1", "words",
                                          "So many content words of the answer may occur in neither, whatever their "
                                          "share: a short answer may rephrase one."),
        0, 1000);
  range(t.add<&S::keep_min_answer_numbers>("keep.min_answer_numbers", stage, kRule, "1", "share",
                                           "Numbers of the answer that occur in the document."),
        0, 1);
  range(t.add<&S::keep_min_answer_phrases>("keep.min_answer_phrases", stage, kRule, "0.15", "share",
                                           "Neighbouring content words of the answer that stand near each other in the "
                                           "document too."),
        0, 1);
  range(t.add<&S::keep_min_question_words>("keep.min_question_words", stage, kRule, "0.3", "share",
                                           "Content words of the question that occur in the document."),
        0, 1);
  range(t.add<&S::keep_min_cosine>(
            "keep.min_cosine", stage, kRule, "0", "",
            "Least cosine of a pair's vector and its document's, by the run's encoder; 0 = not asked "
            "for."),
        0, 1);
  t.add<&S::keep_same_language>("keep.same_language", stage, kRule, "true", "",
                                "Drop pairs that are clearly in another language than their document.");
  range(t.add<&S::keep_near_duplicate_bits>(
            "keep.near_duplicate_bits", stage, kRule, "3", "bits",
            "Drop a pair whose 64-bit SimHash differs in at most so many bits from that of an earlier pair of its "
            "document, unless their numbers differ; 0 = only equal pairs are duplicates."),
        0, 16);
}

void add_chat(Table& t) {
  using S = Settings;
  constexpr auto kResult = Kind::result;
  constexpr auto kFree = Kind::free;
  const char* stage = "chat";
  t.add<&S::chat_endpoints>(
      "chat.endpoints", stage, kFree, "", "URLs",
      "OpenAI-compatible servers, such as http://127.0.0.1:8000/v1; words like slots=256, weight=2 "
      "or key_env=NAME after a URL are for that server alone.");
  t.add<&S::chat_endpoints_file>(
      "chat.endpoints_file", stage, kFree, "", "file",
      "One URL a line, with the same words behind it; read again when it changes, so servers "
      "may come up late.");
  t.add<&S::chat_model>("chat.model", stage, kResult, "", "",
                        "Model name sent with each request; empty = none, for servers of one model.");
  t.add<&S::chat_prompt>(
      "chat.prompt", stage, kResult, "extract", "file",
      "Prompt with {{document}}, {{max_pairs}}, {{examples}} and {{format}}; a file, or the name of one "
      "that the program carries: extract, small (for models that follow examples only).");
  t.add<&S::chat_refine_prompt>(
      "chat.refine_prompt", stage, kResult, "", "file",
      "Prompt of a second call that improves the pairs, with {{pairs}} too: a file, or refine, "
      "which the program carries; empty = one call.");
  range(t.add<&S::chat_examples>("chat.examples", stage, kResult, "0", "pairs",
                                 "Guide pairs that are shown to the model where the prompt says {{examples}}."),
        0, 100);
  t.add<&S::chat_format>(
       "chat.format", stage, kResult, "tagged", "",
       "Form of the answer; json_probed = the first of the three JSON forms that the server understands.")
      .choices = {"tagged", "json_schema", "json_object", "guided_json", "json_probed"};
  range(t.add<&S::chat_max_pairs>("chat.max_pairs", stage, kResult, "5", "pairs", "Pairs asked for at most."), 1, 100);
  range(t.add<&S::chat_max_tokens>("chat.max_tokens", stage, kResult, "1024", "tokens",
                                   "Completion tokens of a call at most."),
        1, 1e6);
  range(t.add<&S::chat_context_tokens>("chat.context_tokens", stage, kResult, "8192", "tokens",
                                       "Context of the model; longer documents are cut at a sentence end."),
        256, 1e7);
  range(t.add<&S::chat_temperature>("chat.temperature", stage, kResult, "0", "", "Sampling temperature."), 0, 2);
  range(t.add<&S::chat_top_p>("chat.top_p", stage, kResult, "1", "", "Nucleus sampling."), 0.001, 1);
  t.add<&S::chat_extra>("chat.extra", stage, kResult, "", "",
                        "JSON object merged into every request, such as {\"seed\":1}; null removes a key.");
  range(t.add<&S::chat_slots>("chat.slots", stage, kFree, "64", "requests",
                              "Requests in flight at a server without slots= of its own, over all ranks together."),
        1, 65536);
  range(t.add<&S::chat_retries>("chat.retries", stage, kFree, "5", "", "Tries of a document after the first."), 0, 100);
  range(
      t.add<&S::chat_timeout_seconds>("chat.timeout_seconds", stage, kFree, "120", "seconds", "Limit of one request."),
      0.1, 86400);
  range(
      t.add<&S::chat_document_seconds>("chat.document_seconds", stage, kFree, "900", "seconds",
                                       "Limit of one document, retries included; stands still while no server is up."),
      1, 86400);
  range(t.add<&S::chat_patience_seconds>("chat.patience_seconds", stage, kFree, "900", "seconds",
                                         "No server up for so long ends the run; it can be resumed."),
        1, 864000);
  range(t.add<&S::chat_hedge_factor>("chat.hedge_factor", stage, kFree, "0", "",
                                     "A request that takes longer than this multiple of the 95th percentile is sent a "
                                     "second time (at most 5 % of all, and both are paid); 0 = never."),
        0, 100);
  t.add<&S::chat_key_env>("chat.key_env", stage, kFree, "", "", "Environment variable that holds the API key.");
  t.add<&S::chat_key_file>("chat.key_file", stage, kFree, "", "file", "File (mode 0600) that holds the API key.");
  t.add<&S::chat_header>("chat.key_header", stage, kFree, "Authorization", "",
                         "Header of the key: Authorization (Bearer), or api-key as Azure wants it.");
  t.add<&S::chat_allow_plain_http>("chat.allow_plain_http", stage, kFree, "false", "",
                                   "Allow http:// to other hosts than this one.");
  t.add<&S::chat_ca_file>("chat.ca_file", stage, kFree, "", "file",
                          "Certificates (PEM) that servers are checked against; empty = the system's.");
  t.add<&S::command>("command.line", stage, kFree, "", "",
                     "extractor=command: the command that turns {input} into {output}, OpenAI batch JSONL.");
  range(t.add<&S::command_batch>("command.batch", stage, kFree, "1024", "documents",
                                 "extractor=command: documents of a batch; each rank runs its own batches."),
        1, 1e6);
  range(t.add<&S::command_timeout_seconds>("command.timeout_seconds", stage, kFree, "86400", "seconds",
                                           "extractor=command: a batch that takes longer is ended."),
        1, 1e7);
}

void add_export(Table& t) {
  using S = Settings;
  constexpr auto kStage = Kind::stage;
  const char* stage = "export";
  t.add<&S::export_format>("export.format", stage, kStage, "messages", "",
                           "messages (Hugging Face, TRL), alpaca, sharegpt, or pairs (question and answer).")
      .choices = {"messages", "alpaca", "sharegpt", "pairs"};
  t.add<&S::export_files>("export.files", stage, kStage, "jsonl", "", "Kind of file.").choices = {
      "jsonl", "jsonl.gz", "jsonl.zst", "parquet"};
  t.add<&S::export_folder>("export.folder", stage, kStage, "", "folder",
                           "Where the data set goes; empty = out/ of the workspace.");
  range(t.add<&S::export_shard_bytes>(
            "export.shard_bytes", stage, kStage, "0", "bytes",
            "A file that holds as much (before compression) is followed by another; 0 = one file."),
        0, kMany);
  range(t.add<&S::export_top>("export.top", stage, kStage, "0", "pairs",
                              "Keep only the pairs with the highest credit; 0 = all."),
        0, kMany);
  range(t.add<&S::export_min_credit>(
            "export.min_credit", stage, kStage, "0", "",
            "Drop pairs with less credit; only the reward marginal gives credit to single pairs."),
        0, 1);
  range(t.add<&S::export_validation>(
            "export.validation", stage, kStage, "0", "share",
            "Documents whose pairs go to a validation split, drawn by seed; pieces of one document stay together."),
        0, 0.9);
  range(
      t.add<&S::export_near_duplicates>(
          "export.near_duplicates", stage, kStage, "0.8", "",
          "Of two pairs whose three-word runs agree this much (Jaccard) and that state the same numbers, the later is "
          "left out; 0 = off."),
      0, 1);
  t.add<&S::export_decontaminate>(
      "export.decontaminate", stage, kStage, "", "files",
      "Benchmarks, JSONL with ingest.field_question and perhaps ingest.field_answer: pairs that hold one of their "
      "items are left out.");
  t.add<&S::export_rejects>("export.rejects", stage, kStage, "true", "",
                            "Write the pairs that cleaning left out, with reasons, to rejects.jsonl.");
  t.add<&S::export_name>("export.name", stage, kStage, "", "", "Name of the data set, for its card (README.md).");
  t.add<&S::export_licence>(
      "export.licence", stage, kStage, "", "",
      "Licence of the data set for its card, such as cc-by-4.0; what holds follows from the sources.");
}

void add_plan(Table& t) {
  using S = Settings;
  constexpr auto kFree = Kind::free;
  const char* stage = "plan";
  t.add<&S::plan_profile>("plan.profile", stage, kFree, "", "file",
                          "Constants of the machine, as `equal bench --write-machine-profile FILE` measures them.");
  range(t.add<&S::plan_rows>("plan.rows", stage, kFree, "0", "documents",
                             "Documents of the inputs; 0 = from plan.bytes and the mean document of the profile."),
        0, 1e15);
  range(t.add<&S::plan_bytes>("plan.bytes", stage, kFree, "0", "bytes",
                              "Decompressed bytes of the inputs; 0 = from plan.rows and the mean document."),
        0, kMany);
  range(
      t.add<&S::plan_files>("plan.files", stage, kFree, "0", "files",
                            "Compressed input files of about equal size; 0 = inputs that can be read from any place."),
      0, 1e9);
  range(t.add<&S::plan_nodes>("plan.nodes", stage, kFree, "1", "nodes", "Nodes of the job."), 1, 1e6);
  range(t.add<&S::plan_ranks_per_node>("plan.ranks_per_node", stage, kFree, "2", "ranks",
                                       "Ranks of a node; one of all ranks only coordinates when there are several."),
        1, 1024);
  range(t.add<&S::plan_memory>("plan.memory", stage, kFree, "0", "bytes",
                               "Memory of a node; 0 = as much as the node of the profile."),
        0, kMany);
  range(t.add<&S::plan_disk>("plan.disk", stage, kFree, "0", "bytes", "Room for the workspace; 0 = not checked."), 0,
        kMany);
  range(t.add<&S::plan_disk_rate>("plan.disk_rate", stage, kFree, "0", "bytes a second",
                                  "What the file system takes from all nodes together, and gives; 0 = what one node of "
                                  "the profile writes and reads for itself."),
        0, kMany);
  range(t.add<&S::plan_network_rate>("plan.network_rate", stage, kFree, "1.25e9", "bytes a second",
                                     "Between two nodes, one way. Matters with more than one node."),
        1e3, 1e15);
  range(t.add<&S::plan_hours>("plan.hours", stage, kFree, "0", "hours",
                              "Time limit of the job; 0 = none. A run that needs longer is refused."),
        0, 1e6);
  range(t.add<&S::plan_call_seconds>("plan.call_seconds", stage, kFree, "10", "seconds",
                                     "Mean time of an LLM call, with the extractor chat."),
        0, 1e5);
  range(t.add<&S::plan_sample>("plan.sample", stage, kFree, "262144", "documents",
                               "Documents of ingest.inputs that `equal bench` measures with."),
        1000, 1e7);
}

}  // namespace

std::vector<Parameter> make_table() {
  Table t;
  add_job(t);
  add_ingest(t);
  add_embed(t);
  add_cluster(t);
  add_warmup(t);
  add_extract(t);
  add_chat(t);
  add_export(t);
  add_plan(t);
  return std::move(t.rows);
}

}  // namespace equal::settings
