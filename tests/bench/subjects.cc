#include "tests/bench/subjects.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "sampler/history.h"
#include "sampler/plan.h"
#include "sampler/sampler.h"
#include "sampler/workspace.h"
#include "tests/bench/yardstick.h"

namespace logitd::bench {
namespace {

volatile float float_sink;

[[noreturn]] void Die(const std::string& what, const std::string& why) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), why.c_str());
  std::exit(1);
}

// The ids both samplers start with.
std::vector<std::uint32_t> PastTokens(Past past, std::size_t vocab_size) {
  std::mt19937 random(7);
  std::vector<std::uint32_t> tokens(past.count);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = i < past.distinct
                    ? static_cast<std::uint32_t>(random() % vocab_size)
                    : tokens[i - past.distinct];
  }
  return tokens;
}

struct OurSession {
  explicit OurSession(const kernels::KernelTable& kernels) : sampler(kernels) {}

  void Step(const void* logits) {
    const NoisePoint at = {StreamKey{42}, history.position(), 0};
    row.logits = logits;
    const absl::Status status = sampler.Sample(
        plan, history, {}, at, row, report, {}, &workspace, &outcome);
    if (!status.ok()) Die("sample", std::string(status.message()));
    history.Append(outcome.token);
  }

  Sampler sampler;
  Plan plan;
  History history;
  Row row;
  std::vector<std::uint8_t> mask;
  Report report;
  Workspace workspace;
  Outcome outcome;
};

// The first id of the largest logit: what greedy must answer.
std::size_t Largest(const Rows& rows) {
  const auto* row = static_cast<const float*>(rows.set().rows[0]);
  return static_cast<std::size_t>(
      std::max_element(row, row + rows.vocab_size()) - row);
}

struct PeerSession {
  PeerSession(const Peer& build, const LogitdPeerSpec& spec)
      : peer(build), chain(build.open(&spec)) {}
  ~PeerSession() { peer.close(chain); }
  PeerSession(const PeerSession&) = delete;
  PeerSession& operator=(const PeerSession&) = delete;

  const Peer peer;
  void* const chain;
};

}  // namespace

Item OurStep(const Profile& profile, const kernels::KernelTable& kernels,
             const Rows& rows, Past past) {
  const auto vocab_size = static_cast<std::uint32_t>(rows.vocab_size());
  auto session = std::make_shared<OurSession>(kernels);
  absl::StatusOr<Plan> plan = Plan::Compile(profile.params, vocab_size);
  if (!plan.ok()) Die("compile", std::string(plan.status().message()));
  session->plan = *std::move(plan);
  session->history =
      History(PastTokens({past.prompt, past.prompt}, vocab_size));
  const absl::Status follows = session->history.Follow(session->plan);
  if (!follows.ok()) Die("follow", std::string(follows.message()));
  for (const std::uint32_t token : PastTokens(past, vocab_size)) {
    session->history.Append(token);
  }
  session->row.width = vocab_size;
  session->row.dtype = profile.bfloat16 ? Dtype::kBfloat16 : Dtype::kFloat32;
  if (profile.mask) {
    session->mask.assign((vocab_size + 7) / 8, 0xB5);  // five of eight
    session->row.mask = session->mask.data();
    session->row.mask_bytes = session->mask.size();
  }
  if (profile.second_row) session->row.guidance = rows.set().rows.back();
  session->report.final_logprob = profile.final_logprob;
  session->workspace.Reserve(vocab_size);
  session->Step(rows.set().rows[0]);
  if (session->plan.values.greedy && !profile.bfloat16 &&
      session->outcome.token != Largest(rows)) {
    Die(profile.name, "greedy did not choose the largest logit");
  }
  return {profile.name, &rows.set(),
          [session](const void* row) { session->Step(row); }, nullptr};
}

Item PeerStep(const Profile& profile, const Peer& peer, const Rows& rows) {
  auto session = std::make_shared<PeerSession>(peer, profile.peer);
  for (const std::uint32_t token : PastTokens({}, rows.vocab_size())) {
    peer.accept(session->chain, static_cast<std::int32_t>(token));
  }
  const auto n = static_cast<std::int32_t>(rows.vocab_size());
  const std::int32_t token = peer.sample(
      session->chain, static_cast<const float*>(rows.set().rows[0]), n);
  const bool wrong = profile.peer.greedy != 0
                         ? static_cast<std::size_t>(token) != Largest(rows)
                         : token < 0 || token >= n;
  if (wrong) Die("peer " + peer.compiler, "wrong token for " + profile.name);
  return {peer.compiler, &rows.set(),
          [session, n](const void* row) {
            session->peer.sample(session->chain, static_cast<const float*>(row),
                                 n);
          },
          [session] { return session->peer.built_ns(); }};
}

std::vector<Item> YardstickPasses(const Rows& rows) {
  const std::size_t n = rows.vocab_size();
  const auto* first = static_cast<const float*>(rows.set().rows[0]);
  const float largest = *std::max_element(first, first + n);
  std::vector<Item> items;
  for (const MaxPass& pass : AllMaxPasses()) {
    if (pass.run == nullptr) continue;
    if (pass.run(first, n) != largest) Die(pass.name, "wrong maximum");
    items.push_back({pass.name, &rows.set(),
                     [run = pass.run, n](const void* row) {
                       float_sink = run(static_cast<const float*>(row), n);
                     },
                     nullptr});
  }
  return items;
}

Item Memcpy(const Rows& rows) {
  const std::size_t bytes = rows.set().bytes;
  auto target = std::make_shared<std::vector<char>>(bytes);
  return {"memcpy", &rows.set(),
          [target, bytes](const void* row) {
            std::memcpy(target->data(), row, bytes);
            float_sink = static_cast<float>((*target)[bytes / 2]);
          },
          nullptr};
}

}  // namespace logitd::bench
