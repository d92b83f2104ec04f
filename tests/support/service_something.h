// Any field of a message, set to something, for tests of what is said of it.
#ifndef LOGITD_TESTS_SUPPORT_SERVICE_SOMETHING_H_
#define LOGITD_TESTS_SUPPORT_SERVICE_SOMETHING_H_

#include <string>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace logitd::testing {

using google::protobuf::FieldDescriptor;

inline void AddSomething(const FieldDescriptor* field,
                         google::protobuf::Message* message) {
  const auto& reflection = *message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      reflection.AddMessage(message, field);
      return;
    case FieldDescriptor::CPPTYPE_STRING:
      reflection.AddString(message, field, "x");
      return;
    case FieldDescriptor::CPPTYPE_UINT32:
      reflection.AddUInt32(message, field, 1);
      return;
    case FieldDescriptor::CPPTYPE_ENUM:
      reflection.AddEnumValue(message, field, 1);
      return;
    default:
      reflection.AddDouble(message, field, 1);
  }
}

// Sets a field to something that is not its default.
inline void SetSomething(const FieldDescriptor* field,
                         google::protobuf::Message* message) {
  const auto& reflection = *message->GetReflection();
  if (field->is_repeated()) {
    AddSomething(field, message);
    return;
  }
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
      reflection.SetDouble(message, field, 0.5);
      return;
    case FieldDescriptor::CPPTYPE_UINT32:
      reflection.SetUInt32(message, field, 1);
      return;
    case FieldDescriptor::CPPTYPE_BOOL:
      reflection.SetBool(message, field, true);
      return;
    case FieldDescriptor::CPPTYPE_ENUM:
      reflection.SetEnumValue(message, field, 1);
      return;
    case FieldDescriptor::CPPTYPE_STRING:
      reflection.SetString(message, field, std::string(4, '\0'));
      return;
    default:
      reflection.MutableMessage(message, field);
  }
}

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_SUPPORT_SERVICE_SOMETHING_H_
