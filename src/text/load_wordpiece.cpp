#include <algorithm>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/base/sorted_json.hpp"
#include "equal/text/wordpiece.hpp"

namespace equal::text {
namespace {

namespace fs = std::filesystem;
using Node = SortedJson;  // a vocabulary has 30,000 members

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{256} << 20;
constexpr std::size_t kMaxTokens = 4'000'000;

Node parse(const fs::path& file) {
  Node node = parse_sorted_json(read_file(file, kMaxFileBytes), file.string());
  if (!node.is_object()) throw DataError(file.string() + ": a JSON object is expected");
  return node;
}

// One JSON file with the path of the object that is being read, for messages.
class Reader {
 public:
  Reader(const Node& node, std::string where) : node_(node), where_(std::move(where)) {}

  bool has(const char* key) const { return node_.is_object() && node_.contains(key) && !node_.at(key).is_null(); }
  Reader child(const char* key) const {
    if (!has(key) || !node_.at(key).is_object()) fail(key, "an object is expected");
    return {node_.at(key), where_ + key + "."};
  }
  template <class T>
  T get(const char* key, T otherwise) const {
    if (!has(key)) return otherwise;
    try {
      return node_.at(key).get<T>();
    } catch (const Node::exception&) {
      fail(key, std::string("is ") + node_.at(key).type_name() + ", another type is expected");
    }
  }
  void expect(const char* key, std::string_view value) const {
    const auto found = get<std::string>(key, std::string(value));
    if (found != value) fail(key, format("is \"{}\"; only \"{}\" is supported", found, value));
  }
  [[noreturn]] void fail(const std::string& key, const std::string& text) const {
    throw DataError(where_ + key + ": " + text);
  }
  const Node& node() const { return node_; }

 private:
  const Node& node_;
  std::string where_;
};

void set_token(std::vector<std::string>& vocabulary, const Node& id, const std::string& token, const Reader& reader) {
  if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= kMaxTokens) {
    reader.fail(token, format("an id from 0 to {} is expected", kMaxTokens - 1));
  }
  const auto i = id.get<std::size_t>();
  if (i >= vocabulary.size()) vocabulary.resize(i + 1);
  if (!vocabulary[i].empty() && vocabulary[i] != token) {
    reader.fail(token, format("id {} belongs to \"{}\" already", i, vocabulary[i]));
  }
  vocabulary[i] = token;
}

// [CLS] text [SEP]: from BertProcessing's pairs or a template.
void read_post_processor(const Reader& post, WordPieceModel& model) {
  const auto type = post.get<std::string>("type", "");
  if (type == "BertProcessing") {
    const auto name = [&](const char* key) {
      const Node& pair = post.node().value(key, Node());
      if (!pair.is_array() || pair.empty() || !pair[0].is_string()) post.fail(key, "a pair [token, id] is expected");
      return pair[0].get<std::string>();
    };
    model.classify = name("cls");
    model.separate = name("sep");
    return;
  }
  if (type != "TemplateProcessing")
    post.fail("type", format("is \"{}\"; BertProcessing or TemplateProcessing is expected", type));
  const Node single = post.node().value("single", Node::array());
  const auto special = [&](std::size_t i) {
    const Node token = single[i].value("SpecialToken", Node());
    const Node id = token.is_object() ? token.value("id", Node()) : Node();
    return id.is_string() ? id.get<std::string>() : std::string();
  };
  const bool plain = single.is_array() && single.size() == 3 && single[0].is_object() && single[1].is_object() &&
                     single[2].is_object() && single[1].contains("Sequence") && !special(0).empty() &&
                     !special(2).empty();
  if (!plain) post.fail("single", "one special token, the sequence, one special token are expected");
  model.classify = special(0);
  model.separate = special(2);
}

WordPieceModel from_tokenizer_json(const fs::path& file) {
  const Node root = parse(file);
  const Reader top(root, file.string() + ": ");
  WordPieceModel model;

  const Reader m = top.child("model");
  m.expect("type", "WordPiece");
  model.unknown = m.get<std::string>("unk_token", model.unknown);
  model.continuing_prefix = m.get<std::string>("continuing_subword_prefix", model.continuing_prefix);
  model.max_characters_per_word = m.get<std::size_t>("max_input_chars_per_word", model.max_characters_per_word);
  const Reader vocabulary = m.child("vocab");
  for (const auto& [token, id] : vocabulary.node().items()) set_token(model.vocabulary, id, token, vocabulary);

  const Reader normalizer = top.child("normalizer");
  normalizer.expect("type", "BertNormalizer");
  model.normalizing.clean_text = normalizer.get("clean_text", true);
  model.normalizing.split_chinese_characters = normalizer.get("handle_chinese_chars", true);
  model.normalizing.lowercase = normalizer.get("lowercase", true);
  model.normalizing.strip_accents = normalizer.get("strip_accents", model.normalizing.lowercase);
  top.child("pre_tokenizer").expect("type", "BertPreTokenizer");
  read_post_processor(top.child("post_processor"), model);

  model.special.clear();
  const Node added = root.value("added_tokens", Node::array());
  if (!added.is_array()) top.fail("added_tokens", "a list is expected");
  for (std::size_t i = 0; i < added.size(); ++i) {
    const Reader token(added.at(i), format("{}: added_tokens[{}].", file.string(), i));
    const auto content = token.get<std::string>("content", "");
    if (content.empty()) token.fail("content", "a text is expected");
    for (const char* flag : {"single_word", "lstrip", "rstrip", "normalized"}) {
      if (token.get(flag, false)) token.fail(flag, format("of \"{}\" is true; only false is supported", content));
    }
    set_token(model.vocabulary, added.at(i).value("id", Node()), content, token);
    model.special.push_back(content);
  }
  return model;
}

std::string token_name(const Reader& config, const char* key, const std::string& otherwise) {
  if (!config.has(key)) return otherwise;
  const Node& value = config.node().at(key);
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value.at("content").is_string())
    return value.at("content").get<std::string>();
  config.fail(key, "a token or an object with its content is expected");
}

