// Preflight: a look at a request on the wire before anything is allocated.
//
// A small message can explode when parsed: an empty message inside a list is
// two bytes there and hundreds here. So the fields are counted first, by a walk
// over the tags that skips all bytes fields and copies nothing. Knows the wire
// format and descriptors, no field's meaning. Pure; thread-safe; O(fields).
#ifndef LOGITD_SERVICE_PREFLIGHT_H_
#define LOGITD_SERVICE_PREFLIGHT_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"
#include "service/limits.h"

namespace logitd {

struct Preflight {
  // False: not a protobuf message at all.
  bool well_formed = false;
  // RESOURCE_EXHAUSTED when the request is too big to be parsed.
  absl::Status status;
  // Field 1, when it is a fixed64: the request's id.
  uint64_t request_id = 0;
  // Bit i: field i occurs at the top level, i < 32.
  uint32_t fields = 0;
  // Of the fields asked for; 0 if one does not occur.
  std::array<uint64_t, 3> asked = {};

  bool has_field(int number) const { return ((fields >> number) & 1) != 0; }
};

// `field` of the message in field `in`; of the outermost one with in = 0. What
// is asked is the number in it, or the length in bytes of a packed list, be it
// packed or not.
struct AskedField {
  int in = 0;
  int field = 0;
  bool length = false;
};

// `type` is the message that the bytes should be.
Preflight Inspect(const grpc::ByteBuffer& bytes,
                  const google::protobuf::Descriptor* type,
                  const Limits& limits,
                  absl::Span<const AskedField> asked = {});

// Parses into *message, which should be empty but for memory to reuse. False if
// the bytes are no such message.
bool ParseInto(const grpc::ByteBuffer& bytes,
               google::protobuf::Message* message);

// Most fields of one request. A session to open takes about 20.
uint64_t FieldsMax(const Limits& limits);

}  // namespace logitd

#endif  // LOGITD_SERVICE_PREFLIGHT_H_
