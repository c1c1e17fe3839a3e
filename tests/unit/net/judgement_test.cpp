#include "judgement.hpp"

#include <gtest/gtest.h>

namespace equal::net {
namespace {

Judgement of_status(int status, const std::string& body = {}, const std::string& type = {}) {
  HttpResponse response;
  response.status = status;
  response.body = body;
  response.content_type = type;
  return judge(response, nullptr);
}

TEST(Judgement, EveryStatusHasItsVerdictAndItsWords) {
  struct Expected {
    int status;
    Verdict verdict;
    Outcome outcome;
    const char* words;
  };
  for (const auto& [status, verdict, outcome, words] : {
           Expected{200, Verdict::answered, Outcome::success, ""},
           Expected{301, Verdict::retry_free, Outcome::refused, "HTTP 301: a redirect, which is not followed"},
           Expected{401, Verdict::retry_free, Outcome::refused, "is the key right?"},
           Expected{403, Verdict::retry_free, Outcome::refused, "is the key right?"},
           Expected{402, Verdict::retry_free, Outcome::refused, "is the account in funds?"},
           Expected{404, Verdict::retry_free, Outcome::refused, "are base URL and model right?"},
           Expected{405, Verdict::retry_free, Outcome::refused, "are base URL and model right?"},
           Expected{429, Verdict::retry_free, Outcome::congested, "HTTP 429"},
           Expected{503, Verdict::retry, Outcome::congested, "HTTP 503"},
           Expected{408, Verdict::retry, Outcome::timed_out, "HTTP 408"},
           Expected{504, Verdict::retry, Outcome::timed_out, "HTTP 504"},
           Expected{500, Verdict::retry, Outcome::failed, "HTTP 500"},
           Expected{409, Verdict::retry, Outcome::failed, "HTTP 409"},
           Expected{400, Verdict::give_up, Outcome::success, "HTTP 400"},
           Expected{422, Verdict::give_up, Outcome::success, "HTTP 422"},
       }) {
    const Judgement found = of_status(status);
    EXPECT_EQ(found.verdict, verdict) << status;
    EXPECT_EQ(found.outcome, outcome) << status;
    EXPECT_NE(found.reason.find(words), std::string::npos) << status << ": " << found.reason;
  }
}

TEST(Judgement, WhatIsNoJsonIsNotQuoted) {
  EXPECT_EQ(of_status(500, "{\"error\": \"overload\"}", "application/json").reason,
            "HTTP 500: {\"error\": \"overload\"}");
  EXPECT_EQ(of_status(500, "<html>proxy</html>", "text/html").reason, "HTTP 500");
}

TEST(Judgement, AnAnswerThatIsNotAcceptedIsAskedForAgain) {
  HttpResponse response;
  response.status = 200;
  const Judgement found = judge(response, [](const HttpResponse&) { return std::string("no choices"); });
  EXPECT_EQ(found.verdict, Verdict::retry);
  EXPECT_EQ(found.reason, "no choices");
}

TEST(Judgement, TransfersThatFailCountAgainstTheCall) {
  HttpResponse response;
  response.error = "reset by peer";
  for (const Transfer transfer : {Transfer::broken, Transfer::timed_out, Transfer::too_large}) {
    response.transfer = transfer;
    const Judgement found = judge(response, nullptr);
    EXPECT_EQ(found.verdict, Verdict::retry);
    EXPECT_NE(found.reason.find("reset by peer"), std::string::npos) << found.reason;
  }
}

}  // namespace
}  // namespace equal::net
