#include "tests/e2e/generation.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <set>

#include "gtest/gtest.h"
#include "service/client/messages.h"
#include "tests/e2e/processes.h"
#include "tests/support/rows.h"

namespace logitd::testing {
namespace {

constexpr uint32_t kPools = 1 << 16;
constexpr size_t kRowBytes = kGenerationVocab * sizeof(float);
// Sessions that a step of the quiet server holds.
constexpr size_t kBatch = 128;

// Each place in it begins a row.
const std::string& Pool() {
  static const auto* const pool = [] {
    tests::Dice dice(512);
    std::vector<float> logits(kPools + kGenerationVocab);
    for (float& logit : logits) logit = 2 * dice.Normal();
    return new std::string(FloatBytes(logits));
  }();
  return *pool;
}

uint64_t Mixed(uint64_t history, uint32_t token) {
  return tests::Dice(history ^ (uint64_t{token} + 1)).Next();
}

void SetParams(uint64_t seed, v1::SamplingParams* params) {
  switch (seed % 4) {
    case 0:
      params->set_temperature(.9);
      params->set_top_p(.95);
      break;
    case 1:
      params->set_temperature(.7);
      params->set_repetition_penalty(1.2);
      params->set_repetition_window(17);
      params->set_presence_penalty(.5);
      params->set_presence_window(33);
      break;
    case 2:
      params->set_temperature(1.3);
      params->set_top_k(80);
      params->set_min_p(.01);
      params->set_banned_ids(client::PackIds({3, 5, 8}));
      break;
    default:
      params->set_frequency_penalty(.1);
      params->set_frequency_window(400);
  }
}

// Steps `quiet` until it is as long as `like`, a batch at a time.
void MakeQuietly(client::Stream* stream, const std::vector<Generation>& like,
                 size_t begin, std::vector<Generation>* quiet) {
  const size_t end = std::min(begin + kBatch, like.size());
  v1::SampleRequest request;
  for (size_t i = begin; i < end; ++i) {
    *request.add_open() = OpenHere(i, (*quiet)[i]);
  }
  for (;;) {
    for (size_t i = begin; i < end; ++i) {
      if ((*quiet)[i].tokens.size() < like[i].tokens.size()) {
        AddNext(i, (*quiet)[i], request.mutable_step());
      }
    }
    if (!request.has_step()) return;
    const v1::SampleResponse reply = Exchange(stream, request);
    const auto& ids = request.step().session_id();
    ASSERT_EQ(reply.step().status_size(), ids.size());
    for (int entry = 0; entry < ids.size(); ++entry) {
      ASSERT_EQ(reply.step().status(entry), v1::ENTRY_STATUS_OK);
      (*quiet)[ids[entry]].Take(reply.step(), entry);
    }
    request.Clear();
  }
}

// The first index at which they differ.
template <class List>
size_t FirstDifference(const List& a, const List& b) {
  return static_cast<size_t>(
      std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

void Generation::Take(const v1::StepResult& result, int i) {
  tokens.push_back(result.token(i));
  told.push_back(
      std::hash<std::string>()(EntryOf(result, i).SerializeAsString()));
  history = Mixed(history, tokens.back());
}

std::vector<Generation> MakeGenerations(size_t count, uint64_t first_seed) {
  std::vector<Generation> generations(count);
  for (uint64_t i = 0; i < count; ++i) {
    Generation& one = generations[i];
    one.open = client::MakeOpen(i, kGenerationVocab, {}, first_seed + i);
    SetParams(first_seed + i, one.open.mutable_params());
    tests::Dice dice(first_seed + i);
    Ids prompt(1 + dice.Below(20));
    for (uint32_t& token : prompt) {
      token = dice.Below(kGenerationVocab);
      one.history = Mixed(one.history, token);
    }
    one.open.set_prompt(client::PackIds(prompt));
    one.prompt_size = static_cast<uint32_t>(prompt.size());
  }
  return generations;
}

v1::OpenSession OpenHere(uint64_t session_id, const Generation& generation) {
  v1::OpenSession open = generation.open;
  open.set_session_id(session_id);
  open.set_generated(client::PackIds(generation.tokens));
  open.set_expected_fingerprint(generation.fingerprint);
  return open;
}

void AddNext(uint64_t session_id, const Generation& generation,
             v1::Step* step) {
  const uint32_t row = step->row_count();
  step->set_dtype(v1::DTYPE_FLOAT32);
  step->set_row_width(kGenerationVocab);
  step->set_row_count(row + 1);
  const size_t place = generation.history % kPools * sizeof(float);
  step->mutable_logits()->mutable_inline_()->append(Pool(), place, kRowBytes);
  client::AddEntry(session_id, generation.position(), row, step);
}

void ExpectAsUndisturbed(const std::vector<Generation>& generations) {
  const TempFolder folder;
  Logitd server(folder, "2");
  ASSERT_TRUE(server.Serves()) << server.process().Errors();
  std::vector<Generation> quiet;
  for (const Generation& one : generations) {
    quiet.push_back(MakeGenerations(1, one.open.seed())[0]);
  }
  const auto stream = server.Connect().Sample();
  for (size_t begin = 0; begin < quiet.size(); begin += kBatch) {
    ASSERT_NO_FATAL_FAILURE(
        MakeQuietly(stream.get(), generations, begin, &quiet));
  }
  EXPECT_TRUE(stream->Finish().ok());
  std::set<Ids> different;
  for (size_t i = 0; i < quiet.size(); ++i) {
    const Generation& one = generations[i];
    ASSERT_TRUE(one.tokens == quiet[i].tokens)
        << "seed " << one.open.seed() << " differs from token "
        << FirstDifference(one.tokens, quiet[i].tokens) << " on";
    ASSERT_TRUE(one.told == quiet[i].told)
        << "seed " << one.open.seed() << ": the numbers of token "
        << FirstDifference(one.told, quiet[i].told);
    different.insert(one.tokens);
  }
  // Otherwise one session's tokens could pass for another's.
  EXPECT_EQ(different.size(), generations.size());
}

}  // namespace logitd::testing
