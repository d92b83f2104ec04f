// RawConnection: a connection without a protocol, for tests of what a server
// does with clients that say little or nothing. Closes with the object; not
// thread-safe.
#ifndef LOGITD_TESTS_E2E_RAW_CONNECTION_H_
#define LOGITD_TESTS_E2E_RAW_CONNECTION_H_

#include <string>

namespace logitd::testing {

class RawConnection {
 public:
  explicit RawConnection(const std::string& unix_path);
  // To this host. A full backlog of TCP makes it wait, but not us.
  explicit RawConnection(int port);
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  // False while it is not connected.
  bool Send(const std::string& text);
  // The server has closed it.
  bool IsClosed();
  // What IsClosed has seen.
  const std::string& received() const { return received_; }

 private:
  const int fd_;
  std::string received_;
};

}  // namespace logitd::testing

#endif  // LOGITD_TESTS_E2E_RAW_CONNECTION_H_
