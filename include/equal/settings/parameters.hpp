// The one parameter table: it yields --help, the INI parser, the command line, validation and docs/configuration.md.
#pragma once

#include <functional>
#include <limits>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "equal/settings/settings.hpp"

namespace equal::settings {

/// What a change of the setting means for artefacts that exist.
enum class Kind {
  result,  ///< enters the digest of its stage, and through it of all later stages
  stage,   ///< enters the digest of its stage only
  rule,    ///< as result, but a change is no mistake: what is there is judged again
  free     ///< never enters a digest: may change between two runs of the same workspace
};

/// Where a value lives in Settings.
using Slot = std::variant<std::uint64_t*, double*, bool*, std::string*, std::vector<std::string>*>;

struct Parameter {
  std::string name;   ///< "cluster.k": section and key in an INI file, --cluster.k on the command line
  std::string stage;  ///< ingest, embed, cluster, extract, export, or job: the group in --help
  Kind kind = Kind::result;
  std::string default_value;  ///< as it would be written in a file
  std::string unit;           ///< "documents", "bytes", ...; empty for none
  std::string help;           ///< one or two sentences, no default, no unit
  double minimum = -std::numeric_limits<double>::infinity(), maximum = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices;  ///< for text: the allowed values; empty for any
  std::function<Slot(Settings&)> slot;
};

const std::vector<Parameter>& parameters();
/// Exact name, or nullptr.
const Parameter* find_parameter(std::string_view name);
/// The known name nearest to `name` by edit distance, or empty when none is near.
std::string nearest_name(std::string_view name);

/// The value as it would be written in a file.
std::string value_text(const Parameter& parameter, const Settings& settings);
/// Parses and range-checks; throws UsageError("<where>: name = value; must be ...").
void set_value(const Parameter& parameter, Settings& settings, const std::string& text, const std::string& where);

/// docs/configuration.md, whole.
std::string configuration_page();
/// The settings of one stage for --help: name, unit, default, range, help.
std::string help_of_stage(std::string_view stage);

}  // namespace equal::settings
