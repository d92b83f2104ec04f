// The catalogue, the shards, and what is counted of which row.
#include "service/metrics.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "logitd/v1/profiles.grpc.pb.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddEntry;
using testing::AddOpen;
using testing::IdBytes;
using testing::kVocab;
using testing::RowAt;
using testing::TestServer;
using testing::TestStream;

// ---- the catalogue ----------------------------------------------------------

TEST(MetricList, IsWhatThePrintedPageSays) {
  std::ifstream file(LOGITD_SOURCE_DIR "/deploy/METRICS.md");
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_EQ(page.str(), MetricsTable())
      << "run: logitd --print_metrics > deploy/METRICS.md";
}

TEST(MetricList, NamesUnitsAndKindsFollowTheConventions) {
  const std::regex name(
      "logitd_[a-z_]+|process_(cpu_seconds_total|resident_memory_bytes|threads|"
      "open_fds|max_fds|start_time_seconds)");
  std::set<std::string> names;
  for (const Metric& metric : MetricList()) {
    const std::string text = metric.name;
    EXPECT_TRUE(names.insert(text).second) << text;
    EXPECT_TRUE(std::regex_match(text, name)) << text;
    EXPECT_EQ(absl::EndsWith(text, "_total"),
              metric.kind == MetricKind::kCounter)
        << text;
    EXPECT_TRUE(absl::EndsWith(metric.help, ".")) << text;
    EXPECT_FALSE(absl::StrContains(text, "_us") ||
                 absl::StrContains(text, "_ms"))
        << text << ": base units only";
    if (metric.kind == MetricKind::kHistogram) {
      EXPECT_TRUE(std::is_sorted(metric.bounds.begin(), metric.bounds.end()));
      EXPECT_NE(std::string(metric.bounds_from), "") << text;
    } else {
      EXPECT_TRUE(metric.bounds.empty()) << text;
    }
    // An open set of values is read from the build or the owner, not counted.
    const bool closed =
        metric.label.name == nullptr || !metric.label.values.empty();
    EXPECT_TRUE(closed || metric.source == MetricSource::kFacts) << text;
  }
}

TEST(MetricList, EveryMetricIsServed) {
  TestServer server([](Config* config) {
    config->profile_dirs = {LOGITD_SOURCE_DIR "/deploy/profiles"};
  });
  const std::string text = server.server().MetricsText();
  for (const Metric& metric : MetricList()) {
    EXPECT_TRUE(absl::StrContains(
        text, absl::StrCat("# HELP ", metric.name, " ", metric.help, "\n")))
        << metric.name;
    EXPECT_TRUE(std::regex_search(
        text, std::regex(absl::StrCat("\n", metric.name,
                                      "(_count)?(\\{[^\n]*\\})? [0-9]"))))
        << metric.name;
  }
  EXPECT_TRUE(absl::StrContains(
      text, "logitd_profile_revision_info{profile=\"balanced\",revision="));
  EXPECT_EQ(server.Metric("logitd_profile_store_up{store=\"directory\"}"), 1);
  EXPECT_EQ(server.Metric("logitd_component_up{component=\"executor\"}"), 1);
  EXPECT_EQ(server.Metric("logitd_ready"), 1);
  EXPECT_EQ(server.Metric("logitd_profiles"), 7);
  EXPECT_GT(server.Metric("process_open_fds"), 3);
  EXPECT_GT(server.Metric("process_threads"), 2);
  EXPECT_GT(server.Metric("process_resident_memory_bytes"), 1e6);
}

