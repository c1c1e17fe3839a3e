#include "inputs.hpp"

#include <fstream>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/json.hpp"

#include "../bert/corpus.hpp"

namespace equal::bench {
namespace {

template <class F>
void for_lines(const std::string& path, F&& f) {
  std::ifstream file(path);
  if (!file) throw DataError(path + ": cannot be read");
  for (std::string line; std::getline(file, line);) f(parse_json(line, path));
}

}  // namespace

std::vector<contrast::Example> read_examples(const std::string& path, contrast::Trainable& model, ThreadPool& pool) {
  std::vector<std::string> documents, pairs;
  std::vector<contrast::Example> out;
  std::vector<std::vector<std::pair<std::size_t, std::size_t>>> negatives;
  for_lines(path, [&](const Json& line) {
    contrast::Example e;
    e.digest = digest128(line.at("id").get<std::string>());
    e.held_out = line.value("held_out", false);
    e.document = documents.size();
    documents.push_back(line.at("document").get<std::string>());
    for (const Json& pair : line.at("pairs")) {
      e.pairs.push_back(pairs.size());
      pairs.push_back(pair.get<std::string>());
      e.pair_keys.push_back(digest128(pairs.back()).low);
    }
    negatives.push_back(line.value("negatives", std::vector<std::pair<std::size_t, std::size_t>>{}));
    out.push_back(std::move(e));
  });
  for (contrast::Example& e : out) {
    for (std::size_t& p : e.pairs) p += documents.size();
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (const auto& [example, pair] : negatives[i]) out[i].hard_negatives.push_back(out.at(example).pairs.at(pair));
  }
  model.add_texts(views(documents), encode::Role::document, pool);
  model.add_texts(views(pairs), encode::Role::query, pool);
  return out;
}

Texts read_texts(const std::string& path) {
  Texts out;
  for_lines(path, [&](const Json& line) {
    (line.at("role") == "document" ? out.documents : out.queries).push_back(line.at("text").get<std::string>());
  });
  return out;
}

void write_vectors(encode::Encoder& encoder, const Texts& texts, const std::string& prefix, ThreadPool& pool) {
  constexpr std::size_t kTogether = 512;
  const auto write = [&](const std::vector<std::string>& list, encode::Role role, const char* name) {
    linalg::Matrix<float> vectors(list.size(), encoder.dim());
    const auto all = views(list);
    for (std::size_t first = 0; first < list.size(); first += kTogether) {
      const std::size_t n = std::min(kTogether, list.size() - first);
      encoder.encode(std::span(all).subspan(first, n), role, vectors.view().slice(first, n), pool);
    }
    write_npy(prefix + name, std::as_const(vectors).view());
  };
  write(texts.documents, encode::Role::document, ".documents.npy");
  write(texts.queries, encode::Role::query, ".queries.npy");
}

}  // namespace equal::bench
