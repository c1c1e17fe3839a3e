#include "equal/net/endpoint_pool.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace equal::net {
namespace {

EndpointSpec spec(const std::string& url, std::size_t slots, double weight = 1.0) {
  EndpointSpec out;
  out.url = url;
  out.slots = slots;
  out.weight = weight;
  return out;
}

/// A pool whose endpoints are all up.
EndpointPool pool_of(const std::vector<EndpointSpec>& specs, const PoolParams& params = {}) {
  EndpointPool pool(params);
  pool.set_endpoints(specs);
  for (const std::size_t i : pool.due_probes(0.0)) pool.report_probe(i, Outcome::success, "", 0.0);
  return pool;
}

std::size_t fill(EndpointPool& pool, double now) {
  std::size_t n = 0;
  while (pool.acquire(now)) ++n;
  return n;
}

TEST(EndpointPool, NothingIsSentBeforeTheProbe) {
  EndpointPool pool;
  pool.set_endpoints({spec("a", 4)});
  EXPECT_FALSE(pool.acquire(0.0));
  EXPECT_EQ(pool.next_event(0.0), 0.0);
  EXPECT_EQ(pool.due_probes(0.0).size(), 1U);
  EXPECT_TRUE(pool.due_probes(0.0).empty());
  pool.report_probe(0, Outcome::success, "", 0.0);
  EXPECT_EQ(fill(pool, 0.0), 4U);
}

TEST(EndpointPool, FasterEndpointTakesMore) {
  EndpointPool pool = pool_of({spec("fast", 1000), spec("slow", 1000)});
  for (int i = 0; i < 2; ++i) {
    const std::size_t e = *pool.acquire(0.0);
    pool.report(e, Outcome::success, e == 0 ? 0.1 : 0.4, {}, "", 1.0);
  }
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.acquire(1.0));
  EXPECT_NEAR(static_cast<double>(pool.status(0).in_flight), 80.0, 2.0);  // 4 : 1
}

TEST(EndpointPool, CongestionHalvesOncePerGenerationAndSuccessGrowsBack) {
  EndpointPool pool = pool_of({spec("a", 100)});
  ASSERT_EQ(fill(pool, 0.0), 100U);
  for (int i = 0; i < 100; ++i) pool.report(0, Outcome::congested, 0.1, 0.0, "429", 1.0);
  EXPECT_NEAR(pool.status(0).window, 50.0, 0.01);
  ASSERT_EQ(fill(pool, 2.0), 50U);
  for (int i = 0; i < 50; ++i) pool.report(0, Outcome::success, 0.1, {}, "", 2.0);
  EXPECT_NEAR(pool.status(0).window, 52.5, 0.1);
}

/// The mean window at a server that answers `limit` requests at once, rejects the others, and drops some for no reason.
double settle(double limit, double stray_share) {
  PoolParams params;
  params.backoff_seconds = 1e-6;
  EndpointPool pool = pool_of({spec("a", 256)}, params);
  RandomStream random(5, "stray");
  double sum = 0.0;
  for (int round = 0; round < 300; ++round) {
    const double now = round;
    const std::size_t sent = fill(pool, now);
    for (std::size_t i = 0; i < sent; ++i) {
      const bool rejected = static_cast<double>(i) >= limit || random.uniform() < stray_share;
      pool.report(0, rejected ? Outcome::congested : Outcome::success, 0.1, {}, "429", now);
    }
    if (round >= 200) sum += pool.status(0).window;
  }
  return sum / 100.0;
}

TEST(EndpointPool, WindowFindsTheServersLimitAndShrugsOffStrayRejections) {
  EXPECT_GT(settle(60, 0.0), 45.0);
  EXPECT_LT(settle(60, 0.0), 75.0);
  EXPECT_GT(settle(1e9, 0.0), 255.0);
  EXPECT_GT(settle(1e9, 0.04), 150.0) << "4 % stray 429 must not idle three quarters of the slots";
}

TEST(EndpointPool, WindowNeverFallsBelowOne) {
  EndpointPool pool = pool_of({spec("a", 2)});
  double now = 0.0;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(pool.acquire(now)) << i;
    pool.report(0, Outcome::congested, 0.1, 0.0, "429", now);
    now += 1.0;
  }
  EXPECT_GE(pool.status(0).window, 1.0);
}

