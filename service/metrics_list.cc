#include "service/metrics_list.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace logitd {
namespace {

constexpr auto kCounter = MetricKind::kCounter;
constexpr auto kGauge = MetricKind::kGauge;
constexpr auto kHistogram = MetricKind::kHistogram;
constexpr auto kCounted = MetricSource::kCounted;
constexpr auto kRead = MetricSource::kRead;
constexpr auto kFacts = MetricSource::kFacts;

// ---- labels -----------------------------------------------------------------

constexpr const char* kTokenKinds[] = {"sampled", "given", "appended"};
constexpr const char* kStatuses[] = {nullptr,   "ok",     "replayed",
                                     "skipped", "peeked", "error"};
constexpr const char* kReasons[] = {nullptr, "eos", "stop_id", "stop_sequence",
                                    "max_tokens"};
// Codes as gRPC numbers them.
constexpr const char* kCodes[] = {nullptr,
                                  "CANCELLED",
                                  "UNKNOWN",
                                  "INVALID_ARGUMENT",
                                  "DEADLINE_EXCEEDED",
                                  "NOT_FOUND",
                                  "ALREADY_EXISTS",
                                  "PERMISSION_DENIED",
                                  "RESOURCE_EXHAUSTED",
                                  "FAILED_PRECONDITION",
                                  "ABORTED",
                                  "OUT_OF_RANGE",
                                  "UNIMPLEMENTED",
                                  "INTERNAL",
                                  "UNAVAILABLE",
                                  "DATA_LOSS",
                                  "UNAUTHENTICATED"};
constexpr const char* kTransports[] = {"none", "inline"};
constexpr const char* kStages[] = {"parse", "wait", "lists", "rows", "reply"};
constexpr const char* kEntropyOf[] = {"raw", "final"};
constexpr const char* kAgrees[] = {"no", "yes"};
constexpr const char* kVerdicts[] = {"rejected", "accepted"};
// By ShedReason.
constexpr const char* kShedReasons[] = {"bytes", "queue_delay", "deadline"};
constexpr const char* kActions[] = {"banned", "refused"};
constexpr const char* kLevels[] = {"debug", "info", "warning", "error"};
constexpr const char* kComponents[] = {"listeners", "executor", "store",
                                       "default_profile"};
// As Peers.
constexpr const char* kListeners[] = {"tcp", "unix", "admin"};
constexpr const char* kStores[] = {"memory", "sqlite", "directory", "etcd"};

constexpr MetricLabel kTransport = {"transport", kTransports};

// ---- buckets ----------------------------------------------------------------

// Each list spans what was measured, denser where most of it lay.
constexpr double kSeconds[] = {
    2.5e-6, 5e-6,   1e-5,   2.5e-5, 5e-5, 1e-4,   1.5e-4, 2.5e-4, 4e-4, 6e-4,
    1e-3,   1.5e-3, 2.5e-3, 5e-3,   1e-2, 2.5e-2, 5e-2,   0.1,    1,    10};
constexpr double kTokensKept[] = {1,   2,   4,    8,    16,    32,    64,
                                  128, 256, 1024, 4096, 16384, 65536, 262144};
constexpr double kMass[] = {0.2,  0.4,  0.6,  0.75, 0.85,  0.9, 0.93,
                            0.95, 0.96, 0.98, 0.99, 0.999, 1};
constexpr double kNats[] = {0.01, 0.1, 0.25, 0.5, 1, 1.5, 2,  2.5, 3,
                            4,    5,   6,    7,   8, 9,   10, 12,  15};

constexpr char kSecondsFrom[] =
    "Measured on 2 cores: stages from 3 us (wait, one session) to 27 ms (rows, "
    "32 rows of 151,936), rows from 41 us to 4.8 ms (median 140 us of 72,547 "
    "ids, 300 us of 151,936), requests from 97 us to 33 ms; beyond, what "
    "overload makes.";
constexpr char kKeptFrom[] =
    "Measured: 1 to all 151,936; median 76 with the profiles of "
    "deploy/profiles on the demo's language model.";
constexpr char kMassFrom[] =
    "Measured: 0.16 to 1; with the profiles of deploy/profiles on the demo's "
    "language model a tenth below 0.6 to 0.7, a quarter below 0.95, half at 1.";
constexpr char kNatsFrom[] =
    "Measured: raw entropy 0.05 to 10.4, median 4.8 on the demo's language "
    "model; final entropy 0 (greedy) to 10.4, median 2.5 to 3; surprisal 0.003 "
    "to 20, median 2.7 to 3, 1 in 100 above 13.8.";

// ---- the list ---------------------------------------------------------------

constexpr Metric kList[] = {
    {kCounter,
     kCounted,
     "logitd_tokens_total",
     "Tokens added to sessions: sampled here, given with a row, or appended "
     "without one.",
     {"kind", kTokenKinds}},
    {kCounter, kCounted, "logitd_steps_total", "Steps answered."},
    {kCounter,
     kCounted,
     "logitd_rows_total",
     "Entries of steps, by what became of them.",
     {"status", kStatuses}},
    {kCounter,
     kCounted,
     "logitd_drafts_total",
     "Drafts of row groups that were compared with a token, by whether it was "
     "the draft.",
     {"verdict", kVerdicts}},
    {kCounter,
     kCounted,
     "logitd_errors_total",
     "Errors told to clients, of calls, list elements and entries.",
     {"code", kCodes}},
    {kCounter,
     kCounted,
     "logitd_finished_total",
     "Sessions that came to their end, by reason.",
     {"reason", kReasons}},
    {kCounter, kCounted, "logitd_received_bytes_total",
     "Bytes of request messages."},
    {kCounter, kCounted, "logitd_sent_bytes_total", "Bytes of reply messages."},
    {kGauge, kCounted, "logitd_sessions_active",
     "Sessions open now, those whose history still arrives included."},
    {kCounter, kCounted, "logitd_sessions_opened_total",
     "Sessions opened, forks included."},
    {kGauge, kCounted, "logitd_streams_active", "Sample streams open now."},
    {kCounter,
     kCounted,
     "logitd_connections_shed_total",
     "Connections closed as they came, for lack of descriptors.",
     {"listener", kListeners}},
    {kHistogram,
     kCounted,
     "logitd_request_duration_seconds",
     "Time of one request that was let in: from the arrival of its bytes to "
     "its reply, ready to be sent. By how its rows came; none: it had no rows.",
     kTransport,
     {},
     kSeconds,
     kSecondsFrom},
    {kHistogram,
     kCounted,
     "logitd_stage_duration_seconds",
     "The same by stage: parse (bytes to message), wait (for a thread and for "
     "earlier requests of the stream), lists (open, close, update...), rows "
     "(start of the first to end of the last), reply. Only stages that the "
     "request had.",
     kTransport,
     {"stage", kStages},
     kSeconds,
     kSecondsFrom},
    {kHistogram,
     kCounted,
     "logitd_row_duration_seconds",
     "Time of one row, from logits to token.",
     {},
     {},
     kSeconds,
     kSecondsFrom},
    {kGauge, kRead, "logitd_queue_depth",
     "Sessions whose next row waits for a worker thread."},
    {kGauge, kRead, "logitd_worker_threads", "Threads that run rows."},
    {kGauge, kRead, "logitd_queue_delay_seconds",
     "How long the worker threads would take for all that was let in."},
    {kGauge, kRead, "logitd_unanswered_bytes",
     "Bytes of the requests that are let in and not answered."},
    {kCounter,
     kCounted,
     "logitd_shed_requests_total",
     "Requests refused before they were parsed, for what was let in already: "
     "its bytes (--max_unanswered_bytes), or a wait longer than "
     "--max_queue_delay or the request's own deadline.",
     {"reason", kShedReasons}},
    {kHistogram,
     kCounted,
     "logitd_kept_tokens",
     "Candidates that truncation kept, of each row sampled.",
     {},
     {},
     kTokensKept,
     kKeptFrom},
    {kHistogram,
     kCounted,
     "logitd_kept_mass_ratio",
     "Probability mass that truncation kept, of the tempered row without its "
     "bans. Of a share of the rows (--metrics_share), as the next three.",
     {},
     {},
     kMass,
     kMassFrom},
    {kHistogram,
     kCounted,
     "logitd_entropy_nats",
     "Entropy of the row: raw as received, final as drawn from.",
     {"of", kEntropyOf},
     {},
     kNats,
     kNatsFrom},
    {kHistogram,
     kCounted,
     "logitd_surprisal_nats",
     "Minus the raw log-probability of the token drawn; exp of its mean is the "
     "perplexity of the output.",
     {},
     {},
     kNats,
     kNatsFrom},
    {kCounter,
     kCounted,
     "logitd_greedy_agreement_rows_total",
     "Rows by whether the token drawn was the likeliest of the row as "
     "received.",
     {"agrees", kAgrees}},
    {kCounter, kCounted, "logitd_greedy_rows_total",
     "Rows whose token was taken without chance, at temperature 0."},
    {kCounter, kCounted, "logitd_repeated_tokens_total",
     "Tokens, sampled or given, that stood among the 64 tokens before them."},
    {kCounter, kCounted, "logitd_phase_switches_total",
     "Tokens, sampled or given, after which another phase of the profile is in "
     "force."},
    {kCounter,
     kCounted,
     "logitd_nonfinite_rows_total",
     "Rows with NaN or +inf: refused, or its tokens banned where the profile "
     "says so.",
     {"action", kActions}},
    {kCounter, kCounted, "logitd_soft_bans_lifted_rows_total",
     "Rows whose soft bans left nothing and were lifted."},
    {kGauge, kRead, "logitd_profiles", "Profiles in force."},
    {kCounter, kRead, "logitd_profile_changes_total",
     "Changes of profiles seen since the start."},
    {kGauge,
     kFacts,
     "logitd_profile_revision_info",
     "1 for each profile in force, with its revision. The first 64 by name.",
     {"profile"},
     {"revision"}},
    {kGauge, kRead, "logitd_profile_watchers", "WatchProfiles calls open now."},
    {kGauge,
     kRead,
     "logitd_profile_store_up",
     "1 if the store answers and all in it is good, else 0: its last good "
     "profiles are served. Of several of a kind the worst.",
     {"store", kStores}},
    {kGauge,
     kRead,
     "logitd_component_up",
     "1 if the part works, as /readyz shows it.",
     {"component", kComponents}},
    {kGauge, kRead, "logitd_ready", "1 while new sessions are taken."},
    {kGauge, kRead, "logitd_draining", "1 from SIGTERM on."},
    {kCounter,
     kRead,
     "logitd_log_lines_total",
     "Lines written to the log.",
     {"level", kLevels}},
    {kCounter, kRead, "logitd_log_suppressed_lines_total",
     "Repeated lines that the log left out."},
    {kGauge, kFacts, "logitd_build_info",
     "What runs here; always 1. Labels: instruction_set, version, semantics, "
     "core."},
    {kCounter, kRead, "process_cpu_seconds_total",
     "Processor time of the process, user and system."},
    {kGauge, kRead, "process_resident_memory_bytes", "Resident memory."},
    {kGauge, kRead, "process_threads", "Threads of the process."},
    {kGauge, kRead, "process_open_fds", "Open descriptors."},
    {kGauge, kRead, "process_max_fds",
     "Descriptors that the process may open."},
    {kGauge, kRead, "process_start_time_seconds",
     "Start of the process, seconds since the epoch."},
};
static_assert(std::size(kList) == kMetricCount);

// ---- as Markdown ------------------------------------------------------------

const char* TypeName(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return "counter";
    case MetricKind::kGauge:
      return "gauge";
    case MetricKind::kHistogram:
      return "histogram";
  }
  return "";
}

