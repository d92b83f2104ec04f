#!/usr/bin/env bash
# Boots a Linux guest on an x86 processor emulated by bochs, which has AVX-512,
# and runs programs of this machine in it: no root, no KVM, no terminal.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: tests/emulation/guest.sh [option...] COMMANDS FILE...

Copies the FILEs (programs, with their shared libraries) into the guest's /,
runs each line of the file COMMANDS there, such as "/digest --target AVX3", and
prints what the guest printed.

  --model NAME     the processor (corei7_icelake_u); `bochs --help cpu` lists
  --features LIST  features in the words of /proc/cpuinfo that the guest must
                   have: one that is missing is a failure, not a skip
  --limit SECONDS  give up after so long (900)

Exit code: 0 everything ran and returned 0; 1 something did not; 2 the guest
did not finish; 3 what is needed to start it is not there.
USAGE
}

here="$(cd "$(dirname "$0")" && pwd)"
readonly here
readonly cache="${here%/tests/emulation}/.build/emulation"
readonly kernel_root="$cache/kernel"
readonly speed=50000000  # instructions a second of guest time
readonly bios=(/usr/share/bochs/BIOS-bochs-latest
               /usr/share/bochs/VGABIOS-lgpl-latest)
readonly boot_files=(/usr/lib/ISOLINUX/isolinux.bin
                     /usr/lib/syslinux/modules/bios/ldlinux.c32)

model=corei7_icelake_u
features=
limit=900

die() {
  echo "guest.sh: $1" >&2
  exit 3
}

needed_tools() {
  local tool file
  for tool in bochs-bin cpio g++ ldd script xorriso; do
    command -v "$tool" >/dev/null || die "$tool is not installed"
  done
  for file in "${bios[@]}" "${boot_files[@]}"; do
    [[ -e $file ]] || die "$file is not installed"
  done
}

# The parts that stay from run to run: a kernel and our first process. Guests
# may start side by side: one prepares, the others wait.
prepare_cache() {
  exec 8>"$cache/guest.lock"
  flock 8
  "$here/packages.sh" "$kernel_root" linux-image-cloud-amd64 ||
      die "the kernel could not be downloaded"
  # Only the image is of use.
  rm -rf "${kernel_root:?}"/{lib,usr}
  if [[ ! $cache/guest_init -nt $here/guest_init.cc ]]; then
    g++ -std=c++20 -O2 -Wall -Wextra -Werror -static -s \
        -o "$cache/guest_init" "$here/guest_init.cc"
  fi
  exec 8>&-
}

# libraries PROGRAM: the shared libraries it loads, one a line.
libraries() {
  ldd "$1" 2>/dev/null | grep -o '/[^ ]*' || true
}

make_initial_filesystem() {
  local tree=$scratch/tree file library
  mkdir -p "$tree"/{dev,proc,tmp}
  cp "$cache/guest_init" "$tree/init"
  cp "$commands" "$tree/commands"
  echo "$features" >"$tree/features"
  for file in "$@"; do
    cp "$file" "$tree/"
    while read -r library; do
      mkdir -p "$tree$(dirname "$library")"
      cp -Lu "$library" "$tree$library"
    done < <(libraries "$file")
  done
  mkdir "$scratch/disc"
  (cd "$tree" && find . | LC_ALL=C sort |
      cpio -o -H newc --quiet --owner=0:0) >"$scratch/disc/initrd"
}

# Words on the kernel's command line.
#   clearcpuid, nopku: bochs 2.7 reports state sizes for xsaves, xsavec, pku and
#     ospke that make Linux switch AVX-512 off, and it loops on fsrm
#   initcall_blacklist, cryptomgr.notests: self-tests and tracing, 20 s of boot
#   tsc_early_khz: makes the guest's clock right
kernel_arguments() {
  local unused=(load_system_certificate_list cubictcp_register trace_eval_init
                init_trace_printk_function_export init_kprobe_trace
                crypto_algapi_init hugetlb_init slab_sysfs_init dev_map_init
                tracer_init_tracefs bpf_rstat_kfunc_init intel_pstate_init
                thermal_init)
  echo initrd=/initrd console=ttyS0,115200 quiet nokaslr mitigations=off \
      tsc=reliable tsc_early_khz=$((speed / 1000)) lpj=100000 apparmor=0 \
      selinux=0 audit=0 panic=0 acpi=off pci=off nopku \
      clearcpuid=xsaves,xsavec,pku,ospke,fsrm cryptomgr.notests \
      initcall_blacklist="$(IFS=,; echo "${unused[*]}")"
}