TEST(EndpointPool, RetryAfterHoldsTheWholeEndpoint) {
  EndpointPool pool = pool_of({spec("a", 8)});
  ASSERT_TRUE(pool.acquire(0.0));
  pool.report(0, Outcome::congested, 0.1, 5.0, "429", 1.0);
  EXPECT_FALSE(pool.acquire(5.9));
  EXPECT_EQ(pool.next_event(2.0), 6.0);
  EXPECT_TRUE(pool.acquire(6.0));
}

TEST(EndpointPool, WithoutRetryAfterTheHoldDoubles) {
  PoolParams params;
  params.backoff_seconds = 1.0;
  EndpointPool pool = pool_of({spec("a", 8)}, params);
  double now = 0.0;
  for (int k = 0; k < 5; ++k) {
    ASSERT_TRUE(pool.acquire(now));
    pool.report(0, Outcome::congested, 0.1, {}, "429", now);
    const double hold = pool.status(0).held_until - now;
    EXPECT_GE(hold, 0.5 * std::exp2(k));
    EXPECT_LE(hold, 1.0 * std::exp2(k));
    now += hold;
  }
}

TEST(EndpointPool, DeadEndpointIsEjectedProbedRarelyAndComesBackGently) {
  EndpointPool pool = pool_of({spec("a", 64), spec("b", 64)});
  const std::size_t dead = *pool.acquire(0.0);
  pool.report(dead, Outcome::unreachable, 0.0, {}, "connection refused", 0.0);
  EXPECT_FALSE(pool.status(dead).up);
  EXPECT_EQ(fill(pool, 0.0), 64U) << "only the other one takes requests";
  double now = 0.0, last_gap = 0.0;
  for (int i = 0; i < 4; ++i) {
    const double next = pool.next_event(now);
    EXPECT_GT(next - now, last_gap);
    last_gap = next - now;
    now = next;
    ASSERT_EQ(pool.due_probes(now).size(), 1U);
    pool.report_probe(dead, Outcome::unreachable, "connection refused", now);
  }
  now = pool.next_event(now);
  ASSERT_EQ(pool.due_probes(now).size(), 1U);
  pool.report_probe(dead, Outcome::success, "", now);
  EXPECT_EQ(fill(pool, now), 8U) << "an eighth of its slots";
  for (int i = 0; i < 8; ++i) pool.report(dead, Outcome::success, 0.1, {}, "", now);
  EXPECT_EQ(fill(pool, now), 16U) << "one more per success";
}

TEST(EndpointPool, FailuresInARowEject) {
  PoolParams params;
  params.failures_to_eject = 3;
  EndpointPool pool = pool_of({spec("a", 64)}, params);
  const auto fail = [&] {
    ASSERT_TRUE(pool.acquire(0.0));
    pool.report(0, Outcome::failed, 0.1, {}, "500", 0.0);
  };
  fail();
  fail();
  ASSERT_TRUE(pool.acquire(0.0));
  pool.report(0, Outcome::success, 0.1, {}, "", 0.0);
  fail();
  fail();
  EXPECT_TRUE(pool.any_open(0.0));
  fail();
  EXPECT_FALSE(pool.any_open(0.0));
}

TEST(EndpointPool, RefusalIsToldApartFromAbsence) {
  EndpointPool pool = pool_of({spec("a", 1), spec("b", 1)});
  for (int i = 0; i < 2; ++i) {
    const std::size_t e = *pool.acquire(0.0);
    EXPECT_FALSE(pool.all_refuse());
    pool.report(e, Outcome::refused, 0.1, {}, "401", 0.0);
  }
  EXPECT_TRUE(pool.all_refuse());
  EXPECT_NE(pool.explain().find("401"), std::string::npos);
}

TEST(EndpointPool, ChangingTheListKeepsStateAndRetiresTheMissing) {
  EndpointPool pool = pool_of({spec("a", 4), spec("b", 4)});
  pool.set_endpoints({spec("b", 2), spec("c", 4)});
  EXPECT_EQ(pool.total_slots(), 6U);
  const std::optional<std::size_t> got = pool.acquire(0.0);
  ASSERT_TRUE(got);
  EXPECT_EQ(pool.spec(*got).url, "b");
  EXPECT_EQ(pool.due_probes(0.0), (std::vector<std::size_t>{2}));
}

}  // namespace
}  // namespace equal::net
