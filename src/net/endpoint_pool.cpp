#include "equal/net/endpoint_pool.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace equal::net {

void EndpointPool::set_endpoints(const std::vector<EndpointSpec>& specs) {
  for (Endpoint& endpoint : endpoints_) {
    endpoint.retired =
        std::none_of(specs.begin(), specs.end(), [&](const EndpointSpec& s) { return s.url == endpoint.spec.url; });
  }
  for (const EndpointSpec& spec : specs) {
    const auto found =
        std::find_if(endpoints_.begin(), endpoints_.end(), [&](const Endpoint& e) { return e.spec.url == spec.url; });
    if (found == endpoints_.end()) {
      Endpoint fresh;
      fresh.spec = spec;
      fresh.window = static_cast<double>(spec.slots);
      endpoints_.push_back(std::move(fresh));
    } else if (found->spec != spec) {
      found->spec = spec;
      found->window = std::min(found->window, static_cast<double>(spec.slots));
      // Perhaps the key was mended: look again soon.
      if (found->health == Health::ejected) found->probe_at = 0.0;
    }
  }
}

bool EndpointPool::has_room(const Endpoint& e, double now) const noexcept {
  return e.health == Health::up && !e.retired && e.held_until <= now &&
         static_cast<double>(e.in_flight) + 1.0 <= std::max(1.0, std::floor(e.window));
}

std::optional<std::size_t> EndpointPool::acquire(double now, std::optional<std::size_t> avoid) {
  std::optional<std::size_t> best;
  double best_cost = 0.0;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    const Endpoint& e = endpoints_[i];
    if (!has_room(e, now)) continue;
    // One without a measured latency is tried as if it were fast.
    double cost = (static_cast<double>(e.in_flight) + 1.0) * std::max(e.latency, 1e-4) / e.spec.weight;
    if (avoid == i) cost += 1e12;
    if (!best || cost < best_cost) {
      best = i;
      best_cost = cost;
    }
  }
  if (best) {
    ++endpoints_[*best].in_flight;
    ++endpoints_[*best].started;
  }
  return best;
}

void EndpointPool::count(Endpoint& e, bool congested) {
  // A generation: the requests that were in flight when it began.
  if (e.ended > e.generation_end) {
    if (e.generation_ended > 0) {
      const double share = static_cast<double>(e.generation_marked) / static_cast<double>(e.generation_ended);
      e.pressure += params_.pressure_gain * (share - e.pressure);
    }
    e.generation_end = e.started;
    e.generation_ended = e.generation_marked = 0;
  }
  ++e.generation_ended;
  if (!congested) return;
  e.recovering = false;
  // Once per generation: requests sent before the window shrank tell of the same congestion.
  if (++e.generation_marked == 1) e.window = std::max(1.0, e.window * (1.0 - 0.5 * e.pressure));
}

void EndpointPool::eject(Endpoint& e, double now) {
  if (e.health == Health::up) ++e.ejections;
  e.health = Health::ejected;
  e.probe_delay = std::clamp(2.0 * e.probe_delay, params_.probe_seconds, params_.max_probe_seconds);
  e.probe_at = now + e.probe_delay * (0.75 + 0.5 * jitter_.uniform());
}

void EndpointPool::report(std::size_t endpoint, Outcome outcome, double latency_seconds,
                          std::optional<double> retry_after_seconds, const std::string& error, double now) {
  Endpoint& e = endpoints_[endpoint];
  --e.in_flight;
  ++e.ended;
  count(e, outcome == Outcome::congested || outcome == Outcome::timed_out);
  if (outcome == Outcome::success) {
    ++e.answered;
    e.failures_in_row = e.congestions_in_row = 0;
    e.probe_delay = 0.0;
    e.refusing = false;
    e.latency = e.latency == 0.0 ? latency_seconds : 0.95 * e.latency + 0.05 * latency_seconds;
    const auto most = static_cast<double>(e.spec.slots);
    e.window = std::min(most, e.window + (e.recovering ? 1.0 : (1.0 + most / 64.0) / e.window));
    if (e.window >= most) e.recovering = false;
    return;
  }
  ++e.failed;
  e.last_error = error;
  if (retry_after_seconds) {
    e.held_until = std::max(e.held_until, now + std::min(*retry_after_seconds, params_.max_retry_after_seconds));
  }
  if (outcome == Outcome::congested) {
    // It lives, it only asks for patience. All requests of one generation raise the hold once.
    if (!retry_after_seconds && now >= e.held_until) {
      const double hold = std::min(
          params_.max_backoff_seconds,
          params_.backoff_seconds * std::exp2(std::min<double>(static_cast<double>(e.congestions_in_row), 20.0)));
      e.held_until = now + hold * e.pressure * (0.5 + 0.5 * jitter_.uniform());
      ++e.congestions_in_row;
    }
    return;
  }
  ++e.failures_in_row;
  e.refusing = outcome == Outcome::refused;
  const bool gone = outcome == Outcome::unreachable || outcome == Outcome::refused;
  if (e.health == Health::up && (gone || e.failures_in_row >= params_.failures_to_eject)) eject(e, now);
}