// The page does not grow with what clients send.
TEST(MetricList, SeriesAreAFixedNumber) {
  TestServer server;
  const auto lines = [&] {
    const std::string text = server.server().MetricsText();
    return std::count(text.begin(), text.end(), '\n');
  };
  const auto before = lines();
  TestStream stream(server);
  for (uint64_t id = 0; id < 50; ++id) {
    v1::SampleRequest request;
    v1::OpenSession* open = AddOpen(id, kVocab, &request);
    if (id % 2 == 1) open->set_profile(absl::StrCat("no-such-", id));
    AddEntry(id, 0, RowAt(0), &request);
    stream.Call(request);
  }
  EXPECT_EQ(lines(), before);
  EXPECT_LT(server.server().MetricsText().size(), 100'000u);
}

// ---- shards -----------------------------------------------------------------

TEST(MetricShards, AddUpOverThreadsThatComeAndGo) {
  MetricShards shards(3);
  constexpr int kRounds = 20, kThreads = 4, kAdds = 1000;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < kAdds; ++k) {
          shards.Mine().Add(1, 3);
          shards.Mine().AddSum(2, 0.5);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(shards.Total(0), 0u);
  EXPECT_EQ(shards.Total(1), 3u * kRounds * kThreads * kAdds);
  EXPECT_EQ(shards.Sum(2), 0.5 * kRounds * kThreads * kAdds);
  EXPECT_LE(shards.size(), static_cast<size_t>(kThreads));
}

TEST(MetricShards, OfTwoOwnersInOneThreadStayApart) {
  MetricShards one(1);
  MetricShards two(1);
  for (int i = 0; i < 5; ++i) {
    one.Mine().Add(0, 1);
    two.Mine().Add(0, 10);
  }
  EXPECT_EQ(one.Total(0), 5u);
  EXPECT_EQ(two.Total(0), 50u);
  EXPECT_EQ(one.size(), 1u);
}

TEST(MetricShards, ChanceHitsAShareAboutAsOftenAsItSays) {
  Metrics metrics({}, {true, 0.25});
  int hits = 0;
  for (int i = 0; i < 10000; ++i) hits += metrics.Watch() ? 1 : 0;
  EXPECT_NEAR(hits, 2500, 250);  // more than five standard deviations
}

// ---- rows -------------------------------------------------------------------

// The value of a series in a page.
double In(const Metrics& metrics, const std::string& series) {
  for (absl::string_view line : absl::StrSplit(metrics.Text(), '\n')) {
    if (!absl::StartsWith(line, series + " ")) continue;
    return std::stod(std::string(line.substr(series.size() + 1)));
  }
  return -1;
}

TEST(Metrics, PutValuesIntoTheBucketOfTheirUpperBound) {
  Metrics metrics({});
  for (const uint32_t kept : {1u, 2u, 3u, 4u, 1'000'000u}) {
    EntryResult result;
    result.status = EntryStatus::kOk;
    result.outcome.kept = kept;
    metrics.AddRow(result, 1e-4);  // a bound itself
  }
  EXPECT_EQ(In(metrics, "logitd_kept_tokens_bucket{le=\"1\"}"), 1);
  EXPECT_EQ(In(metrics, "logitd_kept_tokens_bucket{le=\"2\"}"), 2);
  EXPECT_EQ(In(metrics, "logitd_kept_tokens_bucket{le=\"4\"}"), 4);
  EXPECT_EQ(In(metrics, "logitd_kept_tokens_bucket{le=\"262144\"}"), 4);
  EXPECT_EQ(In(metrics, "logitd_kept_tokens_bucket{le=\"+Inf\"}"), 5);
  EXPECT_EQ(In(metrics, "logitd_kept_tokens_sum"), 1'000'010);
  EXPECT_EQ(In(metrics, "logitd_row_duration_seconds_bucket{le=\"5e-05\"}"), 0);
  EXPECT_EQ(In(metrics, "logitd_row_duration_seconds_bucket{le=\"0.0001\"}"),
            5);
}

TEST(Metrics, StagesAddUpToTheRequest) {
  Metrics metrics({});
  metrics.AddRequest({Transport::kInline, 10, 1, 0, 4, 2});
  metrics.AddRequest({Transport::kNone, 5, 1, 1, 0, 1});
  const auto sum = [&](const std::string& transport, const char* stage) {
    return In(metrics, absl::StrCat("logitd_stage_duration_seconds_sum{"
                                    "transport=\"",
                                    transport, "\",stage=\"", stage, "\"}"));
  };
  EXPECT_EQ(sum("inline", "parse"), 1);
  EXPECT_EQ(sum("inline", "wait"), 3);
  EXPECT_EQ(sum("inline", "rows"), 4);
  EXPECT_EQ(sum("inline", "reply"), 2);
  EXPECT_EQ(sum("none", "lists"), 1);
  EXPECT_EQ(sum("none", "wait"), 2);
  EXPECT_EQ(In(metrics,
               "logitd_stage_duration_seconds_count{transport=\"inline\","
               "stage=\"lists\"}"),
            0);
  EXPECT_EQ(
      In(metrics, "logitd_request_duration_seconds_sum{transport=\"inline\"}"),
      10);
}

TEST(Metrics, CountNothingWhenTheyAreOff) {
  TestServer server([](Config* config) { config->metrics = {false, 1}; });
  TestStream stream(server);
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request);
  AddEntry(1, 0, RowAt(0), &request);
  stream.Call(request);
  for (const char* series :
       {"logitd_steps_total", "logitd_sessions_active",
        "logitd_received_bytes_total", "logitd_row_duration_seconds_count",
        "logitd_kept_mass_ratio_count"}) {
    EXPECT_EQ(server.Metric(series), 0) << series;
  }
  EXPECT_EQ(server.Metric("logitd_ready"), 1);
}

