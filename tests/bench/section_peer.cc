// Our step against llama.cpp's sampler on the same rows, in one loop.

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/bench/peer.h"
#include "tests/bench/profiles.h"
#include "tests/bench/rows.h"
#include "tests/bench/section_list.h"
#include "tests/bench/subjects.h"

namespace logitd::bench {
namespace {

// Both parts of each build: candidate array and chain.
std::string Parts(const Timing& peer) {
  char text[128];
  std::snprintf(text, sizeof text, " %s %.1f us = array %.1f + chain %.1f",
                peer.name.c_str(), peer.total.p10_ns / 1e3,
                peer.part.p10_ns / 1e3,
                (peer.total.p10_ns - peer.part.p10_ns) / 1e3);
  return text;
}

void Compare(const Settings& settings, const Peers& peers,
             const Profile& profile, Shape shape, const Rows& rows,
             Report* report) {
  std::vector<Item> items = {OurStep(profile, *settings.kernels, rows)};
  for (const Peer& peer : peers.builds) {
    items.push_back(PeerStep(profile, peer, rows));
  }
  const std::vector<Timing> timings =
      TimeInterleaved(items, settings.stopwatch);
  const auto fastest = std::min_element(
      timings.begin() + 1, timings.end(), [](const auto& a, const auto& b) {
        return a.total.p10_ns < b.total.p10_ns;
      });
  const Bars& bars = shape == Shape::kPeaked ? profile.peaked : profile.wide;
  report->Line(profile.name, RowName(Name(shape), rows.vocab_size()),
               timings[0].total,
               Ratio(fastest->total, timings[0].total, bars.faster, {},
                     /*at_least=*/true));
  std::string text = "  peer:";
  for (std::size_t i = 1; i < timings.size(); ++i) text += Parts(timings[i]);
  report->Note(text);
}

void NotAvailable(const std::string& why, Report* report) {
  report->Note("peer not available: " + why);
  for (const Profile& profile : CoreProfiles()) {
    for (const Shape shape : {Shape::kPeaked, Shape::kWide}) {
      const Bars& bars =
          shape == Shape::kPeaked ? profile.peaked : profile.wide;
      if (!bars.faster) continue;
      report->NotRun("peer / ours: " + profile.name + ", " + Name(shape),
                     "no peer");
    }
  }
}

}  // namespace

void RunPeer(const Settings& settings, Report* report) {
  report->Section("peer: llama.cpp / ours, times are ours", "x faster");
  if (settings.peer_dir.empty()) return NotAvailable("no --peer_dir", report);
  const Peers peers = LoadPeers(settings.peer_dir);
  if (peers.builds.empty()) return NotAvailable(peers.missing, report);
  report->Note(peers.version);
  for (const Shape shape : {Shape::kPeaked, Shape::kWide}) {
    const Rows rows(shape, MainVocab(settings));
    for (const Profile& profile : CoreProfiles()) {
      // The peer takes fp32 only, and reports no log-probability of its own.
      if (profile.bfloat16) continue;
      Compare(settings, peers, profile, shape, rows, report);
    }
  }
}

}  // namespace logitd::bench
