// All settings of a run, as plain values. Names, defaults, ranges and help live in the parameter table
// (parameters.hpp); the defaults here are overwritten by the table's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace equal::settings {

struct Settings {
  // job
  std::string workspace;
  std::uint64_t seed = 0, threads = 0, expect_ranks = 0, drain_seconds = 0;
  double max_hours = 0, heartbeat_seconds = 0, max_loss = 0;
  std::string log_level, redo;
  // ingest
  std::vector<std::string> inputs;
  std::string field_id, field_text, field_pairs, field_question, field_answer;
  std::uint64_t partition_bytes = 0, max_words = 0, max_line_bytes = 0, max_bad = 0, list_bad = 0;
  bool append = false, keep_duplicate_texts = false;
  // reference
  std::vector<std::string> reference, holdout;
  std::uint64_t guide_items = 0;
  // encoder
  std::string encoder, encoder_table, encoder_model, encoder_pooling, encoder_precision, encoder_long_documents,
      encoder_query_prefix, encoder_document_prefix, encoder_endpoints_file, encoder_key_env, encoder_key_file;
  std::vector<std::string> encoder_endpoints;
  bool encoder_allow_plain_http = false;
  std::uint64_t encoder_dim = 0, encoder_feature_bits = 0, encoder_fit_sample = 0, encoder_max_tokens = 0,
                encoder_batch = 0, encoder_slots = 0, embed_block = 0;
  // cluster
  std::uint64_t cluster_k = 0, cluster_top = 0, cluster_max_iterations = 0, cluster_restarts = 0,
                cluster_fit_sample = 0;
  std::string cluster_seeding;
  double cluster_tolerance = 0, cluster_neighbour_radius = 0;
  // warmup
  bool warmup = false;
  std::uint64_t warmup_per_cluster = 0, warmup_max_documents = 0, warmup_min_documents = 0, warmup_epochs = 0,
                warmup_batch = 0, warmup_hard_negatives = 0, warmup_patience = 0;
  double warmup_budget_share = 0, warmup_focus = 0, warmup_learning_rate = 0, warmup_temperature = 0,
         warmup_backward_share = 0, warmup_held_out = 0;
  std::string warmup_train;
  // extract
  std::string extractor, policy, reward, transport_solver, transport_cost, order;
  std::string budget_documents;
  std::uint64_t budget_calls = 0, budget_tokens = 0;
  double budget_money = 0, price_prompt = 0, price_completion = 0;
  std::uint64_t round_documents = 0, pull_documents = 0, delay = 0, inflight = 0;
  double reward_cap = 0;
  bool keep_rejects = false;
  // keep rules
  std::uint64_t keep_min_question = 0, keep_max_question = 0, keep_min_answer = 0, keep_max_answer = 0;
  std::uint64_t keep_max_foreign_words = 0, keep_near_duplicate_bits = 0;
  bool keep_self_contained = false, keep_grounded = false, keep_same_language = false;
  double keep_min_cosine = 0, keep_min_answer_words = 0, keep_min_answer_numbers = 0, keep_min_answer_phrases = 0,
         keep_min_question_words = 0;
  // chat
  std::vector<std::string> chat_endpoints;
  std::string chat_endpoints_file, chat_model, chat_prompt, chat_format, chat_key_env, chat_key_file, chat_header,
      chat_refine_prompt, chat_extra, chat_ca_file;
  std::uint64_t chat_slots = 0, chat_examples = 0, chat_max_pairs = 0, chat_max_tokens = 0, chat_context_tokens = 0,
                chat_retries = 0;
  double chat_temperature = 0, chat_top_p = 0, chat_timeout_seconds = 0, chat_document_seconds = 0,
         chat_patience_seconds = 0, chat_hedge_factor = 0;
  bool chat_allow_plain_http = false;
  std::string command;
  std::uint64_t command_batch = 0;
  double command_timeout_seconds = 0;
  // export
  std::string export_format, export_files, export_folder, export_name, export_licence;
  std::uint64_t export_top = 0, export_shard_bytes = 0;
  double export_min_credit = 0, export_validation = 0, export_near_duplicates = 0;
  std::vector<std::string> export_decontaminate;
  bool export_rejects = false;
  // plan
  std::string plan_profile;
  std::uint64_t plan_rows = 0, plan_bytes = 0, plan_files = 0, plan_nodes = 0, plan_ranks_per_node = 0, plan_memory = 0,
                plan_disk = 0, plan_sample = 0;
  double plan_disk_rate = 0, plan_network_rate = 0, plan_hours = 0, plan_call_seconds = 0;

  bool operator==(const Settings&) const = default;
};

}  // namespace equal::settings
