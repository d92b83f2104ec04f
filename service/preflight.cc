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
  Walk(CodedInputStream* in, uint64_t fields_max,
       absl::Span<const AskedField> asked, Preflight* seen)
      : in_(in), fields_max_(fields_max), asked_(asked), seen_(seen) {}

  bool too_many() const { return field_count_ > fields_max_; }

  // False if malformed. `within` is the field of the outermost message that
  // this is in: 0 if it is the outermost, kDeep if it is deeper.
  bool Message(const Descriptor* type, int depth, int within) {
    for (;;) {
      const uint32_t tag = in_->ReadTag();
      if (tag == 0) return in_->ConsumedEntireMessage();
      ++field_count_;
      const int number = WireFormatLite::GetTagFieldNumber(tag);
      const auto wire_type = WireFormatLite::GetTagWireType(tag);
      if (uint64_t* const place = NumberPlace(within, number, wire_type)) {
        if (!ReadNumber(wire_type, place)) return false;
        continue;
      }
      // An element of a list that is not packed.
      uint64_t* const list = AskedPlace(within, number, true);
      if (list != nullptr && wire_type == WireFormatLite::WIRETYPE_FIXED64) {
        *list += sizeof(uint64_t);
      }
      if (within == 0 && number < 32 &&
          wire_type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
        seen_->fields |= 1u << number;
      }
      const FieldDescriptor* field =
          type != nullptr ? type->FindFieldByNumber(number) : nullptr;
      if (!Field(tag, field, depth, within)) return false;
    }
  }

 private:
  static constexpr int kDeep = -1;

  uint64_t* AskedPlace(int within, int number, bool length) const {
    for (size_t i = 0; i < asked_.size(); ++i) {
      if (asked_[i].in == within && asked_[i].field == number &&
          asked_[i].length == length) {
        return &seen_->asked[i];
      }
    }
    return nullptr;
  }

  // Where the number in this field belongs, if somebody wants it.
  uint64_t* NumberPlace(int within, int number,
                        WireFormatLite::WireType type) const {
    switch (type) {
      case WireFormatLite::WIRETYPE_FIXED64:
        if (within == 0 && number == 1) return &seen_->request_id;
        [[fallthrough]];
      case WireFormatLite::WIRETYPE_FIXED32:
      case WireFormatLite::WIRETYPE_VARINT:
        return AskedPlace(within, number, false);
      default:
        return nullptr;
    }
  }

  bool ReadNumber(WireFormatLite::WireType type, uint64_t* number) {
    google::protobuf::uint64 wide = 0;
    google::protobuf::uint32 narrow = 0;
    bool whole = false;
    if (type == WireFormatLite::WIRETYPE_FIXED32) {
      whole = in_->ReadLittleEndian32(&narrow);
      wide = narrow;
    } else if (type == WireFormatLite::WIRETYPE_FIXED64) {
      whole = in_->ReadLittleEndian64(&wide);
    } else {
      whole = in_->ReadVarint64(&wide);
    }
    if (whole) *number = wide;
    return whole;
  }

  bool Field(uint32_t tag, const FieldDescriptor* field, int depth,
             int within) {
    if (WireFormatLite::GetTagWireType(tag) !=
        WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      return WireFormatLite::SkipField(in_, tag);
    }
    int length = 0;
    if (!in_->ReadVarintSizeAsInt(&length)) return false;
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    if (uint64_t* const place = AskedPlace(within, number, true)) {
      *place += static_cast<uint64_t>(length);
    }
    // Counting stops mattering at the limit; then the rest is only skipped.
    const bool look = field != nullptr && !too_many();
    if (look && field->type() == FieldDescriptor::TYPE_MESSAGE) {
      if (depth == kDepthMax) return false;
      const auto limit = in_->PushLimit(length);
      const bool whole = Message(field->message_type(), depth + 1,
                                 within == 0 ? number : kDeep) &&
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

  CodedInputStream* const in_;
  const uint64_t fields_max_;
  const absl::Span<const AskedField> asked_;
  Preflight* const seen_;
  uint64_t field_count_ = 0;
};

}  // namespace

uint64_t FieldsMax(const Limits& limits) {
  return std::max<uint64_t>(uint64_t{1} << 17,
                            uint64_t{limits.max_sessions} * 32);
}

Preflight Inspect(const grpc::ByteBuffer& bytes, const Descriptor* type,
                  const Limits& limits, absl::Span<const AskedField> asked) {
  Preflight seen;
  // The reader only moves along the slices; it changes nothing.
  grpc::ProtoBufferReader reader(const_cast<grpc::ByteBuffer*>(&bytes));
  if (!reader.status().ok()) return seen;
  CodedInputStream in(&reader);
  const bool too_long = bytes.Length() > limits.max_step_bytes;
  const uint64_t fields_max = FieldsMax(limits);
  Walk walk(&in, fields_max, asked, &seen);
  seen.well_formed = walk.Message(too_long ? nullptr : type, 0, 0);
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
