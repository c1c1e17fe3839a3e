#include "kept.hpp"

#include <algorithm>

#include "equal/base/digest.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"

namespace equal::bench {
namespace {

constexpr double Verdict::*kAll[] = {&Verdict::pairs,     &Verdict::useful,           &Verdict::useful_beside,
                                     &Verdict::on_target, &Verdict::covered,          &Verdict::mean_nearest,
                                     &Verdict::transport, &Verdict::calls_per_useful, &Verdict::cross_entropy};

}  // namespace

KeptVerdicts::KeptVerdicts(const std::filesystem::path& cache, const std::string& what) {
  static const std::string program = sha256_file("/proc/self/exe");
  std::filesystem::create_directories(cache / "verdicts");
  file_ = cache / "verdicts" / (digest128(program + "\n" + what).hex() + ".json");
}

std::vector<Verdict> KeptVerdicts::load(std::size_t most) const {
  std::vector<Verdict> out;
  if (!std::filesystem::exists(file_)) return out;
  for (const Json& values : parse_json(read_file(file_), file_.string())) {
    if (out.size() == most) break;
    Verdict v;
    for (std::size_t i = 0; i < std::size(kAll); ++i) v.*kAll[i] = values.at(i).get<double>();
    out.push_back(v);
  }
  return out;
}

void KeptVerdicts::store(const std::vector<Verdict>& verdicts) const {
  Json all = Json::array();
  for (const Verdict& v : verdicts) {
    Json values = Json::array();
    for (const auto field : kAll) values.push_back(v.*field);
    all.push_back(std::move(values));
  }
  write_file_atomically(file_, dump_json(all));
}

}  // namespace equal::bench
