#include "equal/encode/http.hpp"

#include <atomic>
#include <cmath>
#include <functional>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/json.hpp"

#include "support/message.hpp"

namespace equal::encode {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kDim = 5;

/// What the server gives for a text: any fixed vector that is not a unit vector.
std::vector<float> raw_vector(const std::string& text) {
  const std::string hex = sha256_hex(text);
  std::vector<float> out;
  for (std::size_t i = 0; i < kDim; ++i)
    out.push_back(static_cast<float>(std::stoi(hex.substr(2 * i, 2), nullptr, 16)) - 99.5F);
  return out;
}

std::string base64(const std::vector<float>& values) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes(values.size() * sizeof(float), '\0'), out;
  std::copy_n(reinterpret_cast<const char*>(values.data()), bytes.size(), bytes.data());
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k)
      word = (word << 8U) | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : kAlphabet[(word >> (18U - 6U * k)) & 63U];
  }
  return out;
}

/// A real HTTP server on loopback with an /embeddings that the test can bend.
class Server {
 public:
  using Respond = std::function<void(const Json& request, httplib::Response&)>;
  explicit Server(Respond respond) : respond_(std::move(respond)) {
    http_.Post("/v1/embeddings", [this](const httplib::Request& request, httplib::Response& response) {
      const Json body = parse_json(request.body, "request");
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(body);
      }
      respond_(body, response);
    });
    http_.Get("/v1/models",
              [](const httplib::Request&, httplib::Response& r) { r.set_content("{}", "application/json"); });
    port_ = http_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { http_.listen_after_bind(); });
    while (!http_.is_running()) std::this_thread::yield();
  }
  ~Server() {
    http_.stop();
    thread_.join();
  }
  HttpParams params() const {
    HttpParams p;
    p.model = "toy";
    p.net.endpoints = {net::parse_endpoint("http://127.0.0.1:" + std::to_string(port_) + "/v1 slots=4", "test")};
    p.net.pool.probe_seconds = p.net.pool.backoff_seconds = p.net.retry_seconds = 0.01;
    p.net.max_failures = 3;
    return p;
  }
  std::vector<Json> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  Respond respond_;
  mutable std::mutex mutex_;
  std::vector<Json> requests_;
  httplib::Server http_;
  int port_ = 0;
  std::thread thread_;
};

/// The right answer, its items in reverse order.
Json answer(const Json& request, bool as_base64) {
  Json data = Json::array();
  for (std::size_t i = request["input"].size(); i-- > 0;) {
    const auto vector = raw_vector(request["input"][i].get<std::string>());
    data.push_back({{"index", i}, {"embedding", as_base64 ? Json(base64(vector)) : Json(vector)}});
  }
  return {{"object", "list"}, {"data", data}};
}

void send(httplib::Response& response, const Json& json) { response.set_content(dump_json(json), "application/json"); }

linalg::Matrix<float> encode(Encoder& encoder, const std::vector<std::string_view>& texts, Role role = Role::document) {
  ThreadPool pool(1);
  linalg::Matrix<float> out(texts.size(), encoder.dim());
  encoder.encode(texts, role, out.view(), pool);
  return out;
}

void expect_row(const linalg::Matrix<float>& got, std::size_t row, const std::string& text) {
  const auto raw = raw_vector(text);
  double squares = 0;
  for (const float x : raw) squares += double{x} * double{x};
  for (std::size_t i = 0; i < kDim; ++i)
    EXPECT_EQ(got(row, i), static_cast<float>(raw[i] / std::sqrt(squares))) << text.substr(0, 40) << ", value " << i;
}

TEST(Http, UnitVectorsInOrderFromBothFormsOfAnswerAndZeroForBlankTexts) {
  for (const bool as_base64 : {false, true}) {
    Server server([&](const Json& request, httplib::Response& r) { send(r, answer(request, as_base64)); });
    auto params = server.params();
    params.batch = 2;
    params.query_prefix = "query: ";
    const auto encoder = make_http(params);
    EXPECT_EQ(encoder->dim(), kDim);
    const auto got = encode(*encoder, {"one", " \n", "three", "vier \xC3\xBC", "five"});
    for (const auto& [row, text] : {std::pair{0U, "one"}, {2U, "three"}, {3U, "vier \xC3\xBC"}, {4U, "five"}})
      expect_row(got, row, text);
    for (std::size_t i = 0; i < kDim; ++i) EXPECT_EQ(got(1, i), 0.0F);
    expect_row(encode(*encoder, {"one"}, Role::query), 0, "query: one");
    for (const Json& request : server.requests()) {
      EXPECT_EQ(request["model"], "toy");
      EXPECT_LE(request["input"].size(), 2U);
      for (const Json& text : request["input"]) EXPECT_NE(text, " \n");
    }
  }
}

TEST(Http, RefusedRequestsAreHalvedUntilTheyPass) {
  Server server([](const Json& request, httplib::Response& r) {
    bool refuse = request["input"].size() > 4;
    for (const Json& text : request["input"]) refuse = refuse || text.get<std::string>().size() > 300;
    if (refuse) r.status = 413;
    send(r, refuse ? Json{{"error", "too much"}} : answer(request, true));
  });
  const auto encoder = make_http(server.params());
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back("text " + std::to_string(i));
  for (int i = 0; i < 400; ++i) texts[7] += "\xC3\xBC";  // two bytes each: a cut in the middle would be visible
  const auto got = encode(*encoder, {texts.begin(), texts.end()});
  for (std::size_t i = 0; i < texts.size(); ++i) {
    // 806 bytes -> 403, which is inside a character, so 402 -> 201 is one again: 200
    expect_row(got, i, i == 7 ? texts[7].substr(0, 200) : texts[i]);
  }
}

