#!/usr/bin/env bash
# The bill of materials of an image, SPDX 2.3 in JSON on stdout: our programs
# with their digests, and each Debian package that gave the image a file.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: deploy/image/sbom.sh --name NAME --root FOLDER --packages FILE

  --name NAME      of the image
  --root FOLDER    its files; all in usr/bin are ours
  --packages FILE  names of Debian packages, one a line

SOURCE_DATE_EPOCH, in seconds, makes the result the same each time.
USAGE
}

name=
root=
packages=

parse() {
  while [[ $# -gt 0 ]]; do
    case $1 in
      --name) name="$2"; shift ;;
      --root) root="$2"; shift ;;
      --packages) packages="$2"; shift ;;
      -h | --help) usage; exit 0 ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
  [[ -n $name && -d $root && -f $packages ]] || { usage >&2; exit 2; }
}

# Names, versions and digests of Debian hold nothing that JSON would escape.
debian_packages() {
  local format
  format='    {"SPDXID": "SPDXRef-deb-${Package}", "name": "${Package}",
     "versionInfo": "${Version}", "supplier": "Organization: Debian",
     "downloadLocation": "NOASSERTION", "filesAnalyzed": false,
     "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION",
     "copyrightText": "NOASSERTION",
     "licenseComments": "/usr/share/doc/${Package}/copyright in the image",
     "sourceInfo": "built from ${source:Package} ${source:Version}",
     "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER",
       "referenceType": "purl",
       "referenceLocator": "pkg:deb/debian/${Package}@${Version}?arch=${Architecture}&distro=debian-12"}]},\n'
  # A package that is not installed would leave an empty version.
  xargs dpkg-query -W -f "$format" <"$packages" | sed '$ s/,$//'
}

files() {
  local program digest first=true
  for program in "$root"/usr/bin/*; do
    digest="$(sha256sum "$program" | cut -d' ' -f1)"
    $first || printf ',\n'
    first=false
    printf '    {"SPDXID": "SPDXRef-file-%s", "fileName": "./usr/bin/%s",
     "checksums": [{"algorithm": "SHA256", "checksumValue": "%s"}],
     "licenseConcluded": "Apache-2.0", "copyrightText": "NOASSERTION"}' \
        "$(basename "$program")" "$(basename "$program")" "$digest"
  done
}

relationships() {
  local package program
  printf '    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-image"}'
  while read -r package; do
    printf ',\n    {"spdxElementId": "SPDXRef-image", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-deb-%s"}' \
        "$package"
  done <"$packages"
  for program in "$root"/usr/bin/*; do
    printf ',\n    {"spdxElementId": "SPDXRef-image", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-file-%s"}' \
        "$(basename "$program")"
  done
}

main() {
  parse "$@"
  local version digest created
  version="$(sed -n 's/^project(logitd VERSION \([0-9.]*\).*/\1/p' \
      "$(dirname "$0")/../../CMakeLists.txt")"
  created="$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" \
      +%Y-%m-%dT%H:%M:%SZ)"
  # The namespace must be another one for other contents.
  digest="$({ files; debian_packages; } | sha256sum | cut -c1-32)"
  cat <<SPDX
{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "$name-$version",
  "documentNamespace": "urn:logitd:sbom:$name-$version-$digest",
  "creationInfo": {"created": "$created", "creators": ["Tool: deploy/image/sbom.sh"]},
  "packages": [
    {"SPDXID": "SPDXRef-image", "name": "$name", "versionInfo": "$version",
     "primaryPackagePurpose": "CONTAINER",
     "downloadLocation": "NOASSERTION", "filesAnalyzed": false,
     "licenseConcluded": "NOASSERTION", "licenseDeclared": "Apache-2.0",
     "copyrightText": "NOASSERTION"},
$(debian_packages)
  ],
  "files": [
$(files)
  ],
  "relationships": [
$(relationships)
  ]
}
SPDX
}

main "$@"