WordPieceModel from_vocabulary(const fs::path& folder) {
  const fs::path file = folder / "vocab.txt";
  const std::string text = read_file(file, kMaxFileBytes);
  WordPieceModel model;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string token = text.substr(at, end - at);
    if (!token.empty() && token.back() == '\r') token.pop_back();
    if (model.vocabulary.size() >= kMaxTokens)
      throw DataError(format("{}: more than {} lines", file.string(), kMaxTokens));
    model.vocabulary.push_back(std::move(token));
    at = end + 1;
  }
  const fs::path config_file = folder / "tokenizer_config.json";
  if (!fs::exists(config_file)) return model;
  const Node root = parse(config_file);
  const Reader config(root, config_file.string() + ": ");
  model.normalizing.lowercase = config.get("do_lower_case", true);
  model.normalizing.strip_accents = config.get("strip_accents", model.normalizing.lowercase);
  model.normalizing.split_chinese_characters = config.get("tokenize_chinese_chars", true);
  model.unknown = token_name(config, "unk_token", model.unknown);
  model.classify = token_name(config, "cls_token", model.classify);
  model.separate = token_name(config, "sep_token", model.separate);
  model.special = {model.unknown, model.classify, model.separate, token_name(config, "pad_token", "[PAD]"),
                   token_name(config, "mask_token", "[MASK]")};
  return model;
}

}  // namespace

WordPieceModel load_wordpiece(const fs::path& folder) {
  if (fs::exists(folder / "tokenizer.json")) return from_tokenizer_json(folder / "tokenizer.json");
  if (fs::exists(folder / "vocab.txt")) return from_vocabulary(folder);
  throw DataError(folder.string() +
                  ": neither tokenizer.json nor vocab.txt is there; a Hugging Face model folder is expected");
}

}  // namespace equal::text
