#!/usr/bin/env bash
# service/TUTORIAL.md: all of its commands run in one shell, in order, and print
# what the page shows; no command and no output of it goes unread.
#
#   tests/e2e/tutorial_test.sh --write   puts what they print on the page
set -euo pipefail

readonly name=tutorial
source "$(dirname "$0")/box.sh"
readonly page="$source_dir/service/TUTORIAL.md"
readonly seconds_max=900
unset LOGITD_TARGET COLUMNS
export LC_ALL=C
: >"$box/output"

# extract PAGE FOLDER: each block of commands as NN.sh, the output shown for it
# as NN.text, the rest as `prose`. What would not be read is refused.
extract() {
  mkdir "$2"
  awk -v folder="$2" '
    function wrong(what) {
      printf "line %d: %s: %s\n", NR, what, $0
      failed = 1
      exit 1
    }
    function tried() {
      if (chapter && !answered) wrong("the chapter before has no Try with commands")
    }
    function begin(kind) {
      if (kind == "sh") {
        file = sprintf("%s/%02d.sh", folder, ++blocks)
        shown = 0
        answered += asked
      } else if (kind == "text") {
        if (!blocks || shown++) wrong("an output without commands")
        file = sprintf("%s/%02d.text", folder, blocks)
      } else {
        wrong("a block that is neither sh nor text")
      }
      printf "" >file
      lines = 0
    }
    /^```$/ && file {
      if (!lines && !shown) wrong("an empty block")
      close(file)
      file = ""
      next
    }
    /^```/ && !file { begin(substr($0, 4)); next }
    file { print >file; ++lines; next }
    /^ *(```|~~~)|^(    |\t)/ { wrong("an indented block") }
    split($0, ticks, "`") % 2 == 0 && NF { wrong("a ` without its other one") }
    /^## / {
      tried()
      asked = answered = 0
    }
    /^## [0-9]/ && $2 != ++chapter "." { wrong("not chapter " chapter) }
    /^## [^0-9]/ { chapters = chapter; chapter = 0 }
    /^\*\*Try:\*\*/ { asked = 1 }
    { print >(folder "/prose") }
    END {
      if (failed) exit 1
      if (file) wrong("a block without end")
      if (chapters < 7 || chapter) wrong(chapters + 0 " chapters and an end")
    }' "$1" >"$box/output" || fail "$1"
}

# play FOLDER: runs all NN.sh of FOLDER in one shell, as a reader does; what they
# print becomes NN.out.
play() {
  local block status=0 tree="$box/tree"
  mkdir -p "$tree/.build" "$box/tmp"
  ln -s "${bin%/bin}" "$tree/.build/release"
  {
    echo 'set -euo pipefail'
    # shellcheck disable=SC2016
    echo 'trap '\''kill $(jobs -p) 2>/dev/null || true'\'' EXIT'
    for block in "$1"/*.sh; do
      printf 'exec >%q 2>%q\n' "${block%.sh}.out" "${block%.sh}.err"
      cat "$block"
    done
    # shellcheck disable=SC2016
    echo '[[ -z $(jobs -pr) ]] || { echo "A server runs on." >&2; exit 1; }'
  } >"$box/play.sh"
  (
    cd "$tree"
    TMPDIR="$box/tmp" exec timeout "$seconds_max" bash "$box/play.sh" </dev/null
  ) &
  pids+=($!)
  wait $! || status=$?
  [[ $status -eq 0 ]] || stopped "$1" "$status"
  [[ -z $(ls -A "$box/tmp") ]] || fail "the page leaves $(ls -A "$box/tmp")"
}

# stopped FOLDER STATUS: tells which commands of the page failed.
stopped() {
  local outs=("$1"/*.out)
  local last="${outs[-1]%.out}"
  tail -n 20 "$last.sh" "$last.err" >"$box/output"
  fail "exit code $2 of commands of the page (124: not done in $seconds_max s)"
}

# compare SHOWN PRINTED: the page of folder SHOWN with the outputs of PRINTED.
compare() {
  local block number shown wrong=0
  : >"$box/output"
  for block in "$1"/*.sh; do
    number="$(basename "$block" .sh)"
    shown="$1/$number.text"
    [[ -e $shown ]] || shown=/dev/null
    ! cmp -s "$shown" "$2/$number.out" || continue
    wrong=$((wrong + 1))
    {
      echo "---- these commands print something else than the page shows:"
      cat "$block"
      diff -u --label shown --label printed "$shown" "$2/$number.out" || true
    } >>"$box/output"
  done
  [[ $wrong -eq 0 ]] || fail "$wrong outputs of $page"
}

# quotes FOLDER: what the prose has between backticks is a command that works, a
# path, or stands in a block: so no output is quoted that is not printed any more.
quotes() {
  local quote
  cat "$1"/*.sh "$1"/*.text | tr - _ >"$1/blocks"
  while read -r quote; do
    if [[ $quote =~ ^logit[a-z-]*\  ]]; then
      PATH="$bin:$PATH" bash -c "$quote" >"$box/output" 2>&1 </dev/null ||
          fail "the prose says $quote"
    elif [[ ! -e $source_dir/$quote ]]; then
      grep -qF -- "${quote//-/_}" "$1/blocks" ||
          fail "the prose quotes \"$quote\", which is in no block"
    fi
  done < <(grep -oE '`[^`]+`' "$1/prose" | tr -d '`' | sort -u)
  while read -r quote; do
    [[ -e $source_dir/service/$quote ]] || fail "a link to $quote"
  done < <(grep -oE '\]\([^)#]+' "$1/prose" | cut -c 3-)
}

# rewrite FOLDER: the page with the outputs of FOLDER for those that it shows.
rewrite() {
  awk -v folder="$1" '
    /^```sh$/ { ++blocks }
    /^```$/ { text = 0 }
    !text { print }
    /^```text$/ {
      text = 1
      file = sprintf("%s/%02d.out", folder, blocks)
      while ((getline line <file) > 0) print line
    }' "$page"
}

# noticed WHAT AWK: the page as the program changes it fails. `text` counts the
# outputs, `inside` tells whether the line is one of them.
noticed() {
  local what=$1 damaged="$box/damaged"
  rm -rf "$damaged" "$damaged.md"
  awk -v "n=${3-0}" '
    /^```text$/ { ++text; inside = 1 }
    '"$2"'
    { print }
    /^```$/ { inside = 0 }' "$page" >"$damaged.md"
  ! cmp -s "$page" "$damaged.md" || fail "the page was not changed: $what"
  if (
    trap - EXIT
    extract "$damaged.md" "$damaged"
    compare "$damaged" "$box/page"
    quotes "$damaged"
  ) >/dev/null 2>&1; then
    fail "not noticed: $what"
  fi
}

checks_can_fail() {
  local number count
  count="$(grep -c '^```text$' "$page")"
  [[ $count -ge 14 ]] || fail "only $count outputs on the page"
  for ((number = 1; number <= count; ++number)); do
    noticed "a changed output $number" \
        'inside && text == n && !/^```/ { sub(/[^ ]+$/, "other") }' "$number"
    noticed "no output $number" 'inside && text == n { if (/^```$/) inside = 0; next }' \
        "$number"
  done
  noticed "an output too many" '/^## 2/ { print "```text\nmore\n```" }'
  noticed "a block of another kind" '/^## 2/ { print "```bash\nlogitctl\n```" }'
  noticed "an indented command" '/^## 2/ { print "    logitctl info" }'
  noticed "a chapter without an exercise" '/^\*\*Try:/ && !done++ { next }'
  noticed "a chapter too few" '/^## 3/ { next }'
  noticed "a wrong command in the prose" '/^## 2/ { print "See `logitctl nonsense`." }'
  noticed "a number that is not printed" '/^## 2/ { print "It was `123.4567`." }'
  echo "ok: $count outputs, none of which may change or go unnoticed"
}

main() {
  extract "$page" "$box/page"
  play "$box/page"
  if [[ ${1-} == --write ]]; then
    rewrite "$box/page" >"$box/written"
    cp "$box/written" "$page"
    mv "$box/page" "$box/played"
    extract "$page" "$box/page"
    cp "$box/played"/*.out "$box/page/"
  fi
  compare "$box/page" "$box/page"
  quotes "$box/page"
  echo "ok: $(find "$box/page" -name '*.sh' | wc -l) blocks print what is shown"
  checks_can_fail
}

main "$@"
