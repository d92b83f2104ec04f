// Changes profiles over the admin socket, one write after the other, and keeps
// the books. The order of the writes follows from a seed.
// Threads: one at a time. Ownership: the ledger outlives it. Cost: each write
// waits for the server's disk.
#ifndef LOGITD_TESTS_E2E_CHURN_WRITER_H_
#define LOGITD_TESTS_E2E_CHURN_WRITER_H_

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "service/client/client.h"
#include "tests/e2e/churn_ledger.h"
#include "tests/support/rows.h"

namespace logitd::testing {

// The profiles that change: "p0", "p1"...
inline constexpr size_t kChurnedProfiles = 6;
// Each has these revisions from the beginning.
inline constexpr size_t kFirstRevisions = 3;
// Created last of all.
inline constexpr char kTheEnd[] = "the-end";

class ChurnWriter {
 public:
  ChurnWriter(const client::Client& admin, Ledger* ledger)
      : stub_(admin.Profiles()), ledger_(ledger) {}

  // Creates the profiles.
  absl::Status Begin();
  // One write to the profile whose turn it is: an update, a rollback, a
  // deletion, or the creation of what was deleted. An error also when the reply
  // is not what was written.
  absl::Status ChangeOne();
  absl::Status End();

 private:
  using Stub = v1::ProfileService::Stub;
  // One profile as it must be.
  struct Book {
    std::string id;
    std::vector<v1::SamplingParams> revisions;  // revision 1 first
    v1::SamplingParams params;                  // in force, or the last
    std::string etag;
    bool exists = false;
  };

  template <class Request, class Response>
  absl::Status Call(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                 const Request&, Response*),
                    const Request& request, Response* reply);
  absl::Status Create(Book* book);
  absl::Status Update(Book* book);
  absl::Status Rollback(Book* book);
  absl::Status Delete(Book* book);
  // Compares the reply with the book and enters it.
  absl::Status Enter(const v1::Profile& reply, Book* book);
  double NextTemperature();

  const std::unique_ptr<Stub> stub_;
  Ledger* const ledger_;
  tests::Dice dice_{20240801};
  std::array<Book, kChurnedProfiles> books_;
  size_t turn_ = 0;
  uint64_t temperatures_ = 0;
};

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_E2E_CHURN_WRITER_H_