// ---- what is counted of which row -------------------------------------------

class CountedRows : public ::testing::Test {
 protected:
  explicit CountedRows(double share = 1)
      : server_([share](Config* config) { config->metrics.share = share; }),
        stream_(server_) {}

  v1::SampleResponse Call(const v1::SampleRequest& request) {
    return stream_.Call(request);
  }
  double Metric(const std::string& name) { return server_.Metric(name); }

  TestServer server_;
  TestStream stream_;
};

TEST_F(CountedRows, QualityIsWhatTheClientWouldBeTold) {
  v1::SampleRequest open;
  v1::OpenSession* session = AddOpen(1, kVocab, &open);
  session->mutable_params()->set_top_p(0.9);
  session->mutable_report()->set_raw_logprob(true);
  session->mutable_report()->set_kept_mass(true);
  session->mutable_report()->set_entropy(true);
  session->mutable_report()->set_top_n_raw(1);
  Call(open);
  double surprisal = 0, mass = 0, raw = 0, final_entropy = 0, agrees = 0;
  constexpr uint32_t kSteps = 40;
  for (uint32_t i = 0; i < kSteps; ++i) {
    v1::SampleRequest request;
    AddEntry(1, i, RowAt(i), &request);
    const v1::StepResult result = Call(request).step();
    surprisal -= result.raw_logprob(0);
    mass += result.kept_mass(0);
    raw += result.raw_entropy(0);
    final_entropy += result.final_entropy(0);
    const auto first = testing::IdsOf(result.top(0).raw_ids());
    if (first[0] == result.token(0)) ++agrees;
  }
  EXPECT_EQ(Metric("logitd_kept_mass_ratio_count"), kSteps);
  EXPECT_NEAR(Metric("logitd_kept_mass_ratio_sum"), mass, 1e-6);
  EXPECT_NEAR(Metric("logitd_surprisal_nats_sum"), surprisal, 1e-4);
  EXPECT_NEAR(Metric("logitd_entropy_nats_sum{of=\"raw\"}"), raw, 1e-4);
  EXPECT_NEAR(Metric("logitd_entropy_nats_sum{of=\"final\"}"), final_entropy,
              1e-4);
  EXPECT_EQ(Metric("logitd_greedy_agreement_rows_total{agrees=\"yes\"}"),
            agrees);
  EXPECT_EQ(Metric("logitd_greedy_agreement_rows_total{agrees=\"no\"}"),
            kSteps - agrees);
  EXPECT_GT(agrees, 0);
  EXPECT_LT(agrees, kSteps);
}

