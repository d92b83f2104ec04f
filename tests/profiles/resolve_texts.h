// Profiles and parameters for tests of the algebra, in protobuf's text format.
#ifndef LOGITD_TESTS_PROFILES_RESOLVE_TEXTS_H_
#define LOGITD_TESTS_PROFILES_RESOLVE_TEXTS_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "logitd/v1/profiles.pb.h"
#include "logitd/v1/session.pb.h"
#include "sampler/params.h"
#include "service/convert_params.h"

namespace logitd::testing {

template <class Message>
Message Text(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message))
      << text;
  return message;
}

inline v1::Profile ProfileText(const std::string& text) {
  v1::Profile profile = Text<v1::Profile>(text);
  if (profile.name().empty()) profile.set_name("profiles/p");
  return profile;
}

inline v1::SamplingParams ParamsText(const std::string& text) {
  return Text<v1::SamplingParams>(text);
}

// Ids in text format: `banned_ids: "\001\000..."`.
inline std::string IdsText(const TokenIds& ids) {
  std::string text = "\"";
  for (const char byte : WriteIds(ids)) {
    const auto bits = static_cast<unsigned char>(byte);
    absl::StrAppend(&text, "\\", bits >> 6, (bits >> 3) & 7, bits & 7);
  }
  return text + "\"";
}

// `field: "\001\000..." `.
inline std::string IdsText(const char* field, const TokenIds& ids) {
  return absl::StrCat(field, ": ", IdsText(ids), " ");
}

// Of a profile or a phase.
inline std::string Defaults(const std::string& params) {
  return absl::StrCat("default_params { ", params, " } ");
}

inline std::string Forces(const std::string& params) {
  return absl::StrCat("force_params { ", params, " } ");
}

// A phase that token `id` enters and 9 leaves.
inline std::string PhaseText(const std::string& name, uint32_t id,
                             const std::string& rest = "") {
  return absl::StrCat("phases { name: \"", name,
                      "\" enter { tokens: ", IdsText({id}),
                      " } leave { tokens: ", IdsText({9}), " } ", rest, " }");
}

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_PROFILES_RESOLVE_TEXTS_H_
