// What an error says, for tests that look at the words.
#pragma once

#include <exception>
#include <string>

namespace equal::test {

/// The text of the `Raised` that call() throws, or "nothing was thrown". Anything else that is thrown passes through.
template <class Raised, class Call>
std::string message_of(Call&& call) {
  try {
    call();
  } catch (const Raised& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace equal::test