TEST_F(CountedRows, OnlySampledRowsAreWatched) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request);
  AddEntry(1, 0, RowAt(0), &request);  // sampled
  AddEntry(1, 1, RowAt(1), &request);  // given
  AddEntry(1, 2, RowAt(2), &request);  // peeked
  AddEntry(1, 1, RowAt(1), &request);  // replayed
  v1::Step* step = request.mutable_step();
  for (const v1::EntryMode mode :
       {v1::ENTRY_MODE_SAMPLE, v1::ENTRY_MODE_GIVEN, v1::ENTRY_MODE_PEEK,
        v1::ENTRY_MODE_SAMPLE}) {
    step->add_mode(mode);
    step->add_given_token(7);
  }
  const v1::StepResult result = Call(request).step();
  EXPECT_EQ(result.status(3), v1::ENTRY_STATUS_REPLAYED);
  EXPECT_EQ(Metric("logitd_surprisal_nats_count"), 1);
  EXPECT_EQ(Metric("logitd_kept_tokens_count"), 3);
}

TEST_F(CountedRows, GreedyRepeatedAndNonFiniteRows) {
  v1::SampleRequest open;
  AddOpen(1, kVocab, &open)->mutable_params()->set_temperature(0);
  v1::OpenSession* banning = AddOpen(2, kVocab, &open);
  banning->mutable_params()->set_on_non_finite(v1::ON_NON_FINITE_BAN);
  AddOpen(3, kVocab, &open);
  Call(open);
  std::vector<float> spoilt = RowAt(0);
  spoilt[3] = std::nanf("");
  v1::SampleRequest request;
  for (uint32_t i = 0; i < 3; ++i) AddEntry(1, i, RowAt(0), &request);
  AddEntry(2, 0, spoilt, &request);
  AddEntry(3, 0, spoilt, &request);
  Call(request);
  EXPECT_EQ(Metric("logitd_greedy_rows_total"), 3);
  EXPECT_EQ(Metric("logitd_repeated_tokens_total"), 2);  // the same row thrice
  EXPECT_EQ(Metric("logitd_nonfinite_rows_total{action=\"banned\"}"), 1);
  EXPECT_EQ(Metric("logitd_nonfinite_rows_total{action=\"refused\"}"), 1);
  EXPECT_EQ(Metric("logitd_errors_total{code=\"INVALID_ARGUMENT\"}"), 1);
}

TEST_F(CountedRows, ATokenRepeatsWithinItsWindowOnly) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request);
  std::vector<uint32_t> given = {5};
  given.reserve(kRepeatWindow + 3);
  for (uint32_t i = 0; i < kRepeatWindow; ++i) given.push_back(100 + i);
  given.push_back(5);    // 65 back: not a repetition
  given.push_back(101);  // 64 back: one
  for (uint32_t i = 0; i < given.size(); ++i) {
    AddEntry(1, i, RowAt(i), &request);
    request.mutable_step()->add_mode(v1::ENTRY_MODE_GIVEN);
    request.mutable_step()->add_given_token(given[i]);
  }
  Call(request);
  EXPECT_EQ(Metric("logitd_tokens_total{kind=\"given\"}"), 67);
  EXPECT_EQ(Metric("logitd_repeated_tokens_total"), 1);
}