std::string LabelText(const MetricLabel& label) {
  if (label.name == nullptr) return "";
  std::string values;
  for (const char* value : label.values) {
    if (value == nullptr) continue;
    absl::StrAppend(&values, values.empty() ? "" : ", ", value);
  }
  return absl::StrCat("`", label.name, "`", values.empty() ? "" : ": ", values);
}

std::string LabelsText(const Metric& metric) {
  const std::string first = LabelText(metric.label);
  const std::string second = LabelText(metric.second);
  return absl::StrCat(first, second.empty() ? "" : "; ", second);
}

}  // namespace

absl::Span<const Metric> MetricList() { return kList; }

std::string MetricsTable() {
  std::string text =
      "# Metrics\n\n"
      "What `/metrics` of logitd tells, printed by `logitd --print_metrics` "
      "from the list in `service/metrics_list.cc`; a test compares.\n\n"
      "| metric | type | labels | meaning |\n|---|---|---|---|\n";
  for (const Metric& metric : kList) {
    absl::StrAppend(&text, "| `", metric.name, "` | ", TypeName(metric.kind),
                    " | ", LabelsText(metric), " | ", metric.help, " |\n");
  }
  absl::StrAppend(
      &text,
      "\n## Buckets\n\nUpper bounds, and where they come from: runs "
      "with `--metrics_share 1` of `logitctl generate` on the "
      "demo's language model (72,547 words; every profile of "
      "deploy/profiles; 1 and 16 sessions) and of `logitctl "
      "sample` on made rows of 151,936, peaked and wide.\n");
  const char* last = nullptr;
  for (const Metric& metric : kList) {
    if (metric.bounds.empty()) continue;
    if (metric.bounds.data() != nullptr && metric.bounds_from != last) {
      absl::StrAppend(&text, "\n", absl::StrJoin(metric.bounds, ", "), "\n\n> ",
                      metric.bounds_from, "\n\n");
    }
    absl::StrAppend(&text, "- `", metric.name, "`\n");
    last = metric.bounds_from;
  }
  return text;
}

}  // namespace logitd
