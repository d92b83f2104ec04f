// Wrong usage, where CLI11 2.1 lets it pass or names it badly: numbers
// that are read as they were typed, and one line for what could not be parsed.
// Threads: main thread. Cost: none worth naming.

#ifndef LOGITD_SERVICE_CLIENT_LOGITCTL_USAGE_H_
#define LOGITD_SERVICE_CLIENT_LOGITCTL_USAGE_H_

#include <cstdint>
#include <string>

namespace CLI {
class App;
class Option;
class ParseError;
}  // namespace CLI

namespace logitd::logitctl {

// Lets the option take whole numbers in [min, max] only, decimal or 0x...
// Without it CLI11 wraps -1 around, cuts what is too large to the largest
// number, and reads 010 as eight.
void TakeWholeNumbers(std::uint64_t min, std::uint64_t max,
                      CLI::Option* option);

// Lets the option take numbers above 0 only; CLI11's own check passes NaN.
void TakePositiveNumbers(CLI::Option* option);

// What was wrong with a command line that did not parse: the first word that
// has no place in it, with the commands there are where one was expected, or
// else what CLI11 says. One line.
std::string WhyNotParsed(const CLI::App& app, const CLI::ParseError& error);

}  // namespace logitd::logitctl

#endif  // LOGITD_SERVICE_CLIENT_LOGITCTL_USAGE_H_
