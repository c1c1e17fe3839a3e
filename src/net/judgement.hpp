// What the dispatcher makes of a response.
#pragma once

#include <string>

#include "equal/net/dispatcher.hpp"

namespace equal::net {

enum class Verdict {
  answered,
  retry,       ///< counts as a failure of the call
  retry_free,  ///< the endpoint's fault or wish: does not count
  give_up      ///< the request's own fault: another try would give the same
};

struct Judgement {
  Verdict verdict = Verdict::answered;
  Outcome outcome = Outcome::success;  ///< for the endpoint
  std::string reason;                  ///< unless answered; may hold what the server sent, keys too
};

Judgement judge(const HttpResponse& response, const Dispatcher::Accept& accept);

}  // namespace equal::net
