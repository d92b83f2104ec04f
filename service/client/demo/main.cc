// logitd-demo-model: serves a language model as rows of logits. Exit codes: 0
// stopped by a signal, 2 wrong usage or something it needs is missing.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "service/client/demo/demo_server.h"
#include "service/client/demo/model_file.h"

namespace {

constexpr int kUsage = 2;

int Main(int argc, char** argv) {
  logitd::demo::ServerOptions options;
  options.listen = logitd::demo::DefaultListen();
  CLI::App app(
      "Stands in for a model server: gives, for the last two words, the "
      "natural-log probability of every next word of a trigram model of "
      "English.\nSpeaks logitd.demo.v1.DemoModelService; logitctl generate and "
      "sweep use it. Stops on SIGTERM.");
  app.add_option("--listen", options.listen, "unix:/path or host:port")
      ->capture_default_str();
  app.add_option("--model", options.model_file,
                 std::string("binary language model, from the package ") +
                     logitd::demo::kModelPackage)
      ->capture_default_str();
  app.add_option("--cache_rows", options.cached_rows,
                 "rows kept for contexts that come back; 0 keeps none")
      ->capture_default_str()
      ->check(CLI::Range(0, 1 << 20));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  const absl::Status status = logitd::demo::Run(options);
  if (!status.ok()) {
    const std::string message(status.message());
    std::fprintf(stderr, "logitd-demo-model: %s\n", message.c_str());
    return kUsage;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Main(argc, argv);
  } catch (...) {  // CLI11's own, or no memory.
    std::fputs("logitd-demo-model: cannot start\n", stderr);
    return kUsage;
  }
}
