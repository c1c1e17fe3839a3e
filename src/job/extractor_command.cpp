#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/extract/command.hpp"

#include "extractors.hpp"

namespace equal::job {
namespace {

extract::CommandParams command_params(const ExtractorInputs& inputs) {
  const Job& job = inputs.job;
  const settings::Settings& s = job.settings;
  if (s.command.empty())
    throw UsageError(
        "extract.extractor = command needs --command.line, such as 'vllm run-batch -i {input} -o {output} --model "
        "NAME'");
  extract::CommandParams p;
  p.prompting = prompting_params(s, inputs.reference);
  p.prompting.keep = inputs.keep;
  p.command = s.command;
  p.batch = s.command_batch;
  p.timeout_seconds = s.command_timeout_seconds;
  p.earlier = std::filesystem::path(s.workspace) / "batches";
  p.folder = p.earlier / format("rank-{:05}", job.comm.rank());
  return p;
}

}  // namespace

std::unique_ptr<extract::Extractor> make_command_extractor(const ExtractorInputs& inputs) {
  return extract::make_command(command_params(inputs));
}

}  // namespace equal::job
