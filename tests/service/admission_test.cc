// Admission: who is let in, who is not, and what those are told.
#include "service/admission.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "service/status.h"

namespace logitd {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kMillisecond = absl::Milliseconds(1);

// Zero when the status has no RetryInfo.
absl::Duration RetryDelayOf(const absl::Status& status) {
  google::rpc::RetryInfo info;
  const auto payload = status.GetPayload(kRetryInfoUrl);
  if (!payload || !info.ParseFromString(std::string(*payload))) return {};
  return absl::Seconds(info.retry_delay().seconds()) +
         absl::Nanoseconds(info.retry_delay().nanos());
}

// One thread, 100 ms, 100 MB; every row is a millisecond of work.
class AdmissionTest : public ::testing::Test {
 protected:
  AdmissionTest() {
    limits_.max_unanswered_bytes = 100'000'000;
    limits_.max_queue_delay = 100 * kMillisecond;
  }

  static Admission::Request Rows(
      double rows, absl::Duration patience = absl::InfiniteDuration()) {
    return {100, rows, 1, patience, "step.timeout_us"};
  }
  static Admission::Request Megabytes(uint64_t count) {
    return {count * 1'000'000};
  }

  // A stream of a client whose work is known; "": of a client of its own.
  std::shared_ptr<Account> Stream(const std::string& client = "") {
    const auto account = admission_.NewAccount(client);
    for (int i = 0; i < 100; ++i) Teach(account, .001);
    return account;
  }

  void Teach(const std::shared_ptr<Account>& account, double seconds,
             double part = 1) {
    Ticket ticket;
    ASSERT_TRUE(Admit(account, Rows(1), &ticket).ok());
    ticket.Learn(seconds, part);
  }

  absl::Status Admit(const std::shared_ptr<Account>& account,
                     const Admission::Request& request, Ticket* ticket) {
    return admission_.Admit(request, account, false, ticket);
  }
  absl::Status Try(const std::shared_ptr<Account>& account,
                   const Admission::Request& request) {
    Ticket ticket;
    return Admit(account, request, &ticket);
  }

  // Lets in what must be let in, for as long as the test lasts.
  void Occupy(const std::shared_ptr<Account>& account,
              const Admission::Request& request) {
    Ticket ticket;
    ASSERT_TRUE(Admit(account, request, &ticket).ok());
    tickets_.push_back(std::move(ticket));
  }
  void OccupyOthers(int count, double rows) {
    const absl::Duration bound =
        std::exchange(limits_.max_queue_delay, absl::ZeroDuration());
    for (int i = 0; i < count; ++i) Occupy(Stream(), Rows(rows));
    limits_.max_queue_delay = bound;
  }

  uint64_t ShedFor(const char* reason) {
    const std::string series =
        std::string("logitd_shed_requests_total{reason=\"") + reason + "\"} ";
    const std::string text = metrics_.Text();
    const size_t at = text.find(series);
    return at == text.npos ? 0 : std::stoull(text.substr(at + series.size()));
  }

  Limits limits_;
  Metrics metrics_{BuildFacts{}};
  Admission admission_{limits_, 1, &metrics_};
  std::vector<Ticket> tickets_;
};

// ---- bytes ------------------------------------------------------------------

TEST_F(AdmissionTest, LeavesRoomToOtherClients) {
  const auto greedy = Stream("greedy");
  while (Try(greedy, Megabytes(10)).ok()) Occupy(greedy, Megabytes(10));
  EXPECT_EQ(admission_.bytes(), 50'000'000u) << "half";
  const auto its_other = Stream("greedy");
  EXPECT_FALSE(Try(its_other, Megabytes(10)).ok());
  const auto other = Stream("other");
  EXPECT_TRUE(Try(other, Megabytes(50)).ok()) << "its first";
  while (Try(other, Megabytes(10)).ok()) Occupy(other, Megabytes(10));
  EXPECT_EQ(admission_.bytes(), 80'000'000u) << "as much as it leaves";
  tickets_.clear();
  EXPECT_TRUE(Try(greedy, Megabytes(100)).ok());
  EXPECT_EQ(admission_.bytes(), 0u);
}

TEST_F(AdmissionTest, SaysWhatThereIsNoRoomFor) {
  Occupy(Stream(), Megabytes(60));
  const auto other = Stream();
  const absl::Status status = Try(other, Megabytes(41));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(),
              HasSubstr("request: its 41000000 bytes, beside the 0 of its "
                        "client and the 60000000 of all unanswered requests, "
                        "are more than --max_unanswered_bytes 100000000"));
  EXPECT_GE(RetryDelayOf(status), kMillisecond);
  EXPECT_EQ(ShedFor("bytes"), 1u);
}

