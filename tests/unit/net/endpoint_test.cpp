#include "equal/net/endpoint.hpp"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/net/http_client.hpp"

#include "support/message.hpp"
#include "support/scratch.hpp"

namespace equal::net {
namespace {

using ::testing::HasSubstr;

TEST(Endpoint, LineIsReadWhole) {
  const EndpointSpec spec = parse_endpoint("https://a.example/v1/ slots=256 weight=2.5 key_env=KEY auth=api-key", "x");
  EXPECT_EQ(spec.url, "https://a.example/v1");
  EXPECT_EQ(spec.slots, 256U);
  EXPECT_EQ(spec.weight, 2.5);
  EXPECT_EQ(spec.key_env, "KEY");
  EXPECT_EQ(spec.auth, "api-key");
}

TEST(Endpoint, WhatALineDoesNotSayIsAsTheDefaults) {
  EndpointSpec defaults;
  defaults.slots = 7;
  defaults.key_file = "/k";
  defaults.auth = "api-key";
  const EndpointSpec plain = parse_endpoint("https://a/v1", "x", defaults);
  EXPECT_EQ(plain.slots, 7U);
  EXPECT_EQ(plain.key_file, "/k");
  EXPECT_EQ(plain.auth, "api-key");
  const EndpointSpec own = parse_endpoint("https://a/v1 slots=9 key_env=K auth=bearer", "x", defaults);
  EXPECT_EQ(own.slots, 9U);
  EXPECT_EQ(own.key_env, "K");
  EXPECT_EQ(own.key_file, "") << "a key of its own takes the place of the default, whatever its kind";
  EXPECT_EQ(own.auth, "bearer");
}

TEST(Endpoint, EveryBadLineIsReportedWithItsPlace) {
  const std::string message = test::message_of<UsageError>([] {
    parse_endpoints("# servers\nhttp://a/v1 slots=0\n\nhttp://b/v1 colour=red; http://c/v1 auth=a:b\n", "e.txt");
  });
  EXPECT_THAT(message, HasSubstr("e.txt:2: slots=0; must be a number from 1 to 65536"));
  EXPECT_THAT(message, HasSubstr("e.txt:4: \"colour=red\" is not known here"));
  EXPECT_THAT(message, HasSubstr("e.txt:4: \"auth=a:b\""));
}

TEST(Endpoint, PathGoesBeforeTheQuery) {
  EXPECT_EQ(join_url("https://a/v1", "/models"), "https://a/v1/models");
  EXPECT_EQ(join_url("https://a/d?api-version=1", "/models"), "https://a/d/models?api-version=1");
}

TEST(Endpoint, FileIsReadAgainOnlyWhenItChanged) {
  const test::ScratchFolder scratch("endpoints");
  EndpointsFile file(scratch / "list");
  EXPECT_TRUE(file.refresh());
  EXPECT_TRUE(file.endpoints().empty());
  write_file_atomically(scratch / "list", "http://localhost:1/v1\n");
  EXPECT_TRUE(file.refresh());
  EXPECT_FALSE(file.refresh());
  EXPECT_EQ(file.endpoints().size(), 1U);
  write_file_atomically(scratch / "list", "http://localhost:1/v1 nonsense\n");
  EXPECT_THROW(file.refresh(), UsageError);
  EXPECT_EQ(file.endpoints().size(), 1U);
  EXPECT_FALSE(file.refresh());
}

TEST(Url, PlainHttpStaysOnThisMachine) {
  check_url("http://127.0.0.1:80/v1", false);
  check_url("http://localhost/v1", false);
  check_url("http://[::1]:8000/v1", false);
  check_url("https://a.example/v1", false);
  check_url("http://10.0.0.1/v1", true);
  EXPECT_THAT(test::message_of<UsageError>([] { check_url("http://10.0.0.1/v1", false); }), HasSubstr("plain http"));
  EXPECT_THROW(check_url("http://127.0.0.1.evil.example/v1", false), UsageError);
  EXPECT_THROW(check_url("http://localhost.evil.example/v1", false), UsageError);
  EXPECT_THROW(check_url("ftp://localhost/", true), UsageError);
  EXPECT_THROW(check_url("localhost:8000", true), UsageError);
  const std::string message = test::message_of<UsageError>([] { check_url("https://me:hunter2@a.example/v1", false); });
  EXPECT_THAT(message, HasSubstr("password"));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("hunter2")));
}

TEST(Secret, ComesFromAPrivateFileOrTheEnvironment) {
  const test::ScratchFolder scratch("keys");
  const std::string path = scratch / "key";
  write_file_atomically(path, "sk-123\n");
  ::chmod(path.c_str(), 0644);
  EXPECT_THAT(test::message_of<UsageError>([&] { Secret::from_file(path); }), HasSubstr("chmod 600"));
  ::chmod(path.c_str(), 0600);
  EXPECT_EQ(Secret::from_file(path).reveal(), "sk-123");
  EXPECT_EQ(Secret::from_file(path).redact("key sk-123, sk-123!"), "key [key], [key]!");
  EXPECT_THAT(test::message_of<UsageError>([] { Secret::from_environment("EQUAL_NO_SUCH_KEY"); }),
              HasSubstr("EQUAL_NO_SUCH_KEY"));
  ::setenv("EQUAL_TEST_KEY", "a\nb", 1);
  EXPECT_THROW(Secret::from_environment("EQUAL_TEST_KEY"), UsageError);
  ::setenv("EQUAL_TEST_KEY", "abc", 1);
  EXPECT_EQ(Secret::from_environment("EQUAL_TEST_KEY").reveal(), "abc");
  EXPECT_EQ(Secret().redact("unchanged"), "unchanged");
}

}  // namespace
}  // namespace equal::net
