// The command extractor, for clusters without a server: documents are gathered, their requests written in the OpenAI
// batch format (JSONL), and a command of the user's turns that file into answers, such as
//   vllm run-batch -i {input} -o {output} --model M
// The same prompts, answer parsing and keep rules as the chat extractor.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "equal/extract/extractor.hpp"
#include "equal/extract/prompting.hpp"

namespace equal::extract {

struct CommandParams {
  PromptingParams prompting;
  std::string command;  ///< run by /bin/sh; {input} and {output} become quoted paths, both are needed
  std::filesystem::path
      folder;  ///< for batch files; made when missing. A batch's files go once it was answered in full
  std::filesystem::path earlier;   ///< below it lie the batches of runs that were killed: answers in their outputs are
                                   ///< taken up by the digest of their request, commands that still run are ended.
                                   ///< Empty: `folder`
  std::size_t batch = 1024;        ///< documents a batch; slots() is twice this, so that one gathers while another runs
  double gather_seconds = 2.0;     ///< a smaller batch starts when no document has come for so long
  double timeout_seconds = 86400;  ///< a command that runs longer is ended
  std::size_t max_answer_bytes = std::size_t{16} << 20;  ///< of one line of the output
};

/// Throws UsageError for a command without {input} or {output}, a refinement prompt, and json_probed (there is no one
/// to ask). A document without a usable line in the output is a failure with its reason. Two batches in a row without
/// any answer end the run: poll() throws EnvironmentError with the end of the command's log.
std::unique_ptr<Extractor> make_command(const CommandParams& params);

}  // namespace equal::extract