make_disc() {
  cp "$kernel_root"/boot/vmlinuz-* "$scratch/disc/vmlinuz"
  cp "${boot_files[@]}" "$scratch/disc/"
  cat >"$scratch/disc/isolinux.cfg" <<CONFIGURATION
default linux
prompt 0
label linux
  kernel /vmlinuz
  append $(kernel_arguments)
CONFIGURATION
  xorriso -as mkisofs -quiet -o "$scratch/disc.iso" -b isolinux.bin \
      -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table \
      "$scratch/disc" 2>/dev/null
}

write_machine() {
  local bytes megabytes
  bytes="$(stat -c %s "$scratch/disc/initrd")"
  megabytes=$((256 + 3 * bytes / 1048576))
  cat >"$scratch/bochsrc" <<MACHINE
config_interface: textconfig
display_library: term, options="hideIPS"
cpu: model=$model, count=1, ips=$speed, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest=$megabytes, host=$megabytes
romimage: file=${bios[0]}
vgaromimage: file=${bios[1]}
ata0: enabled=1
ata0-master: type=cdrom, path=$scratch/disc.iso, status=inserted
boot: cdrom
clock: sync=none, time0=1700000000
com1: enabled=1, mode=file, dev=$scratch/serial
log: $scratch/log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
MACHINE
  echo c >"$scratch/debugger"  # Debian's bochs stops in its debugger: go on
}

stop_machine() {
  if [[ -s $scratch/pid ]]; then
    kill -9 "$(<"$scratch/pid")" 2>/dev/null || true
  fi
}

clean_up() {
  stop_machine
  rm -rf "$scratch"
}

# Ends when the guest says so; bochs' own exit code says nothing.
run_machine() {
  local end=$((SECONDS + limit)) pid
  : >"$scratch/serial"
  # The display needs a terminal: script(1) gives it one.
  TERM=xterm script -qec "echo \$\$ >$scratch/pid; exec bochs-bin -q \
      -f $scratch/bochsrc -rc $scratch/debugger" /dev/null \
      >"$scratch/screen" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null && [[ $SECONDS -lt $end ]] &&
      ! grep -qaE '^@@DONE|Kernel panic' "$scratch/serial"; do
    sleep 0.2
  done
  for _ in {1..10}; do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  stop_machine
  wait "$pid" 2>/dev/null || true
  rm -f "$scratch/pid"
}

main() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --model) model=$2; shift 2 ;;
      --features) features=$2; shift 2 ;;
      --limit) limit=$2; shift 2 ;;
      -h | --help) usage; exit 0 ;;
      -*) usage >&2; exit 3 ;;
      *) break ;;
    esac
  done
  if [[ $# -lt 2 ]]; then
    usage >&2
    exit 3
  fi
  commands=$1
  shift
  needed_tools
  mkdir -p "$cache"
  scratch="$(mktemp -d "$cache/guest.XXXXXX")"
  trap clean_up EXIT
  trap 'exit 130' INT TERM
  prepare_cache
  make_initial_filesystem "$@"
  make_disc
  write_machine
  run_machine
  tr -d '\r' <"$scratch/serial" | sed -n '/^@@BOOTED/,$p'
  if ! grep -qa '^@@DONE' "$scratch/serial"; then
    echo "guest.sh: the guest did not finish; its last words:" >&2
    tail -n 20 "$scratch/serial" "$scratch/log" >&2
    exit 2
  fi
  grep -qaE '^@@DONE [0-9]+ run, 0 failed' "$scratch/serial"
}

main "$@"
