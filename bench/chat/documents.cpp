// Real documents through a real server: one JSON line a document, the totals last.
#include <algorithm>
#include <iostream>
#include <map>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/net/endpoint.hpp"

#include "bench_chat.hpp"

namespace equal::bench {

int documents(const std::vector<std::string>& arguments) {
  if (arguments.size() != 3) throw UsageError("documents URL PROMPT_FILE CONTEXT_TOKENS < documents.jsonl");
  extract::ChatParams params;
  params.prompting.model = "model";
  params.prompting.prompt_file = arguments[1];
  params.prompting.max_pairs = 3;
  params.prompting.context_tokens = std::stoul(arguments[2]);
  params.prompting.answer_tokens = 160;
  params.net.endpoints = {net::parse_endpoint(arguments[0] + " slots=1", "endpoint")};
  params.net.request_seconds = 600.0;
  params.net.call_seconds = 3600.0;
  extract::ChatExtractor extractor(params);
  std::vector<Json> lines;
  for (std::string line; std::getline(std::cin, line);) lines.push_back(parse_json(line, "documents"));
  std::map<std::string, std::size_t> dropped;
  std::size_t next = 0, done = 0, kept = 0, failed = 0;
  extract::Usage usage;
  while (done < lines.size()) {
    for (; next < lines.size() && next - done < extractor.slots(); ++next)
      extractor.submit({next, lines[next]["id"], lines[next]["text"], {}});
    for (const extract::Extraction& e : extractor.poll(1.0)) {
      ++done;
      failed += !e.failure.empty();
      kept += e.pairs.size();
      usage.calls += e.usage.calls;
      usage.prompt_tokens += e.usage.prompt_tokens;
      usage.completion_tokens += e.usage.completion_tokens;
      Json line{
          {"id", lines[e.document]["id"]}, {"failure", e.failure}, {"kept", Json::array()}, {"dropped", Json::array()}};
      for (const extract::Pair& pair : e.pairs)
        line["kept"].push_back({{"question", pair.question}, {"answer", pair.answer}});
      for (const extract::Rejected& r : e.rejected) {
        ++dropped[r.reason];
        line["dropped"].push_back({{"reason", r.reason}, {"question", r.pair.question}, {"answer", r.pair.answer}});
      }
      std::cout << dump_json(line) << std::endl;
    }
  }
  Json reasons = Json::object();
  for (const auto& [reason, count] : dropped) reasons[reason] = count;
  std::cout << dump_json({{"documents", done},
                          {"failed", failed},
                          {"kept", kept},
                          {"dropped", reasons},
                          {"calls", usage.calls},
                          {"prompt_tokens", usage.prompt_tokens},
                          {"completion_tokens", usage.completion_tokens}})
            << std::endl;
  return 0;
}

}  // namespace equal::bench
