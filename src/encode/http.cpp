#include "equal/encode/http.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "equal/base/base64.hpp"
#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"

namespace equal::encode {
namespace {

constexpr std::size_t kMaxDim = 16384;
constexpr std::size_t kShortest = 64;  // bytes: a text that is refused at this length is refused for another reason

/// The longest start of `text` of at most `bytes` that does not cut a character.
std::string_view cut(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
  return text.substr(0, bytes);
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos; }

/// The values of one "embedding": an array of numbers, or base64 of little-endian float32. Empty when it is neither.
std::vector<float> values_of(const Json& embedding) {
  std::vector<float> out;
  if (embedding.is_string()) {
    const auto bytes = decode_base64(embedding.get_ref<const std::string&>());
    if (!bytes || bytes->size() % sizeof(float) != 0) return {};
    out.resize(bytes->size() / sizeof(float));
    std::copy_n(bytes->data(), bytes->size(), reinterpret_cast<char*>(out.data()));
  } else if (embedding.is_array()) {
    out.reserve(embedding.size());
    for (const Json& value : embedding) {
      if (!value.is_number()) return {};
      out.push_back(value.get<float>());
    }
  }
  return out;
}

/// Makes `vector` a unit vector in double; false when it is zero or not finite.
bool normalise(std::vector<float>& vector) {
  double squares = 0.0;
  for (const float x : vector) squares += static_cast<double>(x) * static_cast<double>(x);
  if (!std::isfinite(squares) || squares == 0.0) return false;
  const double scale = 1.0 / std::sqrt(squares);
  for (float& x : vector) x = static_cast<float>(static_cast<double>(x) * scale);
  return true;
}

/// The unit vectors of an answer, by index; throws DataError saying what is wrong with it.
std::vector<std::vector<float>> vectors_of(const std::string& body) {
  const Json answer = parse_json(body, "answer");
  const auto data = answer.is_object() ? answer.find("data") : answer.end();
  if (!answer.is_object() || data == answer.end() || !data->is_array()) throw DataError("no \"data\" in the answer");
  if (data->empty()) throw DataError("no vectors in the answer");
  std::vector<std::vector<float>> out(data->size());
  for (std::size_t i = 0; i < data->size(); ++i) {
    const Json& item = (*data)[i];
    if (!item.is_object() || !item.contains("embedding")) throw DataError("an item of \"data\" has no \"embedding\"");
    const std::size_t index =
        item.contains("index") && item["index"].is_number_unsigned() ? item["index"].get<std::size_t>() : i;
    if (index >= out.size() || !out[index].empty()) throw DataError(format("index {} is wrong or occurs twice", index));
    out[index] = values_of(item["embedding"]);
    if (out[index].empty() || out[index].size() > kMaxDim)
      throw DataError(format("embedding {} is no vector of 1 to {} numbers", index, kMaxDim));
    if (out[index].size() != out[0].size() && !out[0].empty())
      throw DataError(format("embedding {} has {} numbers, another {}", index, out[index].size(), out[0].size()));
    if (!normalise(out[index])) throw DataError(format("embedding {} is zero or not finite", index));
  }
  return out;
}

/// For the dispatcher: empty, or why this answer is to be asked for again.
std::string why_unusable(const net::HttpResponse& response) {
  if (std::string reason = net::why_not_json(response); !reason.empty()) return reason;
  try {
    vectors_of(response.body);
    return {};
  } catch (const DataError& e) {
    return e.what();
  }
}

class HttpEncoder final : public Encoder {
 public:
  explicit HttpEncoder(HttpParams params) : params_(std::move(params)), dispatcher_(params_.net, why_unusable) {
    const std::string_view probe = "dimension";
    submit({Piece{0, probe}});
    while (dispatcher_.held() > 0) {
      for (const net::CallResult& result : dispatcher_.poll(1.0)) {
        if (!result.failure.empty())
          throw EnvironmentError("the embeddings server does not answer a first request: " + result.failure);
        dim_ = vectors_of(result.body).at(0).size();
      }
    }
    under_way_.clear();
  }

  std::size_t dim() const override { return dim_; }
  std::string digest() const override {
    Sha256 hash;
    hash.update("equal http 1").update_value(std::uint64_t{dim_}).update_value(std::uint64_t{params_.max_bytes});
    for (const std::string* text : {&params_.model, &params_.document_prefix, &params_.query_prefix})
      hash.update_value(std::uint64_t{text->size()}).update(*text);
    return hash.hex();
  }
  std::string description() const override {
    return format("http: {} of {} dimensions from {}", params_.model.empty() ? "the server's model" : params_.model,
                  dim_,
                  params_.net.endpoints.empty() ? params_.net.endpoints_file.string() : params_.net.endpoints[0].url);
  }

