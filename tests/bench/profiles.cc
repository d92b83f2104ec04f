#include "tests/bench/profiles.h"

namespace logitd::bench {
namespace {

constexpr LogitdPeerSpec kPeerOff = {0, 0, 1, 0, 0, 0, 1, 0, 1, 0};

Profile Greedy() {
  Profile p;
  p.name = "greedy";
  p.params.temperature = 0;
  p.peaked = p.wide = {1.15, {}, 1.05};
  p.peer = kPeerOff;
  p.peer.greedy = 1;
  return p;
}

Profile TopK40() {
  Profile p;
  p.name = "k40 p.95 minp.05 T.8";
  p.params.top_k = 40;
  p.params.top_p = 0.95;
  p.params.min_p = 0.05;
  p.params.temperature = 0.8;
  p.peaked = p.wide = {1.6, 12, 1.35};
  p.peer = kPeerOff;
  p.peer.top_k = 40;
  p.peer.top_p = 0.95f;
  p.peer.min_p = 0.05f;
  p.peer.temperature = 0.8f;
  return p;
}

Profile WithPenalties() {
  Profile p = TopK40();
  p.name = "same + penalties 64";
  p.penalties = true;
  p.params.repetition_penalty = 1.1;
  p.params.frequency_penalty = 0.1;
  p.params.presence_penalty = 0.1;
  p.params.repetition_window = kPenaltyWindow;
  p.params.frequency_window = kPenaltyWindow;
  p.params.presence_window = kPenaltyWindow;
  p.peaked = p.wide = {{}, 45};
  p.peer.penalty_last_n = kPenaltyWindow;
  p.peer.repetition = 1.1f;
  p.peer.frequency = p.peer.presence = 0.1f;
  return p;
}

Profile TemperatureOnly(bool final_logprob) {
  Profile p;
  p.name = final_logprob ? "T.8 only" : "T.8 only, no logprob";
  p.final_logprob = final_logprob;
  p.params.temperature = 0.8;
  p.peaked = p.wide = {8, 18, final_logprob ? 5.5 : 2};
  p.peer = kPeerOff;
  p.peer.temperature = 0.8f;
  return p;
}

Profile TopP(double top_p, double temperature, const std::string& name) {
  Profile p;
  p.name = name;
  p.params.top_p = top_p;
  p.params.temperature = temperature;
  p.peer = kPeerOff;
  p.peer.top_p = static_cast<float>(top_p);
  p.peer.temperature = static_cast<float>(temperature);
  p.peer.temperature_first = 1;
  return p;
}

Profile TopK1000() {
  Profile p;
  p.name = "k1000";
  p.params.top_k = 1000;
  p.peaked = p.wide = {5, {}, 3};
  p.peer = kPeerOff;
  p.peer.top_k = 1000;
  return p;
}

Profile Bfloat16(Profile p, const std::string& name) {
  p.name = name;
  p.bfloat16 = true;
  p.peaked = p.wide = {};
  return p;
}

std::vector<Profile> Make() {
  Profile narrow = TopP(0.95, 1, "p.95");
  narrow.peaked = {8, 25, 2.5};
  narrow.wide = {16, 60, 8};
  return {Greedy(),
          TopK40(),
          WithPenalties(),
          TemperatureOnly(true),
          TemperatureOnly(false),
          narrow,
          TopP(0.9999, 2, "p.9999 T2"),
          TopK1000(),
          Bfloat16(TopK40(), "bf16 k40 p.95 minp.05 T.8"),
          Bfloat16(TemperatureOnly(true), "bf16 T.8 only")};
}

}  // namespace

const std::vector<Profile>& CoreProfiles() {
  static const std::vector<Profile> profiles = Make();
  return profiles;
}

}  // namespace logitd::bench
