#include "service/preflight.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/support/proto_buffer_reader.h"

namespace logitd {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

constexpr int kDepthMax = 16;

// Walks one message; counts its fields, and those of its messages.
class Walk {
 public:
  Walk(CodedInputStream* in, uint64_t fields_max)
      : in_(in), fields_max_(fields_max) {}

  bool too_many() const { return field_count_ > fields_max_; }

  // False if malformed. With `top` it is the outermost message.
  bool Message(const Descriptor* type, int depth, Preflight* top) {
    for (;;) {
      const uint32_t tag = in_->ReadTag();
      if (tag == 0) return in_->ConsumedEntireMessage();
      ++field_count_;
      const int number = WireFormatLite::GetTagFieldNumber(tag);
      if (top != nullptr) {
        const bool nested = WireFormatLite::GetTagWireType(tag) ==
                            WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
        if (nested && number < 32) top->fields |= 1u << number;
        if (tag ==
            WireFormatLite::MakeTag(1, WireFormatLite::WIRETYPE_FIXED64)) {
          if (!ReadId(&top->request_id)) return false;
          continue;
        }
      }
      const FieldDescriptor* field =
          type != nullptr ? type->FindFieldByNumber(number) : nullptr;
      if (!Field(tag, field, depth)) return false;
    }
  }

 private:
  bool ReadId(uint64_t* id) {
    google::protobuf::uint64 value = 0;
    if (!in_->ReadLittleEndian64(&value)) return false;
    *id = value;
    return true;
  }

  bool Field(uint32_t tag, const FieldDescriptor* field, int depth) {
    if (WireFormatLite::GetTagWireType(tag) !=
        WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      return WireFormatLite::SkipField(in_, tag);
    }
    int length = 0;
    if (!in_->ReadVarintSizeAsInt(&length)) return false;
    // Counting stops mattering at the limit; then the rest is only skipped.
    const bool look = field != nullptr && !too_many();
    if (look && field->type() == FieldDescriptor::TYPE_MESSAGE) {
      if (depth == kDepthMax) return false;
      const auto limit = in_->PushLimit(length);
      const bool whole = Message(field->message_type(), depth + 1, nullptr) &&
                         in_->BytesUntilLimit() == 0;
      in_->PopLimit(limit);
      return whole;
    }
    // A packed list of varints may have an element in each byte.
    if (look && field->is_packed() && !IsFixed(field->type())) {
      field_count_ += static_cast<uint64_t>(length);
    }
    return in_->Skip(length);
  }

  static bool IsFixed(FieldDescriptor::Type type) {
    switch (type) {
      case FieldDescriptor::TYPE_DOUBLE:
      case FieldDescriptor::TYPE_FLOAT:
      case FieldDescriptor::TYPE_FIXED64:
      case FieldDescriptor::TYPE_FIXED32:
      case FieldDescriptor::TYPE_SFIXED32:
      case FieldDescriptor::TYPE_SFIXED64:
        return true;
      default:
        return false;
    }
  }

  CodedInputStream* in_;
  uint64_t fields_max_;
  uint64_t field_count_ = 0;
};

}  // namespace

uint64_t FieldsMax(const Limits& limits) {
  return std::max<uint64_t>(uint64_t{1} << 17,
                            uint64_t{limits.max_sessions} * 32);
}

Preflight Inspect(const grpc::ByteBuffer& bytes, const Descriptor* type,
                  const Limits& limits) {
  Preflight seen;
  // The reader only moves along the slices; it changes nothing.
  grpc::ProtoBufferReader reader(const_cast<grpc::ByteBuffer*>(&bytes));
  if (!reader.status().ok()) return seen;
  CodedInputStream in(&reader);
  const bool too_long = bytes.Length() > limits.max_step_bytes;
  const uint64_t fields_max = FieldsMax(limits);
  Walk walk(&in, fields_max);
  seen.well_formed = walk.Message(too_long ? nullptr : type, 0, &seen);
  if (too_long) {
    seen.status = absl::ResourceExhaustedError(absl::StrCat(
        "request: ", bytes.Length(), " bytes are more than --max_step_bytes ",
        limits.max_step_bytes));
  } else if (walk.too_many()) {
    seen.status = absl::ResourceExhaustedError(
        absl::StrCat("request: more than ", fields_max,
                     " fields, the most that --max_sessions ",
                     limits.max_sessions, " allows"));
  }
  return seen;
}

bool ParseInto(const grpc::ByteBuffer& bytes,
               google::protobuf::Message* message) {
  grpc::ProtoBufferReader reader(const_cast<grpc::ByteBuffer*>(&bytes));
  if (!reader.status().ok()) return false;
  CodedInputStream in(&reader);
  return message->MergeFromCodedStream(&in) && in.ConsumedEntireMessage();
}

}  // namespace logitd
