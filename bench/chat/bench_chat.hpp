// The parts of bench/run chat. Each prints one JSON line on standard output.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "equal/extract/chat.hpp"

namespace equal::bench {

/// Parameters for a fake server at `url`, with this tree's prompt.
extract::ChatParams chat_params(const std::string& url, std::size_t slots);
extract::Request request_of(std::int64_t document);
double seconds_since(std::chrono::steady_clock::time_point then);
double cpu_seconds();  ///< user and system time of this process

int serve(const std::vector<std::string>& arguments);      ///< an instant server until standard input ends
int client(const std::vector<std::string>& arguments);     ///< requests/s and CPU a request against it
int grounding(const std::vector<std::string>& arguments);  ///< precision and recall on the labels

}  // namespace equal::bench
