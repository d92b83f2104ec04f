// The promise, through the whole service: the same fingerprint, rows, seed and
// history give the same bits, whatever threads, batches, row order and kernels.
#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "gtest/gtest.h"
#include "tests/support/rows.h"
#include "tests/support/service_fixture.h"
#include "tests/support/service_session.h"

namespace logitd {
namespace {

using testing::AddOpen;
using testing::IdBytes;
using testing::TestServer;
using testing::TestStream;

constexpr uint32_t kWidth = 2003;
constexpr uint32_t kSessions = 64;
constexpr uint32_t kSteps = 12;

// Parameters that differ from session to session in every knob built.
void SetParams(uint32_t i, v1::OpenSession* open) {
  open->set_vocab_size(kWidth - (i % 5) * 200);
  open->set_seed(1000 + i / 2);
  if (i % 2 == 1) open->set_salt("salt");
  v1::SamplingParams* params = open->mutable_params();
  params->set_temperature(i % 8 == 0 ? 0.0 : 0.2 + 0.1 * (i % 16));
  if (i % 3 == 0) params->set_top_k(1 + i);
  if (i % 3 != 1) params->set_top_p(0.5 + 0.005 * i);
  if (i % 4 == 1) params->set_min_p(0.01 * (1 + i % 9));
  if (i % 4 == 2) params->set_repetition_penalty(1.1 + 0.01 * i);
  if (i % 5 == 3) params->set_frequency_penalty(0.3);
  if (i % 5 >= 3) params->set_presence_penalty(-0.2);
  if (i % 6 == 2) params->set_repetition_window(5);
  if (i % 7 == 4) params->set_banned_ids(IdBytes({1, 2, 3, i}));
  if (i % 7 == 5) {
    params->set_logit_bias_ids(IdBytes({i, i + 1}));
    params->add_logit_bias_values(3.5);
    params->add_logit_bias_values(-50);
  }
  if (i % 9 == 1) {
    params->set_eos_ids(IdBytes({5, 6, 7, 8, 9}));
    params->set_min_tokens(4);
  }
  if (i % 10 == 1) params->set_max_tokens(9);
  if (i % 11 == 2) params->set_frequency_window(3);
  if (i % 8 == 5) {
    for (uint32_t last = 0; last < 30; ++last) {
      params->add_stop_sequences()->set_tokens(IdBytes({last + 1, last}));
      params->add_stop_sequences()->set_tokens(IdBytes({30 + last}));
    }
  }
  v1::Report* report = open->mutable_report();
  report->set_raw_logprob(i % 2 == 0);
  report->set_tempered_logprob(i % 3 == 0);
  report->set_kept_mass(i % 4 == 0);
  report->set_entropy(i % 5 == 0);
  report->set_top_n_final(i % 6);
  report->set_top_n_raw(i % 4);
}

std::vector<float> RowOf(uint32_t session, uint32_t step) {
  if (session == 13) return testing::MakeAdversarialRow(kWidth);
  return testing::MakeRow(session * 1000 + step, kWidth);
}

// How a row travels: its values, its values rounded to bf16, or these as bf16.
enum class Travels { kAsItIs, kRounded, kBfloat16 };

std::string RowBytes(const std::vector<float>& row, Travels travels) {
  if (travels == Travels::kAsItIs) return testing::FloatBytes(row);
  const std::vector<uint16_t> halves = tests::ToBfloat16(row);
  std::string bytes;
  for (const uint16_t half : halves) {
    if (travels == Travels::kRounded) {
      bytes += testing::FloatBytes({tests::FromBfloat16(half)});
    } else {
      bytes.push_back(static_cast<char>(half));
      bytes.push_back(static_cast<char>(half >> 8));
    }
  }
  return bytes;
}

// Two masks, the second for every eighth session: which depends on the session
// alone, not on what stands beside it.
void AddMasks(const std::vector<uint32_t>& sessions, v1::Step* wire) {
  const uint32_t words = (kWidth + 31) / 32;
  std::vector<uint32_t> table(words, 0xFFFFFFFFu);
  table.insert(table.end(), words, 0xA5A5A5A5u);
  wire->mutable_mask_table()->set_inline_(IdBytes(table));
  wire->set_mask_words(words);
  for (const uint32_t session : sessions) {
    wire->add_mask_index(session % 8 == 6 ? 1 : 0);
  }
}

// What one entry was told, whatever stood beside it.
std::string Slice(const v1::StepResult& all, int i) {
  v1::StepResult one;
  one.add_token(all.token(i));
  one.add_status(all.status(i));
  one.add_finish_reason(all.finish_reason(i));
  one.add_kept(all.kept(i));
  const auto copy = [i](const auto& from, auto* to) {
    if (i < from.size() && !std::isnan(from[i])) to->Add(from[i]);
  };
  copy(all.final_logprob(), one.mutable_final_logprob());
  copy(all.raw_logprob(), one.mutable_raw_logprob());
  copy(all.tempered_logprob(), one.mutable_tempered_logprob());
  copy(all.kept_mass(), one.mutable_kept_mass());
  copy(all.raw_entropy(), one.mutable_raw_entropy());
  copy(all.final_entropy(), one.mutable_final_entropy());
  one.add_flags(i < all.flags_size() ? all.flags(i) : 0);
  for (const v1::TopTokens& top : all.top()) {
    if (top.entry() != static_cast<uint32_t>(i)) continue;
    *one.add_top() = top;
    one.mutable_top(0)->set_entry(0);
  }
  return one.SerializeAsString();
}

struct Setup {
  uint32_t threads;
  uint32_t batch;
  uint32_t shuffle;
  std::string kernels = "auto";
  Travels travels = Travels::kAsItIs;
  MetricsOptions metrics = {};
};

struct Transcript {
  std::vector<std::string> replies;  // whole, in order
  // By (session, step).
  std::map<std::pair<uint32_t, uint32_t>, std::string> slices;
};

// One step of the sessions listed, their rows in this order.
v1::SampleRequest StepOf(const std::vector<uint32_t>& sessions,
                         const std::vector<uint32_t>& row_order, uint32_t step,
                         Travels travels) {
  v1::SampleRequest request;
  v1::Step* wire = request.mutable_step();
  wire->set_dtype(travels == Travels::kBfloat16 ? v1::DTYPE_BFLOAT16
                                                : v1::DTYPE_FLOAT32);
  wire->set_row_width(kWidth);
  wire->set_row_count(static_cast<uint32_t>(sessions.size()));
  for (const uint32_t session : row_order) {
    wire->mutable_logits()->mutable_inline_()->append(
        RowBytes(RowOf(session, step), travels));
  }
  AddMasks(sessions, wire);
  for (const uint32_t session : sessions) {
    wire->add_session_id(session);
    wire->add_position(step);
    const auto at = std::find(row_order.begin(), row_order.end(), session);
    wire->add_row(static_cast<uint32_t>(at - row_order.begin()));
  }
  return request;
}

Transcript Generate(const Setup& setup) {
  TestServer server([&](Config* config) {
    config->threads = setup.threads;
    config->kernels = setup.kernels;
    config->metrics = setup.metrics;
  });
  TestStream stream(server);
  v1::SampleRequest open;
  for (uint32_t i = 0; i < kSessions; ++i) {
    SetParams(i, AddOpen(i, 1, &open));
  }
  v1::SampleResponse opened = stream.Call(open);
  for (const auto& session : opened.opened()) {
    EXPECT_FALSE(session.has_error()) << session.error().message();
  }
  Transcript transcript;
  transcript.replies.push_back(opened.SerializeAsString());
  std::mt19937 random(setup.shuffle);
  for (uint32_t step = 0; step < kSteps; ++step) {
    for (uint32_t first = 0; first < kSessions; first += setup.batch) {
      std::vector<uint32_t> sessions;
      for (uint32_t i = 0; i < setup.batch; ++i) sessions.push_back(first + i);
      std::vector<uint32_t> rows = sessions;
      std::shuffle(rows.begin(), rows.end(), random);
      v1::SampleResponse reply =
          stream.Call(StepOf(sessions, rows, step, setup.travels));
      reply.mutable_step()->clear_compute_us();
      transcript.replies.push_back(reply.SerializeAsString());
      for (uint32_t i = 0; i < setup.batch; ++i) {
        transcript.slices[{first + i, step}] =
            Slice(reply.step(), static_cast<int>(i));
      }
    }
  }
  return transcript;
}

TEST(Determinism, RepliesAreEqualByteForByteWithOneTwoAndSevenThreads) {
  const Transcript one = Generate({1, 64, 5});
  EXPECT_EQ(one.slices.size(), kSessions * kSteps);
  for (const uint32_t threads : {2u, 7u}) {
    EXPECT_TRUE(Generate({threads, 64, 5}).replies == one.replies) << threads;
  }
}

TEST(Determinism, EntriesAreEqualByteForByteWhateverTheBatchAndRowOrder) {
  const Transcript reference = Generate({1, 64, 5});
  EXPECT_TRUE(Generate({2, 64, 6}).slices == reference.slices);
  EXPECT_TRUE(Generate({1, 1, 7}).slices == reference.slices);
  EXPECT_TRUE(Generate({7, 1, 8}).slices == reference.slices);
  EXPECT_TRUE(Generate({7, 16, 9}).slices == reference.slices);
}

TEST(Determinism, RepliesAreEqualByteForByteWithEveryInstructionSet) {
  const Transcript reference = Generate({2, 64, 5});
  const kernels::KernelList list = kernels::Available();
  for (size_t i = 0; i < list.count; ++i) {
    EXPECT_TRUE(Generate({2, 64, 5, list.tables[i]->name}).replies ==
                reference.replies)
        << list.tables[i]->name;
  }
}

TEST(Determinism, Bfloat16RowsAnswerAsTheirWidenedValuesByteForByte) {
  const Transcript widened = Generate({2, 64, 5, "auto", Travels::kRounded});
  EXPECT_TRUE(Generate({7, 64, 5, "auto", Travels::kBfloat16}).replies ==
              widened.replies);
  EXPECT_TRUE(Generate({1, 1, 6, "auto", Travels::kBfloat16}).slices ==
              widened.slices);
}

// Half of the rows watched: those that are stand beside those that are not.
TEST(Determinism, RepliesAreEqualByteForByteWhateverTheMetricsMeasure) {
  const Transcript unwatched =
      Generate({2, 64, 5, "auto", Travels::kAsItIs, {true, 0}});
  for (const double share : {0.5, 1.0}) {
    EXPECT_TRUE(
        Generate({2, 64, 5, "auto", Travels::kAsItIs, {true, share}}).replies ==
        unwatched.replies)
        << share;
  }
  EXPECT_TRUE(Generate({2, 64, 5, "auto", Travels::kAsItIs, {false}}).replies ==
              unwatched.replies);
}

TEST(Determinism, TheSessionsReallyDiffer) {
  const Transcript reference = Generate({2, 64, 5});
  std::map<std::string, int> tokens;
  for (const auto& [at, slice] : reference.slices) {
    if (at.second == 3) ++tokens[slice];
  }
  EXPECT_GT(tokens.size(), 60u);
}

}  // namespace
}  // namespace logitd