TEST(Http, TextsAreCutBeforeTheyAreSent) {
  Server server([](const Json& request, httplib::Response& r) { send(r, answer(request, true)); });
  auto params = server.params();
  params.max_bytes = 64;
  const auto encoder = make_http(params);
  const std::string text = std::string(63, 'a') + "\xC3\xBC" + "tail";
  expect_row(encode(*encoder, {text}), 0, std::string(63, 'a'));
  params.max_bytes = 65;
  EXPECT_NE(make_http(params)->digest(), encoder->digest());
}

TEST(Http, UnusableAnswersAreAskedForAgainAndThenNamed) {
  struct Case {
    const char* answer;
    const char* message;
  };
  for (const Case& c :
       {Case{R"({"data":[{"index":0,"embedding":[1,2,3]},{"index":0,"embedding":[1,2,3]}]})", "occurs twice"},
        Case{R"({"data":[{"index":7,"embedding":[1,2,3]}]})", "index 7"},
        Case{R"({"data":[{"embedding":[1,2,3]},{"embedding":[1,2]}]})", "embedding 1 has 2 numbers, another 3"},
        Case{R"({"data":[{"embedding":[1,"2",3]}]})", "no vector"},
        Case{R"({"data":[{"embedding":"AAA"}]})", "no vector"},
        Case{R"({"data":[{"embedding":[0,0,0]}]})", "zero or not finite"},
        Case{R"({"data":[{"embedding":[1e300,0,0]}]})", "zero or not finite"}, Case{R"({"data":[]})", "no vectors"},
        Case{R"([1])", "no \"data\""}}) {
    std::atomic<int> bad = 0;
    Server server([&](const Json& request, httplib::Response& r) {
      if (request["input"][0] == "bad" && (bad++ == 0 || request["input"].size() == 2)) {
        r.set_content(c.answer, "application/json");
      } else {
        send(r, answer(request, false));
      }
    });
    const auto encoder = make_http(server.params());
    expect_row(encode(*encoder, {"bad"}), 0, "bad");
    try {
      encode(*encoder, {"bad", "worse"});
      ADD_FAILURE() << c.answer << " was taken";
    } catch (const EnvironmentError& e) {
      EXPECT_THAT(e.what(), HasSubstr(c.message));
    }
  }
}

TEST(Http, AServerThatDoesNotGiveADimensionEndsTheMaking) {
  Server server([](const Json&, httplib::Response& r) {
    r.status = 400;
    send(r, {{"error", "no such model: toy"}});
  });
  EXPECT_NO_THROW(check_http(server.params()));  // asks nothing
  const std::string said = test::message_of<EnvironmentError>([&] { make_http(server.params()); });
  EXPECT_THAT(said, HasSubstr("does not answer a first request"));
  EXPECT_THAT(said, HasSubstr("no such model: toy"));
}

TEST(Http, WhatCannotBeAskedIsRefusedBeforeAnythingIsSent) {
  std::atomic<int> seen = 0;
  Server server([&](const Json& request, httplib::Response& r) {
    ++seen;
    send(r, answer(request, false));
  });
  const auto said = [&](const std::function<void(HttpParams&)>& change) {
    HttpParams params = server.params();
    change(params);
    const std::string checked = test::message_of<UsageError>([&] { check_http(params); });
    EXPECT_EQ(test::message_of<UsageError>([&] { make_http(params); }), checked);
    return checked;
  };
  EXPECT_THAT(said([](HttpParams& p) { p.batch = 0; }), HasSubstr("0 texts a request; must be 1 to 2048"));
  EXPECT_THAT(said([](HttpParams& p) { p.max_bytes = 63; }), HasSubstr("texts cut at 63 bytes"));
  EXPECT_THAT(said([](HttpParams& p) { p.net.endpoints.clear(); }), HasSubstr("no endpoint"));
  EXPECT_THAT(said([](HttpParams& p) { p.net.endpoints[0].url = "http://example.org/v1"; }), HasSubstr("plain http"));
  EXPECT_THAT(said([](HttpParams& p) { p.net.endpoints[0].key_env = "NO_SUCH_KEY"; }), HasSubstr("NO_SUCH_KEY"));
  EXPECT_EQ(seen, 0);
}

TEST(Http, AnotherModelBehindTheSameNameIsNoticed) {
  std::atomic<bool> other = false;
  Server server([&](const Json& request, httplib::Response& r) {
    Json json = answer(request, false);
    if (other)
      for (Json& item : json["data"]) item["embedding"].push_back(1);
    send(r, json);
  });
  const auto encoder = make_http(server.params());
  other = true;
  try {
    encode(*encoder, {"one"});
    ADD_FAILURE() << "vectors of another dimension were taken";
  } catch (const EnvironmentError& e) {
    EXPECT_THAT(e.what(), HasSubstr("same model"));
  }
}

TEST(Http, ATextThatStaysRefusedEndsWithTheServersWords) {
  Server server([](const Json& request, httplib::Response& r) {
    if (request["input"][0] == "dimension") return send(r, answer(request, false));
    r.status = 422;
    send(r, {{"error", "no such model: toy"}});
  });
  const auto encoder = make_http(server.params());
  try {
    encode(*encoder, {"one text"});
    ADD_FAILURE();
  } catch (const EnvironmentError& e) {
    EXPECT_THAT(e.what(), HasSubstr("one text"));
    EXPECT_THAT(e.what(), HasSubstr("no such model: toy"));
  }
}

}  // namespace
}  // namespace equal::encode
