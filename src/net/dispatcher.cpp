#include "equal/net/dispatcher.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <queue>
#include <unordered_map>
#include <utility>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "judgement.hpp"
#include "latencies.hpp"

namespace equal::net {
namespace {

constexpr std::uint64_t kRejectionsInRow = 64;  // a wrong model or setting fails every document: stop early
constexpr std::size_t kNoEndpoint = static_cast<std::size_t>(-1);

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

struct Dispatcher::Impl {
  struct Active {
    Call call;
    double available_deadline = 0.0;  // on the clock of available()
    double first_request = -1.0;
    std::size_t failures = 0, requests = 0, in_flight = 0;
    std::size_t last_endpoint = kNoEndpoint;
    bool hedged = false;
    std::string last_failure;
    int last_status = 0;
  };
  struct Flight {
    std::uint64_t call = 0;
    std::size_t endpoint = 0;
    double started = 0.0;
    bool probe = false;
  };
  struct Timed {
    double at;
    std::uint64_t id;
    bool operator>(const Timed& other) const { return at > other.at; }
  };
  using Timers = std::priority_queue<Timed, std::vector<Timed>, std::greater<>>;

  Impl(const DispatcherParams& p, Accept a)
      : params(p),
        accept(std::move(a)),
        client(p.http),
        pool(p.pool),
        file(p.endpoints_file, p.defaults),
        jitter(p.pool.seed, "retry jitter") {
    if (params.endpoints.empty() && params.endpoints_file.empty()) {
      throw UsageError("no endpoint: give chat.endpoints or chat.endpoints_file");
    }
    closed_since = last_reload = now_seconds();
    if (!params.endpoints_file.empty()) file.refresh();
    adopt_endpoints();
  }

  void adopt_endpoints() {
    std::vector<EndpointSpec> all = params.endpoints;
    all.insert(all.end(), file.endpoints().begin(), file.endpoints().end());
    std::vector<Secret> fresh;
    for (EndpointSpec& spec : all) {
      spec.slots =
          std::max<std::size_t>(1, spec.slots / params.sharers + (params.share < spec.slots % params.sharers ? 1 : 0));
      check_url(spec.url, params.http.allow_plain_http);
      fresh.push_back(load_key(spec));
    }
    pool.set_endpoints(all);
    keys.resize(pool.size());
    for (std::size_t i = 0; i < pool.size(); ++i) {
      for (std::size_t s = 0; s < all.size(); ++s) {
        if (all[s].url == pool.spec(i).url) keys[i] = fresh[s];
      }
    }
  }

  void reload(double now) {
    if (params.endpoints_file.empty() || now < last_reload + params.reload_seconds) return;
    last_reload = now;
    try {
      if (!file.refresh()) return;
      adopt_endpoints();
      complaint.clear();
      log::info("{}: read again, {} endpoints", params.endpoints_file.string(), file.endpoints().size());
    } catch (const Error& error) {
      file.forget();  // a key file may come later than the line that names it
      if (complaint != error.what()) log::warn("the endpoints stay as they were: {}", error.what());
      complaint = error.what();
    }
  }

  std::string redacted(std::string text) const {
    for (const Secret& key : keys) text = key.redact(text);
    return text;
  }

