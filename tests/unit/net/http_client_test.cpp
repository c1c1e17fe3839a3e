#include "equal/net/http_client.hpp"

#include <map>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"

#include "support/fake_llm.hpp"

namespace equal::net {
namespace {

using test::FakeLlm;
using test::FakeLlmParams;
using test::Fault;
using test::Reply;

HttpResponse ask(HttpClient& client, const FakeLlm& server, double timeout = 5.0, std::int64_t document = 1) {
  client.start(1, {Method::post, server.url() + "/chat/completions", {}, FakeLlm::document_text(document), timeout});
  for (int i = 0; i < 1000; ++i) {
    std::vector<HttpDone> done = client.poll(0.1);
    if (!done.empty()) return done.front().response;
  }
  return {};
}

HttpResponse ask_for(Fault fault, double timeout = 5.0, const HttpClientParams& params = {}) {
  FakeLlmParams server_params;
  server_params.script = [fault](std::int64_t, std::size_t, const std::string&) { return Reply{fault, 0.0, 3.0, ""}; };
  const FakeLlm server(server_params);
  HttpClient client(params);
  return ask(client, server, timeout);
}

TEST(HttpClient, AnswersComeBackUnderTheirTickets) {
  FakeLlmParams params;
  params.script = [](std::int64_t d, std::size_t, const std::string&) {
    return Reply{Fault::none, 0.001 * static_cast<double>(d % 7), 0.0, "{\"document\":" + std::to_string(d) + "}"};
  };
  const FakeLlm server(params);
  HttpClient client;
  constexpr std::uint64_t kRequests = 500;
  for (std::uint64_t i = 0; i < kRequests; ++i) {
    client.start(i, {Method::post,
                     server.url() + "/chat/completions",
                     {},
                     FakeLlm::document_text(static_cast<std::int64_t>(i)),
                     10.0});
  }
  std::map<std::uint64_t, std::string> got;
  while (got.size() < kRequests) {
    for (HttpDone& done : client.poll(1.0)) {
      ASSERT_EQ(done.response.transfer, Transfer::complete) << done.response.error;
      EXPECT_EQ(done.response.status, 200);
      EXPECT_TRUE(got.emplace(done.ticket, done.response.body).second);
    }
  }
  for (const auto& [ticket, body] : got) EXPECT_EQ(body, "{\"document\":" + std::to_string(ticket) + "}");
  EXPECT_EQ(client.under_way(), 0U);
}

TEST(HttpClient, EveryKindOfFailureIsToldApart) {
  EXPECT_EQ(ask_for(Fault::reset).transfer, Transfer::broken);
  EXPECT_EQ(ask_for(Fault::truncated).transfer, Transfer::broken);
  EXPECT_EQ(ask_for(Fault::never, 0.2).transfer, Transfer::timed_out);
  EXPECT_EQ(ask_for(Fault::slow_loris, 0.3).transfer, Transfer::timed_out);
  HttpClientParams small;
  small.max_body_bytes = 1 << 20;
  const HttpResponse huge = ask_for(Fault::huge, 5.0, small);
  EXPECT_EQ(huge.transfer, Transfer::too_large);
  EXPECT_TRUE(huge.body.empty());
  const HttpResponse throttled = ask_for(Fault::throttle_for);
  EXPECT_EQ(throttled.status, 429);
  EXPECT_EQ(throttled.retry_after_seconds, 3.0);
  const HttpResponse until = ask_for(Fault::throttle_until);
  EXPECT_EQ(until.status, 429);
  EXPECT_GT(until.retry_after_seconds.value_or(0), 0.0);
  EXPECT_LE(until.retry_after_seconds.value_or(9), 3.0);
  EXPECT_EQ(ask_for(Fault::throttle).retry_after_seconds, std::nullopt);
  EXPECT_EQ(ask_for(Fault::html).content_type, "text/html; charset=utf-8");
}

TEST(HttpClient, RedirectIsNotFollowed) { EXPECT_EQ(ask_for(Fault::redirect).status, 302); }

TEST(HttpClient, RefusedConnectionIsUnreachable) {
  FakeLlm server;
  HttpClient client;
  EXPECT_EQ(ask(client, server).transfer, Transfer::complete);
  server.die();
  EXPECT_EQ(ask(client, server).transfer, Transfer::unreachable);
  server.start_again();
  EXPECT_EQ(ask(client, server).transfer, Transfer::complete);
}

TEST(HttpClient, ASecondAnswerOnTheWireIsNeverTakenForTheNext) {
  FakeLlmParams params;
  params.script = [](std::int64_t d, std::size_t, const std::string&) {
    return Reply{Fault::duplicate, 0.0, 0.0, "{\"document\":" + std::to_string(d) + "}"};
  };
  const FakeLlm server(params);
  HttpClient client;
  for (std::int64_t d = 0; d < 20; ++d)
    EXPECT_EQ(ask(client, server, 5.0, d).body, "{\"document\":" + std::to_string(d) + "}");
}

TEST(HttpClient, CancelledRequestIsForgotten) {
  FakeLlmParams params;
  params.script = [](std::int64_t, std::size_t, const std::string&) { return Reply{Fault::never, 0.0, 0.0, ""}; };
  const FakeLlm server(params);
  HttpClient client;
  client.start(5, {Method::post, server.url(), {}, "x", 60.0});
  client.poll(0.05);
  client.cancel(5);
  client.cancel(5);
  EXPECT_EQ(client.under_way(), 0U);
  EXPECT_TRUE(client.poll(0.01).empty());
}

TEST(HttpClient, PlainHttpElsewhereIsRefused) {
  HttpClient client;
  EXPECT_THROW(client.start(1, {Method::get, "http://10.1.2.3/v1", {}, "", 1.0}), UsageError);
}

}  // namespace
}  // namespace equal::net
