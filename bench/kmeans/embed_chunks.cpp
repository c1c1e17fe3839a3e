// Vectors for the k-means bench: of LSA fitted on the chunks themselves, or of a transformer.
// usage: bench_kmeans_embed CHUNKS.txt(one a line) OUT.npy(float16) [MODEL_FOLDER]
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/encode/bert.hpp"
#include "equal/encode/lsa.hpp"
#include "equal/linalg/gemm.hpp"

namespace {

using namespace equal;

class Lines final : public encode::TextSource {
 public:
  explicit Lines(const std::string& path) {
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) lines_.push_back(std::move(line));
    if (lines_.empty()) throw DataError(path + " has no lines");
  }
  std::size_t blocks() const override { return (lines_.size() + kBlock - 1) / kBlock; }
  std::vector<Digest128> digests(std::size_t block) override {
    std::vector<Digest128> out;
    for (const std::string_view text : texts(block)) out.push_back(digest128(text));
    return out;
  }
  std::vector<std::string_view> texts(std::size_t block) override {
    const std::size_t first = block * kBlock, last = std::min(lines_.size(), first + kBlock);
    return {lines_.begin() + static_cast<std::ptrdiff_t>(first), lines_.begin() + static_cast<std::ptrdiff_t>(last)};
  }
  std::size_t size() const { return lines_.size(); }

 private:
  static constexpr std::size_t kBlock = 4096;
  std::vector<std::string> lines_;
};

void write_npy(const std::string& path, const std::vector<linalg::float16>& values, std::size_t dim) {
  std::string head =
      format("{{'descr': '<f2', 'fortran_order': False, 'shape': ({}, {}), }}", values.size() / dim, dim);
  head.resize((10 + head.size() + 1 + 63) / 64 * 64 - 11, ' ');
  head += '\n';
  std::ofstream out(path + ".tmp", std::ios::binary);
  out << "\x93NUMPY\x01" << '\0' << static_cast<char>(head.size() % 256) << static_cast<char>(head.size() / 256)
      << head;
  out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * 2));
  if (!out.flush()) throw EnvironmentError("cannot write " + path);
  std::filesystem::rename(path + ".tmp", path);
}

std::unique_ptr<encode::Encoder> make_encoder(Lines& lines, const std::string& model, ThreadPool& pool) {
  if (model.empty()) {
    const auto comm = comm::make_single();
    return encode::make_static_table(encode::fit_lsa(*comm, lines, {}, pool).table);
  }
  encode::BertParams params;
  params.max_tokens = 64;
  return encode::load_bert(model, params);
}

int run(const std::string& chunks, const std::string& target, const std::string& model) {
  linalg::use_one_blas_thread();
  Lines lines(chunks);
  ThreadPool pool(0);
  const auto encoder = make_encoder(lines, model, pool);
  std::vector<linalg::float16> out(lines.size() * encoder->dim());
  std::size_t at = 0;
  for (std::size_t block = 0; block < lines.blocks(); ++block) {
    const auto texts = lines.texts(block);
    linalg::Matrix<float> vectors(texts.size(), encoder->dim());
    encoder->encode(texts, encode::Role::document, vectors.view(), pool);
    linalg::to_float16(vectors.values(), std::span(out).subspan(at, vectors.values().size()));
    at += vectors.values().size();
  }
  write_npy(target, out, encoder->dim());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 3 && argc != 4) throw UsageError("usage: bench_kmeans_embed CHUNKS.txt OUT.npy [MODEL_FOLDER]");
    return run(argv[1], argv[2], argc == 4 ? argv[3] : "");
  } catch (const Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return e.exit_code();
  }
}