  void encode(std::span<const std::string_view> texts, Role role, linalg::MatrixView<float> out, ThreadPool&) override {
    if (out.rows != texts.size() || out.columns != dim_) throw InternalError("http encoder: output of another shape");
    const std::string& prefix = role == Role::document ? params_.document_prefix : params_.query_prefix;
    std::vector<std::string> prefixed;
    if (!prefix.empty()) {
      prefixed.reserve(texts.size());
      for (const auto& text : texts) prefixed.push_back(is_blank(text) ? std::string{} : prefix + std::string(text));
    }
    std::vector<Piece> batch;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::string_view text = prefix.empty() ? texts[i] : std::string_view(prefixed[i]);
      std::fill_n(out.row(i).data(), dim_, 0.0F);
      if (is_blank(text)) continue;
      batch.push_back({i, cut(text, params_.max_bytes)});
      if (batch.size() == params_.batch) submit(std::exchange(batch, {}));
    }
    if (!batch.empty()) submit(std::move(batch));
    while (dispatcher_.held() > 0) {
      for (const net::CallResult& result : dispatcher_.poll(1.0)) take(result, out);
    }
  }

 private:
  struct Piece {
    std::size_t row;
    std::string_view text;
  };
  using Batch = std::vector<Piece>;

  void submit(Batch batch) {
    Json body = {{"model", params_.model}, {"encoding_format", "base64"}, {"input", Json::array()}};
    for (const Piece& piece : batch) body["input"].push_back(std::string(piece.text));
    dispatcher_.submit({next_id_, "/embeddings", dump_json(body)});
    under_way_.emplace(next_id_++, std::move(batch));
  }

  void take(const net::CallResult& result, linalg::MatrixView<float> out) {
    Batch batch = std::move(under_way_.at(result.id));
    under_way_.erase(result.id);
    if (!result.failure.empty()) return halve(std::move(batch), result);
    const auto vectors = vectors_of(result.body);
    if (vectors.size() != batch.size() || vectors[0].size() != dim_) {
      throw EnvironmentError(
          format("the embeddings server gave {} vectors of {} numbers for {} texts; before it gave {} "
                 "numbers a vector: is every endpoint the same model?",
                 vectors.size(), vectors.empty() ? 0 : vectors[0].size(), batch.size(), dim_));
    }
    for (std::size_t i = 0; i < batch.size(); ++i) std::copy_n(vectors[i].data(), dim_, out.row(batch[i].row).data());
  }

  void halve(Batch batch, const net::CallResult& result) {
    const bool too_large = result.status == 400 || result.status == 413 || result.status == 422;
    const std::size_t bytes = batch[0].text.size();
    if (!too_large || (batch.size() == 1 && bytes / 2 < kShortest)) {
      throw EnvironmentError(
          format("the embeddings server gives no vector for '{}': {}", cut(batch[0].text, 60), result.failure));
    }
    if (batch.size() == 1) {
      if (!warned_) log::warn("http encoder: a text of {} bytes was refused and is cut ({})", bytes, result.failure);
      warned_ = true;
      batch[0].text = cut(batch[0].text, bytes / 2);
      return submit(std::move(batch));
    }
    const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
    submit(Batch(batch.begin(), middle));
    submit(Batch(middle, batch.end()));
  }

  HttpParams params_;
  net::Dispatcher dispatcher_;
  std::size_t dim_ = 0;
  std::uint64_t next_id_ = 0;
  bool warned_ = false;
  std::unordered_map<std::uint64_t, Batch> under_way_;
};

void check_limits(const HttpParams& params) {
  if (params.batch < 1 || params.batch > 2048)
    throw UsageError(format("http encoder: {} texts a request; must be 1 to 2048", params.batch));
  if (params.max_bytes < kShortest)
    throw UsageError(format("http encoder: texts cut at {} bytes; must be at least {}", params.max_bytes, kShortest));
}

}  // namespace

void check_http(const HttpParams& params) {
  check_limits(params);
  const net::Dispatcher unused(params.net);
}

std::unique_ptr<Encoder> make_http(HttpParams params) {
  check_limits(params);
  return std::make_unique<HttpEncoder>(std::move(params));
}

}  // namespace equal::encode
