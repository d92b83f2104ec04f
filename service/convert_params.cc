// Parameters: contract to sampler and back, by the tables of knobs.h.
#include "service/convert_params.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/unknown_field_set.h"
#include "sampler/knobs.h"
#include "sampler/status_macros.h"
#include "service/convert_own_shapes.h"
#include "service/profiles/knob.h"
#include "service/session/field_path.h"
#include "service/session/quote.h"

namespace logitd {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Fields = std::vector<const FieldDescriptor*>;

// Calls use(knob) with the knob of that number, whichever table it is in.
template <class Use>
bool WithKnob(int number, const Use& use) {
  const auto find = [&](const auto& table) {
    for (const auto& knob : table) {
      if (knob.field != number) continue;
      use(knob);
      return true;
    }
    return false;
  };
  return find(kRealKnobs) || find(kCountKnobs) || find(kIdsKnobs) ||
         find(kSwitchKnobs) || find(kSequencesKnobs);
}

// The first unknown field of a message or of the messages in it.
absl::Status CheckKnown(const Message& message, const std::string& path) {
  const Reflection& reflection = *message.GetReflection();
  const auto& unknown = reflection.GetUnknownFields(message);
  if (!unknown.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, unknown.field(0).number(),
                     ": a field of this number is unknown to this server"));
  }
  Fields fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->type() != FieldDescriptor::TYPE_MESSAGE) continue;
    const std::string name = absl::StrCat(path, field->name());
    if (!field->is_repeated()) {
      LOGITD_RETURN_IF_ERROR(CheckKnown(reflection.GetMessage(message, field),
                                        absl::StrCat(name, ".")));
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      LOGITD_RETURN_IF_ERROR(
          CheckKnown(reflection.GetRepeatedMessage(message, field, i),
                     absl::StrCat(name, "[", i, "].")));
    }
  }
  return absl::OkStatus();
}

// Sets one knob of the tables from one field of the message.
class KnobReader {
 public:
  KnobReader(const v1::SamplingParams& wire, const FieldDescriptor* field,
             const Limits& limits, Params* params)
      : wire_(wire), field_(field), limits_(limits), params_(params) {}

  void operator()(const RealKnob& knob) {
    params_->*knob.value = reflection_.GetDouble(wire_, field_);
  }
  void operator()(const CountKnob& knob) {
    params_->*knob.value = reflection_.GetUInt32(wire_, field_);
  }
  void operator()(const SwitchKnob& knob) {
    params_->*knob.value = reflection_.GetBool(wire_, field_);
  }
  void operator()(const IdsKnob& knob) {
    std::string scratch;
    const std::string& bytes =
        reflection_.GetStringReference(wire_, field_, &scratch);
    status_ = CheckCount(knob.name, bytes.size() / 4, "ids", "max_ids",
                         limits_.max_ids);
    if (!status_.ok()) return;
    auto ids = ReadIds(knob.name, bytes);
    status_ = ids.status();
    if (ids.ok()) params_->*knob.value = *std::move(ids);
  }
  void operator()(const SequencesKnob& knob) {
    const int count = reflection_.FieldSize(wire_, field_);
    status_ = CheckCount(knob.name, static_cast<size_t>(count), "sequences",
                         "max_stop_sequences", limits_.max_stop_sequences);
    std::vector<TokenIds>& sequences = params_->*knob.value;
    sequences.clear();
    for (int i = 0; i < count && status_.ok(); ++i) {
      const auto& sequence = static_cast<const v1::TokenSequence&>(
          reflection_.GetRepeatedMessage(wire_, field_, i));
      status_ = ReadSequence(absl::StrCat(knob.name, "[", i, "].tokens"),
                             sequence.tokens(), &sequences.emplace_back());
    }
  }

  absl::Status status() const { return status_; }

 private:
  const v1::SamplingParams& wire_;
  const FieldDescriptor* field_;
  const Limits& limits_;
  Params* params_;
  const Reflection& reflection_ = *wire_.GetReflection();
  absl::Status status_;
};

