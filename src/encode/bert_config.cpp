#include "equal/encode/bert_config.hpp"

#include <algorithm>
#include <array>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"

namespace equal::encode {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{16} << 20;

// One JSON object on disk; messages carry file and key.
class Settings {
 public:
  explicit Settings(fs::path file)
      : file_(std::move(file)), json_(parse_json(read_file(file_, kMaxFileBytes), file_.string())) {
    if (!json_.is_object()) throw DataError(file_.string() + ": a JSON object is expected");
  }
  bool has(const char* key) const { return json_.contains(key) && !json_.at(key).is_null(); }
  const Json& json() const { return json_; }

  std::size_t count(const char* key, std::size_t largest) const {
    if (!has(key)) fail(key, "is missing");
    const Json& value = json_.at(key);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() < 1 || value.get<std::uint64_t>() > largest) {
      fail(key, format("= {}; a number from 1 to {} is expected", dump_json(value), largest));
    }
    return value.get<std::size_t>();
  }
  std::string text(const char* key, const std::string& otherwise) const {
    if (!has(key)) return otherwise;
    if (!json_.at(key).is_string()) fail(key, "a text is expected");
    return json_.at(key).get<std::string>();
  }
  bool flag(const char* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!json_.at(key).is_boolean()) fail(key, "true or false is expected");
    return json_.at(key).get<bool>();
  }
  double number(const char* key, double otherwise) const {
    if (!has(key)) return otherwise;
    if (!json_.at(key).is_number()) fail(key, "a number is expected");
    return json_.at(key).get<double>();
  }
  void expect(const char* key, const std::string& value) const {
    const std::string found = text(key, value);
    if (found != value) fail(key, format("= \"{}\"; only \"{}\" is supported", found, value));
  }
  [[noreturn]] void fail(const char* key, const std::string& what) const {
    throw DataError(format("{}: {} {}", file_.string(), key, what));
  }

 private:
  fs::path file_;
  Json json_;
};

void read_architecture(const fs::path& folder, BertConfig& config) {
  const Settings s(folder / "config.json");
  if (!s.has("model_type")) s.fail("model_type", "is missing; \"bert\" is expected");
  s.expect("model_type", "bert");
  s.expect("position_embedding_type", "absolute");
  s.expect("hidden_act", "gelu");
  if (s.flag("is_decoder", false)) s.fail("is_decoder", "is true; only encoders are supported");
  config.vocabulary = s.count("vocab_size", 4'000'000);
  config.positions = s.count("max_position_embeddings", 1 << 16);
  config.types = s.count("type_vocab_size", 1024);
  config.hidden = s.count("hidden_size", 1 << 14);
  config.intermediate = s.count("intermediate_size", 1 << 16);
  config.layers = s.count("num_hidden_layers", 1024);
  config.heads = s.count("num_attention_heads", 1024);
  if (config.hidden % config.heads != 0) {
    s.fail("num_attention_heads", format("= {} does not divide hidden_size = {}", config.heads, config.hidden));
  }
  const double epsilon = s.number("layer_norm_eps", 1e-12);
  if (!(epsilon > 0 && epsilon < 1))
    s.fail("layer_norm_eps", format("= {}; a number between 0 and 1 is expected", epsilon));
  config.epsilon = static_cast<float>(epsilon);
}

// The folder of the pooling module; a list of other modules than transformer, pooling, normalising is refused.
fs::path read_modules(const fs::path& folder) {
  const fs::path file = folder / "modules.json";
  if (!fs::exists(file)) return folder / "1_Pooling";
  const Json modules = parse_json(read_file(file, kMaxFileBytes), file.string());
  if (!modules.is_array()) throw DataError(file.string() + ": a list of modules is expected");
  fs::path pooling = folder / "1_Pooling";
  for (std::size_t i = 0; i < modules.size(); ++i) {
    const Json& module = modules[i];
    const std::string type = module.is_object() && module.contains("type") && module["type"].is_string()
                                 ? module["type"].get<std::string>()
                                 : "";
    const std::string kind = type.substr(type.rfind('.') + 1);
    static constexpr std::array kKinds = {"Transformer", "Pooling", "Normalize"};
    if (i >= kKinds.size() || kind != kKinds[i]) {
      throw DataError(format("{}: module {} is \"{}\"; Transformer, Pooling and Normalize in this order are supported",
                             file.string(), i, type));
    }
    if (kind != "Pooling" || !module.contains("path") || !module["path"].is_string()) continue;
    const fs::path path = module["path"].get<std::string>();
    if (path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end()) {
      throw DataError(format("{}: path \"{}\" leads out of the folder", file.string(), path.string()));
    }
    pooling = folder / path;
  }
  return pooling;
}

void read_pooling(const fs::path& file, BertConfig& config) {
  if (!fs::exists(file)) return;
  const Settings s(file);
  const std::string mode = s.text("pooling_mode", "");
  if (!mode.empty() && mode != "cls" && mode != "mean")
    s.fail("pooling_mode", format("= \"{}\"; mean or cls is expected", mode));
  for (const auto& [key, value] : s.json().items()) {
    if (!key.starts_with("pooling_mode_") || !value.is_boolean() || !value.get<bool>()) continue;
    if (key != "pooling_mode_cls_token" && key != "pooling_mode_mean_tokens")
      s.fail(key.c_str(), "is true; mean or CLS pooling is supported");
  }
  const bool cls = mode == "cls" || s.flag("pooling_mode_cls_token", false),
             mean = mode == "mean" || s.flag("pooling_mode_mean_tokens", false);
  if (cls == mean) s.fail("pooling_mode_mean_tokens", "and pooling_mode_cls_token: exactly one of both is expected");
  if (!s.flag("include_prompt", true)) s.fail("include_prompt", "is false; pooling over the prompt is supported only");
  config.cls_pooling = cls;
}

void read_prompts(const fs::path& file, BertConfig& config) {
  if (!fs::exists(file)) return;
  const Settings s(file);
  if (!s.has("prompts") || !s.json().at("prompts").is_object()) return;
  const auto prompt = [&](const char* name) {
    const Json value = s.json().at("prompts").value(name, Json());
    return value.is_string() ? value.get<std::string>() : std::string();
  };
  config.query_prompt = prompt("query");
  config.document_prompt = prompt("document");
  if (config.document_prompt.empty()) config.document_prompt = prompt("passage");
}

}  // namespace

BertConfig read_bert_config(const fs::path& folder) {
  BertConfig config;
  read_architecture(folder, config);
  read_pooling(read_modules(folder) / "config.json", config);
  config.max_tokens = config.positions;
  if (const fs::path file = folder / "sentence_bert_config.json"; fs::exists(file)) {
    const Settings s(file);
    if (s.has("max_seq_length")) config.max_tokens = std::min(config.max_tokens, s.count("max_seq_length", 1U << 30U));
  }
  read_prompts(folder / "config_sentence_transformers.json", config);
  return config;
}

}  // namespace equal::encode
