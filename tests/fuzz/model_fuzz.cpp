// Files of models from elsewhere: safetensors, tokenizers, configurations, our own encoder tables.
#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/encode/bert_config.hpp"
#include "equal/encode/distil.hpp"
#include "equal/encode/safetensors.hpp"
#include "equal/encode/static_table.hpp"
#include "equal/text/wordpiece.hpp"

#include "target.hpp"

namespace equal::fuzz {
namespace {

/// Odd first byte: a line of JSON and the data; the length in front of it is made to fit.
void fuzz_safetensors(std::string_view bytes) {
  auto [way, rest] = first_byte(bytes);
  std::string file(rest);
  if (way % 2 == 1) {
    const auto [header, data] = split(rest, '\n');
    const std::uint64_t size = header.size();
    file = std::string(reinterpret_cast<const char*>(&size), sizeof size).append(header).append(data);
  }
  const auto path = file_of("model.safetensors", file);
  try {
    const encode::SafeTensors tensors(path);
    for (const char* name : {"a", "b"}) {
      try {
        tensors.matrix(name, 2, 3);
      } catch (const DataError&) {
      }
      try {
        tensors.vector(name, 4);
      } catch (const DataError&) {
      }
    }
  } catch (const DataError&) {
  }
}

void use(const text::WordPieceModel& model) {
  const text::WordPiece pieces(model);
  check(pieces.classify() < pieces.vocabulary_size() && pieces.separate() < pieces.vocabulary_size(), "special tokens");
  std::vector<text::TokenId> ids;
  pieces.append_ids("[CLS] Déjà vu\xFF unaffable 漢字 runs! a\xC2\xAD [MASK]x\x01", ids, 1000);
  for (const text::TokenId id : ids) check(id < pieces.vocabulary_size(), "ids lie in the vocabulary");
}

/// First byte mod 3: tokenizer.json; vocab.txt and, behind a zero, tokenizer_config.json; the text that our tables
/// keep.
void fuzz_tokenizer(std::string_view bytes) {
  const auto [way, rest] = first_byte(bytes);
  std::filesystem::remove(folder() / "tokenizer.json");
  try {
    if (way % 3 == 2) return use(encode::wordpiece_from_text(rest));
    if (way % 3 == 1) {
      const auto [vocabulary, config] = split(rest, '\0');
      file_of("vocab.txt", vocabulary);
      file_of("tokenizer_config.json", config.empty() ? "{}" : config);
    } else {
      file_of("tokenizer.json", rest);
    }
    use(text::load_wordpiece(folder()));
  } catch (const DataError&) {
  }
}

/// config.json, and behind zeros what sentence-transformers keeps beside it.
void fuzz_bert_config(std::string_view bytes) {
  const auto [config, rest] = split(bytes, '\0');
  const auto [pooling, more] = split(rest, '\0');
  const auto [sentence, last] = split(more, '\0');
  const auto [prompts, modules] = split(last, '\0');
  std::filesystem::create_directories(folder() / "1_Pooling");
  const auto set = [](const char* name, std::string_view text) {
    text.empty() ? static_cast<void>(std::filesystem::remove(folder() / name)) : static_cast<void>(file_of(name, text));
  };
  set("config.json", config);
  set("1_Pooling/config.json", pooling);
  set("sentence_bert_config.json", sentence);
  set("config_sentence_transformers.json", prompts);
  set("modules.json", modules);
  try {
    const auto c = encode::read_bert_config(folder());
    check(c.heads > 0 && c.hidden % c.heads == 0 && c.max_tokens <= c.positions, "a configuration that can be");
  } catch (const DataError&) {
  }
}

/// Odd first byte: the digest at the end is made to fit.
void fuzz_table(std::string_view bytes) {
  const auto [way, rest] = first_byte(bytes);
  file_of("table.bin", way % 2 == 0 ? std::string(rest) : std::string(rest) + Sha256().update(rest).hex());
  try {
    const auto encoder = encode::make_static_table(encode::load_static_table(folder()));
    check(encoder->dim() > 0, "a table has columns");
  } catch (const DataError&) {
  }
}

const Registered kSafetensors("safetensors", fuzz_safetensors), kTokenizer("tokenizer", fuzz_tokenizer),
    kBertConfig("bert_config", fuzz_bert_config), kTable("table", fuzz_table);

}  // namespace
}  // namespace equal::fuzz
