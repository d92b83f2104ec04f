// The first process of the emulated guest: runs the commands in /commands, one
// a line, prints what each returned, and ends the emulator.
//
// Before any of them it prints which of the processor features named in
// /features the guest's kernel offers; one that is missing counts as a failed
// command, so that a guest without them can never pass. Linked statically; one
// thread. The last line is "@@DONE <commands> run, <failures> failed".
#include <fcntl.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

constexpr int kWordsMax = 64;
constexpr int kLineMax = 8192;

double SecondsSinceBoot() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) +
         static_cast<double>(now.tv_nsec) * 1e-9;
}

void Prepare() {
  // bochs 2.7: the state restore in lazy binding faults once a program has
  // used the 512-bit registers.
  setenv("LD_BIND_NOW", "1", 1);
  mkdir("/dev", 0755);
  mkdir("/proc", 0755);
  mkdir("/tmp", 0777);
  mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr);
  mount("proc", "/proc", "proc", 0, nullptr);
  int terminal = open("/dev/ttyS0", O_RDWR);
  if (terminal < 0) terminal = open("/dev/console", O_RDWR);
  if (terminal < 0) return;
  for (int fd = 0; fd <= 2; ++fd) dup2(terminal, fd);
}

// Splits `line` in place; the last entry of `words` is null.
int Split(char* line, char** words) {
  int count = 0;
  for (char* word = strtok(line, " \r\n"); word != nullptr;
       word = strtok(nullptr, " \r\n")) {
    if (count == kWordsMax - 1) break;
    words[count++] = word;
  }
  words[count] = nullptr;
  return count;
}

// The kernel's own list: what it and the processor both support.
bool Offers(const char* feature) {
  FILE* file = fopen("/proc/cpuinfo", "r");
  static char line[kLineMax];
  char* words[kWordsMax * 8];
  bool found = false;
  while (file != nullptr && !found && fgets(line, sizeof(line), file)) {
    if (strncmp(line, "flags", 5) != 0) continue;
    int count = 0;
    for (char* word = strtok(line, " \t\n"); word != nullptr;
         word = strtok(nullptr, " \t\n")) {
      if (count < kWordsMax * 8) words[count++] = word;
    }
    for (int i = 0; i < count; ++i) found |= strcmp(words[i], feature) == 0;
  }
  if (file != nullptr) fclose(file);
  return found;
}

int MissingFeatures() {
  FILE* file = fopen("/features", "r");
  if (file == nullptr) return 0;
  char line[kLineMax];
  char* words[kWordsMax];
  int missing = 0;
  while (fgets(line, sizeof(line), file)) {
    const int count = Split(line, words);
    for (int i = 0; i < count; ++i) {
      const bool offered = Offers(words[i]);
      printf("@@FEATURE %s %s\n", words[i], offered ? "yes" : "MISSING");
      if (!offered) ++missing;
    }
  }
  fclose(file);
  return missing;
}

int Run(char** words) {
  const pid_t child = fork();
  if (child == 0) {
    execv(words[0], words);
    perror(words[0]);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void RunCommands() {
  int failed = MissingFeatures(), ran = 0;
  FILE* file = fopen("/commands", "r");
  char line[kLineMax];
  char* words[kWordsMax];
  while (file != nullptr && fgets(line, sizeof(line), file)) {
    if (Split(line, words) == 0) continue;
    const double start = SecondsSinceBoot();
    const int code = Run(words);
    printf("@@EXIT %d guest-seconds=%.2f %s\n", code,
           SecondsSinceBoot() - start, words[0]);
    fflush(stdout);
    ++ran;
    if (code != 0) ++failed;
  }
  if (ran == 0) ++failed;
  printf("@@DONE %d run, %d failed\n", ran, failed);
  fflush(stdout);
}

// bochs ends when it reads "Shutdown" from this port.
[[noreturn]] void PowerOff() {
  tcdrain(STDOUT_FILENO);  // else the end of the output is lost
  usleep(20000);
  if (iopl(3) == 0) {
    for (const char* c = "Shutdown"; *c != '\0'; ++c) {
      outb(static_cast<unsigned char>(*c), 0x8900);
    }
  }
  sync();
  reboot(RB_POWER_OFF);
  for (;;) pause();
}

}  // namespace

int main() {
  Prepare();
  printf("@@BOOTED guest-seconds=%.2f\n", SecondsSinceBoot());
  fflush(stdout);
  RunCommands();
  PowerOff();
}
