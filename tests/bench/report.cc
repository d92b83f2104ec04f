#include "tests/bench/report.h"

#include <cstdio>

namespace logitd::bench {
namespace {

std::string Format(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

void PrintColumns(const std::string& work, const std::string& row,
                  const std::string times[3], const std::string& ratio,
                  const std::string& bar, const std::string& met) {
  std::printf("%-28s %-18s %9s %9s %9s %8s %8s  %s\n", work.c_str(),
              row.c_str(), times[0].c_str(), times[1].c_str(), times[2].c_str(),
              ratio.c_str(), bar.c_str(), met.c_str());
  std::fflush(stdout);
}

std::string BarText(const Verdict& verdict) {
  if (!verdict.limit) return "-";
  return (verdict.at_least ? ">=" : "<=") + Format("%.4g", *verdict.limit);
}

}  // namespace

std::string RowName(const std::string& shape, std::size_t vocab_size) {
  return shape + " " + std::to_string(vocab_size);
}

std::string Report::Judge(const std::string& name, const Verdict& verdict) {
  if (!verdict.limit) return "-";
  ++bars_;
  const bool met = verdict.at_least ? verdict.ratio >= *verdict.limit
                                    : verdict.ratio <= *verdict.limit;
  if (!met) Miss(name);
  return met ? "met" : "NOT MET";
}

void Report::Miss(const std::string& name) {
  not_met_.push_back(section_ + ": " + name);
}

void Report::Section(const std::string& title, const std::string& ratio_name) {
  section_ = title.substr(0, title.find(':'));
  std::printf("\n== %s\n", title.c_str());
  const std::string times[3] = {"min us", "p10 us", "p50 us"};
  PrintColumns("work", "row", times, ratio_name, "bar", "met");
}

void Report::Note(const std::string& text) {
  std::printf("%s\n", text.c_str());
}

void Report::Line(const std::string& work, const std::string& row,
                  const Quantiles& times, const Verdict& verdict) {
  const std::string columns[3] = {Format("%.2f", times.min_ns / 1e3),
                                  Format("%.2f", times.p10_ns / 1e3),
                                  Format("%.2f", times.p50_ns / 1e3)};
  PrintColumns(work, row, columns, Format("%.3g", verdict.ratio),
               BarText(verdict), Judge(work + ", " + row, verdict));
}

void Report::Ratio(const std::string& work, const std::string& row,
                   const Verdict& verdict) {
  const std::string columns[3] = {"-", "-", "-"};
  PrintColumns(work, row, columns, Format("%.3g", verdict.ratio),
               BarText(verdict), Judge(work + ", " + row, verdict));
}

void Report::NotRun(const std::string& work, const std::string& why) {
  ++bars_;
  Miss(work);
  std::printf("%-47s not run: %s; NOT MET\n", work.c_str(), why.c_str());
}

void Report::Summary() const {
  std::printf("\n== summary\n%zu of %zu bars met\n", bars_ - not_met_.size(),
              bars_);
  for (const std::string& name : not_met_) {
    std::printf("not met: %s\n", name.c_str());
  }
}

}  // namespace logitd::bench
