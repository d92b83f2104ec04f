// The settings: name, range, help, and how each gets into a Config. One list,
// for flags, environment, file, --help and --print_config. Used at start.
#ifndef LOGITD_SERVICE_CONFIG_SETTINGS_H_
#define LOGITD_SERVICE_CONFIG_SETTINGS_H_

#include <functional>
#include <string>
#include <vector>

#include "service/config.h"

namespace logitd {

using Texts = std::vector<std::string>;

struct Setting {
  const char* name;
  const char* value_name;
  const char* help;
  // Empty: taken. Else why not.
  std::function<std::string(const Texts& texts, Config* config)> set;
  std::function<Texts(const Config& config)> get;
  bool is_list = false;
};

// In the order of --help. Constant.
const std::vector<Setting>& Settings();

// The defaults that the environment decides.
void SetDefaults(const Environ& environ, Config* config);

}  // namespace logitd

#endif  // LOGITD_SERVICE_CONFIG_SETTINGS_H_