TEST_F(AdmissionTest, AlwaysHasRoomForALittle) {
  Occupy(Stream(), Megabytes(100));
  const auto client = Stream();
  EXPECT_TRUE(Try(client, {65536}).ok());
  EXPECT_FALSE(Try(client, {65537}).ok());
}

// ---- waiting ----------------------------------------------------------------

TEST_F(AdmissionTest, RefusesWhoWouldWaitTooLongForOthers) {
  OccupyOthers(6, 20);
  const auto stream = Stream();
  EXPECT_TRUE(Try(stream, Rows(16)).ok());
  const absl::Status status = Try(stream, Rows(20));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(),
              HasSubstr("request: would wait about 120ms for others, longer "
                        "than --max_queue_delay allows (100ms)"));
  EXPECT_EQ(ShedFor("queue_delay"), 1u);
  tickets_.clear();
  EXPECT_TRUE(Try(stream, Rows(20)).ok());
}

TEST_F(AdmissionTest, LeavesToAStreamWhatItSendsAhead) {
  const auto stream = Stream();
  Occupy(stream, Rows(900));
  EXPECT_TRUE(Try(stream, Rows(50)).ok());
  EXPECT_FALSE(Try(stream, Rows(1, 800 * kMillisecond)).ok());
}

TEST_F(AdmissionTest, CountsOfTheOthersWhatTheirTurnsTake) {
  Occupy(Stream(), Rows(300));
  // Beside one that has much, who asks for little waits little...
  EXPECT_TRUE(Try(Stream(), Rows(20, 25 * kMillisecond)).ok());
  // ...and who asks for as much waits as long as that one.
  EXPECT_FALSE(Try(Stream(), Rows(300, 250 * kMillisecond)).ok());
  EXPECT_TRUE(Try(Stream(), Rows(200, 250 * kMillisecond)).ok());
}

// A turn is a row, however long it takes.
TEST_F(AdmissionTest, CountsTheRowsOfOthersAtTheirRate) {
  limits_.max_queue_delay = absl::ZeroDuration();
  const auto slow = Stream();
  for (int i = 0; i < 100; ++i) Teach(slow, .010);
  Occupy(slow, Rows(100));
  EXPECT_FALSE(Try(Stream(), Rows(20, 190 * kMillisecond)).ok());
  EXPECT_TRUE(Try(Stream(), Rows(20, 210 * kMillisecond)).ok());
}

TEST_F(AdmissionTest, GivesTheStreamsOfAClientOneTurnAmongClients) {
  limits_.max_queue_delay = absl::ZeroDuration();
  const auto one = Stream("a");
  const auto two = Stream("a");
  EXPECT_EQ(one->line(), two->line());
  Occupy(one, Rows(60));
  Occupy(two, Rows(60));
  // Beside both of them together a stranger waits once as long as it takes...
  const auto stranger = Stream("b");
  EXPECT_NE(one->line(), stranger->line());
  EXPECT_TRUE(Try(stranger, Rows(50, 55 * kMillisecond)).ok());
  EXPECT_FALSE(Try(stranger, Rows(50, 45 * kMillisecond)).ok());
  // ...and a third stream of theirs twice.
  const auto three = Stream("a");
  EXPECT_TRUE(Try(three, Rows(50, 105 * kMillisecond)).ok());
  EXPECT_FALSE(Try(three, Rows(50, 95 * kMillisecond)).ok());
  // A little of it is let in.
  EXPECT_TRUE(Try(three, Rows(1, 5 * kMillisecond)).ok());
}

