#include "equal/net/dispatcher.hpp"

#include <chrono>
#include <cstdlib>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"

#include "support/fake_llm.hpp"
#include "support/scratch.hpp"

namespace equal::net {
namespace {

using test::FakeLlm;
using test::FakeLlmParams;
using test::Fault;
using test::Reply;
using ::testing::HasSubstr;

DispatcherParams params_for(std::initializer_list<const FakeLlm*> servers) {
  DispatcherParams params;
  for (const FakeLlm* server : servers) params.endpoints.push_back(parse_endpoint(server->url() + " slots=16", "test"));
  params.request_seconds = 0.4;
  params.call_seconds = 20.0;
  params.retry_seconds = 0.01;
  params.pool.backoff_seconds = 0.01;
  params.pool.probe_seconds = 0.05;
  params.http.max_body_bytes = 1 << 20;
  return params;
}

std::string accept_json(const HttpResponse& r) {
  if (std::string reason = why_not_json(r); !reason.empty()) return reason;
  return r.body.ends_with('}') ? "" : "cut JSON";
}

std::map<std::uint64_t, CallResult> run_calls(Dispatcher& dispatcher, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    dispatcher.submit({i, "/chat/completions", FakeLlm::document_text(static_cast<std::int64_t>(i))});
  }
  std::map<std::uint64_t, CallResult> out;
  while (dispatcher.held() > 0) {
    for (CallResult& result : dispatcher.poll(1.0)) out[result.id] = std::move(result);
  }
  return out;
}

TEST(Dispatcher, EveryTransientFaultIsRetriedUntilItPasses) {
  for (const Fault fault :
       {Fault::throttle, Fault::throttle_for, Fault::error_500, Fault::error_503, Fault::reset, Fault::slow_loris,
        Fault::never, Fault::truncated, Fault::html, Fault::huge, Fault::charset, Fault::bad_json}) {
    FakeLlmParams server_params;
    server_params.script = [fault](std::int64_t, std::size_t attempt, const std::string&) {
      return Reply{attempt == 0 ? fault : Fault::none, 0.0, 0.05, ""};
    };
    const FakeLlm server(server_params);
    Dispatcher dispatcher(params_for({&server}), accept_json);
    const auto results = run_calls(dispatcher, 4);
    ASSERT_EQ(results.size(), 4U);
    for (const auto& [id, result] : results) {
      EXPECT_EQ(result.failure, "") << "fault " << static_cast<int>(fault);
    }
    EXPECT_GE(server.completions(), 8U) << "fault " << static_cast<int>(fault);
    EXPECT_LE(server.completions(), 16U) << "fault " << static_cast<int>(fault);
  }
}

TEST(Dispatcher, GivesUpWithTheReasonAfterMaxFailures) {
  FakeLlmParams server_params;
  server_params.script = [](std::int64_t, std::size_t, const std::string&) { return Reply{Fault::html, 0.0, 0.0, ""}; };
  const FakeLlm server(server_params);
  DispatcherParams params = params_for({&server});
  params.max_failures = 3;
  Dispatcher dispatcher(params, accept_json);
  const auto results = run_calls(dispatcher, 1);
  EXPECT_EQ(results.at(0).failure, "text/html instead of JSON (3 requests)");
}

TEST(Dispatcher, RequestsOwnFaultIsNotRetried) {
  FakeLlmParams server_params;
  server_params.script = [](std::int64_t d, std::size_t, const std::string&) {
    return Reply{d == 1 ? Fault::bad_request : Fault::none, 0.0, 0.0, ""};
  };
  const FakeLlm server(server_params);
  Dispatcher dispatcher(params_for({&server}), accept_json);
  const auto results = run_calls(dispatcher, 3);
  EXPECT_THAT(results.at(1).failure, HasSubstr("HTTP 400"));
  EXPECT_EQ(results.at(1).requests, 1U);
  EXPECT_EQ(server.completions(), 3U);
}

TEST(Dispatcher, RejectionOfEverythingEndsTheRun) {
  FakeLlmParams server_params;
  server_params.script = [](std::int64_t, std::size_t, const std::string&) {
    return Reply{Fault::bad_request, 0.0, 0.0, ""};
  };
  const FakeLlm server(server_params);
  Dispatcher dispatcher(params_for({&server}), accept_json);
  EXPECT_THROW(run_calls(dispatcher, 200), UsageError);
  EXPECT_LT(server.completions(), 100U);
}

TEST(Dispatcher, RejectionOfEverythingInTheMiddleEndsTheRunToo) {
  FakeLlmParams server_params;
  server_params.script = [](std::int64_t d, std::size_t, const std::string&) {
    return Reply{d < 20 || d == 60 ? Fault::none : Fault::bad_request, 0.0, 0.0, ""};
  };
  const FakeLlm server(server_params);
  Dispatcher dispatcher(params_for({&server}), accept_json);
  EXPECT_THROW(run_calls(dispatcher, 400), UsageError);
  EXPECT_GT(server.completions(), 84U) << "an answer between them begins the count anew";
  EXPECT_LT(server.completions(), 160U);
}

TEST(Dispatcher, DeadlineStandsStillWhileTheServerAsksToWait) {
  FakeLlmParams server_params;
  server_params.script = [](std::int64_t, std::size_t attempt, const std::string&) {
    return Reply{attempt == 0 ? Fault::throttle_for : Fault::none, 0.0, 1.0, ""};
  };
  const FakeLlm server(server_params);
  DispatcherParams params = params_for({&server});
  params.call_seconds = 0.5;  // shorter than the wait
  Dispatcher dispatcher(params, accept_json);
  EXPECT_EQ(run_calls(dispatcher, 1).at(0).failure, "");
}

TEST(Dispatcher, AnAccountWithoutFundsEndsTheRunAndLosesNothing) {
  for (const Fault fault : {Fault::no_funds, Fault::throttle}) {  // some say 402, some 429 for ever
    FakeLlmParams server_params;
    server_params.script = [fault](std::int64_t, std::size_t, const std::string&) {
      return Reply{fault, 0.0, 0.0, ""};
    };
    const FakeLlm server(server_params);
    DispatcherParams params = params_for({&server});
    params.refused_seconds = params.patience_seconds = 0.3;
    params.call_seconds = 1000.0;
    Dispatcher dispatcher(params, accept_json);
    std::string message;
    try {
      run_calls(dispatcher, 20);
      ADD_FAILURE() << "no error; fault " << static_cast<int>(fault);
    } catch (const Error& error) {
      message = error.what();
    }
    EXPECT_THAT(message, HasSubstr(fault == Fault::no_funds ? "HTTP 402" : "HTTP 429"));
    EXPECT_EQ(dispatcher.stats().failed_calls, 0U) << "no document has failed";
  }
}

TEST(Dispatcher, CallDeadlineHolds) {
  FakeLlmParams server_params;
  server_params.script = [](std::int64_t, std::size_t, const std::string&) {
    return Reply{Fault::never, 0.0, 0.0, ""};
  };
  const FakeLlm server(server_params);
  DispatcherParams params = params_for({&server});
  params.call_seconds = 0.6;
  Dispatcher dispatcher(params, accept_json);
  const auto started = std::chrono::steady_clock::now();
  const auto results = run_calls(dispatcher, 1);
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count(), 2.0);
  EXPECT_THAT(results.at(0).failure, HasSubstr("no answer within"));
}