TEST_F(CountedRows, SwitchesOfPhasesAndLiftedBans) {
  v1::SampleRequest request;
  v1::OpenSession* open = AddOpen(1, 3, &request);
  v1::Phase* phase = open->add_phases();
  phase->set_name("tool");
  phase->add_enter()->set_tokens(IdBytes({1}));
  phase->add_leave()->set_tokens(IdBytes({2}));
  // min_tokens bans both ends, and the row everything else.
  v1::SamplingParams* params = AddOpen(2, 3, &request)->mutable_params();
  params->set_eos_ids(IdBytes({1, 2}));
  params->set_min_tokens(2);
  const uint32_t given[] = {0, 1, 1, 2};
  for (uint32_t i = 0; i < 4; ++i) {
    AddEntry(1, i, {0, 0, 0}, &request);
    request.mutable_step()->add_mode(v1::ENTRY_MODE_GIVEN);
    request.mutable_step()->add_given_token(given[i]);
  }
  AddEntry(2, 0, {-INFINITY, 0, 0}, &request);
  request.mutable_step()->add_mode(v1::ENTRY_MODE_SAMPLE);
  request.mutable_step()->add_given_token(0);
  const v1::SampleResponse reply = Call(request);
  ASSERT_FALSE(reply.has_error()) << reply.error().message();
  EXPECT_EQ(Metric("logitd_phase_switches_total"), 2);
  EXPECT_EQ(Metric("logitd_soft_bans_lifted_rows_total"), 1);
}

TEST_F(CountedRows, RequestsByTransportAndStage) {
  v1::SampleRequest open;
  AddOpen(1, kVocab, &open);
  Call(open);
  for (uint32_t i = 0; i < 3; ++i) {
    v1::SampleRequest request;
    AddEntry(1, i, RowAt(i), &request);
    Call(request);
  }
  const std::string name = "logitd_request_duration_seconds_";
  EXPECT_EQ(Metric(name + "count{transport=\"none\"}"), 1);
  EXPECT_EQ(Metric(name + "count{transport=\"inline\"}"), 3);
  double stages = 0;
  for (const char* stage : {"parse", "wait", "lists", "rows", "reply"}) {
    stages +=
        Metric(absl::StrCat("logitd_stage_duration_seconds_sum{transport="
                            "\"inline\",stage=\"",
                            stage, "\"}"));
  }
  EXPECT_NEAR(stages / Metric(name + "sum{transport=\"inline\"}"), 1, 1e-6);
}

// Whatever the call: those of profiles, and those that are not built, too.
TEST_F(CountedRows, ErrorsOfEveryCall) {
  const auto profiles = v1::ProfileService::NewStub(server_.NewChannel());
  v1::GetProfileRequest get;
  get.set_name("profiles/nobody");
  v1::Profile profile;
  grpc::ClientContext first, second, third;
  EXPECT_FALSE(profiles->GetProfile(&first, get, &profile).ok());
  EXPECT_EQ(Metric("logitd_errors_total{code=\"NOT_FOUND\"}"), 1);
  v1::VerifyResponse verified;
  EXPECT_FALSE(server_.NewStub()->Verify(&second, {}, &verified).ok());
  EXPECT_EQ(Metric("logitd_errors_total{code=\"INVALID_ARGUMENT\"}"), 1);
  v1::SampleOnceResponse once;
  EXPECT_FALSE(server_.NewStub()->SampleOnce(&third, {}, &once).ok());
  EXPECT_EQ(Metric("logitd_errors_total{code=\"INVALID_ARGUMENT\"}"), 2);
}

class UnwatchedRows : public CountedRows {
 protected:
  UnwatchedRows() : CountedRows(0) {}
};

TEST_F(UnwatchedRows, AreNotMeasured) {
  v1::SampleRequest request;
  AddOpen(1, kVocab, &request);
  AddEntry(1, 0, RowAt(0), &request);
  Call(request);
  EXPECT_EQ(Metric("logitd_kept_tokens_count"), 1);
  EXPECT_EQ(Metric("logitd_kept_mass_ratio_count"), 0);
  EXPECT_EQ(Metric("logitd_surprisal_nats_count"), 0);
}

}  // namespace
}  // namespace logitd
