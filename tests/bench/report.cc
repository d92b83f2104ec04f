#include "tests/bench/report.h"

#include <cstdio>

namespace logitd::bench {
namespace {

std::string Format(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

struct Columns {
  std::string times[3];
  std::string ratio, ratio_p50, must, aim, met;
};

void PrintColumns(const std::string& work, const std::string& row,
                  const Columns& c) {
  std::printf("%-28s %-18s %9s %9s %9s %8s %8s %8s %6s  %s\n", work.c_str(),
              row.c_str(), c.times[0].c_str(), c.times[1].c_str(),
              c.times[2].c_str(), c.ratio.c_str(), c.ratio_p50.c_str(),
              c.must.c_str(), c.aim.c_str(), c.met.c_str());
  std::fflush(stdout);
}

Columns Judged(const Verdict& verdict, const std::string& met) {
  Columns c = {
      {"-", "-", "-"}, Format("%.3g", verdict.ratio), "-", "-", "-", met};
  if (verdict.ratio_p50) c.ratio_p50 = Format("%.3g", *verdict.ratio_p50);
  const char* const bound = verdict.at_least ? ">=" : "<=";
  if (verdict.must) c.must = bound + Format("%.4g", *verdict.must);
  if (verdict.aim) c.aim = Format("%.4g", *verdict.aim);
  return c;
}

}  // namespace

std::string RowName(const std::string& shape, std::size_t vocab_size) {
  return shape + " " + std::to_string(vocab_size);
}

Verdict Ratio(const Quantiles& a, const Quantiles& b,
              std::optional<double> must, std::optional<double> aim,
              bool at_least) {
  return {a.p10_ns / b.p10_ns, must, at_least, aim, a.p50_ns / b.p50_ns};
}

std::string Report::Judge(const std::string& name, const Verdict& verdict) {
  if (!verdict.must) return "-";
  ++bars_;
  const auto holds = [&](double ratio) {
    return verdict.at_least ? ratio >= *verdict.must : ratio <= *verdict.must;
  };
  const bool met =
      holds(verdict.ratio) && holds(verdict.ratio_p50.value_or(verdict.ratio));
  if (!met) Miss(name);
  return met ? "met" : "NOT MET";
}

void Report::Miss(const std::string& name) {
  not_met_.push_back(section_ + ": " + name);
}

void Report::Section(const std::string& title, const std::string& ratio_name) {
  section_ = title.substr(0, title.find(':'));
  std::printf("\n== %s\n", title.c_str());
  PrintColumns("work", "row",
               {{"p10 us", "p50 us", "p99 us"},
                ratio_name,
                "p50",
                "must",
                "aim",
                "met"});
}

void Report::Note(const std::string& text) {
  std::printf("%s\n", text.c_str());
}

void Report::Line(const std::string& work, const std::string& row,
                  const Quantiles& times, const Verdict& verdict) {
  Columns columns = Judged(verdict, Judge(work + ", " + row, verdict));
  columns.times[0] = Format("%.2f", times.p10_ns / 1e3);
  columns.times[1] = Format("%.2f", times.p50_ns / 1e3);
  columns.times[2] = Format("%.2f", times.p99_ns / 1e3);
  PrintColumns(work, row, columns);
}

void Report::Ratio(const std::string& work, const std::string& row,
                   const Verdict& verdict) {
  PrintColumns(work, row, Judged(verdict, Judge(work + ", " + row, verdict)));
}

void Report::NotRun(const std::string& work, const std::string& why) {
  ++bars_;
  Miss(work);
  std::printf("%-47s not run: %s; NOT MET\n", work.c_str(), why.c_str());
}

void Report::Summary() const {
  std::printf("\n== summary\n");
  for (const std::string& name : not_met_) {
    std::printf("not met: %s\n", name.c_str());
  }
  std::printf("must: %zu of %zu met\n", bars_ - not_met_.size(), bars_);
}

}  // namespace logitd::bench