TEST_F(AdmissionTest, RefusesWhatCannotMakeItsDeadline) {
  Occupy(Stream(), Rows(50));
  const auto stream = Stream();
  const absl::Status status = Try(stream, Rows(50, 20 * kMillisecond));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(),
              HasSubstr("step.timeout_us: would take about 50ms to its turn, "
                        "longer than it may (20ms)"));
  EXPECT_EQ(ShedFor("deadline"), 1u);
  EXPECT_TRUE(Try(stream, Rows(50, 60 * kMillisecond)).ok());
  // One that is for the end of the rows.
  Admission::Request request = Rows(50, 60 * kMillisecond);
  request.to_the_end = true;
  EXPECT_FALSE(Try(stream, request).ok());
  request.patience = 1050 * kMillisecond;
  EXPECT_TRUE(Try(stream, request).ok());
}

TEST_F(AdmissionTest, LetsALongOneWaitForFourTimesItsOwnTime) {
  OccupyOthers(5, 30);
  const auto stream = Stream();
  EXPECT_FALSE(Try(stream, Rows(30)).ok());
  EXPECT_TRUE(Try(stream, Rows(40)).ok());
}

TEST_F(AdmissionTest, LetsEverybodyWaitWithoutABound) {
  limits_.max_queue_delay = absl::ZeroDuration();
  OccupyOthers(8, 100);
  const auto stream = Stream();
  EXPECT_TRUE(Try(stream, Rows(100)).ok());
  EXPECT_FALSE(Try(stream, Rows(100, kMillisecond)).ok());
}

TEST_F(AdmissionTest, LetsWhatHasNoRowsWait) {
  OccupyOthers(6, 50);
  const auto stream = Stream();
  EXPECT_FALSE(Try(stream, Rows(50)).ok());
  EXPECT_TRUE(Try(stream, Rows(0)).ok());
}

TEST_F(AdmissionTest, LetsListsInWithoutTheirRows) {
  OccupyOthers(6, 50);
  const double before = admission_.queue_seconds();
  const auto stream = Stream();
  Ticket ticket;
  const absl::Status status = admission_.Admit(Rows(50), stream, true, &ticket);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(ticket.holds());
  EXPECT_EQ(admission_.queue_seconds(), before);
  EXPECT_EQ(admission_.bytes(), 700u);
}

// ---- coming back ------------------------------------------------------------

TEST_F(AdmissionTest, TellsThoseItRefusesToComeOneAfterTheOther) {
  using Clock = std::chrono::steady_clock;
  OccupyOthers(6, 20);
  std::vector<std::shared_ptr<Account>> streams;
  for (int i = 0; i < 100; ++i) streams.push_back(Stream());
  Clock::time_point last{};
  for (const auto& stream : streams) {
    const absl::Duration delay = RetryDelayOf(Try(stream, Rows(20)));
    const auto turn = Clock::now() + absl::ToChronoNanoseconds(delay);
    EXPECT_LE(delay, absl::Seconds(1));
    // Twice what each takes; at the end all that are left have the same turn.
    if (delay < 900 * kMillisecond) {
      EXPECT_GE(turn - last, std::chrono::milliseconds(39));
    }
    last = turn;
  }
}

TEST_F(AdmissionTest, KeepsThePlaceOfWhoAsksAgain) {
  OccupyOthers(6, 20);
  const auto pushy = Stream();
  absl::Duration first = RetryDelayOf(Try(pushy, Rows(20)));
  for (int i = 0; i < 50; ++i) {
    EXPECT_LE(RetryDelayOf(Try(pushy, Rows(20))), first);
  }
  // Had each of its tries been given a turn, this would be a second.
  EXPECT_LT(RetryDelayOf(Try(Stream(), Rows(20))), 300 * kMillisecond);
}

