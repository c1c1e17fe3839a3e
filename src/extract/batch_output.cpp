#include "batch_output.hpp"

#include <fstream>
#include <optional>
#include <utility>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"

namespace equal::extract {
namespace {

/// Nothing for a line that cannot be read.
std::optional<BatchAnswer> read_line(const std::string& line) {
  Json json;
  try {
    json = parse_json(line, "batch output");
  } catch (const DataError&) {
    return std::nullopt;
  }
  if (!json.is_object() || !json.contains("custom_id") || !json["custom_id"].is_string()) return std::nullopt;
  BatchAnswer out;
  out.id = json["custom_id"].get<std::string>();
  const Json* response = json.contains("response") && json["response"].is_object() ? &json["response"] : nullptr;
  if (json.contains("error") && !json["error"].is_null()) {
    out.failure = "error: " + dump_json(json["error"]).substr(0, 200);
  } else if (response == nullptr || !response->contains("body")) {
    out.failure = "its line has no response";
  } else if (response->value("status_code", Json(200)) != 200) {
    out.failure = "status " + dump_json((*response)["status_code"]).substr(0, 20);
  } else {
    out.answer = read_completion(dump_json((*response)["body"]));
    out.failure = out.answer.failure;
  }
  return out;
}

}  // namespace

void read_batch_output(const std::filesystem::path& file, std::size_t max_bytes,
                       const std::function<void(BatchAnswer&&)>& visit) {
  std::ifstream in(file, std::ios::binary);
  std::string line;
  const auto take = [&] {
    if (!line.empty() && line.size() <= max_bytes) {
      if (auto answer = read_line(line)) visit(std::move(*answer));
    }
    line.clear();
  };
  for (char c = 0; in.get(c);) {
    if (c == '\n') {
      take();
    } else if (line.size() <= max_bytes) {
      line += c;
    }
  }
  take();
}

}  // namespace equal::extract