void EndpointPool::forget(std::size_t endpoint) {
  --endpoints_[endpoint].in_flight;
  ++endpoints_[endpoint].ended;
}

std::vector<std::size_t> EndpointPool::due_probes(double now) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    Endpoint& e = endpoints_[i];
    if (e.retired || e.probing || e.health == Health::up || e.probe_at > now) continue;
    e.probing = true;
    out.push_back(i);
  }
  return out;
}

void EndpointPool::report_probe(std::size_t endpoint, Outcome outcome, const std::string& error, double now) {
  Endpoint& e = endpoints_[endpoint];
  e.probing = false;
  if (outcome != Outcome::success) {
    e.last_error = error;
    e.refusing = outcome == Outcome::refused;
    eject(e, now);
    return;
  }
  if (e.health == Health::ejected) {
    // Back from the dead: a few requests first. `probe_delay` is reset by the first success, so that an endpoint that
    // passes probes and fails requests is asked ever more rarely.
    e.recovering = true;
    e.window = std::max(1.0, std::min(e.window, 0.125 * static_cast<double>(e.spec.slots)));
  }
  e.health = Health::up;
  e.failures_in_row = 0;
}

double EndpointPool::next_event(double now) const {
  double next = std::numeric_limits<double>::infinity();
  for (const Endpoint& e : endpoints_) {
    if (e.retired) continue;
    if (e.health != Health::up && !e.probing) next = std::min(next, std::max(now, e.probe_at));
    if (e.health == Health::up && e.held_until > now) next = std::min(next, e.held_until);
  }
  return next;
}

EndpointStatus EndpointPool::status(std::size_t endpoint) const {
  const Endpoint& e = endpoints_[endpoint];
  EndpointStatus out;
  out.url = e.spec.url;
  out.up = e.health == Health::up;
  out.in_flight = e.in_flight;
  out.window = e.window;
  out.pressure = e.pressure;
  out.latency_seconds = e.latency;
  out.held_until = e.held_until;
  out.answered = e.answered;
  out.failed = e.failed;
  out.ejections = e.ejections;
  out.last_error = e.last_error;
  return out;
}

bool EndpointPool::any_open(double now) const noexcept {
  return std::any_of(endpoints_.begin(), endpoints_.end(),
                     [&](const Endpoint& e) { return e.health == Health::up && !e.retired && e.held_until <= now; });
}

bool EndpointPool::all_refuse() const noexcept {
  bool any = false;
  for (const Endpoint& e : endpoints_) {
    if (e.retired) continue;
    if (!e.refusing) return false;
    any = true;
  }
  return any;
}

std::size_t EndpointPool::total_slots() const noexcept {
  std::size_t total = 0;
  for (const Endpoint& e : endpoints_) total += e.retired ? 0 : e.spec.slots;
  return total;
}

std::string EndpointPool::explain() const {
  std::string out;
  for (const Endpoint& e : endpoints_) {
    if (e.retired || (e.health == Health::up && e.last_error.empty())) continue;
    out += "\n  " + e.spec.url + ": " + (e.last_error.empty() ? "not tried yet" : e.last_error);
  }
  return out.empty() ? "\n  no endpoint is given" : out;
}

}  // namespace equal::net
