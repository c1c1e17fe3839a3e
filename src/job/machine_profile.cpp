#include "equal/job/machine_profile.hpp"

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"

namespace equal::job {
namespace {
constexpr const char* kFormat = "equal-machine-profile";
constexpr int kVersion = 1;
}  // namespace

double MachineProfile::operator[](const std::string& name) const {
  const auto found = constants.find(name);
  if (found == constants.end())
    throw UsageError(format("{}: lacks the constant {}; measure again with `equal bench --write-machine-profile {}`",
                            file.string(), name, file.string()));
  return found->second.value;
}

void MachineProfile::set(const std::string& name, double value, const char* unit, std::string origin) {
  constants[name] = {value, unit, std::move(origin)};
}

MachineProfile read_machine_profile(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file))
    throw UsageError(
        format("--plan.profile {0}: no such file; `mpirun -n 3 equal bench --write-machine-profile {0} --inputs ... "
               "--reference.files ...` measures one on a node like those of the run",
               file.string()));
  MachineProfile out;
  out.file = file;
  const Json json = parse_json(read_file(file, 1 << 20), file.string());
  if (!json.is_object() || json.value("format", "") != kFormat || json.value("version", 0) != kVersion)
    throw DataError(
        format("{}: is no machine profile of this program; measure one with `equal bench "
               "--write-machine-profile FILE`",
               file.string()));
  try {
    out.machine = json.at("machine");
    for (const auto& [name, c] : json.at("constants").items()) {
      const double value = c.at("value").get<double>();
      if (!(value >= 0)) throw DataError(format("{}: {} = {}; must not be negative", file.string(), name, value));
      out.constants[name] = {value, c.at("unit").get<std::string>(), c.at("origin").get<std::string>()};
    }
  } catch (const nlohmann::json::exception& e) {
    throw DataError(format("{}: not a machine profile: {}", file.string(), e.what()));
  }
  return out;
}

void write_machine_profile(const std::filesystem::path& file, const MachineProfile& profile) {
  Json constants = Json::object();
  for (const auto& [name, c] : profile.constants)
    constants[name] = {{"value", c.value}, {"unit", c.unit}, {"origin", c.origin}};
  const Json json = {
      {"format", kFormat}, {"version", kVersion}, {"machine", profile.machine}, {"constants", std::move(constants)}};
  write_file_atomically(file, json.dump(2) + "\n");
}

}  // namespace equal::job
