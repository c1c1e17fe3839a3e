// What the extract stage would ask first, and what that would cost. Nothing is sent, nothing is written.
#include <algorithm>

#include "equal/bandit/shared_documents.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/comm/task_farm.hpp"
#include "equal/extract/chat.hpp"
#include "equal/job/job.hpp"
#include "equal/store/partition.hpp"

#include "extraction_setup.hpp"
#include "extractors.hpp"

namespace equal::job {
namespace {

constexpr std::size_t kPromptsShown = 3;
constexpr std::size_t kDecided = 64;  // documents whose prompts the estimate rests on

/// Answers the policy's questions about documents; takes no tasks.
class QuestionsOnly final : public comm::TaskWorker {
 public:
  explicit QuestionsOnly(OwnedDocuments& documents) : documents_(documents) {}
  std::size_t slots() const override { return 1; }
  void submit(std::uint64_t /*task*/, std::string_view /*bytes*/) override {
    throw InternalError("a dry run was given a task");
  }
  std::vector<comm::TaskResult> poll(double /*wait_seconds*/) override { return {}; }
  std::string answer(std::string_view question) override { return bandit::answer(documents_.pool(), question); }

 private:
  OwnedDocuments& documents_;
};

std::string text_of(const Workspace& workspace, const Catalog& catalog, std::uint64_t document) {
  const PartitionInfo& info = catalog.partition_of(document);
  return store::PartitionReader(store::partition_file(workspace.corpus(), info.id.value))
      .text(document - info.first_document);
}

/// "1,234 to 5,678" or one number where both are the same.
std::string interval(double low, double high, const std::function<std::string(double)>& text) {
  return low == high ? text(low) : text(low) + " to " + text(high);
}

std::string describe(const Job& job, const ExtractionSetup& setup, const Budget& budget,
                     const std::vector<bandit::Candidate>& decision) {
  const extract::PromptingParams params = prompting_params(job.settings, setup.reference);
  std::string out;
  double prompt_tokens = 0;
  for (std::size_t i = 0; i < decision.size(); ++i) {
    extract::Request request;
    request.document = decision[i].number;
    request.text = text_of(job.workspace, setup.catalog, request.document);
    const extract::DryRun asked = extract::dry_run(params, request);
    prompt_tokens += static_cast<double>(asked.prompt_tokens);
    if (i >= kPromptsShown) continue;
    out += format("--- document {}, about {} tokens\n", request.document, asked.prompt_tokens);
    for (const extract::Message& message : asked.messages) out += "[" + message.role + "]\n" + message.content + "\n";
  }
  const double documents = static_cast<double>(budget.documents());
  const double prompts = prompt_tokens / static_cast<double>(std::max<std::size_t>(1, decision.size())) * documents;
  const double calls = params.refine_file.empty() ? 1 : 2;
  const double completions = static_cast<double>(params.answer_tokens) * documents;
  const settings::Settings& s = job.settings;
  out += format("---\npolicy {} with {} would ask {} documents, {} calls each without retries; nothing was sent\n",
                s.policy, setup.extractor->description(), human_count(documents), calls == 1 ? "1" : "1 to 2");
  out += format("prompts: about {} tokens; answers: at most {}\n", interval(prompts, prompts * calls, human_count),
                human_count(completions * calls));
  if (s.price_prompt > 0 || s.price_completion > 0) {
    const double least = 1e-6 * s.price_prompt * prompts;
    out += format("money: {} by budget.price_prompt and budget.price_completion\n",
                  interval(least, calls * (least + 1e-6 * s.price_completion * completions),
                           [](double x) { return format("{:.2f}", x); }));
  }
  return out;
}

}  // namespace

std::string dry_run(Job& job) {
  const bool asks_model = job.settings.extractor == "chat" || job.settings.extractor == "command";
  if (!asks_model)
    return format("extract.extractor = {}: asks no model, so there is no prompt and nothing to pay\n",
                  job.settings.extractor);
  ExtractionSetup setup = set_up_extraction(job);
  const Budget budget(job.settings, setup.catalog.documents());
  std::unique_ptr<QuestionsOnly> worker;
  if (setup.documents) worker = std::make_unique<QuestionsOnly>(*setup.documents);
  if (!job.comm.is_root()) {
    comm::serve_tasks(job.comm, *worker);
    return {};
  }
  comm::TaskFarm farm(job.comm, worker.get());
  bandit::SharedDocuments documents([&](const std::string& question) { return farm.ask_all(question); },
                                    setup.clusters.count());
  const auto policy = make_run_policy(job.settings, setup, budget);
  auto decision = policy->decide(documents, std::min<std::uint64_t>(kDecided, budget.documents()));
  decision.resize(std::min(decision.size(), kDecided));
  farm.finish();
  return describe(job, setup, budget, decision);
}

}  // namespace equal::job
