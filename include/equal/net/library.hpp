// The HTTP library that this build has.
#pragma once

#include <string>

namespace equal::net {

/// "libcurl/7.88.1 OpenSSL/3.0.17 ...".
std::string curl_description();

}  // namespace equal::net