  void send(std::uint64_t call_id, std::size_t endpoint, bool probe, double now) {
    const EndpointSpec& spec = pool.spec(endpoint);
    HttpRequest request;
    request.headers.push_back("Accept: application/json");
    if (!keys[endpoint].empty()) {
      request.headers.push_back(spec.auth == "bearer" ? "Authorization: Bearer " + keys[endpoint].reveal()
                                                      : spec.auth + ": " + keys[endpoint].reveal());
    }
    if (probe) {
      request.method = Method::get;
      request.url = join_url(spec.url, params.probe_path);
      request.timeout_seconds = std::min(10.0, params.request_seconds);
    } else {
      const Active& active = calls.at(call_id);
      request.headers.push_back("Content-Type: application/json");
      request.url = join_url(spec.url, active.call.path);
      request.body = active.call.body;
      request.timeout_seconds =
          std::max(0.001, std::min(params.request_seconds, active.available_deadline - available(now)));
    }
    const std::uint64_t ticket = next_ticket++;
    client.start(ticket, std::move(request));
    flights.emplace(ticket, Flight{call_id, endpoint, now, probe});
    if (probe) return;
    Active& active = calls.at(call_id);
    ++active.requests;
    ++active.in_flight;
    active.last_endpoint = endpoint;
    if (active.first_request < 0.0) active.first_request = now;
    ++stats.requests;
    if (params.hedge_factor > 0.0 && !active.hedged && latencies.ready()) {
      hedges.push({now + params.hedge_factor * latencies.percentile95(), call_id});
    }
  }

  /// Seconds during which every endpoint was down or made us wait.
  double closed(double now) const { return closed_total + (closed_since >= 0.0 ? now - closed_since : 0.0); }
  /// The other seconds: what deadlines of calls are counted in.
  double available(double now) const { return now - closed(now); }

  void track_closing(double now) {
    if (!pool.all_refuse()) refused_since = -1.0;
    if (pool.any_open(now)) {
      closed_total = closed(now);
      closed_since = -1.0;
      return;
    }
    if (closed_since < 0.0) closed_since = now;
    if (pool.all_refuse() && refused_since < 0.0) refused_since = now;
    if (refused_since >= 0.0 && now - refused_since > params.refused_seconds) {
      throw UsageError("every endpoint refuses our requests:" + redacted(pool.explain()));
    }
    if (closed(now) - closed_at_answer > params.patience_seconds) {
      throw EnvironmentError(
          format("no endpoint could be used for {}; see to one and run the same command again, nothing is lost:{}",
                 human_seconds(closed(now) - closed_at_answer), redacted(pool.explain())));
    }
  }

  void finish(std::uint64_t id, Active& active, std::string body, std::string failure, double now) {
    CallResult result;
    result.id = id;
    result.body = std::move(body);
    result.failure = std::move(failure);
    result.status = active.last_status;
    result.requests = active.requests;
    result.seconds = active.first_request < 0.0 ? 0.0 : now - active.first_request;
    ++(result.failure.empty() ? stats.answered : stats.failed_calls);
    done.push_back(std::move(result));
    if (active.in_flight > 0) {
      for (auto it = flights.begin(); it != flights.end();) {
        if (it->second.call == id && !it->second.probe) {
          client.cancel(it->first);
          pool.forget(it->second.endpoint);
          it = flights.erase(it);
        } else {
          ++it;
        }
      }
    }
    calls.erase(id);
  }

  /// Which endpoints come and go, from one of the clients that share them.
  void tell_changes() {
    was_up.resize(pool.size(), false);
    for (std::size_t i = 0; params.share == 0 && i < pool.size(); ++i) {
      const EndpointStatus s = pool.status(i);
      if (s.up == was_up[i]) continue;
      was_up[i] = s.up;
      if (s.up) {
        log::info("{} is up", s.url);
      } else {
        log::warn("{} is down: {}", s.url, s.last_error);
      }
    }
  }

  void on_probe(const Flight& flight, const HttpResponse& r, double now) {
    // Any answer below 500 shows that a server is there; some know no /models. 401 and 403 will not get better.
    const bool complete = r.transfer == Transfer::complete;
    const bool refused = r.tls_failed || (complete && (r.status == 401 || r.status == 403));
    const Outcome outcome = refused                      ? Outcome::refused
                            : complete && r.status < 500 ? Outcome::success
                            : complete                   ? Outcome::failed
                                                         : Outcome::unreachable;
    std::string reason = complete ? format("HTTP {}", r.status) : r.error;
    if (r.status == 401 || r.status == 403) reason += " (is the key right?)";
    pool.report_probe(flight.endpoint, outcome, redacted(std::move(reason)), now);
  }

