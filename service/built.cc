#include "service/built.h"

#include <set>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "logitd/v1/profiles.pb.h"
#include "logitd/v1/sampling.pb.h"
#include "service/convert.h"

namespace logitd {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::ServiceDescriptor;
using Names = std::set<std::string>;

// The whole list. A service stands for all its methods.
const Names& Lacking() {
  static const auto* const names = new Names{
      "Place.candidates",
      "Place.region",
      "Place.segments",
      "ProfileService.ImportProfile",
  };
  return *names;
}

bool Lacks(const std::string& name) { return Lacking().count(name) > 0; }

std::string NameOf(const FieldDescriptor& field) {
  return absl::StrCat(field.containing_type()->name(), ".", field.name());
}

// What the messages of requests hold, from the methods down.
class Inventory {
 public:
  Inventory() {
    for (const char* name :
         {"logitd.v1.SamplingService", "logitd.v1.ProfileService"}) {
      AddService(
          *v1::SampleRequest::descriptor()->file()->pool()->FindServiceByName(
              name));
    }
  }
  Names built;

 private:
  void AddService(const ServiceDescriptor& service) {
    if (Lacks(service.name())) return;
    for (int i = 0; i < service.method_count(); ++i) {
      const auto& method = *service.method(i);
      const std::string name = absl::StrCat(service.name(), ".", method.name());
      if (Lacks(name)) continue;
      built.insert(name);
      AddMessage(*method.input_type());
    }
  }

  void AddMessage(const Descriptor& type) {
    if (!absl::StartsWith(type.full_name(), "logitd.")) return;
    if (!seen_.insert(&type).second) return;
    for (int i = 0; i < type.field_count(); ++i) AddField(*type.field(i));
  }

  void AddField(const FieldDescriptor& field) {
    const std::string name = NameOf(field);
    if (Lacks(name)) return;
    built.insert(name);
    if (field.message_type() != nullptr) AddMessage(*field.message_type());
    if (field.enum_type() != nullptr) AddValues(*field.enum_type());
  }

  void AddValues(const EnumDescriptor& type) {
    for (int i = 0; i < type.value_count(); ++i) {
      const std::string name =
          absl::StrCat(type.name(), ".", type.value(i)->name());
      if (type.value(i)->number() != 0 && !Lacks(name)) built.insert(name);
    }
  }

  std::set<const Descriptor*> seen_;
};

const Inventory& TheInventory() {
  static const auto* const inventory = new Inventory;
  return *inventory;
}

// The fields of a type that are lacking.
const std::vector<const FieldDescriptor*>& LackingIn(const Descriptor* type) {
  using Fields = std::vector<const FieldDescriptor*>;
  static const auto* const all = [] {
    auto* map = new absl::flat_hash_map<const Descriptor*, Fields>;
    for (const Descriptor* each :
         {v1::SampleRequest::descriptor(), v1::OpenSession::descriptor(),
          v1::UpdateSession::descriptor(), v1::Report::descriptor(),
          v1::Step::descriptor(), v1::Place::descriptor()}) {
      for (int i = 0; i < each->field_count(); ++i) {
        if (Lacks(NameOf(*each->field(i)))) {
          (*map)[each].push_back(each->field(i));
        }
      }
    }
    return map;
  }();
  static const Fields none;
  const auto found = all->find(type);
  return found == all->end() ? none : found->second;
}

}  // namespace

absl::Status CheckBuilt(const Message& message) {
  const auto& reflection = *message.GetReflection();
  for (const FieldDescriptor* field : LackingIn(message.GetDescriptor())) {
    const bool is_set = field->is_repeated()
                            ? reflection.FieldSize(message, field) > 0
                            : reflection.HasField(message, field);
    if (!is_set) continue;
    return absl::UnimplementedError(
        absl::StrCat(field->name(), ": not built yet"));
  }
  return absl::OkStatus();
}

std::vector<std::string> Capabilities() {
  const Names& names = TheInventory().built;
  return {names.begin(), names.end()};
}

std::vector<std::string> NotBuilt() {
  const Names& names = Lacking();
  return {names.begin(), names.end()};
}

}  // namespace logitd
