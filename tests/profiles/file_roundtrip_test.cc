// Any profile, written and read again, is the same message, bit for bit.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "service/profiles/profile_file.h"
#include "service/profiles/store.h"

namespace logitd {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr uint64_t kSeed = 20260101;

class Filler {
 public:
  explicit Filler(uint64_t seed) : random_(seed) {}

  void Fill(Message* message, int depth) {
    const auto& type = *message->GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      const bool is_output =
          &type == v1::Profile::descriptor() && IsOutputOnly(field.number());
      if (is_output || Below(3) == 0) continue;
      if (field.is_map()) {
        for (uint32_t n = Below(4); n > 0; --n) {
          auto& labels = *static_cast<v1::Profile*>(message)->mutable_labels();
          labels[Text()] = Text();
        }
        continue;
      }
      for (uint32_t n = field.is_repeated() ? Below(4) : 1; n > 0; --n) {
        FillField(message, field, depth);
      }
    }
  }

 private:
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  std::string Text() {
    static const char* const kPieces[] = {"a",
                                          "Z",
                                          "0",
                                          "1",
                                          ".",
                                          "-",
                                          "_",
                                          "/",
                                          " ",
                                          ":",
                                          "#",
                                          "\"",
                                          "\\",
                                          "'",
                                          "\n",
                                          "\t",
                                          "\x01",
                                          "\x7f",
                                          "ä",
                                          "\xe2\x82\xac",
                                          "\xf0\x9f\x98\x80",
                                          "{",
                                          "}",
                                          "[",
                                          "]",
                                          ",",
                                          "&",
                                          "*",
                                          "!",
                                          "|",
                                          ">",
                                          "%",
                                          "@",
                                          "`",
                                          "~",
                                          "null",
                                          "true",
                                          "no",
                                          "e5",
                                          "---",
                                          "- ",
                                          "? ",
                                          ": ",
                                          " #",
                                          "\xc2\x85",
                                          "\xe2\x80\xa8",
                                          "\r",
                                          "<<",
                                          "="};
    std::string text;
    for (uint32_t n = Below(6); n > 0; --n) {
      text += kPieces[Below(std::size(kPieces))];
    }
    return text;
  }

  double Number() {
    while (true) {
      const uint64_t bits = random_();
      double value = 0;
      std::memcpy(&value, &bits, sizeof(value));
      if (Below(4) == 0) value = Below(100) / 10.0;
      if (Below(20) == 0) value = -0.0;
      if (value - value == 0) return value;
    }
  }

  std::string Bytes() {
    std::string bytes(Below(5) == 0 ? Below(30) : 4 * Below(30), '\0');
    for (char& c : bytes) c = static_cast<char>(Below(256));
    return bytes;
  }

  void FillField(Message* message, const FieldDescriptor& field, int depth) {
    const auto& set = *message->GetReflection();
    const bool add = field.is_repeated();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return add ? set.AddDouble(message, &field, Number())
                   : set.SetDouble(message, &field, Number());
      case FieldDescriptor::CPPTYPE_UINT32:
        return set.SetUInt32(message, &field,
                             static_cast<uint32_t>(random_() >> Below(33)));
      case FieldDescriptor::CPPTYPE_BOOL:
        return set.SetBool(message, &field, Below(2) == 0);
      case FieldDescriptor::CPPTYPE_ENUM: {
        const auto count =
            static_cast<uint32_t>(field.enum_type()->value_count());
        return set.SetEnum(
            message, &field,
            field.enum_type()->value(static_cast<int>(Below(count))));
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Fill(add ? set.AddMessage(message, &field)
                        : set.MutableMessage(message, &field),
                    depth + 1);
      default: {
        const bool is_text = field.type() == FieldDescriptor::TYPE_STRING;
        const std::string value = is_text ? Text() : Bytes();
        return add ? set.AddString(message, &field, value)
                   : set.SetString(message, &field, value);
      }
    }
  }

  std::mt19937_64 random_;
};

TEST(ProfileFileRoundTrip, RandomProfilesComeBack) {
  size_t bytes = 0;
  for (uint64_t i = 0; i < 800; ++i) {
    v1::Profile profile;
    Filler(kSeed + i).Fill(&profile, 0);
    const std::string yaml = WriteYaml(profile);
    const std::string json = WriteJson(profile);
    if (yaml.size() > kProfileFileBytesMax) continue;
    bytes += yaml.size();
    const auto from_yaml = ParseProfile(yaml, "");
    ASSERT_TRUE(from_yaml.ok()) << from_yaml.status() << "\n" << yaml;
    ASSERT_EQ(ContentBytes(*from_yaml), ContentBytes(profile))
        << "seed " << kSeed + i << "\n"
        << yaml;
    const auto from_json = ParseProfile(json, "");
    ASSERT_TRUE(from_json.ok()) << from_json.status() << "\n" << json;
    ASSERT_EQ(ContentBytes(*from_json), ContentBytes(profile)) << json;
    ASSERT_EQ(WriteYaml(*from_json), yaml);  // the order is stable
  }
  EXPECT_GT(bytes, 1u << 20) << "the profiles were hardly filled";
}

// The first bytes of a file are refused or are a profile; nothing else happens.
TEST(ProfileFileRoundTrip, EveryPrefixAndEveryFlippedByteIsSurvived) {
  v1::Profile profile;
  Filler(kSeed).Fill(&profile, 0);
  const std::string text = WriteYaml(profile).substr(0, 3000);
  for (size_t i = 0; i < text.size(); ++i) {
    (void)ParseProfile(text.substr(0, i), "");
    std::string flipped = text;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << i % 8));
    (void)ParseProfile(flipped, "");
  }
}

}  // namespace
}  // namespace logitd
