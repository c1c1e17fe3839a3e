#include "equal/extract/command.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <optional>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"

#include "batch_output.hpp"
#include "child.hpp"

namespace equal::extract {
namespace fs = std::filesystem;
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); }

std::string quoted(const std::string& path) {
  std::string out = "'";
  for (const char c : path) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

void replace_all(std::string& text, std::string_view what, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
}

constexpr std::size_t kDigits = 32;  // of a request's digest, with which its custom_id begins

/// batch-000012.output.jsonl -> 12; nothing for another name.
std::optional<std::size_t> batch_number(const std::string& name) {
  constexpr std::string_view kStart = "batch-";
  std::size_t n = 0;
  if (!name.starts_with(kStart) ||
      std::from_chars(name.data() + kStart.size(), name.data() + name.size(), n).ec != std::errc{})
    return std::nullopt;
  return n;
}

struct Gathered {
  Request request;
  std::string body;
  std::string digest;  ///< of the body
};

class CommandExtractor final : public Extractor {
 public:
  explicit CommandExtractor(const CommandParams& params) : params_(params), prompting_(params.prompting) {
    if (params.command.find("{input}") == std::string::npos || params.command.find("{output}") == std::string::npos) {
      throw UsageError("command.line = " + params.command + ": needs {input} and {output}");
    }
    if (params.batch == 0) throw UsageError("command.batch = 0; must be at least 1");
    if (prompting_.refines())
      throw UsageError("chat.refine_prompt: the command extractor makes one call a document; leave it empty");
    if (params.prompting.format == AnswerFormat::json_probed) {
      throw UsageError("chat.format = json_probed: there is no server to ask; name the format");
    }
  }

  // The command itself is the user's way of running the model: like an endpoint it does not enter the digest.
  std::string digest() const override { return prompting_.digest(); }
  std::string question_digest() const override { return prompting_.question_digest(); }
  Extraction judge(const Request& request, std::vector<ModelText> written) const override {
    return prompting_.judge(request, std::move(written));
  }
  std::string description() const override {
    return format("command: model {}, batches of {}, {}", params_.prompting.model, params_.batch, params_.command);
  }
  bool deterministic() const override { return false; }
  std::size_t slots() const override { return 2 * params_.batch; }

  void submit(Request request) override {
    if (gathering_.size() + running_.size() + ready_.size() >= slots())
      throw InternalError("command: submit() with no free slot");
    if (!prepared_) prepare();
    Gathered gathered;
    gathered.body = prompting_.body(prompting_.messages(request));
    gathered.digest = digest128(gathered.body).hex();
    gathered.request = std::move(request);
    if (const auto found = earlier_.find(gathered.digest); found != earlier_.end()) {
      ready_.push_back(read(gathered, found->second, {}));
      earlier_.erase(found);
      return;
    }
    gathering_.push_back(std::move(gathered));
    last_submit_ = Clock::now();
  }

  std::vector<Extraction> poll(double wait_seconds) override {
    if (!ready_.empty()) return std::exchange(ready_, {});
    const Clock::time_point begun = Clock::now();
    while (!gathering_.empty() || child_) {
      if (!child_ && (gathering_.size() >= params_.batch || seconds_since(last_submit_) >= params_.gather_seconds))
        start();
      if (child_) {
        std::optional<std::string> end = child_->ended();
        if (!end && seconds_since(started_) > params_.timeout_seconds) {
          child_->stop();
          end = format("ran for more than {} and was ended", human_seconds(params_.timeout_seconds));
        }
        if (end) return finish(*end);
      }
      if (seconds_since(begun) >= wait_seconds) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return {};
  }

 private:
  fs::path file(const char* what) const { return params_.folder / format("batch-{:06}.{}", number_, what); }

  /// Before the first document. Of runs that were killed or stopped, commands that still run are ended, and the answers
  /// that they wrote are ours.
  void prepare() {
    prepared_ = true;
    fs::create_directories(params_.folder);
    for (const auto& entry : fs::directory_iterator(params_.folder))
      number_ = std::max(number_, batch_number(entry.path().filename().string()).value_or(0));
    const fs::path root = params_.earlier.empty() ? params_.folder : params_.earlier;
    std::vector<fs::path> marks, outputs;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      const std::string name = entry.path().filename().string();
      if (!batch_number(name)) continue;
      if (name.ends_with(".running")) marks.push_back(entry.path());
      if (name.ends_with(".output.jsonl")) outputs.push_back(entry.path());
    }
    for (const fs::path& mark : marks) {
      const fs::path input = fs::absolute(fs::path(mark).replace_extension(".input.jsonl"));
      if (end_orphan(mark, input.string())) log::warn("{}: ended the command of an earlier run", mark.string());
    }
    for (const fs::path& output : outputs) {
      read_batch_output(output, params_.max_answer_bytes, [&](BatchAnswer&& line) {
        if (line.failure.empty() && line.id.size() > kDigits)
          earlier_.try_emplace(line.id.substr(0, kDigits), std::move(line.answer));
      });
    }
  }

  void start() {
    ++number_;
    const std::size_t n = std::min(params_.batch, gathering_.size());
    running_.assign(std::make_move_iterator(gathering_.begin()),
                    std::make_move_iterator(gathering_.begin() + static_cast<std::ptrdiff_t>(n)));
    gathering_.erase(gathering_.begin(), gathering_.begin() + static_cast<std::ptrdiff_t>(n));
    std::string lines;
    for (std::size_t i = 0; i < running_.size(); ++i) {
      lines += dump_json({{"custom_id", id_of(i)},
                          {"method", "POST"},
                          {"url", "/v1/chat/completions"},
                          {"body", parse_json(running_[i].body, "request")}});
      lines += '\n';
    }
    write_file_atomically(file("input.jsonl"), lines);
    std::string command = params_.command;
    replace_all(command, "{input}", quoted(fs::absolute(file("input.jsonl")).string()));
    replace_all(command, "{output}", quoted(fs::absolute(file("output.jsonl")).string()));
    started_ = Clock::now();
    child_.emplace(command, file("log"), file("running"));
  }

  /// The body's digest finds the answer again when the run is killed; the place makes equal bodies different.
  std::string id_of(std::size_t i) const { return running_[i].digest + "-" + std::to_string(i); }

  Extraction read(const Gathered& asked, const ModelAnswer& answer, const Usage& spent) const {
    Extraction out = prompting_.judge(asked.request, {answer.text});
    out.usage = spent;
    out.usage.calls = 1;
    out.usage.prompt_tokens = answer.prompt_tokens.value_or(estimate_tokens(prompting_.messages(asked.request)));
    out.usage.completion_tokens = answer.completion_tokens.value_or(estimate_tokens(answer.text.content));
    return out;
  }

  std::vector<Extraction> finish(const std::string& end) {
    child_.reset();
    Usage spent;
    spent.seconds = seconds_since(started_) / static_cast<double>(running_.size());
    std::unordered_map<std::string, BatchAnswer> answers;  // the first of several stands
    read_batch_output(file("output.jsonl"), params_.max_answer_bytes,
                      [&](BatchAnswer&& line) { answers.try_emplace(line.id, std::move(line)); });
    std::vector<Extraction> out;
    std::size_t answered = 0;
    for (std::size_t i = 0; i < running_.size(); ++i) {
      const auto found = answers.find(id_of(i));
      if (found != answers.end() && found->second.failure.empty()) {
        out.push_back(read(running_[i], found->second.answer, spent));
        ++answered;
        continue;
      }
      Extraction failed;
      failed.document = running_[i].request.document;
      failed.usage = spent;
      if (found == answers.end()) {
        failed.failure = "no answer in the batch output" + (end.empty() ? std::string{} : "; the command " + end);
      } else {
        failed.usage.calls = 1;
        failed.failure = found->second.failure;
      }
      out.push_back(std::move(failed));
    }
    if (answered == running_.size() && end.empty()) {
      for (const char* what : {"input.jsonl", "output.jsonl", "log"}) fs::remove(file(what));
    } else {
      log::warn("{} of {} documents of {} were answered{}; see {}", answered, running_.size(),
                file("input.jsonl").string(), end.empty() ? "" : ", the command " + end, file("log").string());
    }
    running_.clear();
    empty_batches_ = answered == 0 ? empty_batches_ + 1 : 0;
    if (empty_batches_ >= 2) {
      throw EnvironmentError(format("the extraction command answered nothing in two batches{}; the end of {}:\n{}",
                                    end.empty() ? "" : " (it " + end + ")", file("log").string(), log_tail()));
    }
    return out;
  }

  std::string log_tail() const {
    std::ifstream in(file("log"), std::ios::binary | std::ios::ate);
    const auto size = static_cast<std::streamoff>(in.tellg());
    if (size <= 0) return "(empty)";
    const std::streamoff n = std::min<std::streamoff>(size, 1000);
    in.seekg(size - n);
    std::string out(static_cast<std::size_t>(n), '\0');
    in.read(out.data(), n);
    return out;
  }

  CommandParams params_;
  Prompting prompting_;
  std::vector<Gathered> gathering_, running_;
  std::vector<Extraction> ready_;                         // answered by an earlier run, for the next poll
  std::unordered_map<std::string, ModelAnswer> earlier_;  // by digest of the request
  std::optional<Child> child_;
  Clock::time_point last_submit_, started_;
  std::size_t number_ = 0, empty_batches_ = 0;
  bool prepared_ = false;
};

}  // namespace

std::unique_ptr<Extractor> make_command(const CommandParams& params) {
  return std::make_unique<CommandExtractor>(params);
}

}  // namespace equal::extract