// ---- learning ---------------------------------------------------------------

TEST_F(AdmissionTest, LearnsWhatTheLastRowsOfAClientTook) {
  const auto stream = Stream();
  for (int i = 0; i < 100; ++i) Teach(stream, .002);
  Occupy(stream, Rows(100));
  EXPECT_NEAR(admission_.queue_seconds(), .2, .001);
}

TEST_F(AdmissionTest, LearnsFromTheRowsThatRan) {
  const auto stream = Stream();
  for (int i = 0; i < 100; ++i) Teach(stream, .001, .5);
  Occupy(stream, Rows(100));
  EXPECT_NEAR(admission_.queue_seconds(), .2, .001);
}

TEST_F(AdmissionTest, LearnsNothingFromWhatDidNotRun) {
  const auto stream = Stream();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(Try(stream, Rows(1)).ok());
    Teach(stream, 0, 0);
  }
  Occupy(stream, Rows(100));
  EXPECT_NEAR(admission_.queue_seconds(), .1, .001);
}

// More of the work counts for more.
TEST_F(AdmissionTest, WeighsWhatItLearnsByTheWork) {
  const auto stream = Stream();
  Ticket ticket;
  ASSERT_TRUE(Admit(stream, Rows(100), &ticket).ok());
  ticket.Learn(.1, 1);
  ticket.Return();
  Teach(stream, 1);  // a single row that took a second
  Occupy(stream, Rows(100));
  EXPECT_LT(admission_.queue_seconds(), 1.6);
}

TEST_F(AdmissionTest, LetsInAtLastWhomAWrongRateKeepsOut) {
  OccupyOthers(1, 50);
  const auto stream = Stream();
  for (int i = 0; i < 30; ++i) Teach(stream, 1);
  for (int i = 0; i < 100; ++i) Stream();  // what others take is known
  int refused = 0;
  Admission::Request request = Rows(10, 60 * kMillisecond);
  request.to_the_end = true;
  while (!Try(stream, request).ok()) ASSERT_LT(++refused, 200);
  EXPECT_GT(refused, 0);
}

// A client of short rows must not make those of long ones look endless.
TEST_F(AdmissionTest, KnowsThatShortRowsTakeTimeToo) {
  for (int i = 0; i < 100; ++i) Teach(admission_.NewAccount(""), 20e-6);
  Ticket ticket;
  ASSERT_TRUE(
      Admit(admission_.NewAccount(""), {4 << 20, 100, 4 << 20}, &ticket).ok());
  EXPECT_LT(admission_.queue_seconds(), .2);
}

// ---- clients ----------------------------------------------------------------

TEST_F(AdmissionTest, KnowsAClientByItsNameWhileItIsThere) {
  const auto a = admission_.NewAccount("a");
  EXPECT_EQ(admission_.NewAccount("a")->line(), a->line());
  EXPECT_NE(admission_.NewAccount("b")->line(), a->line());
  EXPECT_NE(admission_.NewAccount("")->line(),
            admission_.NewAccount("")->line());
}

TEST_F(AdmissionTest, GivesBackWhatATicketThatMovedHeld) {
  const auto stream = Stream();
  {
    Ticket ticket;
    ASSERT_TRUE(Admit(stream, Rows(9), &ticket).ok());
    Ticket moved = std::move(ticket);
    EXPECT_EQ(admission_.bytes(), 100u);
    moved = Ticket();
    EXPECT_EQ(admission_.bytes(), 0u);
  }
  EXPECT_EQ(admission_.bytes(), 0u);
  EXPECT_EQ(admission_.queue_seconds(), 0);
}

}  // namespace
}  // namespace logitd