  void on_response(const Flight& flight, HttpResponse& r, double now) {
    Judgement judgement = judge(r, accept);
    const auto found = calls.find(flight.call);
    pool.report(flight.endpoint, judgement.outcome, r.seconds, r.retry_after_seconds, redacted(judgement.reason), now);
    if (judgement.outcome == Outcome::success) latencies.add(r.seconds);
    if (judgement.verdict == Verdict::answered) {
      closed_at_answer = closed(now);
      rejected_in_row = 0;
    }
    if (found == calls.end()) return;
    Active& active = found->second;
    --active.in_flight;
    active.last_status = r.status;
    if (r.transfer == Transfer::unreachable) --active.requests;
    if (judgement.verdict == Verdict::answered) {
      const Secret& key = keys[flight.endpoint];
      if (!key.empty() && r.body.find(key.reveal()) != std::string::npos) r.body = key.redact(r.body);
      return finish(flight.call, active, std::move(r.body), {}, now);
    }
    active.last_failure = redacted(std::move(judgement.reason));
    if (judgement.verdict == Verdict::give_up) {
      const std::string reason = active.last_failure;
      finish(flight.call, active, {}, reason, now);
      if (++rejected_in_row >= kRejectionsInRow)
        throw UsageError(format("{} requests in a row were rejected; the last answer: {}", rejected_in_row, reason));
      return;
    }
    if (judgement.verdict == Verdict::retry) ++active.failures;
    if (active.failures >= params.max_failures) {
      return finish(flight.call, active, {}, format("{} ({} requests)", active.last_failure, active.requests), now);
    }
    if (active.in_flight > 0) return;  // its other copy is still under way
    ++stats.retries;
    stats.throttled += r.status == 429;
    if (judgement.verdict == Verdict::retry_free) {
      waiting.push_front(flight.call);  // the endpoint's own hold paces it
    } else {
      const double pause = std::min(params.max_retry_seconds,
                                    params.retry_seconds * std::exp2(static_cast<double>(active.failures) - 1.0));
      paused.push({now + pause * (0.5 + 0.5 * jitter.uniform()), flight.call});
    }
  }

  void dispatch(double now) {
    for (const std::size_t endpoint : pool.due_probes(now)) send(0, endpoint, true, now);
    while (!paused.empty() && paused.top().at <= now) {
      waiting.push_back(paused.top().id);
      paused.pop();
    }
    while (!waiting.empty()) {
      const auto found = calls.find(waiting.front());
      if (found == calls.end()) {
        waiting.pop_front();
        continue;
      }
      const std::size_t last = found->second.last_endpoint;
      const auto endpoint = pool.acquire(now, last == kNoEndpoint ? std::nullopt : std::optional(last));
      if (!endpoint) break;
      const std::uint64_t id = waiting.front();
      waiting.pop_front();
      send(id, *endpoint, false, now);
    }
    while (!hedges.empty() && hedges.top().at <= now) {
      const std::uint64_t id = hedges.top().id;
      hedges.pop();
      const auto found = calls.find(id);
      // Only with room to spare, never for a call that waits anyway.
      if (found == calls.end() || found->second.in_flight != 1 || found->second.hedged || !waiting.empty() ||
          static_cast<double>(stats.hedges) >= params.hedge_share * static_cast<double>(stats.requests)) {
        continue;
      }
      const auto endpoint = pool.acquire(now, found->second.last_endpoint);
      if (!endpoint) continue;
      found->second.hedged = true;
      ++stats.hedges;
      send(id, *endpoint, false, now);
    }
  }

  /// Ends calls whose deadline has passed. Deadlines only move back while no endpoint is up, so a heap entry is never
  /// late.
  void expire(double now) {
    while (!deadlines.empty() && deadlines.top().at <= available(now)) {
      const std::uint64_t id = deadlines.top().id;
      deadlines.pop();
      const auto found = calls.find(id);
      if (found == calls.end()) continue;
      Active& active = found->second;
      std::string reason = format("no answer within {}", human_seconds(params.call_seconds));
      if (!active.last_failure.empty()) reason += "; last: " + active.last_failure;
      finish(id, active, {}, std::move(reason), now);
    }
  }