TEST(Dispatcher, DeadEndpointFailsOverAndComesBack) {
  FakeLlmParams slow;
  slow.script = [](std::int64_t, std::size_t, const std::string&) { return Reply{Fault::none, 0.003, 0.0, ""}; };
  FakeLlm first(slow), second(slow);
  DispatcherParams params = params_for({&first, &second});
  params.request_seconds = 10.0;
  params.pool.max_probe_seconds = 0.1;
  Dispatcher dispatcher(params, accept_json);
  std::uint64_t submitted = 0, answered = 0, second_at_return = 0;
  bool died = false, returned = false;
  const auto started = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  };
  while (seconds() < 30.0 && !(returned && second.completions() > second_at_return)) {
    while (dispatcher.held() < 40) {
      dispatcher.submit({submitted, "/chat/completions", FakeLlm::document_text(static_cast<std::int64_t>(submitted))});
      ++submitted;
    }
    for (const CallResult& result : dispatcher.poll(1.0)) {
      EXPECT_EQ(result.failure, "");
      ++answered;
    }
    if (!died && answered > 200) {
      died = true;
      second.die();
    }
    if (died && !returned && answered > 600) {
      returned = true;
      second_at_return = second.completions();
      second.start_again();
    }
  }
  EXPECT_TRUE(returned);
  EXPECT_GT(second.completions(), second_at_return) << "the endpoint that returned is used again";
  while (dispatcher.held() > 0) {
    for (const CallResult& result : dispatcher.poll(1.0)) EXPECT_EQ(result.failure, "");
  }
}

TEST(Dispatcher, WaitsForALateServerNamedInTheFile) {
  const test::ScratchFolder scratch("late");
  DispatcherParams params = params_for({});
  params.endpoints_file = scratch / "endpoints";
  params.reload_seconds = 0.05;
  params.call_seconds = 0.3;  // shorter than the wait: the clock stands still meanwhile
  Dispatcher dispatcher(params, accept_json);
  dispatcher.submit({1, "/chat/completions", FakeLlm::document_text(1)});
  EXPECT_TRUE(dispatcher.poll(0.5).empty());
  const FakeLlm server;
  write_file_atomically(scratch / "endpoints", server.url() + "\n");
  std::vector<CallResult> got;
  for (int i = 0; i < 50 && got.empty(); ++i) got = dispatcher.poll(0.1);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].failure, "");
}