// The knob of a name in UpdateSession.clear.
absl::StatusOr<const Knob*> KnobOf(const std::string& path,
                                   const std::string& name) {
  const Knob* knob = FindKnob(name);
  if (knob == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": ", Quote(name), " is not a field of SamplingParams"));
  }
  if (knob->number() == kBiasValuesField) return &KnobAt(kBiasIdsField);
  return knob;
}

}  // namespace

absl::StatusOr<TokenIds> ReadIds(absl::string_view field,
                                 const std::string& bytes) {
  if (bytes.size() % 4 != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        field, ": ", bytes.size(), " bytes are not a multiple of 4"));
  }
  TokenIds ids(bytes.size() / 4);
  static_assert(std::endian::native == std::endian::little);
  if (!ids.empty()) std::memcpy(ids.data(), bytes.data(), bytes.size());
  return ids;
}

std::string WriteIds(const TokenIds& ids) {
  if (ids.empty()) return {};
  return std::string(reinterpret_cast<const char*>(ids.data()), ids.size() * 4);
}

absl::Status ReadParams(const v1::SamplingParams& wire, const Limits& limits,
                        Params* params) {
  LOGITD_RETURN_IF_ERROR(CheckKnown(wire, ""));
  Fields fields;
  wire.GetReflection()->ListFields(wire, &fields);
  for (const FieldDescriptor* field : fields) {
    if (HasOwnShape(field->number())) {
      LOGITD_RETURN_IF_ERROR(
          ReadOwnShape(wire, field->number(), limits, params));
      continue;
    }
    KnobReader reader(wire, field, limits, params);
    if (!WithKnob(field->number(), [&](const auto& knob) { reader(knob); })) {
      return absl::InternalError(
          absl::StrCat(field->name(), ": in no table of sampler/knobs.h"));
    }
    LOGITD_RETURN_IF_ERROR(reader.status());
  }
  return absl::OkStatus();
}

absl::Status ApplyUpdate(const v1::UpdateSession& wire, const Limits& limits,
                         v1::SamplingParams* params) {
  for (int i = 0; i < wire.clear_size(); ++i) {
    const std::string path = absl::StrCat("clear[", i, "]");
    LOGITD_ASSIGN_OR_RETURN(const Knob* knob, KnobOf(path, wire.clear(i)));
    if (IsSet(wire.set(), *knob)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": ", wire.clear(i), " is also set"));
    }
    ClearKnob(*knob, params);
  }
  Params scratch;
  LOGITD_RETURN_IF_ERROR(
      InField("set.", ReadParams(wire.set(), limits, &scratch)));
  TakeKnobs(wire.set(), params);
  return absl::OkStatus();
}

void WriteParams(const Plan& plan, v1::SamplingParams* wire) {
  const Params& params = plan.params;
  const auto* type = v1::SamplingParams::descriptor();
  const Reflection& reflection = *wire->GetReflection();
  for (const RealKnob& knob : kRealKnobs) {
    const auto& value = params.*knob.value;
    if (!value || *value == knob.off) continue;
    reflection.SetDouble(wire, type->FindFieldByNumber(knob.field), *value);
  }
  for (const CountKnob& knob : kCountKnobs) {
    const auto& value = params.*knob.value;
    if (!value || *value == knob.off) continue;
    // From the vocabulary's size on top_k is off.
    if (knob.value == &Params::top_k && plan.top_k_is_off()) continue;
    reflection.SetUInt32(wire, type->FindFieldByNumber(knob.field), *value);
  }
  for (const SwitchKnob& knob : kSwitchKnobs) {
    if (!(params.*knob.value).value_or(false)) continue;
    reflection.SetBool(wire, type->FindFieldByNumber(knob.field), true);
  }
  for (const IdsKnob& knob : kIdsKnobs) {
    if ((params.*knob.value).empty()) continue;
    reflection.SetString(wire, type->FindFieldByNumber(knob.field),
                         WriteIds(params.*knob.value));
  }
  for (const SequencesKnob& knob : kSequencesKnobs) {
    const auto* field = type->FindFieldByNumber(knob.field);
    for (const TokenIds& sequence : params.*knob.value) {
      static_cast<v1::TokenSequence*>(reflection.AddMessage(wire, field))
          ->set_tokens(WriteIds(sequence));
    }
  }
  WriteOwnShapes(plan, wire);
}

}  // namespace logitd