  double next_event(double now) const {
    double next = pool.next_event(now);
    if (!paused.empty()) next = std::min(next, paused.top().at);
    if (!hedges.empty()) next = std::min(next, hedges.top().at);
    if (!deadlines.empty() && closed_since < 0.0) next = std::min(next, now + deadlines.top().at - available(now));
    if (!params.endpoints_file.empty()) next = std::min(next, last_reload + params.reload_seconds);
    return next;
  }

  std::vector<CallResult> poll(double wait_seconds) {
    const double end = now_seconds() + wait_seconds;
    while (true) {
      double now = now_seconds();
      reload(now);
      track_closing(now);
      tell_changes();
      expire(now);
      dispatch(now);
      if (!done.empty()) wait_seconds = 0.0;
      const double until = std::min(end, next_event(now));
      const double wait = done.empty() ? std::max(0.0, until - now) : 0.0;
      for (HttpDone& ended : client.poll(wait)) {
        const auto found = flights.find(ended.ticket);
        const Flight flight = found->second;
        flights.erase(found);
        now = now_seconds();
        if (flight.probe) {
          on_probe(flight, ended.response, now);
        } else {
          on_response(flight, ended.response, now);
        }
      }
      now = now_seconds();
      if (!done.empty() || now >= end) {
        dispatch(now);  // freed slots are filled before the caller thinks about what has come
        return std::exchange(done, {});
      }
    }
  }

  DispatcherParams params;
  Accept accept;
  HttpClient client;
  EndpointPool pool;
  EndpointsFile file;
  RandomStream jitter;
  std::vector<Secret> keys;  // by endpoint
  std::unordered_map<std::uint64_t, Active> calls;
  std::unordered_map<std::uint64_t, Flight> flights;  // by ticket
  std::deque<std::uint64_t> waiting;
  Timers paused, deadlines, hedges;
  std::vector<CallResult> done;
  LatencyWindow latencies;
  std::uint64_t next_ticket = 1;
  double closed_since = -1.0, closed_total = 0.0, closed_at_answer = 0.0, refused_since = -1.0, last_reload = 0.0;
  std::uint64_t rejected_in_row = 0;
  std::string complaint;     // about the endpoints file, said once
  std::vector<bool> was_up;  // by endpoint, as it was told
  mutable DispatcherStats stats;
};

Dispatcher::Dispatcher(const DispatcherParams& params, Accept accept)
    : impl_(std::make_unique<Impl>(params, std::move(accept))) {}
Dispatcher::~Dispatcher() = default;

void Dispatcher::submit(Call call) {
  const std::uint64_t id = call.id;
  Impl::Active active;
  active.call = std::move(call);
  active.available_deadline = impl_->available(now_seconds()) + impl_->params.call_seconds;
  impl_->deadlines.push({active.available_deadline, id});
  if (!impl_->calls.try_emplace(id, std::move(active)).second)
    throw InternalError(format("call {} is already held", id));
  impl_->waiting.push_back(id);
}

std::vector<CallResult> Dispatcher::poll(double wait_seconds) { return impl_->poll(wait_seconds); }
std::size_t Dispatcher::slots() const {
  const std::size_t known = impl_->pool.total_slots();
  return known > 0 ? known : impl_->params.expected_slots;
}
std::size_t Dispatcher::held() const noexcept { return impl_->calls.size() + impl_->done.size(); }
const EndpointPool& Dispatcher::pool() const noexcept { return impl_->pool; }
DispatcherStats Dispatcher::stats() const {
  DispatcherStats out = impl_->stats;
  for (const auto& [ticket, flight] : impl_->flights) out.in_flight += !flight.probe;
  out.waiting = impl_->waiting.size() + impl_->paused.size();
  return out;
}

}  // namespace equal::net
