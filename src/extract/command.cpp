#include "equal/extract/command.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <optional>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"

extern char** environ;

namespace equal::extract {
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

/// A shell command in a process group of its own, its output in a log file. Ended by the destructor if it still runs.
class Child {
 public:
  Child(const std::string& command, const std::string& log) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::posix_spawn_file_actions_adddup2(&files, 1, 2);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    std::string shell = "/bin/sh", option = "-c", text = command;
    char* const arguments[] = {shell.data(), option.data(), text.data(), nullptr};
    const int error = ::posix_spawn(&pid_, shell.c_str(), &files, &attributes, arguments, environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    if (error != 0) throw EnvironmentError("the extraction command cannot be started: " + errno_text(error));
  }
  ~Child() { stop(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// How it ended ("" for success), or nothing while it runs.
  std::optional<std::string> ended() {
    int status = 0;
    const pid_t got = ::waitpid(pid_, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) return std::nullopt;
    pid_ = -1;
    if (got < 0) return "lost: " + errno_text(errno);
    if (WIFSIGNALED(status)) return format("was killed by signal {}", WTERMSIG(status));
    const int code = WEXITSTATUS(status);
    return code == 0 ? std::string{} : format("exited with status {}", code);
  }

  void stop() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGTERM);
    for (int i = 0; i < 50; ++i) {
      if (::waitpid(pid_, nullptr, WNOHANG) != 0) {
        pid_ = -1;
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
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
    std::filesystem::create_directories(params.folder);
  }

  // The command itself is the user's way of running the model: like an endpoint it does not enter the digest.
  std::string digest() const override { return prompting_.digest(); }
  std::string description() const override {
    return format("command: model {}, batches of {}, {}", params_.prompting.model, params_.batch, params_.command);
  }
  bool deterministic() const override { return false; }
  std::size_t slots() const override { return 2 * params_.batch; }

  void submit(Request request) override {
    if (gathering_.size() + running_.size() >= slots()) throw InternalError("command: submit() with no free slot");
    gathering_.push_back(std::move(request));
    last_submit_ = Clock::now();
  }

  std::vector<Extraction> poll(double wait_seconds) override {
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
  std::filesystem::path file(const char* what) const {
    return params_.folder / format("batch-{:06}.{}", number_, what);
  }

  void start() {
    ++number_;
    const std::size_t n = std::min(params_.batch, gathering_.size());
    running_.assign(std::make_move_iterator(gathering_.begin()),
                    std::make_move_iterator(gathering_.begin() + static_cast<std::ptrdiff_t>(n)));
    gathering_.erase(gathering_.begin(), gathering_.begin() + static_cast<std::ptrdiff_t>(n));
    std::string lines;
    for (std::size_t i = 0; i < running_.size(); ++i) {
      const std::string where = "request";
      lines += dump_json({{"custom_id", std::to_string(i)},
                          {"method", "POST"},
                          {"url", "/v1/chat/completions"},
                          {"body", parse_json(prompting_.body(prompting_.messages(running_[i])), where)}});
      lines += '\n';
    }
    write_file_atomically(file("input.jsonl"), lines);
    std::filesystem::remove(file("output.jsonl"));
    std::string command = params_.command;
    replace_all(command, "{input}", quoted(std::filesystem::absolute(file("input.jsonl")).string()));
    replace_all(command, "{output}", quoted(std::filesystem::absolute(file("output.jsonl")).string()));
    started_ = Clock::now();
    child_.emplace(command, file("log").string());
  }

  /// The answers by custom_id; the first of several stands. Lines that cannot be read are passed over.
  std::unordered_map<std::string, std::pair<ModelAnswer, std::string>> read_output() const {
    std::unordered_map<std::string, std::pair<ModelAnswer, std::string>> out;
    std::ifstream in(file("output.jsonl"), std::ios::binary);
    std::string line;
    for (char c = 0; in.get(c);) {
      if (c != '\n') {
        if (line.size() <= params_.max_answer_bytes) line += c;
        continue;
      }
      take_line(line, out);
      line.clear();
    }
    take_line(line, out);
    return out;
  }

  void take_line(const std::string& line,
                 std::unordered_map<std::string, std::pair<ModelAnswer, std::string>>& out) const {
    if (line.empty() || line.size() > params_.max_answer_bytes) return;
    Json json;
    try {
      json = parse_json(line, "batch output");
    } catch (const DataError&) {
      return;
    }
    if (!json.is_object() || !json.contains("custom_id") || !json["custom_id"].is_string()) return;
    std::pair<ModelAnswer, std::string> answer;
    const Json* response = json.contains("response") && json["response"].is_object() ? &json["response"] : nullptr;
    if (json.contains("error") && !json["error"].is_null()) {
      answer.second = "error: " + dump_json(json["error"]).substr(0, 200);
    } else if (response == nullptr || !response->contains("body")) {
      answer.second = "its line has no response";
    } else if (response->value("status_code", Json(200)) != 200) {
      answer.second = "status " + dump_json((*response)["status_code"]).substr(0, 20);
    } else {
      answer.first = read_completion(dump_json((*response)["body"]));
      answer.second = answer.first.failure;
    }
    out.try_emplace(json["custom_id"].get<std::string>(), std::move(answer));
  }

  std::vector<Extraction> finish(const std::string& end) {
    child_.reset();
    const double seconds = seconds_since(started_) / static_cast<double>(running_.size());
    const auto answers = read_output();
    std::vector<Extraction> out;
    std::size_t answered = 0;
    for (std::size_t i = 0; i < running_.size(); ++i) {
      const Request& request = running_[i];
      Extraction extraction;
      extraction.document = request.document;
      extraction.usage.seconds = seconds;
      const auto found = answers.find(std::to_string(i));
      if (found == answers.end()) {
        extraction.failure = "no answer in the batch output" + (end.empty() ? std::string{} : "; the command " + end);
      } else if (!found->second.second.empty()) {
        extraction.usage.calls = 1;
        extraction.failure = found->second.second;
      } else {
        const ModelAnswer& answer = found->second.first;
        extraction.usage.calls = 1;
        extraction.usage.prompt_tokens = answer.prompt_tokens.value_or(estimate_tokens(prompting_.messages(request)));
        extraction.usage.completion_tokens = answer.completion_tokens.value_or(estimate_tokens(answer.content));
        prompting_.read(answer, request, extraction);
        ++answered;
      }
      out.push_back(std::move(extraction));
    }
    if (answered == running_.size() && end.empty()) {
      for (const char* what : {"input.jsonl", "output.jsonl", "log"}) std::filesystem::remove(file(what));
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
  std::vector<Request> gathering_, running_;
  std::optional<Child> child_;
  Clock::time_point last_submit_, started_;
  std::size_t number_ = 0, empty_batches_ = 0;
};

}  // namespace

std::unique_ptr<Extractor> make_command(const CommandParams& params) {
  return std::make_unique<CommandExtractor>(params);
}

}  // namespace equal::extract