TEST(Dispatcher, KeyFileMayComeAfterTheLineThatNamesIt) {
  const test::ScratchFolder scratch("late_key");
  const FakeLlm server;
  DispatcherParams params = params_for({});
  params.endpoints_file = scratch / "endpoints";
  params.reload_seconds = 0.02;
  Dispatcher dispatcher(params, accept_json);
  dispatcher.submit({1, "/chat/completions", FakeLlm::document_text(1)});
  const std::string key = (scratch / "key").string();
  write_file_atomically(scratch / "endpoints", server.url() + " key_file=" + key + "\n");
  EXPECT_TRUE(dispatcher.poll(0.3).empty());
  write_file_atomically(key, "sk-late\n");
  std::filesystem::permissions(key, std::filesystem::perms::owner_read);
  std::vector<CallResult> got;
  for (int i = 0; i < 50 && got.empty(); ++i) got = dispatcher.poll(0.1);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(server.seen().back().authorization, "Bearer sk-late");
}

TEST(Dispatcher, ClientsShareTheSlotsOfAnEndpoint) {
  DispatcherParams params;
  params.endpoints = {parse_endpoint("http://127.0.0.1:1/v1 slots=10", "test")};
  params.sharers = 4;
  std::size_t all = 0;
  for (params.share = 0; params.share < params.sharers; ++params.share) all += Dispatcher(params).slots();
  EXPECT_EQ(all, 10U);
  params.sharers = 100;
  params.share = 99;
  EXPECT_EQ(Dispatcher(params).slots(), 1U) << "each has at least one";
}

TEST(Dispatcher, PatienceEnds) {
  FakeLlm server;
  DispatcherParams params = params_for({&server});
  server.die();
  params.patience_seconds = 0.3;
  Dispatcher dispatcher(params, accept_json);
  dispatcher.submit({1, "/chat/completions", "x"});
  EXPECT_THROW(
      {
        for (int i = 0; i < 50; ++i) dispatcher.poll(0.1);
      },
      EnvironmentError);
}

TEST(Dispatcher, WrongKeyEndsTheRunAndIsNeverShown) {
  FakeLlmParams server_params;
  server_params.script = [](std::int64_t, std::size_t, const std::string&) {
    return Reply{Fault::unauthorized, 0.0, 0.0, ""};
  };
  const FakeLlm server(server_params);
  ::setenv("EQUAL_TEST_KEY", "sk-very-secret", 1);
  DispatcherParams params = params_for({&server});
  params.endpoints[0].key_env = "EQUAL_TEST_KEY";
  params.refused_seconds = 0.2;
  Dispatcher dispatcher(params, accept_json);
  dispatcher.submit({1, "/chat/completions", FakeLlm::document_text(1)});
  std::string message;
  try {
    for (int i = 0; i < 50; ++i) dispatcher.poll(0.1);
  } catch (const UsageError& error) {
    message = error.what();
  }
  EXPECT_THAT(message, HasSubstr("401"));
  EXPECT_THAT(message, HasSubstr("[key]"));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("sk-very-secret")));
  const auto seen = server.seen();
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen[0].authorization, "Bearer sk-very-secret");
}

TEST(Dispatcher, RefusedProbesEndTheRunToo) {
  FakeLlmParams server_params;
  server_params.probe_script = [] { return test::Reply{Fault::unauthorized, 0.0, 0.0, "x"}; };
  const FakeLlm server(server_params);
  DispatcherParams params = params_for({&server});
  params.refused_seconds = 0.3;
  Dispatcher dispatcher(params, accept_json);
  dispatcher.submit({1, "/chat/completions", FakeLlm::document_text(1)});
  EXPECT_THROW(for (int i = 0; i < 100; ++i) dispatcher.poll(0.1), UsageError);
  EXPECT_EQ(server.completions(), 0U) << "nothing is sent to a server that refused the probe";
}

TEST(Dispatcher, HedgeOvertakesAStraggler) {
  FakeLlmParams server_params;
  server_params.script = [](std::int64_t d, std::size_t attempt, const std::string&) {
    return Reply{Fault::none, d == 99 && attempt == 0 ? 3.0 : 0.005, 0.0, ""};
  };
  const FakeLlm server(server_params);
  DispatcherParams params = params_for({&server});
  params.request_seconds = 10.0;
  params.hedge_factor = 4.0;
  Dispatcher dispatcher(params, accept_json);
  const auto started = std::chrono::steady_clock::now();
  const auto results = run_calls(dispatcher, 100);
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count(), 2.0);
  EXPECT_EQ(results.at(99).failure, "");
  EXPECT_EQ(results.at(99).requests, 2U);
  EXPECT_EQ(dispatcher.stats().hedges, 1U);
  EXPECT_EQ(dispatcher.stats().in_flight, 0U);
}

TEST(Dispatcher, RefusesToStartWithoutEndpoints) { EXPECT_THROW(Dispatcher(DispatcherParams{}), UsageError); }

}  // namespace
}  // namespace equal::net
